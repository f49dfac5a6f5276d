/* An inbox in a libev loop: ev_run returns when nothing is outstanding. */
#include <crew/adapters/ev.h>

#include "work.h"

int main(void)
{
    struct ev_loop *loop = EV_DEFAULT;
    crew_ev adapter = {.max = 64};
    struct work work;

    if (!loop || work_begin(&work) < 0 ||
        crew_ev_attach(&adapter, loop, work.inbox) < 0)
        return 1;
    ev_run(loop, 0);
    crew_ev_detach(&adapter);
    ev_loop_destroy(loop);
    return work_end(&work) < 0;
}
