/*
 * Tasks from submit to done: once each, in order where order is promised,
 * whoever cancels, waits, submits from inside or sends by name.
 */
#include "job.h"

/* ---- once each (T1, T2, T3) ------------------------------------------------ */

static crew_ns some_work(void)
{
    return sim_chance(3) ? (crew_ns)sim_random(CREW_MS) : 0;
}

static void submit_some(struct job *jobs, unsigned count, crew_inbox *inbox)
{
    unsigned i = 0;

    while (i < count) {
        struct job *some[4];
        unsigned n = 1 + (unsigned)sim_random(4);

        if (n > count - i)
            n = count - i;
        for (unsigned k = 0; k < n; k++) {
            some[k] = &jobs[i++];
            some[k]->work = some_work();
            some[k]->task.priority = (crew_priority)sim_random(3);
        }
        if (n == 1)
            sim_check_equal(job_submit(some[0], inbox), 0);
        else
            sim_check_equal(jobs_submit_many(some, n, inbox), 0);
        if (sim_chance(8))
            sim_work((crew_ns)sim_random(CREW_MS));
    }
}

static void submit_and_empty(unsigned count)
{
    struct job *jobs = jobs_make(count, true);
    struct loop loop;

    loop_begin(&loop);
    submit_some(jobs, count, loop.inbox);
    loop_empty(&loop);
    for (unsigned i = 0; i < count; i++) {
        sim_check_equal(jobs[i].dones, 1);
        sim_check_equal(jobs[i].runs, 1);
    }
    if (loop.fd >= 0 && sim_event_readable(loop.fd)) {
        /* At most once for nothing. */
        sim_check_equal(crew_inbox_dispatch(loop.inbox, 0), 0);
    }
    loop_end(&loop);
    jobs_free(jobs);
}

static void each_task_runs_once(void *arg)
{
    (void)arg;
    load_begin(0, 64, 0);
    submit_and_empty((unsigned)sim_random(40));
    load_check_counts();
    load_end();
}

static void be_submitter(void *arg)
{
    (void)arg;
    submit_and_empty((unsigned)sim_random(12));
}

static void submitters_do_not_meet(void *arg)
{
    struct sim_thread *threads[6];
    unsigned count = 2 + (unsigned)sim_random(5);

    (void)arg;
    load_begin(0, 64, 0);
    for (unsigned i = 0; i < count; i++)
        threads[i] = sim_spawn("submitter", be_submitter, NULL);
    for (unsigned i = 0; i < count; i++)
        sim_join(threads[i]);
    load_check_counts();
    load_end();
}

static void one_worker_keeps_the_order(void *arg)
{
    struct job *jobs = jobs_make(30, true);
    struct loop loop;

    (void)arg;
    load_begin(1, 1, 0);
    loop_begin(&loop);
    for (unsigned i = 0; i < 30; i++) {
        jobs[i].work = some_work();
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    }
    loop_empty(&loop);
    for (unsigned i = 0; i < 30; i++) {
        sim_check_equal(jobs[i].start_number, i);
        sim_check_equal(jobs[i].done_number, i);
    }
    loop_end(&loop);
    load_end();
    jobs_free(jobs);
}

/* ---- again, from `done` (T6) ----------------------------------------------- */

static crew_inbox *again_inbox;

static void submit_again(struct job *job)
{
    if (job->number-- > 0) {
        sim_check_equal(crew_task_cancel(&job->task), -EALREADY); /* C3 */
        sim_check_equal(job_submit(job, again_inbox), 0);
    } else {
        jobs_free(job);
    }
}

static void done_submits_or_frees(void *arg)
{
    struct loop loop;

    (void)arg;
    load_begin(0, 8, 0);
    loop_begin(&loop);
    again_inbox = loop.inbox;
    for (unsigned i = 0; i < 4; i++) {
        struct job *job = jobs_make(1, true);

        job->number = (unsigned)sim_random(6);
        job->then = submit_again;
        sim_check_equal(job_submit(job, loop.inbox), 0);
    }
    loop_empty(&loop);
    loop_end(&loop);
    load_end();
}

/* ---- from inside (T8) ------------------------------------------------------ */

struct chain {
    struct job *jobs;
    unsigned length;
    crew_inbox *inbox;
    crew_pool *other;
};

static int submit_next(crew_self *self, struct job *job)
{
    struct chain *chain = job->data;
    struct job *next = job + 1;
    crew_pool *home = load.pool;

    sim_check(crew_self_pool(self) == home ||
              crew_self_pool(self) == chain->other);
    if (job->number + 1 == chain->length)
        return 0;
    if (chain->other && sim_chance(2)) {
        sim_check_equal(crew_submit(chain->other, &next->task, chain->inbox),
                        0);
    } else {
        sim_check_equal(job_submit(next, chain->inbox), 0);
    }
    return 0;
}

static void tasks_submit_the_next(void *arg)
{
    struct chain chain = {.length = 2 + (unsigned)sim_random(30)};
    crew_pool_options options = {.workers = 1 + (unsigned)sim_random(2),
                                 .idle = CREW_IDLE_POWER};
    struct loop loop;

    (void)arg;
    load_begin(0, 8, 0);
    if (sim_chance(2))
        sim_check_equal(crew_pool_create(&chain.other, &options), 0);
    loop_begin(&loop);
    chain.inbox = loop.inbox;
    chain.jobs = jobs_make(chain.length, true);
    for (unsigned i = 0; i < chain.length; i++) {
        chain.jobs[i].body = submit_next;
        chain.jobs[i].data = &chain;
    }
    sim_check_equal(job_submit(&chain.jobs[0], loop.inbox), 0);
    while (chain.jobs[chain.length - 1].dones == 0)
        loop_turn(&loop);
    loop_empty(&loop); /* one may end after the next that it submitted */
    loop_end(&loop);
    sim_check_equal(crew_pool_destroy(chain.other), 0);
    load_end();
    jobs_free(chain.jobs);
}

/* ---- cancel (C1-C4) -------------------------------------------------------- */

struct canceler {
    struct job *jobs;
    unsigned count;
    int results[8];
};

static void cancel_all(void *arg)
{
    struct canceler *canceler = arg;

    for (unsigned i = 0; i < canceler->count; i++) {
        if (sim_chance(4))
            sim_work((crew_ns)sim_random(100 * CREW_US));
        canceler->results[i] = job_cancel(&canceler->jobs[i]);
    }
}

static int poll_cancel(crew_self *self, struct job *job)
{
    int canceled = crew_self_canceled(self);

    sim_check(canceled == 0 || canceled == -ECANCELED);
    job->number = canceled == -ECANCELED;
    return 77;
}

/* Exactly one 0 and the others -EALREADY, or all 1 or -EALREADY; run and
 * cancel never both. */
static void check_results(const struct canceler *cancelers, unsigned job)
{
    const struct job *it = &cancelers[0].jobs[job];
    unsigned zeros = 0;
    unsigned ones = 0;

    for (unsigned i = 0; i < 4; i++) {
        zeros += cancelers[i].results[job] == 0;
        ones += cancelers[i].results[job] == 1;
    }
    sim_check(zeros <= 1 && (zeros == 0 || ones == 0));
    sim_check_equal(it->runs, 1 - zeros);
    sim_check_equal(it->task.status, zeros ? -ECANCELED : 77);
    /* Who saw it canceled was told so by someone. */
    if (it->number && it->runs)
        sim_check(ones > 0);
}

static void one_cancel_wins(void *arg)
{
    unsigned count = 1 + (unsigned)sim_random(8);
    struct job *jobs = jobs_make(count, true);
    struct canceler cancelers[4];
    struct sim_thread *threads[4];
    struct loop loop;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&loop);
    for (unsigned i = 0; i < 4; i++)
        cancelers[i] = (struct canceler){.jobs = jobs, .count = count};
    for (unsigned i = 0; i < count; i++) {
        jobs[i].work = some_work() / 10;
        jobs[i].number = 0;
        jobs[i].body = poll_cancel;
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sim_spawn("canceler", cancel_all, &cancelers[i]);
    loop_empty(&loop);
    for (unsigned i = 0; i < 4; i++)
        sim_join(threads[i]);
    for (unsigned i = 0; i < count; i++) {
        sim_check_equal(jobs[i].dones, 1);
        check_results(cancelers, i);
    }
    load_check_counts();
    loop_end(&loop);
    load_end();
    jobs_free(jobs);
}

/* ---- waiting for a task ---------------------------------------------------- */

/* Until 0; each -ETIMEDOUT is not early. */
static void wait_patiently(struct job *job)
{
    for (;;) {
        crew_ns limit = sim_chance(2) ? CREW_FOREVER
                                      : (crew_ns)sim_random(CREW_MS);
        crew_ns begin = sim_time();
        int r = job_wait(job, limit);

        if (r == 0)
            return;
        sim_check_equal(r, -ETIMEDOUT);
        sim_check(limit != CREW_FOREVER && sim_time() - begin >= limit);
        if (limit == 0)
            sim_work(CREW_US);
    }
}

static void be_waiter(void *arg)
{
    struct job *job = arg;

    wait_patiently(job);
    job_check_ended(job);
    sim_check_equal(job->runs, 1);
    jobs_free(job); /* the waiter's now: nobody touches it any more */
}

static int submit_and_wait(crew_self *self, struct job *job)
{
    struct job *inner = jobs_make(1, false);
    int r;

    (void)self;
    inner->work = some_work();
    if (job->number > 0) {
        inner->number = job->number - 1;
        inner->body = submit_and_wait;
    }
    r = job_wait(job, CREW_FOREVER);
    sim_check(r == -EDEADLK || r == -EBUSY); /* another may wait for it */
    sim_check_equal(job_submit(inner, NULL), 0);
    be_waiter(inner);
    return 0;
}

static void tasks_are_waited_for(void *arg)
{
    struct sim_thread *threads[4];

    (void)arg;
    load_begin(0, 8, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct job *job = jobs_make(1, false);

        job->work = some_work();
        job->number = (unsigned)sim_random(4);
        job->body = sim_chance(2) ? submit_and_wait : NULL;
        sim_check_equal(job_submit(job, NULL), 0);
        threads[i] = sim_spawn("waiter", be_waiter, job);
    }
    for (unsigned i = 0; i < 4; i++)
        sim_join(threads[i]);
    load_end();
}

/* ---- to one worker, to each (C9, C12) --------------------------------------- */

static void tasks_go_where_they_are_sent(void *arg)
{
    struct job *jobs = jobs_make(20, true);
    unsigned last[64] = {0};
    struct loop loop;

    (void)arg;
    load_begin(0, 64, 0);
    loop_begin(&loop);
    for (unsigned i = 0; i < 20; i++) {
        unsigned worker = (unsigned)sim_random(load.workers);

        jobs[i].data = (void *)(uintptr_t)worker;
        jobs[i].work = some_work();
        sim_check_equal(job_submit_to(&jobs[i], worker, loop.inbox), 0);
    }
    sim_check_equal(
        crew_submit_to(load.pool, load.workers, &jobs[0].task, loop.inbox),
        -EINVAL);
    loop_empty(&loop);
    for (unsigned i = 0; i < 20; i++) {
        unsigned worker = jobs[i].worker;

        sim_check_equal(worker, (uintptr_t)jobs[i].data);
        /* What one thread sends to one worker starts in order. */
        sim_check(last[worker] == 0 || jobs[i].start_number > last[worker] - 1);
        last[worker] = jobs[i].start_number + 1;
    }
    loop_end(&loop);
    load_end();
    jobs_free(jobs);
}

struct barrier {
    struct crew__lock lock;
    crew__a32 came;
    unsigned needed;
};

static int meet(crew_self *self, struct job *job)
{
    struct barrier *barrier = job->data;

    (void)self;
    if (crew__add_seq_cst(&barrier->came, 1) + 1 == barrier->needed)
        crew__futex_wake(&barrier->came, UINT32_MAX);
    for (;;) {
        uint32_t came = crew__load_seq_cst(&barrier->came);

        if (came >= barrier->needed)
            return 0;
        crew__futex_wait(&barrier->came, came, CREW__NEVER);
    }
}

struct set {
    struct barrier barrier;
    struct job *jobs[64];
    struct job *all;
};

static void send_sets(void *arg)
{
    unsigned count = load.workers;
    struct set *set = calloc(3, sizeof *set);
    struct loop loop;

    (void)arg;
    loop_begin(&loop);
    for (unsigned s = 0; s < 3; s++) {
        set[s].all = jobs_make(count, true);
        set[s].barrier.needed = count;
        for (unsigned i = 0; i < count; i++) {
            set[s].jobs[i] = &set[s].all[i];
            set[s].all[i].body = meet;
            set[s].all[i].data = &set[s].barrier;
        }
        sim_check_equal(jobs_submit_each(set[s].jobs, count, loop.inbox), 0);
    }
    sim_check_equal(crew_submit_each(load.pool, NULL, load.workers + 1, NULL),
                    -EINVAL);
    loop_empty(&loop);
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned i = 0; i < count; i++)
            sim_check_equal(set[s].all[i].worker, i);
        jobs_free(set[s].all);
    }
    loop_end(&loop);
    free(set);
}

static void barriers_do_not_lock_up(void *arg)
{
    struct sim_thread *threads[3];

    (void)arg;
    load_begin(0, 16, 0);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = sim_spawn("sender", send_sets, NULL);
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    load_end();
}

/* ---- calls, sleeps --------------------------------------------------------- */

static unsigned calls_run;

static void be_called(crew_self *self, void *arg)
{
    sim_check(crew_self_pool(self) == load.pool);
    calls_run++;
    if (arg && sim_chance(2))
        sim_check_equal(crew_pool_call(load.pool, be_called, NULL), 0);
    sim_work(some_work());
}

static void calls_are_drained(void *arg)
{
    unsigned count = (unsigned)sim_random(12);

    (void)arg;
    load_begin(0, 8, 0);
    calls_run = 0;
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(crew_pool_call(load.pool, be_called, &calls_run), 0);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    sim_check(calls_run >= count);
    load_check_counts();
    load_end();
}

/* What is wrong from the start says so, and nothing has changed (T9, C13). */
static void misuse_is_told(void *arg)
{
    struct job *job = jobs_make(1, true);
    struct job *two[2] = {job, job};
    struct loop loop;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&loop);
    sim_check_equal(crew_task_cancel(&job->task), -EINVAL);
    sim_check_equal(job_submit(job, NULL), -EINVAL);
    sim_check_equal(jobs_submit_many(two, 2, loop.inbox), -EBUSY);
    sim_check_equal(crew_submit(NULL, &job->task, loop.inbox), -EINVAL);
    sim_check_equal(crew_submit_many(load.pool, NULL, 0, NULL), 0);
    job->work = CREW_MS;
    sim_check_equal(job_submit(job, loop.inbox), 0);
    sim_check_equal(crew_submit(load.pool, &job->task, loop.inbox), -EBUSY);
    sim_check_equal(crew_task_wait(&job->task, 0), -EINVAL);
    sim_check_equal(crew_inbox_destroy(loop.inbox), -EBUSY);
    loop_empty(&loop);
    sim_check_equal(job->dones, 1);
    loop_end(&loop);
    load_end();
    jobs_free(job);
}

const struct scenario task_scenarios[] = {
    {.name = "task.once",
     .main_fiber = each_task_runs_once,
     .seeds = 12000,
     .reaches = REACHES(LOOK_FOUND) | REACHES(BATON_PASSED)},
    {.name = "task.submitters",
     .main_fiber = submitters_do_not_meet,
     .seeds = 11000},
    {.name = "task.order",
     .main_fiber = one_worker_keeps_the_order,
     .seeds = 20000},
    {.name = "task.again", .main_fiber = done_submits_or_frees, .seeds = 19000},
    {.name = "task.inside",
     .main_fiber = tasks_submit_the_next,
     .seeds = 15000},
    {.name = "task.cancel",
     .main_fiber = one_cancel_wins,
     .seeds = 30000,
     .reaches = REACHES(CANCEL_RACE) | REACHES(CANCEL_LATE)},
    {.name = "task.wait",
     .main_fiber = tasks_are_waited_for,
     .seeds = 20000,
     .reaches = REACHES(WAITER_TOO_LATE) | REACHES(TASK_RUN_BY_WAITER)},
    {.name = "task.to",
     .main_fiber = tasks_go_where_they_are_sent,
     .seeds = 11000},
    {.name = "task.each",
     .main_fiber = barriers_do_not_lock_up,
     .seeds = 12000},
    {.name = "task.call", .main_fiber = calls_are_drained, .seeds = 27000},
    {.name = "task.misuse", .main_fiber = misuse_is_told, .seeds = 37000},
    {.name = NULL},
};
