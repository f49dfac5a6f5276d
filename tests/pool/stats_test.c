/*
 * The figures: sums over words that are set by hand, in a pool without threads;
 * and, in a pool with them, which tasks the histograms count, and with what.
 */
#include "pool/pool.h"

#include "support.h"

#include <crew/crew.h>

#include "base/tunables.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* ---- set by hand ---------------------------------------------------------- */

enum { WORKERS = 3 };

static crew_pool by_hand;
static struct crew__worker workers[WORKERS];

static void begin(void)
{
    memset(&by_hand, 0, sizeof by_hand);
    memset(workers, 0, sizeof workers);
    crew__queue_init(&by_hand.queue);
    by_hand.generation = crew__fork_generation(&by_hand.fork_word);
    by_hand.topology = crew__topology_create(0); /* of the throttling */
    by_hand.worker = workers;
    by_hand.workers = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        crew__queue_init(&workers[i].mailbox);
        crew__ring_init(&workers[i].ring);
    }
}

static void end(void)
{
    crew__topology_destroy((struct crew__topology *)by_hand.topology);
}

static void set_counts(struct crew__counts *counts, uint64_t base)
{
    crew__store_relaxed(&counts->done, base);
    crew__store_relaxed(&counts->canceled, base * 2);
    crew__store_relaxed(&counts->timed_out, base * 3);
    crew__store_relaxed(&counts->steals, base * 4);
}

CREW_TEST(figures_of_a_pool_are_sums_over_its_workers)
{
    static crew_task tasks[6];
    crew_pool_stats stats;

    begin();
    for (unsigned i = 0; i < WORKERS; i++) {
        set_counts(&workers[i].counts, UINT64_C(1) << (10 * i));
        crew__store_relaxed(&workers[i].running, i);
    }
    set_counts(&by_hand.swept, UINT64_C(1) << 40);
    crew__queue_push(&by_hand.queue, CREW__NORMAL, &tasks[0], &tasks[0]);
    crew__queue_push(&workers[2].mailbox, CREW__NORMAL, &tasks[1], &tasks[1]);
    crew__queue_push(&workers[2].mailbox, CREW__NORMAL, &tasks[2], &tasks[2]);
    for (unsigned i = 3; i < 6; i++)
        crew__ring_fill_owner(&workers[1].ring, &tasks[i]);
    by_hand.queue.accepted = 100;
    workers[0].mailbox.accepted = 1000;
    check_equal(crew_pool_get_stats(&by_hand, &stats, sizeof stats), 0);
    check_equal(stats.done, UINT64_C(0x10000100401));
    check_equal(stats.canceled, 2 * stats.done);
    check_equal(stats.timed_out, 3 * stats.done);
    check_equal(stats.steals, 4 * stats.done);
    check_equal(stats.waiting, 6);
    check_equal(stats.running, 3);
    check_equal(stats.submitted, 1103);
    end();
}

CREW_TEST(figures_are_cut_to_the_size_that_the_program_knows)
{
    /* What comes last is the kernel's, and may change meanwhile. */
    const size_t ours = offsetof(crew_pool_stats, throttled);
    crew_pool_stats whole;
    unsigned char part[sizeof whole + 8];

    begin();
    set_counts(&workers[1].counts, 7);
    check_equal(crew_pool_get_stats(&by_hand, &whole, sizeof whole), 0);
    for (size_t size = 1; size < sizeof part; size++) {
        memset(part, 0x77, sizeof part);
        check_equal(crew_pool_get_stats(&by_hand, (void *)part, size), 0);
        check(memcmp(part, &whole, size < ours ? size : ours) == 0);
        check_equal(part[size], 0x77);
    }
    check_equal(part[sizeof whole], 0x77); /* a newer program's fields */
    check_equal(crew_pool_get_stats(&by_hand, &whole, 0), -EINVAL);
    check_equal(crew_pool_get_stats(&by_hand, NULL, 8), -EINVAL);
    check_equal(crew_pool_get_stats(NULL, &whole, 8), -EINVAL);
    end();
}

CREW_TEST(a_worker_s_time_goes_on_in_the_state_that_it_is_in)
{
    struct crew__worker *worker = &workers[1];
    uint64_t long_ago = (uint64_t)(crew__clock_now() - 1) & ~UINT64_C(1);
    crew_worker_stats stats;

    begin();
    set_counts(&worker->counts, 9);
    for (unsigned busy = 0; busy < 2; busy++) {
        crew__store_relaxed(&worker->busy_ns, 1000);
        crew__store_relaxed(&worker->idle_ns, 2000);
        crew__store_relaxed(&worker->since, long_ago | busy);
        check_equal(
            crew_pool_get_worker_stats(&by_hand, 1, &stats, sizeof stats), 0);
        check_equal(busy ? stats.idle : stats.busy, busy ? 2000 : 1000);
        check(busy ? stats.busy > 1000 : stats.idle > 2000);
        check_equal(stats.tasks, 9);
        check_equal(stats.steals, 36);
    }
    memset(&stats, 0x77, sizeof stats);
    check_equal(crew_pool_get_worker_stats(&by_hand, 1, &stats, 8), 0);
    check_equal(stats.idle, INT64_C(0x7777777777777777));
    check_equal(crew_pool_get_worker_stats(&by_hand, 1, &stats, 0), -EINVAL);
    check_equal(crew_pool_get_worker_stats(&by_hand, 1, NULL, 8), -EINVAL);
    check_equal(crew_pool_get_worker_stats(&by_hand, 3, &stats, 8), -EINVAL);
    end();
}

CREW_TEST(buckets_are_four_to_each_power_of_two)
{
    static const crew_ns edges[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,
                                    10, 12, 14, 16, 20, 24, 28, 32, 40};

    for (unsigned i = 0; i < sizeof edges / sizeof edges[0]; i++)
        check_equal(crew_stats_bucket(i), edges[i]);
    check_equal(crew_stats_bucket(80), INT64_C(4) << 19);
    check_equal(crew_stats_bucket(247), INT64_C(7) << 60);
    check_equal(crew_stats_bucket(248), INT64_MAX);
    check_equal(crew_stats_bucket(UINT32_MAX), INT64_MAX);
}

/* ---- counted by workers --------------------------------------------------- */

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
