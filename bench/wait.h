/* What a contender of wait.c supplies. */
#ifndef CREW_BENCH_WAIT_H
#define CREW_BENCH_WAIT_H

#include "support/lab.h"

struct wait_contender {
    void (*start)(void);
    /* Hands an empty task over and waits for its end, `count` times. */
    void (*run)(size_t count);
    void (*stop)(void);
};

void wait_measure(crew_bench *b);

#define WAIT_CASE(who, as) \
    { \
        .name = "wait/awake/" as, .run = wait_measure, .data = &(who), \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_US \
    }

#endif
