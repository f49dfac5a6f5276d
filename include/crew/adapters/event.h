/*
 * An inbox in a libevent loop: its callbacks run on the loop's thread, some in
 * each turn.
 *
 *   crew_event adapter = {0};
 *   r = crew_event_attach(&adapter, base, inbox);
 *
 * While an inbox is attached event_base_dispatch goes on. `on_idle` says when
 * nothing is outstanding: a program that lives for its results detaches there,
 * and the loop ends with its other events; another leaves it out. Called on the
 * loop's thread, or while no thread runs the loop. Link with -levent_core.
 */
#ifndef CREW_ADAPTERS_EVENT_H
#define CREW_ADAPTERS_EVENT_H

#include <crew/inbox.h>

#include <errno.h>
#include <event2/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_event {
    unsigned max;               /* callbacks in a turn of the loop; 0: 64 */
    void (*on_idle)(void *arg); /* nothing is outstanding: in the first turn,
                              and after each that left it so; it may detach
                              and free all; or NULL */
    void *arg;                  /* for on_idle */
    crew_inbox *inbox; /* private, as all that follows; NULL: not attached */
    struct event *event;
    bool *detached; /* of the dispatch that runs */
} crew_event;

static inline void crew__event_readable(evutil_socket_t fd, short events,
                                        void *data)
{
    crew_event *adapter = (crew_event *)data;
    bool detached = false; /* then the adapter may be gone */

    (void)fd;
    (void)events;
    adapter->detached = &detached;
    crew_inbox_dispatch(adapter->inbox, adapter->max ? adapter->max : 64);
    if (detached)
        return;
    adapter->detached = NULL;
    if (adapter->on_idle && !crew_inbox_is_alive(adapter->inbox))
        adapter->on_idle(adapter->arg);
}

/*
 * Attaches `inbox` to `base`.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the adapter, the inbox and the base stay where they are until the
 *          detach.
 * Calls:   what waits in the inbox, then on_idle, inside the loop.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     an argument is NULL.
 *          -ENOMEM     no memory, or libevent cannot add the descriptor.
 * Since:   0.1
 */
static inline int crew_event_attach(crew_event *adapter,
                                    struct event_base *base, crew_inbox *inbox)
{
    int fd;

    if (!adapter || !base || !inbox)
        return -EINVAL;
    if (adapter->inbox)
        return -EBUSY;
    fd = crew_inbox_bind(inbox, adapter);
    if (fd < 0)
        return fd;
    adapter->event = event_new(base, fd, EV_READ | EV_PERSIST,
                               crew__event_readable, adapter);
    if (!adapter->event || event_add(adapter->event, NULL) < 0)
        goto fail;
    adapter->inbox = inbox;
    return 0;

fail:
    if (adapter->event)
        event_free(adapter->event);
    adapter->event = NULL;
    crew_inbox_unbind(inbox, adapter);
    return -ENOMEM;
}

/*
 * Detaches the inbox; what is outstanding waits there for the next loop. The
 * adapter and the inbox are free at once.
 *
 * Threads: the loop's; also inside a callback of the inbox, or on_idle.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 * Since:   0.1
 */
static inline int crew_event_detach(crew_event *adapter)
{
    if (!adapter || !adapter->inbox)
        return -EINVAL;
    if (adapter->detached)
        *adapter->detached = true;
    adapter->detached = NULL;
    crew_inbox_unbind(adapter->inbox, adapter);
    event_free(adapter->event);
    adapter->event = NULL;
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
