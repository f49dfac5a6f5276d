/*
 * What the two halves of the shim know of each other: shim.cpp talks to Google
 * Benchmark and to nothing else, workers.c to crew and to nothing else.
 */
#ifndef CREW_BENCH_SHIM_RUN_H
#define CREW_BENCH_SHIM_RUN_H

#include <crew/bench.h>

#ifdef __cplusplus
extern "C" {
#endif

struct party;

struct crew_bench {
    const crew_bench_case *of;
    void *state;         /* Google Benchmark's, of the thread that runs it */
    struct party *party; /* of workers; NULL: not on workers */
    unsigned index;
    unsigned threads;
    int64_t count;
    bool counted; /* crew_bench_count was called */
    bool ended;   /* the clock stands */
    bool skipped;
};

/* ---- workers.c ----------------------------------------------------------- */

/* Runs the case of `b` on b->threads workers; their wall time in ns from the
 * moment that they were let go, or a negative errno value. */
int64_t crew_bench_party_run(crew_bench *b);

/* On a worker: waits for the others; stops this worker's clock. */
void crew_bench_party_start(crew_bench *b);
void crew_bench_party_end(crew_bench *b);

/* What touches the state is done by one worker at a time. Nothing where there
 * is no party. */
void crew_bench_party_lock(const crew_bench *b);
void crew_bench_party_unlock(const crew_bench *b);

/* Workers of a pool that was left to decide. */
unsigned crew_bench_party_most(void);

#ifdef __cplusplus
}
#endif

#endif
