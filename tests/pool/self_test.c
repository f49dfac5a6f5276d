/*
 * What running code may ask through its self; and on_room, crew_pool_call,
 * statistics and description at their edges.
 */
#include "base/mark.h"
#include "base/tunables.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static crew_pool *make_pool(unsigned workers, size_t limit)
{
    crew_pool_options options = {.workers = workers, .queue_limit = limit};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

static crew_inbox *make_inbox(void)
{
    crew_inbox *inbox = NULL;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    return inbox;
}

static int run_one(crew_pool *pool, int (*run)(crew_self *, crew_task *),
                   void *data)
{
    crew_task task = {.run = run, .data = data};

    assert_int_equal(crew_submit(pool, &task, NULL), 0);
    assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    return task.status;
}

/* ---- scratch -------------------------------------------------------------- */

static int fill_scratch(crew_self *self, crew_task *task)
{
    unsigned char *blocks[200];
    size_t sizes[200];

    (void)task;
    for (unsigned i = 0; i < 200; i++) {
        sizes[i] = i % 17 * 97 + (i % 50 == 0 ? 100000 : 0);
        blocks[i] = crew_self_scratch(self, sizes[i]);
        if (!check(blocks[i] != NULL))
            return 1;
        check_equal((uintptr_t)blocks[i] % 64, 0);
        memset(blocks[i], (int)i, sizes[i]);
    }
    for (unsigned i = 0; i < 200; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            check_equal(blocks[i][k], i);
    }
    return 0;
}

/* Its own survives what the tasks that it waits for take. */
static int fill_around_a_wait(crew_self *self, crew_task *task)
{
    crew_task below = {.run = fill_scratch};
    unsigned char *mine = crew_self_scratch(self, 3000);
    unsigned char *more;

    (void)task;
    memset(mine, 0xa5, 3000);
    check_equal(crew_submit(crew_self_pool(self), &below, NULL), 0);
    check_equal(crew_task_wait(&below, CREW_FOREVER), 0);
    more = crew_self_scratch(self, 3000);
    memset(more, 0x5a, 3000);
    for (unsigned i = 0; i < 3000; i++)
        check_equal(mine[i], 0xa5);
    return 0;
}

static int ask_too_much(crew_self *self, crew_task *task)
{
    (void)task;
    check(crew_self_scratch(self, SIZE_MAX) == NULL);
    check(crew_self_scratch(self, SIZE_MAX / 2 + 1) == NULL);
    check(crew_self_scratch(self, 0) != NULL);
    return 0;
}

CREW_TEST(scratch_stacks_and_lives_as_long_as_the_task)
{
    crew_pool *pool = make_pool(1, 0);

    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(run_one(pool, fill_scratch, NULL), 0);
        assert_int_equal(run_one(pool, fill_around_a_wait, NULL), 0);
    }
    assert_int_equal(run_one(pool, ask_too_much, NULL), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- a self of another thread --------------------------------------------- */

static void *use_as_stranger(void *arg)
{
    crew_self *self = arg;

    check(crew_self_scratch(self, 10) == NULL);
    check_equal(crew_self_unpin(self), -EINVAL);
    check_equal(crew_self_repin(self), -EINVAL);
    check_equal(crew_sleep(self, 0), -EINVAL);
    check_equal(crew_self_canceled(self), 0);
    check_equal(crew_self_fail(self, -EIO, "text"), -EIO);
    check_equal(crew_self_fail(self, -EPERM, NULL), -EPERM);
    check_equal(crew_self_fail(self, 0, NULL), -EINVAL);
    check_equal(crew_self_canceled(self), -EIO);
    return NULL;
}

static int lend_self(crew_self *self, crew_task *task)
{
    pthread_t thread;

    (void)task;
    check_equal(pthread_create(&thread, NULL, use_as_stranger, self), 0);
    pthread_join(thread, NULL);
    check_equal(crew_self_canceled(self), -EIO);
    return 5; /* the first failure wins */
}

CREW_TEST(a_self_on_another_thread)
{
    crew_pool *pool = make_pool(1, 0);

    assert_int_equal(run_one(pool, lend_self, NULL), -EIO);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

static int set_data(crew_self *self, void *arg)
{
    check(crew_self_data(self) == NULL);
    crew_self_set_data(self, (char *)arg + crew_self_index(self));
    return 0;
}

static int check_data(crew_self *self, crew_task *task)
{
    check(crew_self_data(self) == (char *)task->data + crew_self_index(self));
    return (int)crew_self_index(self);
}

CREW_TEST(data_of_each_worker)
{
    char bytes[3];
    crew_pool_options options = {
        .workers = 3, .on_worker_start = set_data, .arg = bytes};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    for (unsigned i = 0; i < 3; i++) {
        crew_task task = {.run = check_data, .data = bytes};

        assert_int_equal(crew_submit_to(pool, i, &task, NULL), 0);
        assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
        assert_int_equal(task.status, i);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- room ----------------------------------------------------------------- */

static void count_room(crew_pool *pool, void *arg)
{
    (void)pool;
    ++*(unsigned *)arg;
}

CREW_TEST(room_is_replaced_withdrawn_and_keeps_run_going)
{
    crew_pool *pool = make_pool(1, 1);
    crew_inbox *inbox = make_inbox();
    unsigned first = 0;
    unsigned second = 0;

    assert_int_equal(crew_pool_on_room(pool, inbox, count_room, &first), 0);
    assert_int_equal(crew_pool_on_room(pool, inbox, count_room, &second), 0);
    assert_int_equal(crew_inbox_pending(inbox), 0);
    assert_int_equal(first + second, 0); /* never from inside the call */
    assert_int_equal(crew_inbox_run(inbox), 1);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    assert_int_equal(crew_pool_on_room(pool, inbox, count_room, &first), 0);
    assert_int_equal(crew_pool_on_room(pool, inbox, NULL, NULL), 0);
    assert_int_equal(crew_inbox_run(inbox), 0);
    assert_int_equal(crew_pool_on_room(pool, inbox, count_room, &first), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0); /* posted already */
    inbox = make_inbox();
    assert_int_equal(crew_pool_on_room(pool, inbox, count_room, &first), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_inbox_run(inbox), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    assert_int_equal(first, 0);
}

/* ---- calls ---------------------------------------------------------------- */

static void count_call(crew_self *self, void *arg)
{
    check(crew_self_pool(self) != NULL);
    __atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED);
}

CREW_TEST(calls_more_than_the_pool_keeps_nodes_for)
{
    crew_pool *pool = make_pool(2, 0);
    unsigned count = 0;

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3 * CREW__CALLS_KEPT; i++)
            assert_int_equal(crew_pool_call(pool, count_call, &count), 0);
        assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    }
    assert_int_equal(count, 9 * CREW__CALLS_KEPT);
    assert_int_equal(crew_pool_call(NULL, count_call, NULL), -EINVAL);
    assert_int_equal(crew_pool_call(pool, NULL, NULL), -EINVAL);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- figures -------------------------------------------------------------- */

CREW_TEST(describe_is_like_snprintf)
{
    crew_pool *pool = make_pool(2, 0);
    char whole[4096];
    char part[20];
    int length = crew_pool_describe(pool, NULL, 0);

    assert_int_equal(crew_pool_describe(pool, whole, sizeof whole), length);
    assert_int_equal(strlen(whole), length);
    assert_int_equal(crew_pool_describe(pool, part, sizeof part), length);
    assert_int_equal(strlen(part), sizeof part - 1);
    assert_memory_equal(part, whole, sizeof part - 1);
    assert_int_equal(crew_pool_describe(pool, NULL, 1), -EINVAL);
    assert_int_equal(crew_pool_describe(NULL, whole, 1), -EINVAL);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

CREW_TEST(figures_write_no_more_than_their_size)
{
    crew_pool *pool = make_pool(2, 0);
    crew_pool_stats stats;
    crew_worker_stats worker;
    uint64_t sum = 0;

    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(run_one(pool, return_zero, NULL), 0);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    memset(&stats, 0x77, sizeof stats);
    assert_int_equal(crew_pool_get_stats(pool, &stats, 16), 0);
    assert_int_equal(stats.submitted, 10);
    assert_int_equal(stats.done, 10);
    assert_int_equal(stats.canceled, UINT64_C(0x7777777777777777));
    assert_int_equal(crew_pool_get_stats(pool, &stats, 0), -EINVAL);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            crew_pool_get_worker_stats(pool, i, &worker, sizeof worker), 0);
        assert_true(worker.busy >= 0 && worker.idle >= 0);
        sum += worker.tasks;
    }
    assert_int_equal(sum, 10);
    assert_int_equal(
        crew_pool_get_worker_stats(pool, 2, &worker, sizeof worker), -EINVAL);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(buckets_rise)
{
    for (unsigned i = 1; i < 256; i++)
        assert_true(crew_stats_bucket(i) > crew_stats_bucket(i - 1) ||
                    crew_stats_bucket(i) == INT64_MAX);
}

static void sleep_for_ever(crew_self *self, void *arg)
{
    (void)arg;
    check_equal(crew_self_canceled(self), -ECANCELED);
    check_equal(crew_sleep(self, CREW_FOREVER), -ECANCELED);
}

CREW_TEST(a_stop_hook_does_not_sleep)
{
    crew_pool_options options = {.workers = 2,
                                 .on_worker_stop = sleep_for_ever};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(workers_of_a_stopped_pool_have_ended)
{
    crew_pool_options options = {.workers = 1, .name = "gone"};
    crew_pool *pool = NULL;
    char text[1024];
    char *line;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    check_equal(crew_pool_stop(pool, CREW_FOREVER), 0);
    check(crew_pool_describe(pool, text, sizeof text) > 0);
    line = strchr(text, '\n');
    check(line && strncmp(line + 1, "gone/0: tid ", 12) == 0);
    check(line && strstr(line, ", ended\n") != NULL);
    check_equal(crew_pool_worker_cpu(pool, 0), -ENOENT);
    assert_int_equal(crew_pool_destroy(pool), 0);
}
