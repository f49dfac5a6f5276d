/*
 * crew_call: a task shaped as a message. What a function needs comes in one
 * message, what it found goes back in another, to a callback in the caller's
 * loop; the two share no memory but buffers. So a call needs no memory of the
 * caller's, and means the same wherever it runs.
 *
 * A call is a task in all else: priorities, limits in time, the queue limit,
 * order, cancel, drain and stop are those of crew/task.h.
 */
#ifndef CREW_CALL_H
#define CREW_CALL_H

#include <crew/base.h>
#include <crew/port.h>
#include <crew/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_call_handle crew_call_handle; /* a call, to cancel it */
typedef struct crew_exit crew_exit;               /* how a process ended */

typedef struct crew_callable {
    const char *name; /* "library/name", for traces; kept, not copied. Not
                         looked up: each callable runs its own function */
    /* On a worker; its result becomes the status. `in` may be taken from:
     * what is still in it goes when this returns. `out` is filled by the
     * functions below. Neither outlives the call. */
    int (*run)(crew_self *self, crew_message *in, crew_message *out);
} crew_callable;

typedef struct crew_result {
    int status;        /* run's result, -ECANCELED, -ETIMEDOUT, or what
                          crew_self_fail was given */
    crew_message *out; /* never NULL, whatever the status; empty where run did
                          not fill it. To keep a buffer or a port, take it
                          out and set its entry to NULL: the rest goes when
                          `done` returns, so crew_message_keep does nothing */
    const char *text;  /* what crew_self_fail was given, or NULL */
    const crew_exit *exit; /* of a process that crashed; NULL */
} crew_result;

/* On the inbox's thread. The result lives until it returns. */
typedef void crew_call_done_fn(const crew_result *result, void *arg);

typedef struct crew_call_options {
    crew_priority priority; /* CREW_NORMAL (0), CREW_HIGH, CREW_LOW */
    crew_ns queue_timeout;  /* as a task's; 0: no limit */
    crew_ns run_timeout;    /* as a task's; 0: no limit */
    bool idempotent; /* it may be run twice, where a machine was lost. A pool
                        of threads loses none: it runs a call at most once */
    uintptr_t reserved[8]; /* zero */
} crew_call_options;

/*
 * Calls callable->run on a worker of `pool`, with a copy of `in`. `in` NULL is
 * an empty message, `options` NULL the defaults. *out, where `out` is not
 * NULL, is a handle to cancel it by; it is written before `done` can come.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    on success the buffers and ports of `in` belong to the call; on
 *          failure all is as before. The caller owns *out: crew_call_destroy.
 *          The inbox is kept until `done`; the callable's name likewise.
 * Calls:   done exactly once, on the thread that dispatches `inbox`, never
 *          from inside this call.
 * Errors:  -EINVAL     pool, callable, its run, inbox or done is NULL; a bad
 *                      priority or limit; a reserved word is set; a message
 *                      that crew_post would refuse with it.
 *          -EAGAIN     the queue is full; see crew_pool_on_room.
 *          -EBUSY      a port in `in` is being received from, or its callback
 *                      runs on another thread.
 *          -ENOMEM     no memory.
 *          -ESHUTDOWN  the pool is closing.
 * Since:   0.1
 */
CREW_API int crew_call(crew_call_handle **out, crew_pool *pool,
                       const crew_callable *callable, const crew_message *in,
                       const crew_call_options *options, crew_inbox *inbox,
                       crew_call_done_fn *done, void *arg);

/*
 * Cancels a call. 0: this canceled it, it will not run and its status is
 * -ECANCELED. 1: it runs, its self now says canceled. `done` comes either way.
 *
 * Threads: any.
 * Blocks:  never.
 * Errors:  -EALREADY   over, canceled or expired before.
 *          -EINVAL     NULL.
 *          -EOWNERDEAD this is a forked child, and the parent runs it.
 * Since:   0.1
 */
CREW_API int crew_call_cancel(crew_call_handle *call);

/*
 * Gives the handle back; the call goes on, and its `done` comes. NULL:
 * nothing.
 *
 * Threads: any, at any time: before the end, inside `done`, after it.
 * Blocks:  never.
 * Since:   0.1
 */
CREW_API void crew_call_destroy(crew_call_handle *call);

/*
 * Inside run: the bytes of the result, copied. A later one replaces them, also
 * by a part of themselves.
 *
 * Threads: the one that run was called on.
 * Errors:  -EINVAL     `out` is not run's; bytes is NULL, size is not 0.
 *          -ENOMEM     no memory; the bytes are as before.
 * Since:   0.1
 */
CREW_API int crew_message_set(crew_message *out, const void *bytes,
                              size_t size);

/*
 * Inside run: one buffer more in the result, after those that are there.
 *
 * Threads: the one that run was called on.
 * Owns:    on success one reference belongs to the result: retain first to
 *          share; on failure it is still the caller's.
 * Errors:  -EINVAL     `out` is not run's; buffer is NULL, or there already.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_message_add_buffer(crew_message *out, crew_buffer *buffer);

/*
 * Inside run: one port more in the result, after those that are there. It
 * moves as by a post: one that listened stops, what waits in it goes along.
 *
 * Threads: the one that run was called on.
 * Owns:    on success the port belongs to the result; on failure it is still
 *          the caller's.
 * Errors:  -EINVAL     `out` is not run's; port is NULL, closed, or there
 *                      already.
 *          -EBUSY      it is being received from, or its callback runs on
 *                      another thread.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_message_add_port(crew_message *out, crew_port *port);

#ifdef __cplusplus
}
#endif

#endif
