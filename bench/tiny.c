/*
 * Tiny independent tasks from one thread to two workers, then a wait for all:
 * how many a second, and how much CPU time each costs.
 *
 *   empty  1 000 000 tasks that do nothing
 *   short    500 000 tasks of about 194 ns
 *   long     250 000 tasks of about 1 us
 *
 * each without completions, and (_done) with the completion of each on the
 * submitting thread. Two workers and a submitter are three threads; run.sh
 * gives them two CPUs. The clock runs from the first submit until all have
 * ended. A tenth of the load runs before, unmeasured: what is allocated on
 * first use is there then.
 */
#include "tiny.h"

#include <crew/crew.h>

#include <stdlib.h>

/* ---- what is measured ---------------------------------------------------- */

static int64_t submitted_at;

static void submitted(void)
{
    submitted_at = lab_now();
}

static void measure_once(crew_bench *b, const struct tiny_contender *who,
                         size_t tasks)
{
    int64_t cpu = lab_cpu_time();
    int64_t begin = lab_now();
    double ns;

    who->run(tasks, submitted);
    ns = (double)(lab_now() - begin);
    cpu = lab_cpu_time() - cpu;
    bench_time(b, ns);
    bench_set(b, "Mtask_s", 1e3 * (double)tasks / ns);
    bench_set(b, "cpu_ns", (double)cpu / (double)tasks);
    bench_set(b, "submit_ns", (double)(submitted_at - begin) / (double)tasks);
}

void tiny_measure(crew_bench *b)
{
    const struct tiny_case *it = bench_data(b);
    struct tiny_load load = it->load;

    load.tasks = lab_scaled(load.tasks, 100);
    it->who->start(&load);
    it->who->run(load.tasks / 10, submitted);
    for (int64_t n = bench_count(b); n; n--)
        measure_once(b, it->who, load.tasks);
    bench_end(b);
    it->who->stop();
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;
static crew_inbox *inbox;
static crew_task *tasks;

static int run(crew_self *self, crew_task *task)
{
    (void)self;
    lab_work((uint64_t)(uintptr_t)task->data);
    return 0;
}

static void done(crew_task *task)
{
    (void)task;
}

static void start_pool(const struct tiny_load *load, bool notified)
{
    crew_pool_options options = {.workers = LAB_WORKERS};

    pool = lab_pool(&options);
    lab_must(crew_inbox_create(&inbox, NULL), "inbox");
    tasks = lab_memory(load->tasks * sizeof *tasks);
    for (size_t i = 0; i < load->tasks; i++) {
        tasks[i].run = run;
        tasks[i].done = notified ? done : NULL;
        tasks[i].data = (void *)(uintptr_t)load->steps;
    }
}

static void start(const struct tiny_load *load)
{
    start_pool(load, false);
}

static void start_done(const struct tiny_load *load)
{
    start_pool(load, true);
}

static void run_all(size_t count, void (*all_submitted)(void))
{
    for (size_t i = 0; i < count; i++)
        crew_submit(pool, &tasks[i], NULL);
    all_submitted();
    crew_pool_drain(pool, CREW_FOREVER);
}

static void run_all_done(size_t count, void (*all_submitted)(void))
{
    for (size_t i = 0; i < count; i++)
        crew_submit(pool, &tasks[i], inbox);
    all_submitted();
    crew_inbox_run(inbox);
}

static void stop(void)
{
    crew_pool_destroy(pool);
    lab_must(crew_inbox_destroy(inbox), "inbox");
    free(tasks);
}

static const struct tiny_contender crew = {start, run_all, stop};
static const struct tiny_contender crew_done = {start_done, run_all_done, stop};

/* The work alone, for what a pool adds in CPU time. */
static uint64_t work_steps;

static void start_none(const struct tiny_load *load)
{
    work_steps = load->steps;
}

static void run_work(size_t count, void (*all_submitted)(void))
{
    all_submitted();
    for (size_t i = 0; i < count; i++)
        lab_work(work_steps);
}

static void stop_none(void)
{
}

static const struct tiny_contender alone = {start_none, run_work, stop_none};

const crew_bench_case tiny_crew[] = {
    TINY_CASES(crew, "", "crew"),
    TINY_CASES(crew_done, "_done", "crew"),
    TINY_CASE(alone, "long/work", 250000, LAB_LONG),
    TINY_CASE(alone, "long_done/work", 250000, LAB_LONG),
    {.name = NULL}};
const crew_bench_case idle_crew[] = {IDLE_CASE(crew, "crew"), {.name = NULL}};
