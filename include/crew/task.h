/*
 * crew_task: one piece of CPU-bound work, in the caller's own memory. Embed it
 * or point `data` at your own; zero it once; submitting allocates nothing.
 *
 * A task is either notified (an inbox is given and `done` is set) or waited
 * for (neither). It belongs to the caller and stays in place until `done` is
 * called, or until its wait, its group's wait or its group's notify tells the
 * end, or, without `done`, until a crew_pool_drain, _stop or _destroy that
 * was called after its submit has returned 0. Then it may be freed, or
 * submitted again as it is. Two threads that submit one task at once are the
 * caller's bug.
 *
 * Order: queues are first in, first out. What one thread submits with one
 * priority starts in that order on a pool of one worker, and so does what it
 * sends to one worker by crew_submit_to. High goes before normal before low;
 * while a lower task waits where a worker looks, at most 64 tasks that this
 * worker starts in a row are of a higher priority.
 */
#ifndef CREW_TASK_H
#define CREW_TASK_H

#include <crew/base.h>
#include <crew/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum crew_priority { CREW_NORMAL, CREW_HIGH, CREW_LOW } crew_priority;

struct crew_task {
    int (*run)(crew_self *self, crew_task *task); /* on a worker; its result
                              becomes status; poll crew_self_canceled in it */
    void (*done)(crew_task *task); /* on the inbox's thread; set if and only if
                              an inbox is given */
    void *data;                    /* yours */
    int status;                    /* after the end: run's result, -ECANCELED,
                              -ETIMEDOUT, or what crew_self_fail was given */
    crew_priority priority;        /* CREW_NORMAL (0), CREW_HIGH, CREW_LOW */
    crew_ns queue_timeout; /* it does not start later than this; 0: no limit.
                              No alarm: its end comes when a worker meets it */
    crew_ns run_timeout;   /* after so long crew_self_canceled says -ETIMEDOUT;
                              0: no limit */
    crew_group *group;     /* or NULL; kept until the end */
    const char *name;      /* for traces; or NULL; kept, not copied */
    uintptr_t reserved[8]; /* private; zero before the first submit */
};

/*
 * Hands `task` to `pool`. Runs nothing on the calling thread.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `task` belongs to the pool until its end has been told.
 * Calls:   task->done exactly once, on the thread that dispatches `inbox`,
 *          never from inside this call.
 * Errors:  -EINVAL     pool, task or run is NULL, one of inbox and done is
 *                      set without the other, a bad priority or limit.
 *          -EBUSY      the task is already queued or running.
 *          -EAGAIN     the queue is full; see crew_pool_on_room.
 *          -ESHUTDOWN  the pool is closing.
 * Since:   0.1
 */
CREW_API int crew_submit(crew_pool *pool, crew_task *task, crew_inbox *inbox);

/*
 * Hands `n` tasks to `pool`, all or none, in one step. 0 also for n 0.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    as crew_submit; the array itself is not kept.
 * Calls:   as crew_submit.
 * Errors:  as crew_submit, and
 *          -EBUSY      a task is in the array twice.
 *          -E2BIG      more than the queue limit: it can never fit.
 * Since:   0.1
 */
CREW_API int crew_submit_many(crew_pool *pool, crew_task **tasks, size_t n,
                              crew_inbox *inbox);

/*
 * Hands `task` to one worker and no other, though others are idle.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    as crew_submit.
 * Calls:   as crew_submit.
 * Errors:  as crew_submit, and
 *          -EINVAL     no such worker.
 * Since:   0.1
 */
CREW_API int crew_submit_to(crew_pool *pool, unsigned worker, crew_task *task,
                            crew_inbox *inbox);

/*
 * Hands tasks[i] to worker i, all or none. Sets are queued one after the
 * other in the same order on every worker, so that the tasks of a set that
 * was submitted from outside the pool's workers may wait for each other (a
 * barrier), provided that nothing else in the pool waits for them.
 *
 * Threads: any.
 * Blocks:  while another set is being queued, a few instructions.
 * Owns:    as crew_submit_many.
 * Calls:   as crew_submit.
 * Errors:  as crew_submit_many, and
 *          -EINVAL     more tasks than workers, or a priority other than
 *                      CREW_NORMAL.
 * Since:   0.1
 */
CREW_API int crew_submit_each(crew_pool *pool, crew_task **tasks, size_t n,
                              crew_inbox *inbox);

/*
 * Cancels a task. 0: this call canceled it, it will not run and ends with
 * -ECANCELED. 1: it runs, its self now says canceled; again 1 if asked again.
 *
 * Threads: any; another thread than the inbox's makes sure that the task is
 *          neither freed nor submitted again meanwhile.
 * Blocks:  never.
 * Errors:  -EALREADY   over, canceled or expired before.
 *          -EINVAL     NULL, or never submitted.
 *          -EOWNERDEAD this is a forked child, and the task waits in the
 *                      parent.
 * Since:   0.1
 */
CREW_API int crew_task_cancel(crew_task *task);

/*
 * After its end: whether `run` was called.
 *
 * Since:   0.1
 */
CREW_API bool crew_task_ran(const crew_task *task);

/*
 * Waits for the end of a task that was submitted without an inbox; 0 at its
 * end, whatever its status, and again 0 afterwards. A worker that waits runs
 * the task itself where it can, and never a stranger's.
 *
 * Threads: any, one at a time.
 * Blocks:  until the end, or for `timeout`.
 * Errors:  -ETIMEDOUT  it has not ended yet.
 *          -EINVAL     it has a `done`, was never submitted, a bad timeout.
 *          -EBUSY      another thread waits for it.
 *          -EDEADLK    called from its own run.
 *          -EOWNERDEAD this is a forked child, and the parent runs it.
 * Since:   0.1
 */
CREW_API int crew_task_wait(crew_task *task, crew_ns timeout);

/*
 * Fire and forget: runs fn(self, arg) on a worker. There is no task to keep
 * and nothing to wait for but crew_pool_drain. A call that still waits when
 * the pool stops is dropped.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `arg` stays the caller's.
 * Calls:   fn at most once, on a worker.
 * Errors:  -ENOMEM     no memory.
 *          -EAGAIN, -ESHUTDOWN as crew_submit.
 * Since:   0.1
 */
CREW_API int crew_pool_call(crew_pool *pool, void (*fn)(crew_self *, void *),
                            void *arg);

#ifdef __cplusplus
}
#endif

#endif
