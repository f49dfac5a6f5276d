/*
 * Who goes first: priorities and their bounds, first in first out per
 * submitter, and that nobody waits behind a worker that sleeps.
 */
#include "job.h"

#define BOUND 64u /* the contract's */

static struct crew__lock latch;

/* Holds the worker until all is queued. */
static int hold(crew_self *self, struct job *job)
{
    (void)self;
    (void)job;
    crew__lock(&latch);
    crew__unlock(&latch);
    return 0;
}

static void shut_the_latch(void)
{
    latch = (struct crew__lock){.word = {0}};
    crew__lock(&latch);
}

/* ---- priorities (C7) ---------------------------------------------------------- */

static unsigned rank(const struct job *job)
{
    return job->task.priority == CREW_HIGH     ? 0
           : job->task.priority == CREW_NORMAL ? 1
                                               : 2;
}

/* Starts in a row of a higher rank than 1 and than 2 (one of rank 2 is no help
 * to those of rank 1); the task that held the worker was one of rank 1. */
struct row {
    unsigned above[3];
};

static void note_start(struct row *row, unsigned r)
{
    row->above[1] = r < 1 ? row->above[1] + 1 : r > 1 ? row->above[1] : 0;
    row->above[2] = r < 2 ? row->above[2] + 1 : 0;
}

/* All were queued before the first started. A lower one goes before a higher
 * one when the bound says so, and only then; among equals the oldest goes. */
static void check_starts(struct job **by_start, unsigned count)
{
    struct row row = {{0, 0, 1}};
    unsigned left[3] = {0, 0, 0};
    unsigned next[3] = {0, 0, 0};

    for (unsigned i = 0; i < count; i++)
        left[rank(by_start[i])]++;
    for (unsigned i = 0; i < count; i++) {
        unsigned r = rank(by_start[i]);

        sim_check(by_start[i]->number >= next[r]);
        next[r] = by_start[i]->number;
        if ((r > 0 && left[0]) || (r > 1 && left[1]))
            sim_check_equal(row.above[r], BOUND);
        left[r]--;
        note_start(&row, r);
        sim_check(left[1] == 0 || row.above[1] <= BOUND);
        sim_check(left[2] == 0 || row.above[2] <= BOUND);
    }
}

static void the_bound_is_exact(void *arg)
{
    unsigned count = 100 + (unsigned)sim_random(200);
    struct job *jobs = jobs_make(count + 1, false);
    struct job **by_start = calloc(count, sizeof *by_start);
    unsigned high = (unsigned)sim_random(3);

    (void)arg;
    load_begin(1, 1, 0);
    shut_the_latch();
    jobs[count].body = hold;
    sim_check_equal(job_submit(&jobs[count], NULL), 0);
    while (jobs[count].runs == 0)
        sim_work(CREW_US);
    for (unsigned i = 0; i < count; i++) {
        static const crew_priority mixes[3][5] = {
            {CREW_HIGH, CREW_HIGH, CREW_HIGH, CREW_NORMAL, CREW_LOW},
            {CREW_HIGH, CREW_NORMAL, CREW_NORMAL, CREW_NORMAL, CREW_LOW},
            {CREW_HIGH, CREW_NORMAL, CREW_LOW, CREW_HIGH, CREW_HIGH},
        };

        jobs[i].task.priority = mixes[high][sim_random(5)];
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    crew__unlock(&latch);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    for (unsigned i = 0; i < count; i++)
        by_start[jobs[i].start_number - 1] = &jobs[i];
    check_starts(by_start, count);
    load_end();
    free(by_start);
    jobs_free(jobs);
}

/* ---- an endless supply -------------------------------------------------------- */

static struct {
    unsigned lows_waiting; /* seen by every worker */
    unsigned above[64];
    unsigned highest;
    unsigned again; /* a worker that has a low one may be kept from running */
} supply;

/* Each high task brings the next, so the supply does not end before the low
 * ones have run. */
static int note_rank(crew_self *self, struct job *job)
{
    unsigned *above = &supply.above[crew_self_index(self)];

    if (job->task.priority == CREW_LOW) {
        supply.lows_waiting--;
        *above = 0;
    } else if (supply.lows_waiting > 0 && ++*above > supply.highest) {
        supply.highest = *above;
    }
    return 0;
}

#define SUPPLY_MOST 3000u

static struct loop supply_loop;

static void supply_again(struct job *job)
{
    if (supply.lows_waiting > 0 && supply.again++ < SUPPLY_MOST)
        sim_check_equal(job_submit(job, supply_loop.inbox), 0);
}

static void the_low_are_not_forgotten(void *arg)
{
    struct job *jobs = jobs_make(24, true);

    (void)arg;
    memset(&supply, 0, sizeof supply);
    load_begin(sim_chance(2), 4, 0);
    loop_begin(&supply_loop);
    supply.lows_waiting = 4;
    for (unsigned i = 0; i < 24; i++) {
        jobs[i].task.priority = i < 4           ? CREW_LOW
                                : sim_chance(3) ? CREW_NORMAL
                                                : CREW_HIGH;
        jobs[i].body = note_rank;
        if (i >= 4)
            jobs[i].then = supply_again;
        sim_check_equal(job_submit(&jobs[i], supply_loop.inbox), 0);
    }
    loop_empty(&supply_loop);
    sim_check_equal(supply.lows_waiting, 0);
    /* Of several workers one may be about to start a low task that the others
     * still see as waiting. */
    if (load.workers == 1)
        sim_check(supply.highest <= BOUND);
    loop_end(&supply_loop);
    load_end();
    jobs_free(jobs);
}

/* ---- an endless supply by name -------------------------------------------------- */

static void send_again(struct job *job)
{
    if (supply.lows_waiting > 0 && supply.again++ < SUPPLY_MOST)
        sim_check_equal(job_submit_to(job, 0, supply_loop.inbox), 0);
}

static int note_shared(crew_self *self, struct job *job)
{
    (void)self;
    (void)job;
    supply.lows_waiting--;
    return 0;
}

/* The checks of every start (watch.c) see the bound; this, that it ends. */
static void what_has_no_name_is_not_forgotten(void *arg)
{
    struct job *jobs = jobs_make(24, true);

    (void)arg;
    memset(&supply, 0, sizeof supply);
    load_begin(2, 2, 0);
    loop_begin(&supply_loop);
    supply.lows_waiting = 4;
    for (unsigned i = 0; i < 20; i++) {
        jobs[i].then = send_again;
        sim_check_equal(job_submit_to(&jobs[i], 0, supply_loop.inbox), 0);
    }
    for (unsigned i = 20; i < 24; i++) {
        jobs[i].body = note_shared;
        sim_check_equal(job_submit(&jobs[i], supply_loop.inbox), 0);
    }
    loop_empty(&supply_loop);
    sim_check_equal(supply.lows_waiting, 0);
    loop_end(&supply_loop);
    load_end();
    jobs_free(jobs);
}

/* ---- first in, first out (NG7) ------------------------------------------------ */

#define SUBMITTERS 20u
#define EACH       6u

static void submit_in_order(void *arg)
{
    struct job *jobs = jobs_make(EACH, true);
    struct loop loop;

    (void)arg;
    loop_begin(&loop);
    for (unsigned i = 0; i < EACH; i++) {
        jobs[i].work = 10 * CREW_US;
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
        if (sim_chance(2))
            loop_turn(&loop);
    }
    loop_empty(&loop);
    for (unsigned i = 0; i < EACH; i++) {
        if (i > 0)
            sim_check(jobs[i].start_number > jobs[i - 1].start_number);
        /* No more can have gone before it than there are. */
        if (!sim_is_disturbed())
            sim_check(jobs[i].started - jobs[i].submitted <=
                      (crew_ns)(SUBMITTERS * EACH) * 20 * CREW_US);
    }
    loop_end(&loop);
    jobs_free(jobs);
}

static void each_submitter_keeps_its_order(void *arg)
{
    struct sim_thread *threads[SUBMITTERS];

    (void)arg;
    load_begin(1, 1, 0);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        threads[i] = sim_spawn("submitter", submit_in_order, NULL);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        sim_join(threads[i]);
    load_end();
}

/* ---- cold and warm bursts (NG10, NH5) ------------------------------------------ */

static void check_burst(struct job *jobs, unsigned count, crew_ns work)
{
    crew_ns begin = sim_time();

    for (unsigned i = 0; i < count; i++) {
        jobs[i].work = work;
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        sim_check_equal(job_wait(&jobs[i], CREW_FOREVER), 0);
        sim_check_equal(jobs[i].started, begin);
    }
    sim_check_equal(sim_time() - begin, work);
}

static void a_cold_pool_starts_all_at_once(void *arg)
{
    struct job *jobs = jobs_make(8, false);

    (void)arg;
    load_begin(8, 8, 0);
    check_burst(jobs, 8, 100 * CREW_MS);
    load_end();
    jobs_free(jobs);
}

/* Between bursts some are asleep already and some not yet. */
static void a_warm_pool_too(void *arg)
{
    struct job *jobs = jobs_make(4, false);
    unsigned workers = 2 + (unsigned)sim_random(3);

    (void)arg;
    load_begin(workers, 4, 0);
    for (unsigned i = 0; i < 20; i++) {
        check_burst(jobs, 1 + (unsigned)sim_random(workers), 50 * CREW_MS);
        for (unsigned k = (unsigned)sim_random(40); k > 0; k--)
            sim_point();
        if (sim_chance(4))
            sim_work(CREW_MS);
    }
    load_end();
    jobs_free(jobs);
}

/* Submitted by tasks, of uneven lengths: no worker sleeps while one waits. */
static int scatter(crew_self *self, struct job *job)
{
    (void)self;
    for (unsigned i = 0; i < 3 && job->data; i++) {
        struct job *next = &((struct job *)job->data)[3 * job->number + i];

        sim_check_equal(job_submit(next, NULL), 0);
    }
    return 0;
}

static void nobody_sleeps_while_work_waits(void *arg)
{
    struct job *jobs = jobs_make(4 + 36, false);

    (void)arg;
    load_begin(0, 16, 0);
    for (unsigned i = 0; i < 40; i++) {
        jobs[i].work = (crew_ns)sim_random(CREW_MS);
        jobs[i].number = i;
        jobs[i].body = scatter;
        jobs[i].data = i < 12 ? &jobs[4] : NULL;
    }
    for (unsigned i = 0; i < 4; i++)
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    for (unsigned i = 0; i < 40; i++)
        sim_check_equal(jobs[i].runs, 1);
    load_check_counts();
    load_end();
    jobs_free(jobs);
}

const struct scenario order_scenarios[] = {
    {.name = "order.bound", .main_fiber = the_bound_is_exact, .seeds = 4000},
    {.name = "order.low",
     .main_fiber = the_low_are_not_forgotten,
     .seeds = 8300},
    {.name = "order.name",
     .main_fiber = what_has_no_name_is_not_forgotten,
     .seeds = 5300,
     .reaches = REACHES(BOUND_QUEUES)},
    {.name = "order.fifo",
     .main_fiber = each_submitter_keeps_its_order,
     .seeds = 3700},
    {.name = "order.cold",
     .main_fiber = a_cold_pool_starts_all_at_once,
     .seeds = 21000,
     .options = {.exact = true}},
    {.name = "order.warm",
     .main_fiber = a_warm_pool_too,
     .seeds = 4300,
     .options = {.exact = true}},
    {.name = "order.awake",
     .main_fiber = nobody_sleeps_while_work_waits,
     .seeds = 8300},
    {.name = NULL},
};
