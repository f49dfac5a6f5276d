/* An inbox in a loop of one's own around epoll_wait. */
#include <crew/adapters/epoll.h>

#include "work.h"

#include <unistd.h>

int main(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    crew_epoll adapter = {.max = 64};
    struct epoll_event event;
    struct work work;

    if (epoll < 0 || work_begin(&work) < 0 ||
        crew_epoll_attach(&adapter, epoll, work.inbox) < 0)
        return 1;
    while (crew_inbox_is_alive(work.inbox)) {
        if (epoll_wait(epoll, &event, 1, -1) < 1)
            continue;
        if (event.data.ptr == &adapter)
            crew_epoll_dispatch(&adapter);
    }
    crew_epoll_detach(&adapter);
    close(epoll);
    return work_end(&work) < 0;
}
