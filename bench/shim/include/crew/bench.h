/*
 * Benchmarks as C functions, over Google Benchmark. Link with crew::bench
 * (find_package(crew COMPONENTS bench)); it is there where crew was built with
 * libbenchmark.
 *
 *   static void sum(crew_bench *b)
 *   {
 *       int64_t size = bench_arg(b, 0);      set-up: is not measured
 *
 *       for (int64_t n = bench_count(b); n; n--)
 *           bench_keep(sum_of(numbers, size));
 *       bench_items(b, size);                optional: items a second
 *   }
 *
 *   static const int64_t sizes[] = {1000, 1000000};
 *   static const crew_bench_case cases[] = {
 *       {.name = "sum", .run = sum, .args = sizes, .arg_sets = 2},
 *       {.name = NULL}};
 *
 *   int main(int argc, char **argv)
 *   {
 *       crew_bench_add(cases);
 *       return crew_bench_main(argc, argv);
 *   }
 *
 * The count is fetched once per run, so nothing of the library stands inside
 * the loop: an iteration of the empty loop costs one cycle (0.32 ns on a
 * virtual AMD EPYC at 3.2 GHz), what it costs between two readings of a clock.
 * A run costs about 0.75 us once, most of it the kernel's CPU time; that is
 * divided by the count. bench_time and bench_set cost 4 to 10 ns and more: not
 * for the inside of a short loop.
 *
 * The names in use are crew_bench_*; the short ones (bench_count, ...) are
 * macros for them, which CREW_BENCH_NO_SHORT_NAMES turns off.
 */
#ifndef CREW_BENCH_H
#define CREW_BENCH_H

#include <crew/base.h>

#if defined(__GNUC__)
#define CREW_BENCH_API __attribute__((visibility("default")))
#else
#define CREW_BENCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One run of a benchmark on one thread: good only inside its function. */
typedef struct crew_bench crew_bench;

/* In which unit times are shown; results are compared in any. */
typedef enum crew_bench_unit {
    CREW_BENCH_NS,
    CREW_BENCH_US,
    CREW_BENCH_MS,
    CREW_BENCH_S
} crew_bench_unit;

typedef enum crew_bench_clock {
    CREW_BENCH_WALL,    /* the wall's */
    CREW_BENCH_CPU,     /* the CPU time of the measured threads */
    CREW_BENCH_PROCESS, /* the CPU time of all threads of the process */
    CREW_BENCH_MANUAL   /* what crew_bench_time was told */
} crew_bench_clock;

/*
 * A benchmark. Zero what you do not set. All pointers are kept.
 *
 * A case runs once for each set of arguments; a set is `arg_width` numbers
 * that lie one after the other in `args`. Where there is no `args`, `first` to
 * `last` is a range of one argument: first, then each power of `factor` in
 * between, then last.
 *
 * It runs on one thread, on unpinned threads, or on workers: threads of a pool
 * of crew that is made for the run, each pinned to a CPU of its own, cores
 * before hardware threads, all let go at the same moment. From `*_first` to
 * `*_last`, doubling; `workers_last` -1 means one per usable core.
 */
typedef struct crew_bench_case {
    const char *name; /* NULL ends a table */
    void (*run)(crew_bench *b);
    const void *data;         /* yours: crew_bench_data */
    const int64_t *args;      /* arg_sets * arg_width numbers; or NULL */
    unsigned arg_sets;        /* 0 without args */
    unsigned arg_width;       /* 0: 1 */
    const char *arg_names[4]; /* shown before the numbers; NULL: none */
    int64_t first, last;      /* a range of one argument; 0, 0: none */
    int factor;               /* of that range; 0: 8 */
    int threads_first;        /* 0: one thread */
    int threads_last;         /* 0: as threads_first */
    int workers_first;        /* 0: not on workers */
    int workers_last;         /* 0: as workers_first; -1: a worker per core */
    crew_bench_clock clock;   /* CREW_BENCH_WALL (0); on workers only that */
    crew_bench_unit unit;     /* CREW_BENCH_NS (0) */
    crew_ns min_time;         /* to run for; 0: what the command line says */
    int64_t iterations;       /* exactly so many; 0: as many as it takes */
    int repetitions;          /* 0: what the command line says */
    uintptr_t reserved[4];    /* zero */
} crew_bench_case;

/*
 * Adds the cases of a table, up to the one without a name.
 *
 * Owns:    `cases` and what it points to are kept.
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_add(const crew_bench_case *cases);

/*
 * Adds a line to what is printed above the results, and to the JSON.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_context(const char *key, const char *value);

/*
 * Runs what was added, as Google Benchmark's command line says (--help), and
 * returns what main should: 0, or 1 when an argument is unknown or a
 * benchmark ended with an error.
 *
 * Since:   0.1
 */
CREW_BENCH_API int crew_bench_main(int argc, char **argv);

/*
 * How often to do what is measured; 0 after crew_bench_skip, and when it is
 * called again. The clock starts when it returns, on all threads of the run at
 * once, so call it after all set-up, at the head of the loop.
 *
 * Threads: each thread of the run calls it once, or none.
 * Blocks:  until all threads of the run are here.
 * Since:   0.1
 */
CREW_BENCH_API int64_t crew_bench_count(crew_bench *b);

/*
 * Stops the clock, where something is torn down after the loop. The end of the
 * function does so too.
 *
 * Blocks:  on threads: until all of the run are here.
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_end(crew_bench *b);

/*
 * The clock stands still in between. Costs about as much as a run costs once:
 * not for the inside of a short loop, and not on workers.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_pause(crew_bench *b);
CREW_BENCH_API void crew_bench_resume(crew_bench *b);

/*
 * With CREW_BENCH_MANUAL: adds `ns` to the time of this run. Once per
 * iteration, or once for all.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_time(crew_bench *b, double ns);

/*
 * The number `index` of this run's set of arguments; 0 where there is none.
 *
 * Since:   0.1
 */
CREW_BENCH_API int64_t crew_bench_arg(const crew_bench *b, unsigned index);

/*
 * The case's `data`.
 *
 * Since:   0.1
 */
CREW_BENCH_API const void *crew_bench_data(const crew_bench *b);

/*
 * Which of how many threads or workers of the run this is.
 *
 * Since:   0.1
 */
CREW_BENCH_API unsigned crew_bench_index(const crew_bench *b);
CREW_BENCH_API unsigned crew_bench_threads(const crew_bench *b);

/*
 * A figure of your own beside the times. Those of several threads are added
 * up.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_set(crew_bench *b, const char *name,
                                   double value);

/*
 * An iteration is so many items, or bytes: shows them per second.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_items(crew_bench *b, int64_t per_iteration);
CREW_BENCH_API void crew_bench_bytes(crew_bench *b, int64_t per_iteration);

/*
 * A word to be shown behind the result; copied.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_label(crew_bench *b, const char *text);

/*
 * This cannot be measured here: the result is an error with this text, copied.
 * Return then; crew_bench_count gives 0.
 *
 * Since:   0.1
 */
CREW_BENCH_API void crew_bench_skip(crew_bench *b, const char *text);

#ifdef __cplusplus
}
#endif

#ifndef CREW_BENCH_NO_SHORT_NAMES
#define bench_count   crew_bench_count
#define bench_end     crew_bench_end
#define bench_pause   crew_bench_pause
#define bench_resume  crew_bench_resume
#define bench_time    crew_bench_time
#define bench_arg     crew_bench_arg
#define bench_data    crew_bench_data
#define bench_index   crew_bench_index
#define bench_threads crew_bench_threads
#define bench_set     crew_bench_set
#define bench_items   crew_bench_items
#define bench_bytes   crew_bench_bytes
#define bench_label   crew_bench_label
#define bench_skip    crew_bench_skip

/* The compiler must compute `value`, and may not assume what becomes of it. */
#define bench_keep(value) __asm__ volatile("" : : "g"(value) : "memory")
/* All memory may have been read and written here. */
#define bench_clobber()   __asm__ volatile("" : : : "memory")
#endif

#endif
