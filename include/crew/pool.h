/*
 * crew_pool: worker threads, one per core that this process may use, pinned,
 * that run tasks. A good guest: no thread before the first create, none after
 * the last destroy; no signal handler, no global state that a program sees.
 * Two pools in one program never meet.
 *
 * Workers block every signal. They run under SCHED_OTHER, whatever the
 * creating thread runs under, and with its nice value.
 */
#ifndef CREW_POOL_H
#define CREW_POOL_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum crew_placement {
    CREW_PLACE_SPREAD,  /* far apart first: cores before hardware threads */
    CREW_PLACE_COMPACT, /* close together: neighbours under one cache */
    CREW_PLACE_NONE     /* not pinned: the kernel places */
} crew_placement;

typedef enum crew_idle {
    CREW_IDLE_BALANCED, /* look for a moment, then sleep */
    CREW_IDLE_LATENCY,  /* look for longer before sleeping */
    CREW_IDLE_POWER     /* sleep at once, never spin */
} crew_idle;

typedef struct crew_pool_options {
    unsigned workers;           /* 0: one per core that this process may use
                                   (affinity, cpuset, cgroup quota); at most
                                   1024 */
    crew_placement placement;   /* CREW_PLACE_SPREAD (0), _COMPACT, _NONE */
    const char *placement_list; /* "0,2-5": these CPUs, in the OS's numbers;
                                   NULL: no list; copied */
    bool reserve_caller_core;   /* keep the core of the creating thread free
                                   where more than one is usable */
    unsigned guests;            /* outside threads that may lend a hand at the
                                   same time; 0: 16 */
    bool allow_fewer;           /* where a thread cannot be started, work with
                                   those that could, at least one */
    size_t stack_size;          /* bytes of each worker's stack; 0: the
                                   system's default */
    size_t queue_limit;         /* tasks that may wait: submitted and not
                                   started, wherever they are, canceled ones
                                   until they are met; 0: no limit */
    crew_idle idle;             /* CREW_IDLE_BALANCED (0), _LATENCY, _POWER */
    const char *name;           /* the threads are "name/0", "name/1", ...; cut
                                   to 15 bytes, the number kept; NULL: "crew";
                                   copied */
    bool measure_all;           /* histograms of every task, not of one in 64:
                                   two readings of the clock each */
    int (*on_worker_start)(crew_self *self, void *arg); /* on each worker before
                                   its first task; negative: create fails with
                                   that */
    void (*on_worker_stop)(crew_self *self, void *arg); /* on each worker after
                                   its last task, where its start succeeded */
    void *arg;                                          /* for both; kept */
    uintptr_t reserved[8];                              /* zero */
} crew_pool_options;

/*
 * Starts a pool: when this returns, every worker is placed and has run its
 * start hook. `options` may be NULL.
 *
 * Threads: any.
 * Blocks:  until the workers have started.
 * Owns:    the caller owns *out: crew_pool_destroy.
 * Calls:   options->on_worker_start, on each worker.
 * Errors:  -EINVAL     a field that cannot be or cannot take effect; more
 *                      than 1024 workers; a list that names an unusable CPU
 *                      or has fewer entries than workers.
 *          -EAGAIN     a thread was refused; see allow_fewer.
 *          -ENOMEM     no memory.
 *          another     what on_worker_start returned.
 * Since:   0.1
 */
CREW_API int crew_pool_create(crew_pool **out,
                              const crew_pool_options *options);

/*
 * How many workers it has; they are numbered from 0.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API unsigned crew_pool_workers(const crew_pool *pool);

/*
 * One more than the highest crew_self_index: workers, then guests. Fixed.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API unsigned crew_pool_slots(const crew_pool *pool);

/*
 * Tells in words what limited the number of workers, and per worker where it
 * sits now and why: name, tid, cpu, core, L3, node. Returns the length without
 * the NUL, like snprintf; `out` may be NULL where size is 0.
 *
 * Threads: any.
 * Errors:  -EINVAL     pool is NULL, or out is NULL with a size.
 * Since:   0.1
 */
CREW_API int crew_pool_describe(const crew_pool *pool, char *out, size_t size);

/*
 * The OS's number of the one CPU that a worker is pinned to.
 *
 * Threads: any.
 * Errors:  -ENOENT     it is not pinned to one.
 *          -EINVAL     no such worker.
 * Since:   0.1
 */
CREW_API int crew_pool_worker_cpu(const crew_pool *pool, unsigned worker);

/*
 * Waits until there was a moment in which no task waited or ran. The
 * completions of all tasks before it have then been posted, not dispatched.
 *
 * Threads: any but its workers.
 * Blocks:  until then, or for `timeout`.
 * Errors:  -ETIMEDOUT  there was no such moment yet.
 *          -EDEADLK    called from one of its workers.
 * Since:   0.1
 */
CREW_API int crew_pool_drain(crew_pool *pool, crew_ns timeout);

/*
 * Refuses new work, cancels what waits, tells what runs (crew_self_canceled
 * says -ECANCELED) and waits for it; then the workers end. After -ETIMEDOUT
 * something still runs: the pool is whole, goes on refusing, and stop or
 * destroy may be called again. After 0 it still is to be destroyed.
 *
 * Threads: any but its workers, one at a time.
 * Blocks:  until the last task has returned, or for `timeout`.
 * Errors:  -ETIMEDOUT  something still runs.
 *          -EDEADLK    called from one of its workers.
 *          -EBUSY      another thread stops it.
 * Since:   0.1
 */
CREW_API int crew_pool_stop(crew_pool *pool, crew_ns timeout);

/*
 * Stops the pool without a limit and frees it. Every completion has been
 * posted when it returns. NULL: 0. No other thread may be inside a call on
 * this pool; its running tasks may submit and get -ESHUTDOWN.
 *
 * Threads: any but its workers.
 * Blocks:  until the last task has returned.
 * Errors:  -EDEADLK    called from one of its workers; nothing has changed.
 *          -EBUSY      another thread stops it; nothing has changed.
 * Since:   0.1
 */
CREW_API int crew_pool_destroy(crew_pool *pool);

/*
 * Calls fn(pool, arg) once on the inbox's thread, when the queue has room; at
 * the next dispatch if it has room now. One per inbox: a later one replaces
 * it, fn NULL withdraws it. Destroying the inbox or the pool withdraws it. It
 * keeps crew_inbox_run going and is no part of crew_inbox_pending.
 *
 * Threads: the inbox's.
 * Blocks:  never.
 * Owns:    `arg` stays the caller's.
 * Calls:   fn once, inside a dispatch.
 * Errors:  -ENOMEM     no memory.
 *          -EINVAL     pool or inbox is NULL.
 *          -ESHUTDOWN  the pool is closing.
 * Since:   0.1
 */
CREW_API int crew_pool_on_room(crew_pool *pool, crew_inbox *inbox,
                               void (*fn)(crew_pool *pool, void *arg),
                               void *arg);

#ifdef __cplusplus
}
#endif

#endif
