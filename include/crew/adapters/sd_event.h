/*
 * An inbox in an sd-event loop: its callbacks run on the loop's thread, some in
 * each turn.
 *
 *   crew_sd_event adapter = {0};
 *   r = crew_sd_event_attach(&adapter, event, inbox);
 *
 * sd_event_loop goes on until sd_event_exit. `on_idle` says when nothing is
 * outstanding: a program that lives for its results exits there, another leaves
 * it out. Called on the loop's thread, or while no thread runs the loop. Link
 * with -lsystemd.
 */
#ifndef CREW_ADAPTERS_SD_EVENT_H
#define CREW_ADAPTERS_SD_EVENT_H

#include <crew/inbox.h>

#include <errno.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_sd_event {
    unsigned max;               /* callbacks in a turn of the loop; 0: 64 */
    void (*on_idle)(void *arg); /* nothing is outstanding: in the first turn,
                              and after each that left it so; it may detach
                              and free all; or NULL */
    void *arg;                  /* for on_idle */
    crew_inbox *inbox; /* private, as all that follows; NULL: not attached */
    sd_event_source *source;
    bool *detached; /* of the dispatch that runs */
} crew_sd_event;

static inline int crew__sd_event_readable(sd_event_source *source, int fd,
                                          uint32_t events, void *data)
{
    crew_sd_event *adapter = (crew_sd_event *)data;
    bool detached = false; /* then the adapter may be gone */

    (void)source;
    (void)fd;
    (void)events;
    adapter->detached = &detached;
    crew_inbox_dispatch(adapter->inbox, adapter->max ? adapter->max : 64);
    if (detached)
        return 0;
    adapter->detached = NULL;
    if (adapter->on_idle && !crew_inbox_is_alive(adapter->inbox))
        adapter->on_idle(adapter->arg);
    return 0;
}

/*
 * Attaches `inbox` to `event`. sd_event_source_set_priority and the like may
 * be called on adapter->source afterwards.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the adapter, the inbox and the loop stay where they are until the
 *          detach.
 * Calls:   what waits in the inbox, then on_idle, inside the loop.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     an argument is NULL.
 *          others      what sd_event_add_io says.
 * Since:   0.1
 */
static inline int crew_sd_event_attach(crew_sd_event *adapter, sd_event *event,
                                       crew_inbox *inbox)
{
    int r;

    if (!adapter || !event || !inbox)
        return -EINVAL;
    if (adapter->inbox)
        return -EBUSY;
    r = crew_inbox_bind(inbox, adapter);
    if (r < 0)
        return r;
    r = sd_event_add_io(event, &adapter->source, r, EPOLLIN,
                        crew__sd_event_readable, adapter);
    if (r < 0) {
        crew_inbox_unbind(inbox, adapter);
        return r;
    }
    adapter->inbox = inbox;
    return 0;
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
static inline int crew_sd_event_detach(crew_sd_event *adapter)
{
    if (!adapter || !adapter->inbox)
        return -EINVAL;
    if (adapter->detached)
        *adapter->detached = true;
    adapter->detached = NULL;
    crew_inbox_unbind(adapter->inbox, adapter);
    sd_event_source_set_enabled(adapter->source, SD_EVENT_OFF);
    sd_event_source_unref(adapter->source);
    adapter->source = NULL;
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
