/*
 * What a trace costs, in ns an event: a thousand tasks with a name are
 * submitted while the one worker is held, then run, so that neither side hides
 * the other's time; with a trace and without, in turn. Each task is three
 * events: submit, start, end. The median of many such pairs.
 *
 *   event   in rings that an earlier recording has touched
 *   first   a pool's first recording, which touches its rings' memory
 */
#include "support/lab.h"

#include <crew/crew.h>

#include <stdlib.h>

#define BLOCK  1000
#define EVENTS (3 * BLOCK)

static crew_pool *pool;
static crew_task *tasks;
static int64_t end; /* of the last task */
static int released;

static int hold(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        lab_relax();
    return 0;
}

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static int note_end(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    end = lab_now();
    return 0;
}

static int64_t time_block(void)
{
    crew_task holder = {.run = hold};
    crew_task last = {.run = note_end};
    int64_t begin;

    released = 0;
    crew_submit(pool, &holder, NULL);
    for (size_t i = 0; i < BLOCK; i++)
        tasks[i] = (crew_task){.run = nothing, .name = "nothing"};
    begin = lab_now();
    for (size_t i = 0; i < BLOCK; i++)
        crew_submit(pool, &tasks[i], NULL);
    crew_submit(pool, &last, NULL);
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    crew_pool_drain(pool, CREW_FOREVER);
    return end - begin;
}

/* How much longer a block takes that is traced. */
static int64_t time_pair(void)
{
    int64_t plain = time_block();
    int64_t traced;

    lab_must(crew_trace_start(pool, "/dev/null"), "trace");
    traced = time_block();
    lab_must(crew_trace_stop(pool), "trace");
    return traced - plain;
}

static void begin_pool(void)
{
    crew_pool_options options = {.workers = 1};

    lab_must(crew_pool_create(&pool, &options), "pool");
    time_block();
}

static void measure(crew_bench *b)
{
    bool first = *(const bool *)bench_data(b);
    size_t pairs = lab_scaled(first ? 20 : 200, 3);
    struct lab_times times;

    lab_times_init(&times, pairs);
    tasks = lab_memory(BLOCK * sizeof *tasks);
    begin_pool();
    time_pair();
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < pairs; i++) {
            if (first) {
                crew_pool_destroy(pool);
                begin_pool();
            }
            lab_times_add(&times, time_pair());
        }
    }
    bench_end(b);
    crew_pool_destroy(pool);
    free(tasks);
    lab_times_report(&times, b, 1, EVENTS);
    lab_times_fini(&times);
}

#define TRACED_CASE(row, is_first) \
    { \
        .name = "traced/" row "/crew", .run = measure, \
        .data = &(const bool){is_first}, .clock = CREW_BENCH_MANUAL, \
        .iterations = 1 \
    }

const crew_bench_case traced_crew[] = {
    TRACED_CASE("event", false), TRACED_CASE("first", true), {.name = NULL}};
