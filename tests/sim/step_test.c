/*
 * Stop and destroy at every step of what others do: one run tells how many
 * steps that has; then the end comes before each of them, or before every
 * second, ..., beginning anywhere.
 */
#include "job.h"

#include "base/census.h"

#define COUNT      10u
#define MOST_STEPS 150u

/* What an act works with. */
struct stage {
    crew_inbox *inbox;
    crew_group *group;
    struct job *noted; /* COUNT */
    struct job *quiet; /* COUNT, members of the group */
    struct job *inner; /* 2 * COUNT, for tasks to submit */
    unsigned accepted; /* of noted and inner ones with `done` */
};

struct act {
    void (*play)(struct stage *);           /* from outside, while it is
                                                    stopped */
    int (*body)(crew_self *, struct job *); /* of the noted ones, while
                                                    it is destroyed */
    size_t limit;
};

static const struct act *the_act;
static struct stage stage;
static uint64_t end_step; /* counted from the first of the act */
static uint64_t act_steps;

/* Whether a submit was let in. */
static bool is_in(int r)
{
    sim_check(r == 0 || r == -ESHUTDOWN);
    return r == 0;
}

static bool submit_noted(struct job *job)
{
    bool in = is_in(job_submit(job, stage.inbox));

    stage.accepted += in;
    return in;
}

/* ---- what tasks do ----------------------------------------------------------- */

static struct job *inner_of(const struct job *job)
{
    return &stage.inner[2 * (job->number % COUNT)];
}

static int do_refuse(crew_self *self, struct job *job)
{
    (void)job;
    sim_check_equal(crew_pool_destroy(crew_self_pool(self)), -EDEADLK);
    sim_check_equal(crew_pool_stop(crew_self_pool(self), 0), -EDEADLK);
    sim_check_equal(crew_pool_drain(crew_self_pool(self), 0), -EDEADLK);
    return 0;
}

static int do_sleep(crew_self *self, struct job *job)
{
    int r = crew_sleep(self, job->number % 2 ? CREW_MS : CREW_FOREVER);

    sim_check(r == -ECANCELED || (r == 0 && job->number % 2));
    return 0;
}

static int do_submit(crew_self *self, struct job *job)
{
    struct job *one = inner_of(job);

    job_init(one, true);
    if (!submit_noted(one))
        sim_check_equal(crew_self_canceled(self), -ECANCELED);
    return 0;
}

static int do_wait_for_task(crew_self *self, struct job *job)
{
    struct job *one = inner_of(job);

    (void)self;
    if (is_in(job_submit(one, NULL)))
        sim_check_equal(job_wait(one, CREW_FOREVER), 0);
    return 0;
}

static int do_wait_for_group(crew_self *self, struct job *job)
{
    crew_group *group;

    (void)self;
    sim_check_equal(crew_group_create(&group, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        inner_of(job)[i].task.group = group;
        is_in(job_submit(&inner_of(job)[i], NULL));
    }
    sim_check_equal(job_wait_group(group, CREW_FOREVER), 0);
    sim_check_equal(crew_group_destroy(group), 0);
    return 0;
}

static void count_call(crew_self *self, void *arg)
{
    (void)self;
    ++*(unsigned *)arg;
}

static unsigned calls_come;

static int do_call(crew_self *self, struct job *job)
{
    (void)job;
    is_in(crew_pool_call(crew_self_pool(self), count_call, &calls_come));
    return 0;
}

static int do_cancel(crew_self *self, struct job *job)
{
    struct job *one = inner_of(job);

    (void)self;
    job_init(one, true);
    if (submit_noted(one))
        job_cancel(one);
    return 0;
}

static int do_send(crew_self *self, struct job *job)
{
    (void)self;
    if (is_in(job_submit_to(inner_of(job), job->number % load.workers, NULL)))
        job_cancel(inner_of(job));
    return 0;
}

/* ---- what threads from outside do --------------------------------------------- */

static void play_once(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++)
        submit_noted(&s->noted[i]);
}

static void play_in_every_way(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        struct job *job = &s->noted[i];
        int r;

        if (i % 4 == 0)
            r = job_submit_to(job, i % load.workers, s->inbox);
        else if (i % 4 == 1)
            r = jobs_submit_many(&job, 1, s->inbox);
        else if (i % 4 == 2)
            r = jobs_submit_each(&job, 1, s->inbox);
        else
            r = job_submit(job, s->inbox);
        s->accepted += is_in(r);
        if (i % 3 == 0)
            sim_work(10 * CREW_US);
    }
}

static void play_many(struct stage *s)
{
    struct job *all[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        all[i] = &s->noted[i];
        all[i]->task.priority = (crew_priority)(i % 3);
    }
    if (is_in(jobs_submit_many(all, COUNT, s->inbox)))
        s->accepted += COUNT;
}

static void play_group(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        s->quiet[i].body = do_wait_for_group;
        is_in(job_submit(&s->quiet[i], NULL));
    }
    sim_check_equal(job_wait_group(s->group, CREW_FOREVER), 0);
}

static void play_waits(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        s->quiet[i].body = i % 2 ? do_sleep : do_wait_for_task;
        if (is_in(job_submit(&s->quiet[i], NULL)))
            job_wait(&s->quiet[i], i % 3 ? CREW_US : 2 * CREW_MS);
    }
    sim_check_equal(job_wait_group(s->group, CREW_FOREVER), 0);
}

static void note(crew_pool *pool, void *arg)
{
    (void)pool;
    *(bool *)arg = true;
}

static void play_room(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        int r;

        s->noted[i].work = 10 * CREW_US;
        while ((r = job_submit(&s->noted[i], s->inbox)) == -EAGAIN) {
            bool told = false;

            if (!is_in(crew_pool_on_room(load.pool, s->inbox, note, &told)))
                break;
            while (!told)
                sim_check(crew_inbox_wait(s->inbox, CREW_FOREVER) > 0);
        }
        s->accepted += r == 0;
    }
}

static void play_limits(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        s->noted[i].task.queue_timeout = 1 + (crew_ns)i * 10 * CREW_US;
        s->noted[i].task.run_timeout = 1 + (crew_ns)i * CREW_MS;
        s->noted[i].work = 20 * CREW_US;
        submit_noted(&s->noted[i]);
    }
}

static void play_calls(struct stage *s)
{
    (void)s;
    for (unsigned i = 0; i < COUNT; i++)
        is_in(crew_pool_call(load.pool, count_call, &calls_come));
}

static void play_cancel(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        s->noted[i].task.group = s->group;
        if (submit_noted(&s->noted[i]) && i % 2)
            job_cancel(&s->noted[i]);
    }
    crew_group_cancel(s->group);
}

static void be_notified(crew_group *group, void *arg)
{
    sim_check_equal(crew_group_pending(group), 0);
    *(bool *)arg = true;
}

static void play_notify(struct stage *s)
{
    bool told = false;

    for (unsigned i = 0; i < COUNT; i++) {
        s->noted[i].task.group = s->group;
        submit_noted(&s->noted[i]);
    }
    sim_check_equal(crew_group_notify(s->group, s->inbox, be_notified, &told),
                    0);
    while (!told)
        sim_check(crew_inbox_wait(s->inbox, CREW_FOREVER) > 0);
}

static void play_drain(struct stage *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        s->quiet[i].work = 5 * CREW_US;
        is_in(job_submit(&s->quiet[i], NULL));
        if (i % 4 == 3)
            sim_check_equal(crew_pool_drain(load.pool, CREW_FOREVER), 0);
    }
}

/* ---- the stage ------------------------------------------------------------------ */

static void open_stage(void)
{
    memset(&stage, 0, sizeof stage);
    load_begin(0, 4, the_act->limit);
    sim_check_equal(crew_inbox_create(&stage.inbox, NULL), 0);
    sim_check_equal(crew_group_create(&stage.group, NULL), 0);
    stage.noted = jobs_make(COUNT, true);
    stage.quiet = jobs_make(COUNT, false);
    stage.inner = jobs_make(2 * COUNT, false);
    for (unsigned i = 0; i < COUNT; i++) {
        stage.noted[i].body = the_act->body;
        stage.quiet[i].task.group = stage.group;
    }
}

/* The pool is gone: every end has been told or is in the inbox. */
static void close_stage(void)
{
    while (crew_inbox_dispatch(stage.inbox, 0) > 0)
        ;
    sim_check_equal(load.ended, stage.accepted);
    sim_check_equal(crew_inbox_pending(stage.inbox), 0);
    sim_check_equal(crew_group_pending(stage.group), 0);
    sim_check_equal(crew_group_destroy(stage.group), 0);
    sim_check_equal(crew_inbox_destroy(stage.inbox), 0);
    jobs_free(stage.noted);
    jobs_free(stage.quiet);
    jobs_free(stage.inner);
}

static void stop_it(void *arg)
{
    int r;

    (void)arg;
    sim_wait_step(end_step);
    while ((r = load_stop(sim_chance(2) ? CREW_FOREVER : CREW_US)) < 0) {
        sim_check_equal(r, -ETIMEDOUT);
        sim_work(CREW_US);
    }
}

static void play_it(void *arg)
{
    (void)arg;
    the_act->play(&stage);
}

static void be_stopped(void *arg)
{
    struct sim_thread *player;
    struct sim_thread *stopper;
    uint64_t begin;

    (void)arg;
    open_stage();
    begin = sim_steps();
    end_step += begin;
    stopper = sim_spawn("stopper", stop_it, NULL);
    player = sim_spawn("player", play_it, NULL);
    sim_join(player);
    act_steps = sim_steps() - begin;
    sim_join(stopper);
    load_check_counts();
    sim_check_equal(crew_submit(load.pool, &stage.inner[0].task, NULL),
                    -ESHUTDOWN);
    load_end();
    close_stage();
}

/* No other thread may be inside a call, so tasks do it all. */
static void be_destroyed(void *arg)
{
    uint64_t begin;

    (void)arg;
    open_stage();
    begin = sim_steps();
    for (unsigned i = 0; i < 4; i++)
        submit_noted(&stage.noted[i]);
    sim_wait_step(begin + end_step);
    load_end();
    act_steps = sim_steps() - begin;
    close_stage();
}

static void sweep(uint64_t seed, void (*main_fiber)(void *))
{
    struct sim_options options = watched(NULL, seed);
    uint64_t stride;
    uint64_t steps;

    end_step = UINT64_C(1) << 40;
    self_check(sim_run(seed, &options, main_fiber, NULL) == SIM_OK);
    steps = act_steps;
    stride = 1 + steps / MOST_STEPS;
    for (uint64_t at = seed % stride; at < steps; at += stride) {
        end_step = at;
        self_check(sim_run(seed, &options, main_fiber, NULL) == SIM_OK);
        self_check(crew__census_live(1) == 0);
    }
}

static const struct act stops[] = {
    {.play = play_once},
    {.play = play_once, .body = do_sleep},
    {.play = play_once, .body = do_submit},
    {.play = play_in_every_way, .body = do_wait_for_task},
    {.play = play_many, .body = do_cancel},
    {.play = play_group},
    {.play = play_waits},
    {.play = play_room, .limit = 2},
    {.play = play_limits},
    {.play = play_calls},
    {.play = play_cancel, .body = do_send},
    {.play = play_notify, .body = do_refuse},
    {.play = play_drain},
};

static const struct act destroys[] = {
    {.body = do_refuse},
    {.body = do_sleep},
    {.body = do_submit},
    {.body = do_wait_for_task},
    {.body = do_wait_for_group},
    {.body = do_call},
    {.body = do_cancel},
    {.body = do_send},
    {.body = NULL},
};

static void stop_at_every_step(uint64_t seed)
{
    the_act = &stops[seed % (sizeof stops / sizeof stops[0])];
    sweep(seed, be_stopped);
}

static void destroy_at_every_step(uint64_t seed)
{
    the_act = &destroys[seed % (sizeof destroys / sizeof destroys[0])];
    sweep(seed, be_destroyed);
}

const struct scenario step_scenarios[] = {
    {.name = "step.stop",
     .whole = stop_at_every_step,
     .seeds = 300,
     .reaches = REACHES(LATE_SWEEP)},
    {.name = "step.destroy", .whole = destroy_at_every_step, .seeds = 360},
    {.name = NULL},
};
