/*
 * An inbox in a loop of one's own around epoll_wait. What epoll_wait gives for
 * it has data.ptr == &adapter, or what `data` was set to.
 *
 *   crew_epoll adapter = {0};
 *   r = crew_epoll_attach(&adapter, epoll, inbox);
 *   while (crew_inbox_is_alive(inbox)) {
 *       n = epoll_wait(epoll, &event, 1, -1);
 *       if (n == 1 && event.data.ptr == &adapter)
 *           crew_epoll_dispatch(&adapter);
 *   }
 *
 * Called on the loop's thread, or while no thread runs the loop.
 */
#ifndef CREW_ADAPTERS_EPOLL_H
#define CREW_ADAPTERS_EPOLL_H

#include <crew/inbox.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_epoll {
    unsigned max;      /* callbacks in a turn of the loop; 0: 64 */
    uint32_t flags;    /* beside EPOLLIN: EPOLLET, ... */
    epoll_data_t data; /* what epoll_wait gives; zero: ptr is the adapter */
    crew_inbox *inbox; /* private, as all that follows; NULL: not attached */
    int epoll;
} crew_epoll;

/*
 * Attaches `inbox` to `epoll`.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the adapter, the inbox and the descriptor stay until the detach.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     adapter or inbox is NULL.
 *          others      what epoll_ctl says.
 * Since:   0.1
 */
static inline int crew_epoll_attach(crew_epoll *adapter, int epoll,
                                    crew_inbox *inbox)
{
    struct epoll_event event;
    int fd;

    if (!adapter || !inbox)
        return -EINVAL;
    if (adapter->inbox)
        return -EBUSY;
    fd = crew_inbox_bind(inbox, adapter);
    if (fd < 0)
        return fd;
    memset(&event, 0, sizeof event);
    event.events = (uint32_t)EPOLLIN | adapter->flags;
    event.data = adapter->data;
    if (adapter->data.u64 == 0)
        event.data.ptr = adapter;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        crew_inbox_unbind(inbox, adapter);
        return -errno;
    }
    adapter->inbox = inbox;
    adapter->epoll = epoll;
    return 0;
}

/*
 * Runs some callbacks, when epoll_wait has given the adapter's event; returns
 * how many. An event that was fetched before a detach is harmless: 0.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Calls:   what waits in the inbox.
 * Errors:  as crew_inbox_dispatch.
 * Since:   0.1
 */
static inline int crew_epoll_dispatch(crew_epoll *adapter)
{
    if (!adapter)
        return -EINVAL;
    if (!adapter->inbox)
        return 0;
    return crew_inbox_dispatch(adapter->inbox,
                               adapter->max ? adapter->max : 64);
}

/*
 * Detaches the inbox; what is outstanding waits there for the next loop. The
 * adapter and the inbox are free at once.
 *
 * Threads: the loop's; also inside a callback of the inbox.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 * Since:   0.1
 */
static inline int crew_epoll_detach(crew_epoll *adapter)
{
    struct epoll_event event; /* Linux before 2.6.9 wanted one */

    if (!adapter || !adapter->inbox)
        return -EINVAL;
    memset(&event, 0, sizeof event);
    epoll_ctl(adapter->epoll, EPOLL_CTL_DEL, crew_inbox_fd(adapter->inbox),
              &event);
    crew_inbox_unbind(adapter->inbox, adapter);
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
