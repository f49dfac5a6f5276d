/*
 * Figures of a pool. Reading them disturbs nobody much, but is no loop's work:
 * counters are kept per worker and summed by the one who asks.
 */
#ifndef CREW_STATS_H
#define CREW_STATS_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_pool_stats {
    uint64_t submitted, done, canceled, timed_out; /* tasks, since create; each
                                   ended one is counted in one of the last
                                   three, done: it ran */
    uint64_t waiting, running;                     /* tasks, now */
    uint64_t steals, wakes; /* tasks taken from another worker; sleeping
                                   workers woken */
    uint64_t wait_histogram[256], run_histogram[256]; /* bucket i:
                                   crew_stats_bucket(i) ns and more, below the
                                   next: from submit to start, from start to
                                   end, of one task in 64 of each submitting
                                   thread, or of all with measure_all */
    uint64_t throttled; /* times that the cgroup quota stopped this
                                   process, since its cgroup exists */
} crew_pool_stats;

typedef struct crew_worker_stats {
    crew_ns busy, idle;     /* since it started: with work, and looking for it
                               or asleep */
    uint64_t tasks, steals; /* tasks run; of them taken from another worker */
} crew_worker_stats;

/*
 * The lower edge of a histogram bucket, in ns: four buckets to each power of
 * two (0, 1, ... 8, 10, 12, 14, 16, 20 ...). INT64_MAX where nothing is.
 *
 * Source:  Gil Tene's HdrHistogram, with two bits of precision.
 * Since:   0.1
 */
CREW_API crew_ns crew_stats_bucket(unsigned index);

/*
 * Fills *out; `size` is sizeof *out as the program was compiled with, and no
 * more is written.
 *
 * Threads: any.
 * Blocks:  for a few microseconds.
 * Errors:  -EINVAL     pool or out is NULL, size is 0.
 * Since:   0.1
 */
CREW_API int crew_pool_get_stats(const crew_pool *pool, crew_pool_stats *out,
                                 size_t size);

/*
 * The same for one worker.
 *
 * Threads: any.
 * Errors:  -EINVAL     no such worker; pool or out is NULL, size is 0.
 * Since:   0.1
 */
CREW_API int crew_pool_get_worker_stats(const crew_pool *pool, unsigned worker,
                                        crew_worker_stats *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
