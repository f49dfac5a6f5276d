/*
 * What the call costs that hands a task over, in ns a task.
 *
 *   busy          the workers are inside tasks of 10 us
 *   looking       the workers have nothing to do and look for it
 *   many          one call for all, workers busy
 *
 * 128 calls in a row are timed, the median of many such bursts counts. Before
 * each the tasks have been set up, so their lines are the submitter's; that is
 * not measured. One thread submits to two workers.
 */
#include "submit.h"

#include <crew/crew.h>

#include <stdlib.h>

/* ---- what is measured ---------------------------------------------------- */

static uint64_t steps;

void submit_task(void)
{
    lab_work(steps);
}

/* Work for 300 us for each worker; then this thread sleeps, as it would in its
 * loop, and comes back while they are inside tasks. Two workers and this are
 * three threads: where there are two CPUs it stops a worker inside one. */
static void make_busy(const struct submit_contender *who)
{
    if (who->set_up)
        who->set_up(0, SUBMIT_LEAD);
    who->put(0, SUBMIT_LEAD);
    lab_sleep(50000);
}

static int64_t time_burst(const struct submit_contender *who)
{
    int64_t ns;

    if (steps)
        make_busy(who);
    if (who->set_up)
        who->set_up(SUBMIT_LEAD, SUBMIT_BURST);
    ns = lab_now();
    who->put(SUBMIT_LEAD, SUBMIT_BURST);
    ns = lab_now() - ns;
    who->wait();
    return ns;
}

void submit_measure(crew_bench *b)
{
    const struct submit_case *it = bench_data(b);
    size_t bursts = lab_scaled(it->bursts, 3);
    struct lab_times times;

    lab_times_init(&times, bursts);
    steps = it->steps;
    it->who->start();
    for (size_t i = 0; i < bursts / 10; i++)
        time_burst(it->who);
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < bursts; i++)
            lab_times_add(&times, time_burst(it->who));
    }
    bench_end(b);
    it->who->stop();
    lab_times_report(&times, b, 1, SUBMIT_BURST);
    lab_times_fini(&times);
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;
static crew_task *tasks;
static crew_task *all[SUBMIT_TASKS];

static int run(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    submit_task();
    return 0;
}

static void start(void)
{
    crew_pool_options options = {.workers = LAB_WORKERS};

    pool = lab_pool(&options);
    tasks = lab_memory(SUBMIT_TASKS * sizeof *tasks);
    for (size_t i = 0; i < SUBMIT_TASKS; i++)
        all[i] = &tasks[i];
}

static void set_up(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        tasks[i] = (crew_task){.run = run};
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        crew_submit(pool, &tasks[i], NULL);
}

static void put_many(size_t first, size_t count)
{
    crew_submit_many(pool, all + first, count, NULL);
}

static void wait_for_all(void)
{
    crew_pool_drain(pool, CREW_FOREVER);
}

static void stop(void)
{
    crew_pool_destroy(pool);
    free(tasks);
}

static const struct submit_contender crew = {start, set_up, put, wait_for_all,
                                             stop};
static const struct submit_contender crew_many = {start, set_up, put_many,
                                                  wait_for_all, stop};

const crew_bench_case submit_crew[] = {SUBMIT_BUSY(crew, "busy", "crew"),
                                       SUBMIT_LOOKING(crew, "looking", "crew"),
                                       SUBMIT_BUSY(crew_many, "many", "crew"),
                                       {.name = NULL}};
