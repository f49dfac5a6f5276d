/*
 * What a run_timeout costs: empty tasks with one (crew) and without
 * (crew.plain), in ns a task from the first submit until all of a thousand
 * have run on one worker. The median of many such blocks.
 */
#include "support/lab.h"

#include <crew/crew.h>

#include <stdlib.h>

#define BLOCK 1000

static crew_pool *pool;
static crew_task *tasks;

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static int64_t time_block(crew_ns run_timeout)
{
    int64_t begin;

    for (size_t i = 0; i < BLOCK; i++)
        tasks[i] = (crew_task){.run = nothing, .run_timeout = run_timeout};
    begin = lab_now();
    for (size_t i = 0; i < BLOCK; i++)
        crew_submit(pool, &tasks[i], NULL);
    crew_pool_drain(pool, CREW_FOREVER);
    return lab_now() - begin;
}

static void measure(crew_bench *b)
{
    const crew_ns *run_timeout = bench_data(b);
    crew_pool_options options = {.workers = 1};
    size_t blocks = lab_scaled(500, 3);
    struct lab_times times;

    lab_times_init(&times, blocks);
    tasks = lab_memory(BLOCK * sizeof *tasks);
    pool = lab_pool(&options);
    time_block(*run_timeout);
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < blocks; i++)
            lab_times_add(&times, time_block(*run_timeout));
    }
    bench_end(b);
    crew_pool_destroy(pool);
    free(tasks);
    lab_times_report(&times, b, 1, BLOCK);
    lab_times_fini(&times);
}

#define TIMED_CASE(name_of, timeout) \
    { \
        .name = "timed/run/" name_of, .run = measure, \
        .data = &(const crew_ns){timeout}, .clock = CREW_BENCH_MANUAL, \
        .iterations = 1 \
    }

const crew_bench_case timed_crew[] = {
    TIMED_CASE("crew", CREW_S), TIMED_CASE("crew.plain", 0), {.name = NULL}};
