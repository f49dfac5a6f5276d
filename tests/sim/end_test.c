/*
 * The end of a pool: drain, stop and destroy at any moment of what others do.
 */
#include "job.h"

#include "base/fault.h"

/* ---- drain (E1) ---------------------------------------------------------------- */

/* A drain that was called after them has told the end of tasks without
 * `done`; they are freed at once. Completions have been posted. */
static void submit_drain_free(void *arg)
{
    unsigned count = 1 + (unsigned)sim_random(8);
    struct job *quiet = jobs_make(count, false);
    struct job *noted = jobs_make(count, true);
    struct loop loop;
    int r;

    (void)arg;
    loop_begin(&loop);
    loop.max = 0;
    for (unsigned i = 0; i < count; i++) {
        quiet[i].work = (crew_ns)sim_random(CREW_MS);
        if (sim_chance(2))
            sim_check_equal(job_submit(&quiet[i], NULL), 0);
        else
            sim_check_equal(job_submit_to(&quiet[i], i % load.workers, NULL),
                            0);
        sim_check_equal(job_submit(&noted[i], loop.inbox), 0);
    }
    do {
        crew_ns limit = sim_chance(2) ? CREW_FOREVER
                                      : (crew_ns)sim_random(CREW_MS);
        crew_ns begin = sim_time();

        r = crew_pool_drain(load.pool, limit);
        if (r < 0) {
            sim_check_equal(r, -ETIMEDOUT);
            sim_check(limit >= 0 && sim_time() - begin >= limit);
            sim_work(CREW_US);
        }
    } while (r < 0);
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(quiet[i].runs, 1);
    jobs_free(quiet);
    crew_inbox_dispatch(loop.inbox, 0);
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(noted[i].dones, 1);
    loop_end(&loop);
    jobs_free(noted);
}

static void drains_see_the_moment(void *arg)
{
    struct sim_thread *threads[3];

    (void)arg;
    load_begin(0, 8, 0);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = sim_spawn("drainer", submit_drain_free, NULL);
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    load_check_counts();
    load_end();
}

/* ---- destroy (E2, E3, E4, NG9) -------------------------------------------------- */

static crew_inbox *end_inbox;
static unsigned accepted;

/* Submits until it is refused; from a running task that is defined. */
static int submit_more(crew_self *self, struct job *job)
{
    sim_check_equal(crew_pool_destroy(crew_self_pool(self)), -EDEADLK);
    sim_check_equal(crew_pool_stop(crew_self_pool(self), 0), -EDEADLK);
    sim_check_equal(crew_pool_drain(crew_self_pool(self), 0), -EDEADLK);
    for (unsigned i = 0; i < 5; i++) {
        struct job *more = (struct job *)job->data + i;
        int r = job_submit(more, end_inbox);

        sim_check(r == 0 || r == -ESHUTDOWN);
        accepted += r == 0;
        if (r < 0)
            sim_check_equal(crew_self_canceled(self), -ECANCELED);
        sim_work((crew_ns)sim_random(100 * CREW_US));
    }
    return 0;
}

static void every_end_is_told(void *arg)
{
    unsigned count = 2 + (unsigned)sim_random(30);
    struct job *jobs = jobs_make(count, true);
    struct job *more = jobs_make(10, true);
    unsigned ended = 0;
    struct loop loop;

    (void)arg;
    accepted = 0;
    load_begin(0, 8, 0);
    loop_begin(&loop);
    end_inbox = loop.inbox;
    for (unsigned i = 0; i < count; i++) {
        jobs[i].work = CREW_MS;
        jobs[i].data = &more[5 * i];
        jobs[i].body = i < 2 ? submit_more : NULL;
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    }
    sim_work((crew_ns)sim_random(3 * CREW_MS));
    load_end();
    /* All have been posted. */
    loop.max = 0;
    while (crew_inbox_dispatch(loop.inbox, 0) > 0)
        ;
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(jobs[i].dones, 1);
    for (unsigned i = 0; i < 10; i++)
        ended += more[i].dones;
    sim_check_equal(ended, accepted);
    loop_end(&loop);
    jobs_free(jobs);
    jobs_free(more);
}

/* ---- hooks, refused threads, failing memory (E7, E8) ------------------------------ */

static unsigned hooks;

static int start_hook(crew_self *self, void *arg)
{
    hooks++;
    crew_self_set_data(self, arg);
    return arg && crew_self_index(self) == *(unsigned *)arg ? -EIO : 0;
}

static void stop_hook(crew_self *self, void *arg)
{
    sim_check(crew_self_data(self) == arg);
    hooks--;
}

static void a_hook_that_fails(void *arg)
{
    unsigned failing = (unsigned)sim_random(5);
    crew_pool_options options = {.workers = 4,
                                 .on_worker_start = start_hook,
                                 .on_worker_stop = stop_hook,
                                 .arg = &failing};
    crew_pool *pool = NULL;
    int r;

    (void)arg;
    hooks = 0;
    r = crew_pool_create(&pool, &options);
    sim_check_equal(r, failing < 4 ? -EIO : 0);
    sim_check(r == 0 || pool == NULL);
    sim_check_equal(crew_pool_destroy(pool), 0);
    /* The stop hook comes where the start hook succeeded. */
    sim_check_equal(hooks, failing < 4 ? 1 : 0);
}

static void be_told(crew_pool *pool, void *arg)
{
    sim_check(pool == load.pool);
    *(unsigned *)arg = 1;
}

static void be_called(crew_self *self, void *arg)
{
    void *scratch = crew_self_scratch(self, 100000);

    if (scratch)
        memset(scratch, 0x5a, 100000);
    *(unsigned *)arg = 10;
}

static void use_what_there_is(const crew_pool_options *options)
{
    struct job *job = jobs_make(1, true);
    crew_inbox *inbox = NULL;
    crew_group *group = NULL;
    unsigned told = 0;
    int r = crew_inbox_create(&inbox, NULL);

    watch_begin();
    if (r == 0)
        r = crew_group_create(&group, NULL);
    if (r == 0)
        r = crew_pool_create(&load.pool, options);
    if (r == 0) {
        load.workers = crew_pool_workers(load.pool);
        job->task.group = group;
        sim_check_equal(job_submit(job, inbox), 0); /* needs no memory */
        sim_check(crew_inbox_wait(inbox, CREW_FOREVER) == 1);
        r = crew_pool_on_room(load.pool, inbox, be_told, &told);
        sim_check(r == 0 || r == -ENOMEM);
        sim_check_equal(crew_inbox_dispatch(inbox, 0), r == 0);
        sim_check_equal(told, r == 0);
        r = crew_pool_call(load.pool, be_called, &told);
        sim_check(r == 0 || r == -ENOMEM);
        sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
        sim_check_equal(told, r == 0 ? 10 : told);
        r = crew_inbox_call(inbox, (void (*)(void *))free, NULL);
        sim_check(r == 0 || r == -ENOMEM);
        if (r == 0)
            sim_check_equal(crew_inbox_dispatch(inbox, 0), 1);
    }
    sim_check(r == 0 || r == -ENOMEM || r == -EAGAIN || r == -EMFILE);
    load_end();
    sim_check_equal(crew_group_destroy(group), 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
    jobs_free(job);
}

static void what_fails_leaves_nothing(void *arg)
{
    crew_pool_options options = {
        .workers = 3, .allow_fewer = sim_chance(2), .idle = CREW_IDLE_POWER};
    unsigned nth;

    (void)arg;
    nth = 1 + (unsigned)sim_random(40);
    crew__fault_arm(nth, sim_chance(2));
    use_what_there_is(&options);
    crew__fault_arm(0, false);
    use_what_there_is(&options); /* and now it works */
}

/* ---- again and again (T15, T7) --------------------------------------------------- */

static void destroy_pool(struct job *job)
{
    sim_check_equal(crew_pool_destroy(job->data), 0);
    load.pool = NULL;
}

static void done_destroys_the_pool(void *arg)
{
    struct job *jobs = jobs_make(5, true);
    struct loop loop;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&loop);
    load.closing = true;
    for (unsigned i = 0; i < 5; i++) {
        jobs[i].work = (crew_ns)sim_random(CREW_MS);
        sim_check_equal(job_submit(&jobs[i], loop.inbox), 0);
    }
    jobs[sim_random(5)].then = NULL;
    jobs[0].then = destroy_pool;
    jobs[0].data = load.pool;
    loop_empty(&loop);
    for (unsigned i = 0; i < 5; i++)
        sim_check_equal(jobs[i].dones, 1);
    loop_end(&loop);
    jobs_free(jobs);
}

static void live_shortly(void *arg)
{
    crew_pool_options options = {.workers = load_some_workers(4)};
    crew_task task = {.run = NULL};
    crew_pool *pool;

    (void)arg;
    (void)task;
    for (unsigned i = 0; i < 3; i++) {
        sim_check_equal(crew_pool_create(&pool, &options), 0);
        if (sim_chance(2))
            sim_check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
        if (sim_chance(4))
            sim_check_equal(crew_pool_stop(pool, CREW_FOREVER), 0);
        sim_check_equal(crew_pool_destroy(pool), 0);
    }
}

static void pools_come_and_go(void *arg)
{
    struct sim_thread *other = sim_spawn("other", live_shortly, NULL);

    (void)arg;
    live_shortly(NULL);
    sim_join(other);
}

const struct scenario end_scenarios[] = {
    {.name = "end.drain",
     .main_fiber = drains_see_the_moment,
     .seeds = 10000,
     .reaches = REACHES(DRAIN_SEEN)},
    {.name = "end.destroy", .main_fiber = every_end_is_told, .seeds = 30000},
    {.name = "end.hook", .main_fiber = a_hook_that_fails, .seeds = 40000},
    {.name = "end.faults",
     .main_fiber = what_fails_leaves_nothing,
     .seeds = 10000},
    {.name = "end.done", .main_fiber = done_destroys_the_pool, .seeds = 32000},
    {.name = "end.again", .main_fiber = pools_come_and_go, .seeds = 10000},
    {.name = NULL},
};
