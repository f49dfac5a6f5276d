/* What a contender of ports.c supplies. */
#ifndef CREW_BENCH_PORTS_H
#define CREW_BENCH_PORTS_H

#include "roundtrip.h"
#include "wait.h"

#include <crew/buffer.h>

#define FLOW_MOST 4 /* producers */

struct flow_contender {
    void (*start)(void);
    /* On producer `index`'s thread: hands over the words 1 to `count`. */
    void (*put)(unsigned index, uint64_t count);
    /* Takes `count` words; their sum. */
    uint64_t (*take)(uint64_t count);
    void (*stop)(void);
};

struct flow_case {
    const struct flow_contender *who;
    unsigned producers;
};

void flow_measure(crew_bench *b);

#define FLOW_CASE(who, row, producers, as) \
    { \
        .name = "ports/" row "/" as, .run = flow_measure, \
        .data = &(const struct flow_case){&(who), producers}, \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_MS \
    }
#define FLOW_CASES(who, as) \
    FLOW_CASE(who, "one_way", 1, as), FLOW_CASE(who, "many", FLOW_MOST, as)

/* There and back between two threads that are awake, as in wait.h. */
#define PING_CASE(who, row, as) \
    { \
        .name = "ports/" row "/" as, .run = wait_measure, .data = &(who), \
        .clock = CREW_BENCH_MANUAL, .iterations = 1, .unit = CREW_BENCH_US \
    }
/* Between two that sleep in their loops, as in roundtrip.h. */
#define PING_ASLEEP(who, row, as) \
    TRIP_CASE(who, "ports/" row, as, 300, 0, 1000000)

/* Of crew, in ports_ping.c: with and without 8 bytes, with 1 MiB. */
extern const struct wait_contender ping_crew, ping_empty, ping_buffer;
extern const struct trip_contender ping_loops, ping_free;

/* Of crew, in ports_cost.c. */
void ports_measure_idle(crew_bench *b);
void ports_measure_hub(crew_bench *b);
void ports_measure_posts(crew_bench *b);
void ports_measure_same(crew_bench *b);

#endif
