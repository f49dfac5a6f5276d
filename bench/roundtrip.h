/* What a contender of roundtrip.c and asleep.c supplies. */
#ifndef CREW_BENCH_ROUNDTRIP_H
#define CREW_BENCH_ROUNDTRIP_H

#include "support/lab.h"

struct trips {
    size_t count;
    uint64_t steps;     /* of lab_work in the task */
    int64_t silence_ns; /* before each */
};

struct trip_contender {
    void (*start)(const struct trips *trips);
    /* Goes there and back trips->count times, each time into `times`. */
    void (*run)(const struct trips *trips, struct lab_times *times);
    void (*stop)(void);
};

struct trip_case {
    const struct trip_contender *who;
    struct trips trips;
};

void trip_measure(crew_bench *b);

/* The silence before a trip; what the clock shows when it begins. */
int64_t trip_begin(const struct trips *trips);

#define TRIP_WARM(who, row, as)   TRIP_CASE(who, row, as, 20000, 0, 0)
#define TRIP_TEN(who, row, as)    TRIP_CASE(who, row, as, 4000, LAB_TEN, 0)
#define TRIP_ASLEEP(who, row, as) TRIP_CASE(who, row, as, 150, 0, 2000000)
#define TRIP_CASE(who, row, as, count, steps, silence) \
    { \
        .name = row "/" as, .run = trip_measure, \
        .data = &(const struct trip_case){&(who), {count, steps, silence}}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_US \
    }

/* Contenders of crew, in roundtrip.c: through the descriptor and epoll, pinned
 * or not; through crew_inbox_wait. */
extern const struct trip_contender trip_crew_fd;
extern const struct trip_contender trip_crew_free;

#endif
