/*
 * Groups: waits, notifies, cancels; workers that wait run members and nobody
 * else's.
 */
#include "job.h"

static crew_ns some_work(void)
{
    return sim_chance(3) ? (crew_ns)sim_random(CREW_MS) : 0;
}

static crew_group *make_group(bool stop_on_error)
{
    crew_group_options options = {.stop_on_error = stop_on_error};
    crew_group *group;

    sim_check_equal(crew_group_create(&group, &options), 0);
    return group;
}

/* Members without `done`, of `group`. */
static struct job *make_members(unsigned count, crew_group *group)
{
    struct job *jobs = jobs_make(count, false);

    for (unsigned i = 0; i < count; i++) {
        jobs[i].task.group = group;
        jobs[i].work = some_work();
        jobs[i].task.priority = (crew_priority)sim_random(3);
    }
    return jobs;
}

/* One by one, or at once, or by name: to anyone, or to `self` alone. A member
 * that is sent to a worker that waits for others is the program's deadlock. */

static void submit_members(struct job *jobs, unsigned count, unsigned self)
{
    struct job *all[64];

    for (unsigned i = 0; i < count; i++)
        all[i] = &jobs[i];
    if (sim_chance(3)) {
        sim_check_equal(jobs_submit_many(all, count, NULL), 0);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned to = self == ANYONE ? (unsigned)sim_random(load.workers)
                                     : self;

        if (sim_chance(4))
            sim_check_equal(job_submit_to(&jobs[i], to, NULL), 0);
        else
            sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
}

static void wait_patiently(crew_group *group)
{
    for (;;) {
        crew_ns limit = sim_chance(2) ? CREW_FOREVER
                                      : (crew_ns)sim_random(CREW_MS);
        crew_ns begin = sim_time();
        int r = job_wait_group(group, limit);

        if (r == 0)
            return;
        sim_check_equal(r, -ETIMEDOUT);
        sim_check(limit != CREW_FOREVER && sim_time() - begin >= limit);
        if (limit == 0)
            sim_work(CREW_US);
    }
}

/* All have ended, and nobody touches them any more. */
static void scrap(struct job *jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        job_check_ended(&jobs[i]);
    jobs_free(jobs);
}

/* ---- waits (C5, C10, NH3) --------------------------------------------------- */

static void submit_wait_free(unsigned count, unsigned self)
{
    crew_group *group = make_group(false);
    struct job *jobs = make_members(count, group);

    submit_members(jobs, count, self);
    wait_patiently(group);
    sim_check_equal(crew_group_destroy(group), 0);
    scrap(jobs, count);
}

static void be_outside(void *arg)
{
    (void)arg;
    submit_wait_free(1 + (unsigned)sim_random(12), ANYONE);
}

static void waits_end_with_the_last(void *arg)
{
    struct sim_thread *threads[4];

    (void)arg;
    load_begin(0, 16, 0);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sim_spawn("outside", be_outside, NULL);
    for (unsigned i = 0; i < 4; i++)
        sim_join(threads[i]);
    load_check_counts();
    load_end();
}

static void wait_only(void *arg)
{
    wait_patiently(arg);
}

static void many_wait_for_one_group(void *arg)
{
    crew_group *group = make_group(false);
    struct job *jobs = make_members(8, group);
    struct sim_thread *threads[3];

    (void)arg;
    load_begin(0, 8, 0);
    submit_members(jobs, 8, ANYONE);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = sim_spawn("waiter", wait_only, group);
    wait_patiently(group);
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    sim_check_equal(crew_group_pending(group), 0);
    sim_check_equal(crew_group_destroy(group), 0);
    scrap(jobs, 8);
    load_end();
}

/* Each adds members of its own while the others wait: a wait that began after
 * a submit does not end before that member. */
static crew_group *shared_group;

static void add_and_wait(void *arg)
{
    struct job *jobs = make_members(4, shared_group);

    (void)arg;
    for (unsigned i = 0; i < 4; i++) {
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
        wait_patiently(shared_group);
        job_check_ended(&jobs[i]);
        sim_check_equal(jobs[i].runs, 1);
    }
    jobs_free(jobs);
}

static void members_join_while_others_wait(void *arg)
{
    struct sim_thread *threads[3];

    (void)arg;
    load_begin(0, 8, 0);
    shared_group = make_group(false);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = sim_spawn("adder", add_and_wait, NULL);
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    sim_check_equal(crew_group_destroy(shared_group), 0);
    load_check_counts();
    load_end();
}

/* ---- workers that wait (C10, C11, NG21, NH6, NH12) -------------------------- */

static struct crew__lock mutex;

static int spread_out(crew_self *self, struct job *job)
{
    unsigned count = 1 + (unsigned)sim_random(4);
    crew_group *group;
    struct job *jobs;

    if (job->data) { /* one more for the same group, which is waited for */
        sim_check_equal(job_submit(job->data, NULL), 0);
        sim_work(some_work());
    }
    if (job->number == 0)
        return 0;
    group = make_group(false);
    jobs = make_members(2 * count, group);
    for (unsigned i = 0; i < count; i++) {
        jobs[i].number = job->number - 1;
        jobs[i].body = spread_out;
        jobs[i].data = &jobs[count + i];
    }
    submit_members(jobs, count, crew_self_index(self));
    wait_patiently(group);
    sim_check_equal(crew_group_destroy(group), 0);
    scrap(jobs, 2 * count);
    return 0;
}

static void waiting_workers_run_members(void *arg)
{
    crew_group *group = make_group(false);
    unsigned count = 1 + (unsigned)sim_random(5);
    struct job *jobs = make_members(count, group);
    struct job *strangers = jobs_make(10, false);

    (void)arg;
    mutex = (struct crew__lock){.word = {0}};
    load_begin(0, 4, 0);
    for (unsigned i = 0; i < 10; i++) {
        strangers[i].number = 0;
        strangers[i].body = spread_out;
        sim_check_equal(job_submit(&strangers[i], NULL), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        jobs[i].number = (unsigned)sim_random(3);
        jobs[i].body = spread_out;
    }
    submit_members(jobs, count, ANYONE);
    wait_patiently(group);
    sim_check_equal(crew_group_destroy(group), 0);
    scrap(jobs, count);
    load_end();
    scrap(strangers, 10);
}

/* The mutex is held over the wait. */
static int lock_and_wait(crew_self *self, struct job *job)
{
    (void)job;
    crew__lock(&mutex);
    submit_wait_free(1 + (unsigned)sim_random(3), crew_self_index(self));
    crew__unlock(&mutex);
    return 0;
}

static void a_lock_held_over_a_wait(void *arg)
{
    static const unsigned workers[] = {1, 2, 4};
    struct job *jobs = jobs_make(6, false);

    (void)arg;
    mutex = (struct crew__lock){.word = {0}};
    load_begin(workers[sim_random(3)], 4, 0);
    for (unsigned i = 0; i < 6; i++) {
        jobs[i].body = lock_and_wait;
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    scrap(jobs, 6);
    load_end();
}

static int wait_for_the_latch(crew_self *self, struct job *job)
{
    (void)self;
    (void)job;
    crew__lock(&mutex);
    crew__unlock(&mutex);
    return 0;
}

/* One worker: what is waited for goes before all strangers, wherever it lies;
 * they keep their order. */
static int wait_for_the_tail(crew_self *self, struct job *job)
{
    struct job *tail = job->data;

    wait_for_the_latch(self, job);
    sim_check_equal(job_wait(tail, CREW_FOREVER), 0);
    sim_check_equal(tail->start_number, job->start_number + 1);
    return 0;
}

static void the_tail_goes_first(void *arg)
{
    struct job *jobs = jobs_make(52, false);
    unsigned last = 0;
    unsigned tail;

    (void)arg;
    mutex = (struct crew__lock){.word = {0}};
    load_begin(1, 1, 0);
    jobs[0].body = wait_for_the_tail;
    tail = sim_chance(2) ? 51 : 1 + (unsigned)sim_random(51);
    jobs[0].data = &jobs[tail];
    crew__lock(&mutex);
    for (unsigned i = 0; i < 52; i++)
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    crew__unlock(&mutex);
    sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    for (unsigned i = 1; i < 52; i++) {
        if (i != tail)
            sim_check(jobs[i].start_number > last);
        if (i != tail)
            last = jobs[i].start_number;
    }
    load_end();
    scrap(jobs, 52);
}

/* ---- notify (C14) ----------------------------------------------------------- */

struct noted {
    crew_group *group;
    struct job *jobs;
    unsigned count;
    unsigned told;
};

static void free_all(crew_group *group, void *arg)
{
    struct noted *noted = arg;

    sim_check(group == noted->group);
    sim_check_equal(noted->told++, 0);
    for (unsigned i = 0; i < noted->count; i++) {
        sim_check_equal(noted->jobs[i].runs, 1);
        sim_check_equal(noted->jobs[i].dones, noted->jobs[i].task.done ? 1 : 0);
    }
    sim_check_equal(crew_group_destroy(group), 0);
    scrap(noted->jobs, noted->count);
}

static void notify_on(struct noted *noted, crew_inbox *inbox)
{
    sim_check_equal(crew_group_notify(noted->group, inbox, free_all, noted), 0);
}

/* Members with and without `done`, mixed. */
static void make_mixed(struct noted *noted)
{
    noted->jobs = jobs_make(noted->count + 1, false);
    for (unsigned i = 0; i < noted->count; i++) {
        job_init(&noted->jobs[i], sim_chance(2));
        noted->jobs[i].task.group = noted->group;
        noted->jobs[i].work = some_work();
    }
}

static void submit_mixed(struct noted *noted, unsigned from, unsigned to,
                         crew_inbox *inbox)
{
    for (unsigned i = from; i < to; i++) {
        struct job *job = &noted->jobs[i];

        sim_check_equal(job_submit(job, job->task.done ? inbox : NULL), 0);
    }
}

/* After the last submit, or before it, where the first member is held back
 * meanwhile; on the members' inbox or another. */
static void notify_comes_last(void *arg)
{
    struct noted noted = {.count = (unsigned)sim_random(8)};
    bool early = noted.count > 0 && sim_chance(2);
    struct loop loop;
    struct loop other;
    crew_inbox *inbox;

    (void)arg;
    mutex = (struct crew__lock){.word = {0}};
    load_begin(0, 8, 0);
    loop_begin(&loop);
    loop_begin(&other);
    inbox = sim_chance(2) ? loop.inbox : other.inbox;
    noted.group = make_group(false);
    make_mixed(&noted);
    if (early) {
        noted.jobs[0].body = wait_for_the_latch;
        crew__lock(&mutex);
        submit_mixed(&noted, 0, 1, loop.inbox);
        notify_on(&noted, inbox);
        sim_check_equal(crew_group_notify(noted.group, inbox, free_all, &noted),
                        -EBUSY);
        submit_mixed(&noted, 1, noted.count, loop.inbox);
        crew__unlock(&mutex);
    } else {
        submit_mixed(&noted, 0, noted.count, loop.inbox);
        notify_on(&noted, inbox);
    }
    loop_empty(&loop);
    loop_empty(&other);
    loop_empty(&loop);
    sim_check_equal(noted.told, 1);
    loop_end(&loop);
    loop_end(&other);
    load_end();
}

struct elsewhere {
    struct noted noted;
    crew_inbox *inbox;
    crew__a32 ready;
};

static void be_told_elsewhere(void *arg)
{
    struct elsewhere *elsewhere = arg;

    sim_check_equal(crew_inbox_create(&elsewhere->inbox, NULL), 0);
    crew__store_seq_cst(&elsewhere->ready, 1);
    crew__futex_wake(&elsewhere->ready, 1);
    while (elsewhere->noted.told == 0)
        sim_check(crew_inbox_wait(elsewhere->inbox, CREW_FOREVER) >= 0);
    sim_check_equal(crew_inbox_destroy(elsewhere->inbox), 0);
}

/* The notify's thread frees all while the last `done` is just returning on
 * another. */
static void notify_comes_elsewhere(void *arg)
{
    struct elsewhere elsewhere = {.noted.count = 1 + (unsigned)sim_random(4)};
    struct noted *noted = &elsewhere.noted;
    struct sim_thread *other;
    struct loop loop;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&loop);
    other = sim_spawn("elsewhere", be_told_elsewhere, &elsewhere);
    while (!crew__load_seq_cst(&elsewhere.ready))
        crew__futex_wait(&elsewhere.ready, 0, CREW__NEVER);
    noted->group = make_group(false);
    make_mixed(noted);
    submit_mixed(noted, 0, noted->count, loop.inbox);
    notify_on(noted, elsewhere.inbox);
    loop_empty(&loop);
    sim_join(other);
    sim_check_equal(noted->told, 1);
    loop_end(&loop);
    load_end();
}

/* ---- cancel (C5, C15) ------------------------------------------------------- */

static void check_counts_add_up(struct job *jobs, unsigned count,
                                bool all_noted)
{
    for (unsigned i = 0; i < count; i++) {
        job_check_ended(&jobs[i]);
        if (all_noted)
            sim_check_equal(jobs[i].dones, 1);
    }
}

static void cancel_group(void *arg)
{
    if (sim_chance(2))
        sim_work(some_work());
    sim_check_equal(crew_group_cancel(arg), 0);
}

static int poll_or_sleep(crew_self *self, struct job *job)
{
    int canceled;

    if (job->number % 2 == 0)
        return 0;
    canceled = crew_sleep(self, CREW_FOREVER);
    sim_check_equal(canceled, -ECANCELED);
    sim_check_equal(crew_self_canceled(self), -ECANCELED);
    return canceled;
}

static void a_cancel_ends_all(void *arg)
{
    unsigned count = 1 + (unsigned)sim_random(20);
    crew_group *group = make_group(false);
    struct job *jobs = make_members(count, group);
    struct sim_thread *canceler;

    (void)arg;
    load_begin(0, 8, 0);
    for (unsigned i = 0; i < count; i++) {
        jobs[i].number = i;
        jobs[i].body = poll_or_sleep;
    }
    canceler = sim_spawn("canceler", cancel_group, group);
    submit_members(jobs, count, ANYONE);
    wait_patiently(group);
    sim_join(canceler);
    check_counts_add_up(jobs, count, false);
    /* What comes later is not run. */
    sim_check_equal(job_submit(&jobs[0], NULL), 0);
    wait_patiently(group);
    sim_check_equal(jobs[0].task.status, -ECANCELED);
    sim_check_equal(jobs[0].runs, 0);
    load_check_counts();
    sim_check_equal(crew_group_destroy(group), 0);
    load_end();
    scrap(jobs, count);
}

static void an_error_stops_the_rest(void *arg)
{
    unsigned count = 100;
    crew_group *group = make_group(true);
    struct job *jobs = make_members(count, group);
    unsigned ran = 0;

    (void)arg;
    load_begin(0, 4, 0);
    jobs[3].result = -EIO;
    for (unsigned i = 0; i < count; i++) {
        jobs[i].work = CREW_MS;
        jobs[i].task.priority = CREW_NORMAL;
        sim_check_equal(job_submit(&jobs[i], NULL), 0);
    }
    wait_patiently(group);
    sim_check_equal(crew_group_error(group), -EIO);
    for (unsigned i = 0; i < count; i++)
        ran += jobs[i].runs;
    if (!sim_is_disturbed())
        sim_check(ran < count / 2);
    sim_check_equal(crew_group_destroy(group), 0);
    load_end();
    scrap(jobs, count);
}

/* ---- sleeps that end ------------------------------------------------------- */

static int sleep_long(crew_self *self, struct job *job)
{
    return crew_sleep(self, job->number ? CREW_MS : CREW_FOREVER);
}

static void cancel_one(void *arg)
{
    struct job *job = arg;
    int r;

    sim_work(some_work());
    r = job_cancel(job);
    sim_check(r == 0 || r == 1 || job->number);
}

static void a_cancel_ends_a_sleep(void *arg)
{
    struct job *job = jobs_make(1, false);
    struct sim_thread *canceler;

    (void)arg;
    load_begin(0, 4, 0);
    job->number = sim_chance(2);
    job->body = sleep_long;
    sim_check_equal(job_submit(job, NULL), 0);
    canceler = sim_spawn("canceler", cancel_one, job);
    sim_check_equal(job_wait(job, CREW_FOREVER), 0);
    sim_check(job->task.status == -ECANCELED ||
              (job->number && job->task.status == 0));
    sim_join(canceler);
    load_end();
    scrap(job, 1);
}

const struct scenario group_scenarios[] = {
    {.name = "group.wait",
     .main_fiber = waits_end_with_the_last,
     .seeds = 12000,
     .reaches = REACHES(GROUP_LAST_CLAIMED) | REACHES(WAITER_TOOK_BACK)},
    {.name = "group.waiters",
     .main_fiber = many_wait_for_one_group,
     .seeds = 24000},
    {.name = "group.shared",
     .main_fiber = members_join_while_others_wait,
     .seeds = 15000},
    {.name = "group.members",
     .main_fiber = waiting_workers_run_members,
     .reaches = REACHES(GROUP_POKED),
     .seeds = 13000},
    {.name = "group.lock",
     .main_fiber = a_lock_held_over_a_wait,
     .seeds = 19000,
     .reaches = REACHES(GROUP_MEMBER_RUN) | REACHES(RING_GIVEN_BACK)},
    {.name = "group.tail", .main_fiber = the_tail_goes_first, .seeds = 22000},
    {.name = "group.notify", .main_fiber = notify_comes_last, .seeds = 30000},
    {.name = "group.elsewhere",
     .main_fiber = notify_comes_elsewhere,
     .seeds = 20000},
    {.name = "group.cancel", .main_fiber = a_cancel_ends_all, .seeds = 27000},
    {.name = "group.error",
     .main_fiber = an_error_stops_the_rest,
     .seeds = 9300},
    {.name = "group.sleep",
     .main_fiber = a_cancel_ends_a_sleep,
     .seeds = 40000},
    {.name = NULL},
};
