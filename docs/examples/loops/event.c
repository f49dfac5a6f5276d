/* An inbox in a libevent loop. Detached when nothing is outstanding, it leaves
 * the loop to end with its other events. */
#include <crew/adapters/event.h>

#include "work.h"

static void detach(void *arg)
{
    crew_event_detach(arg);
}

int main(void)
{
    struct event_base *base = event_base_new();
    crew_event adapter = {.on_idle = detach, .arg = &adapter};
    struct work work;

    if (!base || work_begin(&work) < 0 ||
        crew_event_attach(&adapter, base, work.inbox) < 0)
        return 1;
    event_base_dispatch(base);
    event_base_free(base);
    return work_end(&work) < 0;
}
