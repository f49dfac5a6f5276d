/*
 * What a contender of tiny.c and idle.c supplies. The loads stand here, so that
 * all run the same work.
 */
#ifndef CREW_BENCH_TINY_H
#define CREW_BENCH_TINY_H

#include "support/lab.h"

struct tiny_load {
    size_t tasks;
    uint64_t steps; /* of lab_work in each */
};

struct tiny_contender {
    /* Threads are there, memory for load->tasks has been touched. */
    void (*start)(const struct tiny_load *load);
    /* Submits `tasks`, calls submitted(), returns when all have ended. */
    void (*run)(size_t tasks, void (*submitted)(void));
    void (*stop)(void);
};

struct tiny_case {
    const struct tiny_contender *who;
    struct tiny_load load;
};

/* The benchmark's function; its case's data is a struct tiny_case. */
void tiny_measure(crew_bench *b);

/* Of idle.c. */
void idle_measure(crew_bench *b);

#define IDLE_CASE(who, as) \
    { \
        .name = "idle/second/" as, .run = idle_measure, \
        .data = &(const struct tiny_case){&(who), {1000, LAB_LONG}}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_MS \
    }

/* Three cases: `kind` is "" or "_done". */
#define TINY_CASES(who, kind, as) \
    TINY_CASE(who, "empty" kind "/" as, 1000000, 0), \
        TINY_CASE(who, "short" kind "/" as, 500000, LAB_SHORT), \
        TINY_CASE(who, "long" kind "/" as, 250000, LAB_LONG)
#define TINY_CASE(who, row, tasks, steps) \
    { \
        .name = "tiny/" row, .run = tiny_measure, \
        .data = &(const struct tiny_case){&(who), {tasks, steps}}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_MS \
    }

#endif
