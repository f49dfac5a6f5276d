/*
 * Whoever makes a step is held before it for a second, while all others go on:
 * one run tells how many steps there are; then each of them is held once. What
 * a teller touches after it has told, and who hides behind a thread that the
 * kernel has taken the CPU from, shows here.
 */
#include "job.h"

#include "base/census.h"

#define HELD       CREW_S
#define MOST_STEPS 400u

static uint64_t held_step; /* counted from here on */
static uint64_t first_step;
static uint64_t steps_to_hold;

static void begin_holding(void)
{
    first_step = sim_steps();
    sim_stall_at(first_step + held_step, HELD);
}

static void end_holding(void)
{
    steps_to_hold = sim_steps() - first_step;
}

/* ---- told, and gone at once (NH3) --------------------------------------------- */

/* As who spins does: looks again and again, and the moment that it has ended
 * the memory goes, and the thread too. */
static void wait_free_end(void *arg)
{
    struct job *job = arg;

    while (job_wait(job, sim_chance(2) ? 0 : CREW_MS) < 0)
        sim_point();
    sim_check_equal(job->runs, 1);
    jobs_free(job);
}

static void a_waiter_leaves_at_once(void *arg)
{
    struct sim_thread *waiters[2];

    (void)arg;
    load_begin(2, 2, 0);
    begin_holding();
    for (unsigned i = 0; i < 2; i++) {
        struct job *job = jobs_make(1, false);

        sim_check_equal(job_submit(job, NULL), 0);
        waiters[i] = sim_spawn("waiter", wait_free_end, job);
    }
    for (unsigned i = 0; i < 2; i++)
        sim_join(waiters[i]);
    end_holding();
    load_end();
}

static int wait_inside(crew_self *self, struct job *job)
{
    struct job *inner = jobs_make(1, false);

    (void)self;
    (void)job;
    sim_check_equal(job_submit(inner, NULL), 0);
    wait_free_end(inner);
    return 0;
}

static void a_waiting_worker_leaves_at_once(void *arg)
{
    struct job *jobs = jobs_make(2, false);

    (void)arg;
    load_begin(3, 3, 0);
    begin_holding();
    for (unsigned i = 0; i < 2; i++) {
        jobs[i].body = wait_inside;
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    for (unsigned i = 0; i < 2; i++)
        sim_check_equal(job_wait(&jobs[i], CREW_FOREVER), 0);
    end_holding();
    load_end();
    jobs_free(jobs);
}

static void wait_destroy_end(void *arg)
{
    crew_group *group = arg;

    while (job_wait_group(group, sim_chance(2) ? 0 : CREW_MS) < 0)
        sim_point();
    sim_check_equal(crew_group_destroy(group), 0);
}

static void a_group_goes_at_once(void *arg)
{
    struct job *jobs = jobs_make(3, false);
    struct sim_thread *waiter;
    crew_group *group;

    (void)arg;
    load_begin(2, 2, 0);
    sim_check_equal(crew_group_create(&group, NULL), 0);
    begin_holding();
    for (unsigned i = 0; i < 3; i++) {
        jobs[i].task.group = group;
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    waiter = sim_spawn("waiter", wait_destroy_end, group);
    sim_join(waiter);
    jobs_free(jobs);
    end_holding();
    load_end();
}

/* ---- an inbox, a notify, a drain, a stop ---------------------------------------- */

static void destroy_all(crew_group *group, void *arg)
{
    sim_check_equal(crew_group_destroy(group), 0);
    jobs_free(arg);
}

static void a_notify_destroys_all(void *arg)
{
    struct job *jobs = jobs_make(3, true);
    crew_group *group;
    crew_inbox *inbox;

    (void)arg;
    load_begin(2, 2, 0);
    sim_check_equal(crew_group_create(&group, NULL), 0);
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    begin_holding();
    for (unsigned i = 0; i < 3; i++) {
        jobs[i].task.group = group;
        sim_check_equal(job_submit(&jobs[i], inbox), 0);
    }
    sim_check_equal(crew_group_notify(group, inbox, destroy_all, jobs), 0);
    while (crew_inbox_pending(inbox) > 0)
        sim_check(crew_inbox_wait(inbox, CREW_FOREVER) > 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
    end_holding();
    load_end();
}

static void nothing(void *arg)
{
    (void)arg;
}

static void call_twice(void *arg)
{
    for (unsigned i = 0; i < 2; i++)
        sim_check_equal(crew_inbox_call(arg, nothing, NULL), 0);
}

static void an_inbox_goes_at_once(void *arg)
{
    struct sim_thread *callers[2];
    crew_inbox *inbox;
    unsigned came = 0;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    if (sim_chance(2))
        sim_check(crew_inbox_fd(inbox) >= 0);
    begin_holding();
    for (unsigned i = 0; i < 2; i++)
        callers[i] = sim_spawn("caller", call_twice, inbox);
    while (came < 4) {
        int r = crew_inbox_wait(inbox, CREW_MS);

        sim_check(r > 0 || r == -ETIMEDOUT);
        came += r > 0 ? (unsigned)r : 0;
    }
    sim_check_equal(crew_inbox_destroy(inbox), 0);
    for (unsigned i = 0; i < 2; i++)
        sim_join(callers[i]);
    end_holding();
}

static void a_pool_goes_at_once(void *arg)
{
    struct job *jobs = jobs_make(4, false);

    (void)arg;
    load_begin(2, 2, 0);
    begin_holding();
    for (unsigned i = 0; i < 4; i++)
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    for (unsigned i = 0; i < 4; i++)
        sim_check_equal(jobs[i].runs, 1);
    jobs_free(jobs);
    load_end();
    end_holding();
}

static crew_pool *other_pool;

static void look_around(unsigned most)
{
    for (unsigned i = (unsigned)sim_random(most); i > 0; i--)
        sim_point();
}

static int end_soon(crew_self *self, struct job *job)
{
    (void)self;
    crew__store_seq_cst((crew__a32 *)job->data, 1);
    look_around(30);
    return 0;
}

/* Its teller is no worker of the pool that goes; the two meet. */
static int wait_for_another_pool(crew_self *self, struct job *job)
{
    struct job *other = job->data;
    crew__a32 ends = {0};

    (void)self;
    other->data = &ends;
    sim_check_equal(crew_submit(other_pool, &other->task, NULL), 0);
    for (unsigned i = 0; !crew__load_seq_cst(&ends); i++)
        sim_work(i < 100 ? 100 : CREW_MS);
    sim_check_equal(job_wait(other, CREW_FOREVER), 0);
    return 0;
}

static void a_pool_goes_that_another_told(void *arg)
{
    crew_pool_options options = {.workers = 1, .idle = CREW_IDLE_LATENCY};
    struct job *jobs = jobs_make(2, false);

    (void)arg;
    load_begin(1, 1, 0);
    sim_check_equal(crew_pool_create(&other_pool, &options), 0);
    begin_holding();
    jobs[0].body = wait_for_another_pool;
    jobs[0].data = &jobs[1];
    jobs[1].body = end_soon;
    sim_check_equal(job_submit(&jobs[0], NULL), 0);
    sim_check_equal(job_wait(&jobs[0], CREW_FOREVER), 0);
    load_end();
    end_holding();
    sim_check_equal(crew_pool_destroy(other_pool), 0);
    jobs_free(jobs);
}

/* ---- nobody hides behind a submitter that is held -------------------------------- */

static void submit_three(void *arg)
{
    struct job *jobs = arg;

    for (unsigned i = 0; i < 3; i++)
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
}

/* Submitting takes no lock and wakes in steps that others can finish. */
static void submit_and_wait_three(void *arg)
{
    struct job *jobs = arg;
    crew_ns begin = sim_time();

    for (unsigned i = 0; i < 3; i++) {
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
        sim_check_equal(job_wait(&jobs[i], CREW_FOREVER), 0);
    }
    if (strcmp(sim_stalled(), "held") == 0)
        sim_check(sim_time() - begin < HELD / 2);
}

static void nobody_hides_behind_a_submitter(void *arg)
{
    struct job *jobs = jobs_make(6, false);
    struct sim_thread *held;
    struct sim_thread *other;

    (void)arg;
    load_begin(0, 4, 0);
    sim_work(CREW_MS); /* all asleep */
    begin_holding();
    held = sim_spawn("held", submit_three, &jobs[0]);
    other = sim_spawn("other", submit_and_wait_three, &jobs[3]);
    sim_join(other);
    end_holding();
    sim_join(held);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    load_end();
    jobs_free(jobs);
}

/* ---- the sweep -------------------------------------------------------------------- */

static void sweep(uint64_t seed, void (*main_fiber)(void *), bool calm)
{
    struct sim_options options = watched(NULL, seed);
    uint64_t stride;
    uint64_t steps;

    options.calm = calm;
    held_step = UINT64_C(1) << 40;
    self_check(sim_run(seed, &options, main_fiber, NULL) == SIM_OK);
    steps = steps_to_hold;
    stride = 1 + steps / MOST_STEPS;
    for (uint64_t at = 1 + seed % stride; at <= steps; at += stride) {
        held_step = at;
        self_check(sim_run(seed, &options, main_fiber, NULL) == SIM_OK);
        self_check(crew__census_live(1) == 0);
    }
}

#define SWEEP(name, main_fiber, calm) \
    static void name(uint64_t seed) \
    { \
        sweep(seed, main_fiber, calm); \
    }
SWEEP(hold_tasks, a_waiter_leaves_at_once, false)
SWEEP(hold_workers, a_waiting_worker_leaves_at_once, false)
SWEEP(hold_groups, a_group_goes_at_once, false)
SWEEP(hold_notifies, a_notify_destroys_all, false)
SWEEP(hold_inboxes, an_inbox_goes_at_once, false)
SWEEP(hold_pools, a_pool_goes_at_once, false)
SWEEP(hold_tellers, a_pool_goes_that_another_told, false)
SWEEP(hold_submitters, nobody_hides_behind_a_submitter, true)

const struct scenario stall_scenarios[] = {
    {.name = "stall.task", .whole = hold_tasks, .seeds = 42},
    {.name = "stall.worker", .whole = hold_workers, .seeds = 73},
    {.name = "stall.group", .whole = hold_groups, .seeds = 36},
    {.name = "stall.notify", .whole = hold_notifies, .seeds = 160},
    {.name = "stall.inbox",
     .whole = hold_inboxes,
     .seeds = 240,
     .reaches = REACHES(INBOX_ROUSE_WAITED)},
    {.name = "stall.pool", .whole = hold_pools, .seeds = 200},
    {.name = "stall.teller", .whole = hold_tellers, .seeds = 200},
    {.name = "stall.submit", .whole = hold_submitters, .seeds = 100},
    {.name = NULL},
};
