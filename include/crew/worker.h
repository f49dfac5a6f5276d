/*
 * crew_worker: a function of yours that runs in parallel for as long as it
 * likes, with a port to whoever started it, an inbox and a loop of its own: for
 * what talks first, owns a loop, or keeps state. For work with an end take
 * crew_task, for state without a loop a pool of one with hooks.
 *
 * What a worker has started ends with it: its own workers are terminated,
 * waited for and destroyed when its main function has returned. Then its inbox
 * delivers what is outstanding there.
 *
 * Callbacks come on the thread that dispatches `inbox`, in this order:
 * on_online, the listener's on_message for all that the worker posts, the
 * listener's on_close, on_error where it failed, on_exit; the first and the
 * last once each.
 */
#ifndef CREW_WORKER_H
#define CREW_WORKER_H

#include <crew/base.h>
#include <crew/exit.h>
#include <crew/pool.h>
#include <crew/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The result is the exit code. `start` is options.start as it arrived, or NULL
 * where there was none; it lives until the function returns, and buffers and
 * ports may be taken from it like from a received message. As in on_message,
 * crew_message_keep makes it the program's, and crew_message_free empties it
 * before its time. */
typedef int crew_main_fn(crew_self *self, crew_message *start);

typedef enum crew_isolation {
    CREW_THREAD,
    CREW_PROCESS /* not in this version: -ENOTSUP */
} crew_isolation;

struct crew_process_options;

typedef struct crew_worker_options {
    const char *name; /* of the thread; the kernel keeps 15 bytes of it; NULL:
                         "worker"; copied */
    crew_isolation isolation;
    crew_placement placement;   /* SPREAD, NONE: wherever the process may run;
                                   COMPACT: near the starting thread, on CPUs
                                   that share its L3 */
    const char *placement_list; /* "0,2-5": on these, and no others; together
                                   with COMPACT or NONE: -EINVAL; NULL: none */
    size_t stack_size;          /* bytes; 0: the system's default */
    const crew_message *start;  /* moves like a posted one; NULL: none */
    const struct crew_process_options *process; /* of a thread: NULL */
    crew_ns start_timeout;                      /* of a process; 0: 10 s */
    crew_inbox *inbox; /* where the callbacks come; NULL: no callbacks,
                              crew_worker_wait always works */
    const crew_listener *listener; /* for its port, from the first message on;
                                      copied; NULL: receive or listen
                                      yourself */
    void (*on_online)(crew_worker *worker, void *arg);
    void (*on_error)(crew_worker *worker, int code, const char *text,
                     void *arg); /* text is "" where none was given */
    void (*on_exit)(crew_worker *worker, const crew_exit *how, void *arg);
    void *arg;             /* of these three */
    uintptr_t reserved[8]; /* zero */
} crew_worker_options;

/*
 * Starts `main` on a thread of its own. It holds `inbox` (crew_inbox_run goes
 * on) until its on_exit, but see crew_worker_unref. A worker that is terminated
 * before it could begin comes online never, and its main is not called.
 *
 * Threads: any. What a worker starts ends with it.
 * Owns:    the caller owns *out: crew_worker_destroy. On success buffers and
 *          ports of `start` have moved, on failure all is as before.
 * Calls:   on_online, on_error, on_exit, the listener's; none on failure.
 * Errors:  -EAGAIN     no more threads.
 *          -ENOMEM     no memory.
 *          -EMFILE     no descriptor is left.
 *          -ENOTSUP    CREW_PROCESS.
 *          -EINVAL     main or out is NULL, a callback or listener without an
 *                      inbox, a stack that is too small, a bad list, a
 *                      reserved word; what crew_post says about `start`.
 * Since:   0.1
 */
CREW_API int crew_worker_start(crew_worker **out, crew_main_fn *main,
                               const crew_worker_options *options);

/*
 * The clean stop: no more comes from here. What has been posted to the worker
 * still arrives, then its crew_receive says -EPIPE, or its listener's on_close
 * comes and its port holds crew_inbox_run no longer. What it posts still
 * arrives here.
 *
 * Threads: any.
 * Errors:  -EALREADY   it has ended.
 * Since:   0.1
 */
CREW_API int crew_worker_finish(crew_worker *worker);

/*
 * The starter's end of the channel to the worker. It is borrowed: do not close
 * it, and no message moves it. With a listener it is listened to already.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API crew_port *crew_worker_port(crew_worker *worker);

/*
 * The worker's own end, and its inbox: for crew_inbox_run, as the `inbox` of
 * what it starts. Borrowed, too. NULL outside of a worker.
 *
 * Threads: the worker's.
 * Since:   0.1
 */
CREW_API crew_port *crew_self_port(crew_self *self);
CREW_API crew_inbox *crew_self_inbox(crew_self *self);

/*
 * The worker's number, by which any thread may post to it: never given to
 * another one. Of the calling worker: crew_self_id. 0 outside of a worker.
 *
 * Threads: any; crew_self_id: the worker's.
 * Since:   0.1
 */
CREW_API uint64_t crew_worker_id(const crew_worker *worker);
CREW_API uint64_t crew_self_id(crew_self *self);

/* What was posted to the worker by its id, `from` whom: a worker's id, or 0.
 * The message is as in a listener's on_message. The result is the answer to
 * who waits for one. */
typedef int crew_post_fn(uint64_t from, crew_message *message, void *arg);

/*
 * From now on `fn` is given what is posted to this worker by its id. It does
 * not keep crew_inbox_run going. A second call replaces `fn` and `arg`; what
 * waits is then given to the new one. NULL: posts are refused again; those
 * that wait are released, and who waits for an answer is told -ENOTCONN. So
 * it is when the worker's main has returned, but with -ESRCH.
 *
 * Threads: the worker's.
 * Blocks:  never.
 * Calls:   fn, when the worker's inbox is dispatched, one at a time.
 * Errors:  -EINVAL     a self of another thread, or of no worker.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_self_on_post(crew_self *self, crew_post_fn *fn, void *arg);

/*
 * Posts a message to the worker with that id, wherever it was started.
 *
 * With a timeout of 0 it is queued there. Else it waits for the handler, whose
 * result is written to *answer (NULL: not wanted). Whatever went wrong before
 * the handler was called, it will not be called: a message is either handled or
 * still the sender's, never both. Two workers that wait for each other's
 * handlers wait until their timeouts.
 *
 * Returns 0: queued, or handled; 1: the handler has the message, and had not
 * returned when the time was over or the caller was terminated; *answer is
 * untouched.
 *
 * Threads: any.
 * Blocks:  with 0 never; else as said.
 * Owns:    with 0 or 1 buffers and ports belong to the message; on errors all
 *          is as before. While it waits the ports in it are nobody's to use.
 * Errors:  -ESRCH      there is no such worker, or it has ended, also while
 *                      the message waited there.
 *          -ENOTCONN   it has no handler, or has taken it away meanwhile.
 *          -EAGAIN     as much waits there as in a channel by default; what
 *                      timed out is counted until it is passed over.
 *          -ETIMEDOUT  it was not handled in time.
 *          -ECANCELED  the caller is a worker and was terminated.
 *          -EINVAL     its own id; a bad timeout; an answer, but a timeout of
 *                      0; and as crew_post.
 *          -EBUSY, -ENOMEM   as crew_post.
 * Since:   0.1
 */
CREW_API int crew_worker_post(uint64_t id, const crew_message *message,
                              int *answer, crew_ns timeout);

/*
 * Asks the worker to end: its self says canceled, and every call that it waits
 * in returns -ECANCELED, as does every one that would wait from then on (but
 * crew_task_wait and crew_group_wait: what they wait for may lie in the frame
 * that waits). A worker that never looks goes on. What it had posted when this
 * returns still arrives, and no more: crew_post on its port says -EPIPE.
 *
 * Threads: any, its own included.
 * Blocks:  never.
 * Errors:  -EALREADY   it has ended.
 * Since:   0.1
 */
CREW_API int crew_worker_terminate(crew_worker *worker);

/*
 * A worker keeps its inbox's crew_inbox_run going until its on_exit has come;
 * an unreferenced one does not, and neither does its port here. Workers begin
 * referenced, and crew_worker_terminate references them again, so that their
 * end is told; calling one twice is calling it once. Where a loop ends before
 * an unreferenced worker, on_exit comes when somebody dispatches again.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API void crew_worker_ref(crew_worker *worker);
CREW_API void crew_worker_unref(crew_worker *worker);

/*
 * Waits until the worker has ended, and tells how; *how may be NULL. After
 * that crew_worker_destroy works; on_exit may be still to come.
 *
 * Threads: any, several at once.
 * Blocks:  until it has ended, or `timeout` has passed.
 * Errors:  -ETIMEDOUT  it runs on.
 *          -ECANCELED  the caller is a worker and was terminated.
 *          -EDEADLK    from itself.
 *          -EINVAL     NULL, or a bad timeout.
 * Since:   0.1
 */
CREW_API int crew_worker_wait(crew_worker *worker, crew_exit *how,
                              crew_ns timeout);

/*
 * Frees a worker that has ended. NULL: 0. Called on the inbox's thread, none
 * of its callbacks comes afterwards; on_exit may call it.
 *
 * Threads: any.
 * Blocks:  never, but for the last steps of a thread that has ended.
 * Errors:  -EBUSY      it lives, or a port that it left open still listens on
 *                      its inbox; nothing has changed.
 * Since:   0.1
 */
CREW_API int crew_worker_destroy(crew_worker *worker);

/*
 * What it has used so far. busy / (busy + idle) is the utilisation of its
 * loop; both are 0 before it is online, and stand still when it has ended.
 *
 * Threads: any.
 * Errors:  -EINVAL     NULL.
 * Since:   0.1
 */
CREW_API int crew_worker_usage(crew_worker *worker, crew_usage *out);

/*
 * Tells in one line what it is: its whole name, the number of its thread, as
 * debuggers and profilers know it, whether it is starting, online or has ended,
 * and where it may run. Returns the bytes needed, like snprintf.
 *
 * Threads: any.
 * Errors:  -EINVAL     worker is NULL, or out is and size is not 0.
 * Since:   0.1
 */
CREW_API int crew_worker_describe(crew_worker *worker, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
