/*
 * crew_inbox: the place on the caller's side where results arrive; one per
 * event loop. Workers put completions in, the loop's thread takes them out.
 * Callbacks run only inside crew_inbox_dispatch, _wait and _run, on the
 * thread that calls it.
 *
 * The inbox's thread is the one that created it, until another dispatches;
 * then that one. A program that hands an inbox from thread to thread does so
 * with a synchronisation of its own.
 *
 * Order: completions of one worker come in the order in which its tasks
 * ended; calls and completions from one thread in the order in which it made
 * them. Between threads no order is promised.
 */
#ifndef CREW_INBOX_H
#define CREW_INBOX_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_inbox_options {
    const char *name;      /* for descriptions; NULL: "inbox"; copied */
    uintptr_t reserved[8]; /* zero */
} crew_inbox_options;

/*
 * Creates an inbox whose thread is the calling one. `options` may be NULL.
 *
 * Owns:    the caller owns *out: crew_inbox_destroy.
 * Errors:  -ENOMEM     no memory.
 *          -EMFILE     no descriptor is left.
 *          -EINVAL     out is NULL, or a reserved word is set.
 * Since:   0.1
 */
CREW_API int crew_inbox_create(crew_inbox **out,
                               const crew_inbox_options *options);

/*
 * A descriptor that is readable while something waits here; for epoll (level-
 * or edge-triggered), poll, libuv, GLib and others. It may be readable once
 * for nothing. Never read it or close it; it stays the same for the inbox's
 * life.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API int crew_inbox_fd(const crew_inbox *inbox);

/*
 * Marks the inbox as served by one loop, so that no second one can be given
 * it. The adapters of crew/adapters call this; a loop without an adapter may.
 * Returns the inbox's descriptor, which is then readable once, perhaps for
 * nothing, so that the loop looks what is there already.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `loop` is compared, never followed: any address that no other
 *          loop or adapter gives.
 * Errors:  -EBUSY      a loop serves it.
 *          -EINVAL     one of both is NULL.
 * Since:   0.1
 */
CREW_API int crew_inbox_bind(crew_inbox *inbox, const void *loop);

/*
 * Takes that mark away. What is outstanding stays outstanding: it waits for
 * the next loop, or for crew_inbox_wait.
 *
 * Threads: any.
 * Blocks:  never.
 * Errors:  -EINVAL     `loop` does not serve it, or one of both is NULL.
 * Since:   0.1
 */
CREW_API int crew_inbox_unbind(crew_inbox *inbox, const void *loop);

/*
 * Runs at most `max` callbacks (0: all that waited at entry) and returns how
 * many. Ports take turns: each delivers some of its messages, then what else
 * waits has its turn, also what has come meanwhile.
 *
 * Threads: one at a time; it becomes the inbox's thread.
 * Blocks:  never.
 * Calls:   what waits here: `done` of tasks, notify of groups, calls, the
 *          callbacks of ports.
 * Errors:  -EBUSY      nested, or a second thread is in it.
 * Since:   0.1
 */
CREW_API int crew_inbox_dispatch(crew_inbox *inbox, unsigned max);

/*
 * For programs without a loop: waits until something can be dispatched and
 * dispatches all that waits; returns how many callbacks ran.
 *
 * Threads: as crew_inbox_dispatch.
 * Blocks:  until something arrives or `timeout` has passed.
 * Calls:   as crew_inbox_dispatch.
 * Errors:  -ETIMEDOUT  nothing came.
 *          -EBUSY      nested, or a second thread is in it.
 *          -EINVAL     a bad timeout.
 * Since:   0.1
 */
CREW_API int crew_inbox_wait(crew_inbox *inbox, crew_ns timeout);

/*
 * Dispatches until nothing outstanding holds the inbox alive, or until
 * crew_inbox_stop; returns how many callbacks ran.
 *
 * Threads: as crew_inbox_dispatch.
 * Blocks:  while anything is outstanding, or a port listens here that is not
 *          unreferenced.
 * Calls:   as crew_inbox_dispatch.
 * Errors:  -ECANCELED  the caller is a worker and was terminated.
 *          -EBUSY      nested, or a second thread is in it.
 * Since:   0.1
 */
CREW_API int crew_inbox_run(crew_inbox *inbox);

/*
 * Ends one crew_inbox_run: the one that runs, else the next.
 *
 * Threads: any.
 * Blocks:  never.
 * Since:   0.1
 */
CREW_API int crew_inbox_stop(crew_inbox *inbox);

/*
 * Runs fn(arg) on the inbox's thread, inside its next dispatch.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `arg` stays the caller's; it is kept until `fn` has run.
 * Calls:   fn exactly once, never from inside this call.
 * Errors:  -ENOMEM     no memory; fn will not be called.
 * Since:   0.1
 */
CREW_API int crew_inbox_call(crew_inbox *inbox, void (*fn)(void *), void *arg);

/*
 * How much waits here plus how much is still to arrive; all messages that wait
 * in one port count as one. Exact on the inbox's
 * own thread for every submit that happened before the call; a guess
 * elsewhere.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API size_t crew_inbox_pending(const crew_inbox *inbox);

/*
 * Whether anything outstanding holds the inbox alive, as crew_inbox_run sees
 * it: what crew_inbox_pending counts, callbacks for room, ports that listen. A
 * loop of one's own runs while this is true. Exact where crew_inbox_pending is.
 *
 * Threads: any.
 * Blocks:  never.
 * Since:   0.1
 */
CREW_API bool crew_inbox_is_alive(const crew_inbox *inbox);

/*
 * Frees the inbox; its descriptor is closed. NULL: 0. A room callback that is
 * set on it is withdrawn.
 *
 * Blocks:  at most for one write of a worker that has just posted.
 * Errors:  -EBUSY      something is outstanding, a port listens here, a loop
 *                      serves it (see crew_inbox_bind), it is a worker's own,
 *                      or it is called inside the inbox's own dispatch; nothing
 *                      has changed.
 * Since:   0.1
 */
CREW_API int crew_inbox_destroy(crew_inbox *inbox);

#ifdef __cplusplus
}
#endif

#endif
