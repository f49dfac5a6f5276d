/*
 * An inbox in a loop of one's own around an io_uring. Completions whose user
 * data is &adapter are the adapter's: hand them to crew_uring_dispatch.
 *
 *   crew_uring adapter = {0};
 *   r = crew_uring_attach(&adapter, &ring, inbox);
 *   while (crew_inbox_is_alive(inbox)) {
 *       io_uring_submit_and_wait(&ring, 1);
 *       while (io_uring_peek_cqe(&ring, &cqe) == 0) {
 *           r = crew_uring_dispatch(&adapter, cqe);
 *           io_uring_cqe_seen(&ring, cqe);
 *       }
 *   }
 *
 * The adapter prepares entries and leaves it to the loop to submit them before
 * it waits. It polls once and asks again each time, which Linux has known since
 * 5.1 (and to cancel since 5.5). Called on the loop's thread. Link with
 * -luring.
 */
#ifndef CREW_ADAPTERS_URING_H
#define CREW_ADAPTERS_URING_H

#include <crew/inbox.h>

#include <errno.h>
#include <liburing.h>
#include <poll.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_uring {
    unsigned max;      /* callbacks in a turn of the loop; 0: 64 */
    crew_inbox *inbox; /* private, as all that follows; NULL: not attached */
    struct io_uring *ring; /* that it is attached to */
    unsigned in_flight;    /* its completions that have not come */
} crew_uring;

/* An entry with the adapter's user data. A full queue is submitted. */
static inline struct io_uring_sqe *crew__uring_entry(struct io_uring *ring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);

    if (!entry && io_uring_submit(ring) >= 0)
        entry = io_uring_get_sqe(ring);
    return entry;
}

static inline int crew__uring_poll(crew_uring *adapter, int fd)
{
    struct io_uring_sqe *entry = crew__uring_entry(adapter->ring);

    if (!entry)
        return -EAGAIN;
    io_uring_prep_poll_add(entry, fd, POLLIN);
    io_uring_sqe_set_data(entry, adapter);
    adapter->in_flight++;
    return 0;
}

/*
 * Attaches `inbox` to `ring`.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the adapter, the inbox and the ring stay where they are until the
 *          detach; the adapter longer, see there.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use or has completions in flight.
 *          -EINVAL     an argument is NULL.
 *          -EAGAIN     the ring takes no entry now.
 * Since:   0.1
 */
static inline int crew_uring_attach(crew_uring *adapter, struct io_uring *ring,
                                    crew_inbox *inbox)
{
    int r;

    if (!adapter || !ring || !inbox)
        return -EINVAL;
    if (adapter->inbox || adapter->in_flight > 0)
        return -EBUSY;
    r = crew_inbox_bind(inbox, adapter);
    if (r < 0)
        return r;
    adapter->ring = ring;
    r = crew__uring_poll(adapter, r);
    if (r < 0) {
        crew_inbox_unbind(inbox, adapter);
        return r;
    }
    adapter->inbox = inbox;
    return 0;
}

/*
 * Takes a completion of the adapter's and runs some callbacks; returns how
 * many. The caller marks it as seen, before or after.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Calls:   what waits in the inbox.
 * Errors:  -ENOENT     it is a completion of something else.
 *          -EAGAIN     the ring takes no entry now: nothing has changed, call
 *                      again with the same completion.
 *          others      what the completion or crew_inbox_dispatch says. After
 *                      an error of the completion (the program has canceled
 *                      it) the inbox is watched no more: detach it.
 * Since:   0.1
 */
static inline int crew_uring_dispatch(crew_uring *adapter,
                                      const struct io_uring_cqe *completion)
{
    int r;

    if (!adapter || !completion)
        return -EINVAL;
    if (io_uring_cqe_get_data(completion) != adapter)
        return -ENOENT;
    if (adapter->inbox && completion->res >= 0) {
        r = crew__uring_poll(adapter, crew_inbox_fd(adapter->inbox));
        if (r < 0)
            return r;
    }
    adapter->in_flight--;
    if (!adapter->inbox)
        return 0; /* the end of a poll after its detach, or of its cancel */
    if (completion->res < 0)
        return completion->res;
    return crew_inbox_dispatch(adapter->inbox,
                               adapter->max ? adapter->max : 64);
}

/*
 * How many completions of the adapter's are still to come from its ring. While
 * there are any the adapter stays in place and crew_uring_dispatch is given
 * them.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Since:   0.1
 */
static inline unsigned crew_uring_in_flight(const crew_uring *adapter)
{
    return adapter ? adapter->in_flight : 0;
}

/*
 * Detaches the inbox; what is outstanding waits there for the next loop. The
 * inbox is free at once. The adapter is, once crew_uring_in_flight says 0,
 * or when the ring is gone.
 *
 * Threads: the loop's; also inside a callback of the inbox.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 *          -EAGAIN     the ring takes no entry now; it is still attached.
 * Since:   0.1
 */
static inline int crew_uring_detach(crew_uring *adapter)
{
    struct io_uring_sqe *entry;

    if (!adapter || !adapter->inbox)
        return -EINVAL;
    if (adapter->in_flight > 0) {
        entry = crew__uring_entry(adapter->ring);
        if (!entry)
            return -EAGAIN;
        io_uring_prep_cancel(entry, adapter, 0);
        io_uring_sqe_set_data(entry, adapter);
        adapter->in_flight++;
    }
    crew_inbox_unbind(adapter->inbox, adapter);
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
