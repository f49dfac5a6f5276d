/* What a contender of create.c supplies. */
#ifndef CREW_BENCH_CREATE_H
#define CREW_BENCH_CREATE_H

#include "support/lab.h"

struct create_contender {
    void (*start)(void);
    void (*create_and_destroy)(void);
    void (*stop)(void);
};

void create_measure(crew_bench *b);

#define CREATE_CASE(who, as) \
    { \
        .name = "create/two/" as, .run = create_measure, .data = &(who), \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_US \
    }

#endif
