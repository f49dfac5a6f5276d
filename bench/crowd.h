/* What a contender of crowd.c supplies. */
#ifndef CREW_BENCH_CROWD_H
#define CREW_BENCH_CROWD_H

#include "support/lab.h"

#define CROWD_MOST 8

struct crowd_contender {
    void (*start)(size_t tasks);
    /* On one of the submitting threads: tasks [first, first + count), each
     * lab_work(LAB_LONG). */
    void (*put)(unsigned thread, size_t first, size_t count);
    /* Returns when all have ended; after all submitters have. */
    void (*wait)(void);
    void (*stop)(void);
};

struct crowd_case {
    const struct crowd_contender *who;
    unsigned threads;
};

void crowd_measure(crew_bench *b);

#define CROWD_CASE(who, threads, as) \
    { \
        .name = "crowd/eight/" as, .run = crowd_measure, \
        .data = &(const struct crowd_case){&(who), threads}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_MS \
    }

#endif
