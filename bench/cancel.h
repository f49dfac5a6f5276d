/* What a contender of cancel.c supplies. */
#ifndef CREW_BENCH_CANCEL_H
#define CREW_BENCH_CANCEL_H

#include "support/lab.h"

#define CANCEL_BURST 256

struct cancel_contender {
    void (*start)(void);
    /* Every worker is inside a task that sleeps until let_go. */
    void (*hold)(void);
    /* Queues CANCEL_BURST tasks; cancels them all. */
    void (*submit)(void);
    void (*cancel)(void);
    /* Returns when all have been met and ended: the ns that a worker was at
     * it, 0 where that cannot be told. */
    int64_t (*let_go)(void);
    void (*stop)(void);
};

/* Which of the steps the case's figure is about. */
enum cancel_step { CANCEL_SUBMIT, CANCEL_CALL, CANCEL_MET };

struct cancel_case {
    const struct cancel_contender *who;
    enum cancel_step step;
};

void cancel_measure(crew_bench *b);

#define CANCEL_CASE(who, step, as) \
    { \
        .name = "cancel/" as, .run = cancel_measure, \
        .data = &(const struct cancel_case){&(who), step}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1 \
    }

#endif
