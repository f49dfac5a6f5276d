/*
 * What a cancel and an expiry cost, in ns a task, beside the submit of the
 * same tasks (crew.submit).
 *
 *   call     the call that cancels a task which waits
 *   met      a worker meets a canceled task and ends it
 *   expired  a worker meets a task whose queue_timeout has passed, and ends it
 *
 * While tasks are submitted and canceled the workers are held by tasks that
 * sleep. 256 are timed together: calls on the submitting thread, ends on a
 * worker that is alone, between a task before them and a task behind them.
 */
#include "cancel.h"

#include <crew/crew.h>

#include <semaphore.h>

/* ---- what is measured ---------------------------------------------------- */

static int64_t time_step(void (*step)(void))
{
    int64_t begin = lab_now();

    step();
    return lab_now() - begin;
}

static int64_t time_burst(const struct cancel_contender *who,
                          enum cancel_step wanted)
{
    int64_t ns[3];

    who->hold();
    ns[CANCEL_SUBMIT] = time_step(who->submit);
    ns[CANCEL_CALL] = time_step(who->cancel);
    ns[CANCEL_MET] = who->let_go();
    return ns[wanted];
}

static void measure(crew_bench *b, const struct cancel_contender *who,
                    enum cancel_step step, size_t bursts)
{
    struct lab_times times;

    bursts = lab_scaled(bursts, 3);
    lab_times_init(&times, bursts);
    who->start();
    for (size_t i = 0; i < bursts / 10; i++)
        time_burst(who, step);
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < bursts; i++)
            lab_times_add(&times, time_burst(who, step));
    }
    bench_end(b);
    who->stop();
    lab_times_report(&times, b, 1, CANCEL_BURST);
    lab_times_fini(&times);
}

void cancel_measure(crew_bench *b)
{
    const struct cancel_case *it = bench_data(b);

    measure(b, it->who, it->step, 300);
}

/* Each burst waits for the coarse clock, which ticks every few ms. */
static void expiry_measure(crew_bench *b)
{
    const struct cancel_case *it = bench_data(b);

    measure(b, it->who, it->step, 15);
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;
static unsigned workers;
static crew_task holders[LAB_WORKERS];
static crew_task tasks[CANCEL_BURST];
static crew_task marks[2]; /* before and behind the burst */
static int64_t seen[2];    /* when they ran */
static sem_t held, freed;

static int look_at_clock(crew_self *self, crew_task *task)
{
    (void)self;
    *(int64_t *)task->data = lab_now();
    return 0;
}

static void mark(unsigned i)
{
    marks[i] = (crew_task){.run = look_at_clock, .data = &seen[i]};
    crew_submit(pool, &marks[i], NULL);
}

static int hold_worker(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    sem_post(&held);
    while (sem_wait(&freed))
        ;
    return 0;
}

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void start_workers(unsigned count)
{
    crew_pool_options options = {.workers = count};

    workers = count;
    sem_init(&held, 0, 0);
    sem_init(&freed, 0, 0);
    pool = lab_pool(&options);
}

static void start(void)
{
    start_workers(LAB_WORKERS);
}

static void start_one(void)
{
    start_workers(1);
}

/* Also sets the tasks up for the burst. */
static void hold(void)
{
    for (unsigned i = 0; i < workers; i++) {
        holders[i] = (crew_task){.run = hold_worker};
        crew_submit(pool, &holders[i], NULL);
        while (sem_wait(&held))
            ;
    }
    mark(0);
    for (size_t i = 0; i < CANCEL_BURST; i++)
        tasks[i] = (crew_task){.run = nothing};
}

static void submit(void)
{
    for (size_t i = 0; i < CANCEL_BURST; i++)
        crew_submit(pool, &tasks[i], NULL);
}

static void submit_expiring(void)
{
    for (size_t i = 0; i < CANCEL_BURST; i++) {
        tasks[i].queue_timeout = 1;
        crew_submit(pool, &tasks[i], NULL);
    }
}

static void cancel(void)
{
    for (size_t i = 0; i < CANCEL_BURST; i++)
        crew_task_cancel(&tasks[i]);
}

static void expire(void)
{
    lab_sleep(15000000);
}

static int64_t let_go(void)
{
    mark(1);
    for (unsigned i = 0; i < workers; i++)
        sem_post(&freed);
    crew_pool_drain(pool, CREW_FOREVER);
    return workers == 1 ? seen[1] - seen[0] : 0;
}

static void stop(void)
{
    crew_pool_destroy(pool);
    sem_destroy(&held);
    sem_destroy(&freed);
}

static const struct cancel_contender crew = {start,  hold,   submit,
                                             cancel, let_go, stop};
static const struct cancel_contender crew_one = {start_one, hold,   submit,
                                                 cancel,    let_go, stop};
static const struct cancel_contender crew_expiring = {
    start_one, hold, submit_expiring, expire, let_go, stop};

const crew_bench_case cancel_crew[] = {
    CANCEL_CASE(crew, CANCEL_CALL, "call/crew"),
    CANCEL_CASE(crew, CANCEL_SUBMIT, "call/crew.submit"),
    CANCEL_CASE(crew_one, CANCEL_MET, "met/crew"),
    {.name = "cancel/expired/crew",
     .run = expiry_measure,
     .data = &(const struct cancel_case){&crew_expiring, CANCEL_MET},
     .clock = CREW_BENCH_MANUAL,
     .iterations = 1},
    CANCEL_CASE(crew_one, CANCEL_SUBMIT, "expired/crew.submit"),
    {.name = NULL}};
