/*
 * crew_self: the place that code runs at. The library gives one to every
 * function that it calls on a worker. It is valid only during that call and
 * only on that thread; a self of another thread is -EINVAL from every
 * function here that returns int, but for crew_self_canceled and
 * crew_self_fail, which any thread may call that works for the callback while
 * it lasts.
 */
#ifndef CREW_SELF_H
#define CREW_SELF_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The number of this place: below crew_pool_slots, and unique among those
 * that run at the same time. Index per-worker data of your own with it.
 *
 * Since:   0.1
 */
CREW_API unsigned crew_self_index(const crew_self *self);

/*
 * The pool that this code runs in.
 *
 * Since:   0.1
 */
CREW_API crew_pool *crew_self_pool(crew_self *self);

/*
 * Whether this work should end, and why: 0, -ECANCELED (its task or group was
 * canceled, or the pool stops), -ETIMEDOUT (its run_timeout has passed), or
 * the error by which it failed. Costs a few loads; poll it in long work.
 *
 * Threads: the one that it was given to, and those that work for it meanwhile.
 * Since:   0.1
 */
CREW_API int crew_self_canceled(crew_self *self);

/*
 * This work failed: its task ends with `error`, whatever its function returns.
 * The first failure wins. It does not return for you, but returns the error
 * that was given, so that `return crew_self_fail(self, -EIO, NULL);` reads
 * well. The result of a call has `text` too, copied; a task has no place for it
 * and drops it. NULL: no text.
 *
 * Threads: the one that it was given to, and those that work for it meanwhile.
 * Errors:  -EINVAL     error is not negative.
 * Since:   0.1
 */
CREW_API int crew_self_fail(crew_self *self, int error, const char *text);

/*
 * One pointer per worker, yours: set it in on_worker_start, read it in tasks.
 * NULL until it is set.
 *
 * Since:   0.1
 */
CREW_API void *crew_self_data(crew_self *self);
CREW_API void crew_self_set_data(crew_self *self, void *data);

/*
 * `size` bytes aligned to 64 that live until the task or hook around this
 * call returns. Calls stack. Not zeroed. NULL: no memory, or a self of
 * another thread.
 *
 * Since:   0.1
 */
CREW_API void *crew_self_scratch(crew_self *self, size_t size);

/*
 * Lifts the worker's CPU mask around a foreign library that starts threads of
 * its own (they inherit the mask of the thread that starts them), and sets it
 * back. The worker is pinned again at the latest when the task returns.
 *
 * Errors:  -EINVAL     a self of another thread.
 *          another     what the kernel said.
 * Since:   0.1
 */
CREW_API int crew_self_unpin(crew_self *self);
CREW_API int crew_self_repin(crew_self *self);

/*
 * Sleeps on this worker. 0: slept to the end.
 *
 * Blocks:  for `timeout`, which cancel and crew_pool_stop cut short.
 * Errors:  -ECANCELED  the work was canceled.
 *          -ETIMEDOUT  its run_timeout passed.
 *          -EINVAL     a self of another thread, a bad timeout.
 * Since:   0.1
 */
CREW_API int crew_sleep(crew_self *self, crew_ns timeout);

#ifdef __cplusplus
}
#endif

#endif
