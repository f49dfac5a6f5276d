/*
 * An inbox in a libev loop: its callbacks run on the loop's thread, some in
 * each turn, and it holds the loop exactly while something is outstanding, so
 * that ev_run returns by itself.
 *
 *   crew_ev adapter = {0};
 *   r = crew_ev_attach(&adapter, EV_DEFAULT, inbox);
 *
 * Called on the loop's thread, or while no thread runs the loop. The loop is
 * held or let go after all other watchers of a turn have run, those of the
 * lowest priority excepted (EV_MINPRI): those must not submit as the last thing
 * that the loop does. Link with -lev.
 */
#ifndef CREW_ADAPTERS_EV_H
#define CREW_ADAPTERS_EV_H

#include <crew/inbox.h>

#include <errno.h>
#include <ev.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_ev {
    unsigned max;         /* callbacks in a turn of the loop; 0: 64 */
    crew_inbox *inbox;    /* private, as all that follows; NULL: not attached */
    struct ev_loop *loop; /* that it is attached to */
    bool holds;           /* the loop, by `io` */
    ev_io io;
    ev_prepare prepare; /* the last look before the loop blocks, */
    ev_check check;     /* and before it decides whether it goes on */
} crew_ev;

static inline void crew__ev_hold(crew_ev *adapter, bool holds)
{
    if (holds && !adapter->holds)
        ev_ref(adapter->loop);
    else if (!holds && adapter->holds)
        ev_unref(adapter->loop);
    adapter->holds = holds;
}

static inline void crew__ev_readable(struct ev_loop *loop, ev_io *io,
                                     int events)
{
    crew_ev *adapter = (crew_ev *)io->data;

    (void)loop;
    (void)events;
    crew_inbox_dispatch(adapter->inbox, adapter->max ? adapter->max : 64);
}

static inline void crew__ev_before(struct ev_loop *loop, ev_prepare *prepare,
                                   int events)
{
    crew_ev *adapter = (crew_ev *)prepare->data;

    (void)loop;
    (void)events;
    crew__ev_hold(adapter, crew_inbox_is_alive(adapter->inbox));
}

static inline void crew__ev_after(struct ev_loop *loop, ev_check *check,
                                  int events)
{
    crew_ev *adapter = (crew_ev *)check->data;

    (void)loop;
    (void)events;
    crew__ev_hold(adapter, crew_inbox_is_alive(adapter->inbox));
}

/*
 * Attaches `inbox` to `loop`.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the adapter, the inbox and the loop stay where they are until the
 *          detach.
 * Calls:   what waits in the inbox, inside ev_run.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     an argument is NULL.
 * Since:   0.1
 */
static inline int crew_ev_attach(crew_ev *adapter, struct ev_loop *loop,
                                 crew_inbox *inbox)
{
    int fd;

    if (!adapter || !loop || !inbox)
        return -EINVAL;
    if (adapter->inbox)
        return -EBUSY;
    fd = crew_inbox_bind(inbox, adapter);
    if (fd < 0)
        return fd;
    adapter->inbox = inbox;
    adapter->loop = loop;
    adapter->holds = true;
    ev_io_init(&adapter->io, crew__ev_readable, fd, EV_READ);
    ev_prepare_init(&adapter->prepare, crew__ev_before);
    ev_check_init(&adapter->check, crew__ev_after);
    ev_set_priority(&adapter->prepare, EV_MINPRI);
    ev_set_priority(&adapter->check, EV_MINPRI);
    adapter->io.data = adapter->prepare.data = adapter->check.data = adapter;
    ev_io_start(loop, &adapter->io);
    ev_prepare_start(loop, &adapter->prepare);
    ev_unref(loop);
    ev_check_start(loop, &adapter->check);
    ev_unref(loop);
    return 0;
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
static inline int crew_ev_detach(crew_ev *adapter)
{
    if (!adapter || !adapter->inbox)
        return -EINVAL;
    crew_inbox_unbind(adapter->inbox, adapter);
    crew__ev_hold(adapter, true); /* each stop lets go of one */
    ev_io_stop(adapter->loop, &adapter->io);
    ev_ref(adapter->loop);
    ev_prepare_stop(adapter->loop, &adapter->prepare);
    ev_ref(adapter->loop);
    ev_check_stop(adapter->loop, &adapter->check);
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
