/* What a contender of worker.c supplies. */
#ifndef CREW_BENCH_WORKER_H
#define CREW_BENCH_WORKER_H

#include "support/lab.h"

struct worker_contender {
    /* Starts a thread and returns with the 8 bytes that it hands over first. */
    uint64_t (*first)(void);
    /* It has ended, and nothing is left of it. */
    void (*end)(void);
};

/* What the thread says. */
#define WORKER_WORD UINT64_C(0x0123456789abcdef)

void worker_measure(crew_bench *b);

#define WORKER_CASE(who, as) \
    { \
        .name = "worker/first/" as, .run = worker_measure, .data = &(who), \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_US \
    }

#endif
