/*
 * Limits: of the queue, of the wait in it, of the run, of each call that waits.
 * What a limit promises about time is exact here, as the clock is ours.
 */
#include "job.h"

/* ---- room in the queue (C8, NG4, NG8) --------------------------------------- */

static void note_room(crew_pool *pool, void *arg)
{
    (void)pool;
    ++*(unsigned *)arg;
}

/* Waits for room, and is told once. */
static void wait_for_room(struct loop *loop)
{
    unsigned told = 0;

    sim_check_equal(crew_pool_on_room(load.pool, loop->inbox, note_room, &told),
                    0);
    while (told == 0)
        loop_turn(loop);
    sim_check_equal(told, 1);
}

static void submit_until_all_are_in(void *arg)
{
    unsigned count = 1 + (unsigned)sim_random(12);
    struct job *jobs = jobs_make(count, true);
    unsigned unwanted = 0;
    struct loop loop;

    (void)arg;
    loop_begin(&loop);
    for (unsigned i = 0; i < count; i++) {
        int r;

        jobs[i].work = sim_chance(2) ? (crew_ns)sim_random(CREW_MS) : 0;
        while ((r = job_submit(&jobs[i], loop.inbox)) == -EAGAIN)
            wait_for_room(&loop);
        sim_check_equal(r, 0);
    }
    if (sim_chance(4)) /* withdrawn with the inbox, or by hand */
        crew_pool_on_room(load.pool, loop.inbox, note_room, &unwanted);
    if (sim_chance(2))
        crew_pool_on_room(load.pool, loop.inbox, NULL, NULL);
    while (crew_inbox_pending(loop.inbox) > 0)
        loop_turn(&loop);
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(jobs[i].dones, 1);
    loop_end(&loop);
    jobs_free(jobs);
}

static void room_is_told_once(void *arg)
{
    struct sim_thread *threads[4];

    (void)arg;
    load_begin(0, 4, 1 + sim_random(5));
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sim_spawn("submitter", submit_until_all_are_in, NULL);
    for (unsigned i = 0; i < 4; i++)
        sim_join(threads[i]);
    load_check_counts();
    load_end();
}

static struct crew__lock latch;

static int fill_the_queue(crew_self *self, struct job *job)
{
    struct job *more = job->data;
    struct job *all[5];
    unsigned in = 0;

    (void)self;
    for (unsigned i = 0; i < 5; i++)
        all[i] = &more[i];
    sim_check_equal(jobs_submit_many(all, 5, NULL), -E2BIG);
    sim_check_equal(jobs_submit_many(all, 3, NULL), 0);
    sim_check_equal(jobs_submit_many(all + 3, 2, NULL), -EAGAIN);
    for (unsigned i = 3; i < 5; i++)
        in += job_submit(&more[i], NULL) == 0;
    sim_check_equal(in, 1);
    sim_check_equal(job_cancel(&more[0]), 0);
    /* A canceled one counts until it is met. */
    sim_check_equal(job_submit(&more[4], NULL), -EAGAIN);
    return 0;
}

static void a_full_queue_says_so(void *arg)
{
    struct job *job = jobs_make(1, false);
    struct job *more = jobs_make(5, false);

    (void)arg;
    load_begin(1, 1, 4);
    job->body = fill_the_queue;
    job->data = more;
    sim_check_equal(job_submit(job, NULL), 0);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    sim_check_equal(more[0].runs, 0);
    for (unsigned i = 1; i < 4; i++)
        sim_check_equal(more[i].runs, 1);
    load_check_counts();
    load_end();
    jobs_free(job);
    jobs_free(more);
}

/* ---- waiting in the queue (C6) ---------------------------------------------- */

static void none_starts_too_late(void *arg)
{
    struct job *jobs = jobs_make(30, true);
    struct loop loop;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&loop);
    for (unsigned i = 0; i < 30; i++) {
        jobs[i].work = (crew_ns)sim_random(4 * CREW_MS);
        jobs[i].task.queue_timeout = 1 + (crew_ns)sim_random(20 * CREW_MS);
        if (sim_chance(6))
            jobs[i].task.queue_timeout = INT64_MAX - (crew_ns)sim_random(3);
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    }
    loop_empty(&loop);
    for (unsigned i = 0; i < 30; i++) {
        crew_ns limit = jobs[i].task.queue_timeout;

        sim_check_equal(jobs[i].dones, 1);
        if (jobs[i].runs)
            sim_check(jobs[i].started - jobs[i].submitted <= limit);
        else
            sim_check_equal(jobs[i].task.status, -ETIMEDOUT);
        if (limit > CREW_S)
            sim_check_equal(jobs[i].runs, 1);
    }
    loop_end(&loop);
    load_end();
    jobs_free(jobs);
}

/* A worker that becomes free in the last nanosecond runs it; one more and it
 * does not. */
static void the_last_nanosecond_counts(void *arg)
{
    struct job *jobs = jobs_make(3, true);
    crew_ns wait = 1 + sim_random_time(CREW_S);
    struct loop loop;

    (void)arg;
    load_begin(1, 1, 0);
    loop_begin(&loop);
    jobs[0].work = wait;
    jobs[1].task.queue_timeout = wait;
    jobs[2].task.queue_timeout = wait - 1;
    for (unsigned i = 0; i < 3; i++)
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    loop_empty(&loop);
    sim_check_equal(jobs[1].runs, 1);
    sim_check_equal(jobs[1].started - jobs[1].submitted, wait);
    sim_check_equal(jobs[2].runs, 0);
    sim_check_equal(jobs[2].task.status, -ETIMEDOUT);
    loop_end(&loop);
    load_end();
    jobs_free(jobs);
}

/* ---- running (C6, NH23) ------------------------------------------------------ */

static int poll_until_told(crew_self *self, struct job *job)
{
    crew_ns limit = job->task.run_timeout;
    int canceled;

    while ((canceled = crew_self_canceled(self)) == 0) {
        sim_check(sim_time() - job->started <= limit + 10 * CREW_MS);
        sim_work(100 * CREW_US);
    }
    sim_check_equal(canceled, -ETIMEDOUT);
    sim_check(sim_time() - job->started >= limit);
    return canceled;
}

static int sleep_until_told(crew_self *self, struct job *job)
{
    static const crew_ns limits[] = {CREW_FOREVER, CREW_S, INT64_MAX,
                                     INT64_MAX - 1};
    crew_ns limit = job->task.run_timeout;

    sim_check_equal(crew_sleep(self, limits[sim_random(4)]), -ETIMEDOUT);
    sim_check(sim_time() - job->started >= limit);
    sim_check(sim_time() - job->started <= limit + 10 * CREW_MS);
    return 0;
}

static int never_told(crew_self *self, struct job *job)
{
    (void)job;
    sim_check_equal(crew_sleep(self, 1), 0);
    sim_check_equal(sim_time() - job->started, 1);
    sim_check_equal(crew_sleep(self, 100 * CREW_S), 0);
    sim_check_equal(sim_time() - job->started, 100 * CREW_S + 1);
    sim_check_equal(crew_self_canceled(self), 0);
    return 0;
}

static void none_is_told_too_early(void *arg)
{
    int (*const bodies[])(crew_self *, struct job *) = {
        poll_until_told, sleep_until_told, never_told};
    struct job *jobs = jobs_make(6, false);

    (void)arg;
    load_begin(0, 4, 0);
    for (unsigned i = 0; i < 6; i++) {
        unsigned kind = (unsigned)sim_random(3);

        jobs[i].body = bodies[kind];
        jobs[i].task.run_timeout = kind == 2
                                       ? INT64_MAX - (crew_ns)sim_random(2)
                                       : sim_random_time(100 * CREW_MS);
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    load_end();
    jobs_free(jobs);
}

/* ---- every call that waits, to the nanosecond (NH23) ------------------------- */

static crew_group *the_group;

static int wait_for(unsigned call, struct job *job, crew_ns limit)
{
    switch (call) {
    case 0:
        return job_wait(job, limit);
    case 1:
        return job_wait_group(the_group, limit);
    case 2:
        return crew_pool_drain(load.pool, limit);
    default:
        return load_stop(limit);
    }
}

#define ENOUGH (10 * CREW_S)

static void check_a_limit(unsigned call, crew_ns limit)
{
    bool huge = limit < 0 || limit > ENOUGH;
    struct job *job = jobs_make(1, false);
    crew_ns begin;

    load_begin(0, 2, 0);
    sim_check_equal(crew_group_create(&the_group, NULL), 0);
    job->work = ENOUGH;
    job->task.group = the_group;
    sim_check_equal(job_submit(job, NULL), 0);
    while (job->runs == 0) /* it runs, or stop would cancel it */
        sim_work(CREW_US);
    begin = sim_time();
    sim_check_equal(wait_for(call, job, limit), huge ? 0 : -ETIMEDOUT);
    if (huge)
        sim_check_equal(sim_time(), job->ended);
    else
        sim_check_equal(sim_time() - begin, limit);
    sim_check_equal(wait_for(call, job, CREW_FOREVER), 0);
    sim_check_equal(sim_time(), job->ended);
    sim_check_equal(wait_for(call, job, 0), 0);
    sim_check_equal(wait_for(call, job, -2), -EINVAL);
    load_end();
    sim_check_equal(crew_group_destroy(the_group), 0);
    jobs_free(job);
}

static void limits_are_exact(void *arg)
{
    static const crew_ns limits[] = {
        0, 1, CREW_US, 7 * CREW_MS, CREW_FOREVER, INT64_MAX, INT64_MAX - 1};

    (void)arg;
    for (unsigned call = 0; call < 4; call++)
        check_a_limit(call, limits[sim_random(7)]);
}

static int wait_inside(crew_self *self, struct job *job)
{
    crew_ns limit = (crew_ns)sim_random(CREW_MS);
    crew_ns begin = sim_time();

    sim_check_equal(crew_sleep(self, limit), 0);
    sim_check_equal(sim_time() - begin, limit);
    begin = sim_time();
    sim_check_equal(wait_for(job->number, job->data, limit), -ETIMEDOUT);
    sim_check_equal(sim_time() - begin, limit);
    return 0;
}

/* A worker waits for what another runs. */
static void limits_are_exact_on_workers(void *arg)
{
    struct job *jobs = jobs_make(2, false);

    (void)arg;
    load_begin(2, 2, 0);
    sim_check_equal(crew_group_create(&the_group, NULL), 0);
    jobs[0].work = ENOUGH;
    jobs[0].task.group = the_group;
    jobs[1].body = wait_inside;
    jobs[1].number = (unsigned)sim_random(2);
    jobs[1].data = &jobs[0];
    sim_check_equal(job_submit(&jobs[0], NULL), 0);
    while (jobs[0].runs == 0)
        sim_work(CREW_US);
    sim_check_equal(job_submit(&jobs[1], NULL), 0);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    sim_check_equal(crew_group_destroy(the_group), 0);
    load_end();
    jobs_free(jobs);
}

/* ---- all at once (NH10) ------------------------------------------------------ */

#define MOMENT (10 * CREW_MS)

static crew_ns the_moment;

static crew_ns until_the_moment(void)
{
    crew_ns left = the_moment - sim_time();

    return left > 0 ? left : 1; /* who was stalled comes later */
}

static void cancel_then(void *arg)
{
    sim_work(until_the_moment());
    job_cancel(arg);
}

static void cancel_group_then(void *arg)
{
    (void)arg;
    sim_work(until_the_moment());
    sim_check_equal(crew_group_cancel(the_group), 0);
}

/* At one moment a task expires, is canceled, loses its group and its pool, and
 * the worker that could start it becomes free. */
static void all_meet_one_task(void *arg)
{
    struct job *jobs = jobs_make(2, true);
    struct job *it = &jobs[1];
    struct sim_thread *threads[2];
    struct loop loop;

    (void)arg;
    latch = (struct crew__lock){.word = {0}};
    load_begin(1, 1, 0);
    loop_begin(&loop);
    sim_check_equal(crew_group_create(&the_group, NULL), 0);
    the_moment = sim_time() + MOMENT;
    sim_check_equal(job_submit(&jobs[0], loop.inbox), 0);
    jobs[0].work = until_the_moment();
    it->task.queue_timeout = until_the_moment();
    it->task.group = the_group;
    if (sim_chance(2))
        it->task.queue_timeout = 0;
    sim_check_equal(job_submit(it, loop.inbox), 0);
    threads[0] = sim_spawn("canceler", cancel_then, it);
    threads[1] = sim_spawn("group canceler", cancel_group_then, NULL);
    sim_work(until_the_moment());
    if (sim_chance(2))
        load_stop(0);
    loop_empty(&loop);
    sim_join(threads[0]);
    sim_join(threads[1]);
    sim_check_equal(it->dones, 1);
    sim_check(it->task.status == 0 || it->task.status == -ECANCELED ||
              it->task.status == -ETIMEDOUT);
    loop_end(&loop);
    sim_check_equal(crew_group_destroy(the_group), 0);
    load_end();
    jobs_free(jobs);
}

const struct scenario limit_scenarios[] = {
    {.name = "limit.room", .main_fiber = room_is_told_once, .seeds = 7800},
    {.name = "limit.full", .main_fiber = a_full_queue_says_so, .seeds = 40000},
    {.name = "limit.queued",
     .main_fiber = none_starts_too_late,
     .seeds = 14000,
     .options = {.exact = true}},
    {.name = "limit.last",
     .main_fiber = the_last_nanosecond_counts,
     .seeds = 40000,
     .options = {.exact = true}},
    {.name = "limit.running",
     .main_fiber = none_is_told_too_early,
     .seeds = 23000,
     .options = {.exact = true}},
    {.name = "limit.exact",
     .main_fiber = limits_are_exact,
     .seeds = 15000,
     .options = {.exact = true}},
    {.name = "limit.workers",
     .main_fiber = limits_are_exact_on_workers,
     .seeds = 30000,
     .options = {.exact = true}},
    {.name = "limit.moment", .main_fiber = all_meet_one_task, .seeds = 40000},
    {.name = NULL},
};
