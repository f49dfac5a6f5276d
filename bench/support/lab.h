/*
 * What the benches share, crew's and the peers': the work of a task, clocks,
 * pins, percentiles. The same machine code for all contenders.
 *
 * A bench's name is QUESTION/ROW/CONTENDER; run.sh takes it apart. Rows mean
 * the same for each contender: the same number of the same tasks.
 */
#ifndef CREW_BENCH_LAB_H
#define CREW_BENCH_LAB_H

#include <crew/bench.h>
#include <crew/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Threads that run tasks, beside the one that submits. */
#define LAB_WORKERS 2

/* Steps of lab_work, four cycles each: about 194 ns, 1 us and 10 us at 3.5
 * GHz. What they take on a machine stands above the table. */
#define LAB_SHORT 170
#define LAB_LONG  900
#define LAB_TEN   9000

/* Words of different writers. */
#define LAB_APART 128

/* `steps` dependent multiply-adds, about four cycles each; nothing is written
 * to memory. */
void lab_work(uint64_t steps);

/* Monotonic ns; ns of CPU time that the process has had. */
int64_t lab_now(void);
int64_t lab_cpu_time(void);

/* One round of a spinning thread. */
static inline void lab_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void lab_sleep(int64_t ns);

/* How many CPUs this process may use. */
unsigned lab_cpus(void);
/* The CPU number `index` of those that this process may use, or the last. */
int lab_cpu(unsigned index);
/* Pins the calling thread there; and lets it go where the process may. */
void lab_pin(unsigned index);
void lab_unpin(void);

/* ns that a cache line takes to the other of these two CPUs (as in lab_cpu)
 * and back: median of many; 0 where they are the same. */
double lab_line_trip(unsigned here, unsigned there);

/*
 * A load that was chosen for a real run; a smoke test (BENCH_SMOKE is set)
 * gets a thousandth of it, at least `least`.
 */
size_t lab_scaled(size_t load, size_t least);

/* Memory that has been touched, aligned to LAB_APART; ends the program where
 * there is none. */
void *lab_memory(size_t size);

/* Ends the program where a call that cannot fail here did. */
void lab_must(int result, const char *what);

/* A pool of crew's; ends the program where there is none. Where BENCH_TRACE is
 * set it names the file for a trace of the pool, from now to its end. */
crew_pool *lab_pool(const crew_pool_options *options);

/* ---- many measured times of one thing ------------------------------------ */

struct lab_times {
    int64_t *ns;
    size_t count;
    size_t room;
};
void lab_times_init(struct lab_times *times, size_t room);
void lab_times_fini(struct lab_times *times);
static inline void lab_times_add(struct lab_times *times, int64_t ns)
{
    if (times->count < times->room)
        times->ns[times->count++] = ns;
}
/* Sets p50, p99 and p999 in `unit_ns` (1000: us), each time divided by
 * `each`; the manual time of the run is the median. */
void lab_times_report(struct lab_times *times, crew_bench *b, double unit_ns,
                      double each);

#endif
