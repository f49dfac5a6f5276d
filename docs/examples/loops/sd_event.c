/* An inbox in an sd-event loop, which exits when nothing is outstanding. */
#include <crew/adapters/sd_event.h>

#include "work.h"

static void leave(void *arg)
{
    sd_event_exit(arg, 0);
}

int main(void)
{
    crew_sd_event adapter = {.on_idle = leave};
    sd_event *event = NULL;
    struct work work;

    if (sd_event_default(&event) < 0 || work_begin(&work) < 0)
        return 1;
    adapter.arg = event;
    if (crew_sd_event_attach(&adapter, event, work.inbox) < 0)
        return 1;
    sd_event_loop(event);
    crew_sd_event_detach(&adapter);
    sd_event_unref(event);
    return work_end(&work) < 0;
}
