/* What a contender of submit.c supplies. */
#ifndef CREW_BENCH_SUBMIT_H
#define CREW_BENCH_SUBMIT_H

#include "support/lab.h"

#define SUBMIT_LEAD  64  /* tasks that make the workers busy */
#define SUBMIT_BURST 128 /* tasks whose submits are measured */
#define SUBMIT_TASKS (SUBMIT_LEAD + SUBMIT_BURST)

struct submit_contender {
    void (*start)(void);
    /* The tasks [first, first + count) are as a program would have them just
     * before: set up by this thread. May be NULL. */
    void (*set_up)(size_t first, size_t count);
    void (*put)(size_t first, size_t count);
    /* Returns when all that was put has ended. */
    void (*wait)(void);
    void (*stop)(void);
};

/* What each task does. */
void submit_task(void);

struct submit_case {
    const struct submit_contender *who;
    uint64_t steps; /* of lab_work in a task */
    size_t bursts;
};

void submit_measure(crew_bench *b);

#define SUBMIT_BUSY(who, row, as)    SUBMIT_CASE(who, row, as, LAB_TEN, 200)
#define SUBMIT_LOOKING(who, row, as) SUBMIT_CASE(who, row, as, 0, 2000)
#define SUBMIT_CASE(who, row, as, steps, bursts) \
    { \
        .name = "submit/" row "/" as, .run = submit_measure, \
        .data = &(const struct submit_case){&(who), steps, bursts}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1 \
    }

#endif
