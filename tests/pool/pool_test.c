/*
 * Creating and destroying: what options are refused and what becomes of the
 * rest.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

/* ---- options -------------------------------------------------------------- */

static void expect_refused(const char *what, crew_pool_options options)
{
    crew_pool *pool = NULL;
    int r = crew_pool_create(&pool, &options);

    if (!check_equal(r, -EINVAL) || !check(pool == NULL))
        printf("%s\n", what);
    if (r == 0)
        crew_pool_destroy(pool);
}

CREW_TEST(options_that_cannot_be_are_refused)
{
    static const struct {
        const char *what;
        crew_pool_options options;
    } bad[] = {
        {"workers", {.workers = CREW__WORKERS_MAX + 1}},
        {"workers", {.workers = UINT32_MAX}},
        {"placement", {.placement = (crew_placement)3}},
        {"placement", {.placement = (crew_placement)-1}},
        {"idle", {.idle = (crew_idle)3}},
        {"idle", {.idle = (crew_idle)-1}},
        {"guests", {.guests = CREW__WORKERS_MAX + 1}},
        {"stack", {.stack_size = 1}},
        {"an empty list", {.placement_list = ""}},
        {"list and none",
         {.placement_list = "0", .placement = CREW_PLACE_NONE}},
        {"a list that is too short", {.placement_list = "0", .workers = 2}},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(bad[i].what, bad[i].options);
    for (unsigned i = 0; i < 8; i++) {
        crew_pool_options options = {.workers = 1};

        options.reserved[i] = (uintptr_t)1 << (7 * i);
        expect_refused("reserved", options);
    }
    expect_refused(
        "a stack one byte too small",
        (crew_pool_options){.stack_size = crew__thread_stack_min() - 1});
    check_equal(crew_pool_create(NULL, NULL), -EINVAL);
}

static crew_pool *make(crew_pool_options options)
{
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

CREW_TEST(zero_options_are_the_defaults)
{
    crew_pool *pools[2] = {NULL, make((crew_pool_options){.workers = 0})};

    assert_int_equal(crew_pool_create(&pools[0], NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        crew_pool *pool = pools[i];

        check_at_least(pool->workers, 1);
        check_equal(pool->workers, pools[0]->workers);
        check_equal(crew_pool_workers(pool), pool->workers);
        check_equal(crew_pool_slots(pool), pool->workers + CREW__GUESTS);
        check_equal(pool->limit, 0);
        check_equal(pool->spin, CREW__SPIN_BALANCED);
        check(strcmp(pool->name, "crew") == 0);
    }
    check_equal(crew_pool_destroy(pools[0]), 0);
    check_equal(crew_pool_destroy(pools[1]), 0);
}

CREW_TEST(each_idle_has_its_time_to_look)
{
    static const struct {
        crew_idle idle;
        unsigned spin;
    } idles[] = {
        {CREW_IDLE_BALANCED, CREW__SPIN_BALANCED},
        {CREW_IDLE_LATENCY, CREW__SPIN_LATENCY},
        {CREW_IDLE_POWER, 0},
    };

    for (unsigned i = 0; i < 3; i++) {
        crew_pool *pool = make(
            (crew_pool_options){.workers = 1, .idle = idles[i].idle});

        check_equal(pool->spin, idles[i].spin);
        check_equal(crew_pool_destroy(pool), 0);
    }
}

CREW_TEST(options_are_copied)
{
    char name[] = "a name of more than thirty-one bytes";
    crew_pool_options options = {
        .workers = 1, .guests = 1024, .queue_limit = 7, .name = name};
    crew_pool *pool = make(options);

    memset(name, 'x', sizeof name - 1);
    memset(&options, 0xee, sizeof options);
    check(strcmp(pool->name, "a name of more than thirty-one ") == 0);
    check_equal(pool->limit, 7);
    check_equal(crew_pool_slots(pool), 1 + 1024);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- workers -------------------------------------------------------------- */

static void expect_victims(const crew_pool *pool, unsigned index)
{
    bool seen[8] = {false};

    for (unsigned i = 0; i + 1 < pool->workers; i++) {
        unsigned victim = pool->worker[index].victims[i];

        check(victim < pool->workers && victim != index && !seen[victim]);
        seen[victim] = true;
    }
}

CREW_TEST(a_pool_that_is_created_has_all_its_workers_started)
{
    crew_pool *pool = make((crew_pool_options){
        .workers = 5, .placement = CREW_PLACE_NONE, .name = "five"});

    check_equal(pool->workers, 5);
    check_equal(pool->wanted, 5);
    check_equal(pool->started, 5);
    check(pool->attendant == NULL);
    check_equal(crew__load_acquire(&pool->go), CREW__GO_WORK);
    for (unsigned i = 0; i < 5; i++) {
        struct crew__worker *worker = &pool->worker[i];

        check(worker->pool == pool);
        check_equal(worker->index, i);
        check_equal(worker->cpu, -1);
        check(crew__load_relaxed(&worker->tid) != 0);
        expect_victims(pool, i);
    }
    check(!crew__pool_is_forked(pool));
    check_equal(crew_pool_destroy(pool), 0);
}

struct hooks {
    crew__a32 starts, stops;
    unsigned failing; /* the number of the worker whose start fails */
};

static int count_start(crew_self *self, void *arg)
{
    struct hooks *hooks = arg;

    crew__add_relaxed(&hooks->starts, 1);
    return crew_self_index(self) == hooks->failing ? -ENOSPC : 0;
}

static void count_stop(crew_self *self, void *arg)
{
    struct hooks *hooks = arg;

    check(crew_self_index(self) != hooks->failing);
    crew__add_relaxed(&hooks->stops, 1);
}

CREW_TEST(one_start_that_fails_takes_the_whole_pool_down)
{
    for (unsigned failing = 0; failing < 4; failing++) {
        struct hooks hooks = {.failing = failing};
        crew_pool_options options = {.workers = 3,
                                     .on_worker_start = count_start,
                                     .on_worker_stop = count_stop,
                                     .arg = &hooks};
        crew_pool *pool = NULL;
        bool fails = failing < 3;

        check_equal(crew_pool_create(&pool, &options), fails ? -ENOSPC : 0);
        check_equal(pool == NULL, fails);
        check_equal(crew__load_relaxed(&hooks.starts), 3);
        check_equal(crew_pool_destroy(pool), 0);
        check_equal(crew__load_relaxed(&hooks.stops), fails ? 2 : 3);
    }
}

/* ---- the end -------------------------------------------------------------- */

CREW_TEST(a_pool_that_runs_is_destroyed_as_is_one_that_has_stopped)
{
    for (unsigned stops = 0; stops < 3; stops++) {
        crew_pool *pool = make((crew_pool_options){.workers = 2});
        crew_task task = {.run = return_zero};

        check_equal(crew_submit(pool, &task, NULL), 0);
        for (unsigned i = 0; i < stops; i++)
            check_equal(crew_pool_stop(pool, LONG_WAIT), 0);
        check_equal(crew_pool_destroy(pool), 0);
        check_equal(crew_task_wait(&task, 0), 0);
        check(task.status == 0 || task.status == -ECANCELED);
        check_equal(task.status == 0, crew_task_ran(&task));
    }
}

CREW_TEST(no_pool_has_no_workers)
{
    check_equal(crew_pool_workers(NULL), 0);
    check_equal(crew_pool_slots(NULL), 0);
    check_equal(crew_pool_destroy(NULL), 0);
}
