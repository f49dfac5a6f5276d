/* Which tasks the histograms count, and with what. */
#include "support.h"

#include <crew/crew.h>

#include "base/tunables.h"

#include <errno.h>
#include <string.h>

#define TASKS 640u

static crew_pool_stats stats;

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static int burn(crew_self *self, crew_task *task)
{
    (void)self;
    test_burn(*(int64_t *)task->data);
    return 0;
}

static uint64_t sum_from(const uint64_t *histogram, crew_ns least)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 256; i++) {
        if (crew_stats_bucket(i) >= least)
            sum += histogram[i];
    }
    return sum;
}

static crew_pool *create(bool measure_all)
{
    crew_pool_options options = {.workers = 2, .measure_all = measure_all};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

/* Runs them, and reads the figures. */
static void run_tasks(crew_pool *pool, const crew_task *like)
{
    static crew_task tasks[TASKS];

    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = *like;
        assert_int_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(crew_pool_get_stats(pool, &stats, sizeof stats), 0);
}

CREW_TEST(one_task_in_64_of_a_submitter_is_measured)
{
    crew_pool *pool = create(false);

    run_tasks(pool, &(crew_task){.run = nothing});
    check_equal(sum_from(stats.wait_histogram, 0), TASKS / CREW__SAMPLE_EVERY);
    check_equal(sum_from(stats.run_histogram, 0), TASKS / CREW__SAMPLE_EVERY);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_limit_in_time_changes_nothing_about_that)
{
    crew_pool *pool = create(false);

    run_tasks(pool, &(crew_task){.run = nothing,
                                 .queue_timeout = INT64_C(3600000000000),
                                 .run_timeout = INT64_C(3600000000000)});
    check_equal(stats.done, TASKS);
    check_equal(sum_from(stats.wait_histogram, 0), TASKS / CREW__SAMPLE_EVERY);
    check_equal(sum_from(stats.wait_histogram, INT64_C(3000000000000)), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(measure_all_measures_all)
{
    crew_pool *pool = create(true);

    run_tasks(pool, &(crew_task){.run = nothing});
    run_tasks(pool, &(crew_task){.run = nothing, .queue_timeout = INT64_MAX});
    check_equal(sum_from(stats.wait_histogram, 0), 2 * TASKS);
    check_equal(sum_from(stats.run_histogram, 0), 2 * TASKS);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(the_times_are_those_of_the_tasks)
{
    int64_t length = 2000000;
    crew_task first = {.run = burn, .data = &length};
    crew_task second = first;
    crew_task *both[] = {&first, &second};
    crew_pool_options options = {.workers = 1, .measure_all = true};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    assert_int_equal(crew_submit_many(pool, both, 2, NULL), 0);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(crew_pool_get_stats(pool, &stats, sizeof stats), 0);
    /* Edges are up to a quarter below what is counted there. */
    check_equal(sum_from(stats.run_histogram, length * 3 / 4), 2);
    check_at_least(sum_from(stats.wait_histogram, length / 2), 1);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_task_that_does_not_start_is_not_measured)
{
    int64_t length = 1000000;
    crew_task first = {.run = burn, .data = &length};
    crew_task late = {.run = nothing, .queue_timeout = 1};
    crew_pool_options options = {.workers = 1, .measure_all = true};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    assert_int_equal(crew_submit(pool, &first, NULL), 0);
    assert_int_equal(crew_submit(pool, &late, NULL), 0);
    assert_int_equal(crew_task_wait(&late, CREW_FOREVER), 0);
    check_equal(late.status, -ETIMEDOUT);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(crew_pool_get_stats(pool, &stats, sizeof stats), 0);
    check_equal(sum_from(stats.wait_histogram, 0), 1);
    check_equal(sum_from(stats.run_histogram, 0), 1);
    assert_int_equal(crew_pool_destroy(pool), 0);
}
