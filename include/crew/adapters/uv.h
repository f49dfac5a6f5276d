/*
 * An inbox in a libuv loop: its callbacks run on the loop's thread, some in
 * each turn, and it holds the loop exactly while something is outstanding, so
 * that uv_run returns by itself.
 *
 *   crew_uv adapter = {0};
 *   r = crew_uv_attach(&adapter, loop, inbox);
 *
 * Called on the loop's thread, or while no thread runs the loop. libuv's own
 * header wants _GNU_SOURCE or _POSIX_C_SOURCE where the compiler is told
 * -std=c11. Link with -luv.
 */
#ifndef CREW_ADAPTERS_UV_H
#define CREW_ADAPTERS_UV_H

#include <crew/inbox.h>

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Private: what libuv keeps until it has closed it, a turn after the detach.
 * So it lies apart, and an adapter is the program's again at once. */
struct crew__uv_watch {
    uv_poll_t poll; /* holds the loop, or not */
    uv_prepare_t prepare;
    uv_check_t check;
    crew_inbox *inbox;
    unsigned max;
    unsigned open; /* handles that are not closed */
};

/* Zero it, set what should be otherwise. */
typedef struct crew_uv {
    unsigned max;                 /* callbacks in a turn of the loop; 0: 64 */
    struct crew__uv_watch *watch; /* private; NULL: not attached */
} crew_uv;

static inline void crew__uv_ref(struct crew__uv_watch *watch, bool holds)
{
    uv_handle_t *handle = (uv_handle_t *)&watch->poll;

    if (holds)
        uv_ref(handle);
    else
        uv_unref(handle);
}

static inline void crew__uv_readable(uv_poll_t *poll, int status, int events)
{
    struct crew__uv_watch *watch = (struct crew__uv_watch *)poll->data;

    (void)status;
    (void)events;
    crew_inbox_dispatch(watch->inbox, watch->max);
}

/* The last look before the loop blocks. */
static inline void crew__uv_before(uv_prepare_t *prepare)
{
    struct crew__uv_watch *watch = (struct crew__uv_watch *)prepare->data;

    crew__uv_ref(watch, crew_inbox_is_alive(watch->inbox));
}

/* While something else keeps the loop alive, what it still calls in this turn
 * (a close callback; timers since libuv 1.45) may submit: so the loop turns
 * once more and looks again. When nothing else does, all adapters here have
 * let go before the loop blocked, and it ends. */
static inline void crew__uv_after(uv_check_t *check)
{
    struct crew__uv_watch *watch = (struct crew__uv_watch *)check->data;

    if (crew_inbox_is_alive(watch->inbox) || uv_loop_alive(check->loop))
        crew__uv_ref(watch, true);
}

static inline void crew__uv_closed(uv_handle_t *handle)
{
    struct crew__uv_watch *watch = (struct crew__uv_watch *)handle->data;

    if (--watch->open == 0)
        free(watch);
}

static inline void crew__uv_start(struct crew__uv_watch *watch, uv_loop_t *loop)
{
    uv_prepare_init(loop, &watch->prepare);
    uv_check_init(loop, &watch->check);
    watch->poll.data = watch->prepare.data = watch->check.data = watch;
    watch->open = 3;
    uv_poll_start(&watch->poll, UV_READABLE, crew__uv_readable);
    uv_prepare_start(&watch->prepare, crew__uv_before);
    uv_check_start(&watch->check, crew__uv_after);
    uv_unref((uv_handle_t *)&watch->prepare);
    uv_unref((uv_handle_t *)&watch->check);
}

/*
 * Attaches `inbox` to `loop`. The loop turns at least once.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Owns:    the inbox and the loop stay until the detach.
 * Calls:   what waits in the inbox, inside uv_run.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     an argument is NULL.
 *          -ENOMEM     no memory.
 *          others      what uv_poll_init says.
 * Since:   0.1
 */
static inline int crew_uv_attach(crew_uv *adapter, uv_loop_t *loop,
                                 crew_inbox *inbox)
{
    struct crew__uv_watch *watch;
    int r;

    if (!adapter || !loop || !inbox)
        return -EINVAL;
    if (adapter->watch)
        return -EBUSY;
    watch = (struct crew__uv_watch *)calloc(1, sizeof *watch);
    if (!watch)
        return -ENOMEM;
    r = crew_inbox_bind(inbox, watch);
    if (r < 0)
        goto fail;
    r = uv_poll_init(loop, &watch->poll, r);
    if (r < 0) {
        crew_inbox_unbind(inbox, watch);
        goto fail;
    }
    watch->inbox = inbox;
    watch->max = adapter->max ? adapter->max : 64;
    crew__uv_start(watch, loop);
    adapter->watch = watch;
    return 0;

fail:
    free(watch);
    return r;
}

/*
 * Looks whether the loop is to be held. Wanted only where a loop that has ended
 * by itself is run again: after the first submit, before uv_run. While the loop
 * turns it looks by itself.
 *
 * Threads: the loop's.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 * Since:   0.1
 */
static inline int crew_uv_hold(crew_uv *adapter)
{
    if (!adapter || !adapter->watch)
        return -EINVAL;
    crew__uv_ref(adapter->watch, crew_inbox_is_alive(adapter->watch->inbox));
    return 0;
}

/*
 * Detaches the inbox; what is outstanding waits there for the next loop. The
 * adapter, the inbox and its descriptor are free at once. libuv closes its
 * handles in its next turn: run the loop once before uv_loop_close.
 *
 * Threads: the loop's; also inside a callback of the inbox.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 * Since:   0.1
 */
static inline int crew_uv_detach(crew_uv *adapter)
{
    struct crew__uv_watch *watch;

    if (!adapter || !adapter->watch)
        return -EINVAL;
    watch = adapter->watch;
    adapter->watch = NULL;
    crew_inbox_unbind(watch->inbox, watch);
    uv_close((uv_handle_t *)&watch->poll, crew__uv_closed);
    uv_close((uv_handle_t *)&watch->prepare, crew__uv_closed);
    uv_close((uv_handle_t *)&watch->check, crew__uv_closed);
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
