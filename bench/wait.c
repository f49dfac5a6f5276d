/*
 * One empty task at a time, and a thread that blocks until it has run
 * (crew_task_wait), one after the other so that a worker is awake: us a trip.
 * The floor is two spinning threads and a cache line each way. The waiting
 * thread is pinned to the first CPU. Sixteen trips are timed together: a
 * clock's reading is a good part of the floor.
 */
#include "wait.h"

#include <crew/crew.h>

#define TOGETHER 16

/* ---- what is measured ---------------------------------------------------- */

void wait_measure(crew_bench *b)
{
    const struct wait_contender *who = bench_data(b);
    size_t count = lab_scaled(1500, 3);
    struct lab_times times;

    lab_times_init(&times, count);
    who->start();
    who->run(TOGETHER * 10);
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < count; i++) {
            int64_t begin = lab_now();

            who->run(TOGETHER);
            lab_times_add(&times, lab_now() - begin);
        }
    }
    bench_end(b);
    who->stop();
    lab_times_report(&times, b, 1000, TOGETHER);
    lab_times_fini(&times);
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void start(void)
{
    crew_pool_options options = {.workers = LAB_WORKERS};

    pool = lab_pool(&options);
    lab_pin(0);
}

static void run(size_t count)
{
    crew_task task = {.run = nothing};

    for (size_t i = 0; i < count; i++) {
        crew_submit(pool, &task, NULL);
        crew_task_wait(&task, CREW_FOREVER);
    }
}

static void stop(void)
{
    crew_pool_destroy(pool);
    lab_unpin();
}

static const struct wait_contender crew = {start, run, stop};

const crew_bench_case wait_crew[] = {WAIT_CASE(crew, "crew"), {.name = NULL}};
