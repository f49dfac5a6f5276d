/*
 * NG17: fork with a live pool; the child calls exit, _exit, exec, or uses crew.
 * The parent goes on undisturbed. acceptance/ending_test.c has the ways to end.
 */
#include "base/mark.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct inherited {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_inbox *other;
    crew_group *group;
    crew_buffer *buffer;
    crew_task task;
    struct test_gate started;
    struct test_gate may_end;
};

static int wait_for_gate(crew_self *self, crew_task *task)
{
    struct inherited *own = task->data;

    (void)self;
    test_gate_open(&own->started);
    test_gate_wait(&own->may_end);
    return 5;
}

static int return_nine(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 9;
}

static void nothing_to_do(crew_task *task)
{
    (void)task;
}

static void no_call(void *arg)
{
    (void)arg;
    check(false);
}

static void no_pool_call(crew_self *self, void *arg)
{
    (void)self;
    no_call(arg);
}

static void no_notify(crew_group *group, void *arg)
{
    (void)group;
    no_call(arg);
}

static void no_room(crew_pool *pool, void *arg)
{
    (void)pool;
    no_call(arg);
}

static void begin(struct inherited *own)
{
    crew_pool_options options = {.workers = 2};

    *own = (struct inherited){.pool = NULL};
    test_gate_init(&own->started);
    test_gate_init(&own->may_end);
    assert_int_equal(crew_pool_create(&own->pool, &options), 0);
    assert_int_equal(crew_inbox_create(&own->inbox, NULL), 0);
    assert_int_equal(crew_inbox_create(&own->other, NULL), 0);
    assert_int_equal(crew_group_create(&own->group, NULL), 0);
    assert_int_equal(crew_buffer_create(&own->buffer, 100, NULL), 0);
    own->task = (crew_task){.run = wait_for_gate,
                            .done = nothing_to_do,
                            .data = own,
                            .group = own->group};
    assert_int_equal(crew_submit(own->pool, &own->task, own->inbox), 0);
    test_gate_wait(&own->started);
}

/* The parent: all works as if nothing had been. */
static void end(struct inherited *own)
{
    test_gate_open(&own->may_end);
    assert_int_equal(crew_inbox_run(own->inbox), 1);
    assert_int_equal(own->task.status, 5);
    assert_int_equal(crew_group_wait(own->group, CREW_FOREVER), 0);
    crew_buffer_release(own->buffer);
    assert_int_equal(crew_group_destroy(own->group), 0);
    assert_int_equal(crew_pool_destroy(own->pool), 0);
    assert_int_equal(crew_inbox_destroy(own->inbox), 0);
    assert_int_equal(crew_inbox_destroy(own->other), 0);
    test_gate_fini(&own->started);
    test_gate_fini(&own->may_end);
}

static void expect_refused_pool(struct inherited *own)
{
    crew_task fresh = {.run = return_nine};
    crew_task *fresh_too = &fresh;
    crew_pool_stats stats;
    crew_worker_stats worker;
    char text[256];

    check_equal(crew_submit(own->pool, &fresh, NULL), -EOWNERDEAD);
    check_equal(crew_submit_to(own->pool, 0, &fresh, NULL), -EOWNERDEAD);
    check_equal(crew_submit_many(own->pool, &fresh_too, 1, NULL), -EOWNERDEAD);
    check_equal(crew_submit_each(own->pool, &fresh_too, 1, NULL), -EOWNERDEAD);
    check_equal(crew_pool_call(own->pool, no_pool_call, NULL), -EOWNERDEAD);
    check_equal(crew_pool_drain(own->pool, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_pool_stop(own->pool, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_pool_on_room(own->pool, own->inbox, no_room, NULL),
                -EOWNERDEAD);
    check_equal(crew_pool_describe(own->pool, text, sizeof text), -EOWNERDEAD);
    check_equal(crew_pool_worker_cpu(own->pool, 0), -EOWNERDEAD);
    check_equal(crew_pool_get_stats(own->pool, &stats, sizeof stats),
                -EOWNERDEAD);
    check_equal(
        crew_pool_get_worker_stats(own->pool, 0, &worker, sizeof worker),
        -EOWNERDEAD);
}

static void expect_refused_rest(struct inherited *own)
{
    check_equal(crew_inbox_fd(own->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_dispatch(own->inbox, 0), -EOWNERDEAD);
    check_equal(crew_inbox_wait(own->inbox, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_inbox_run(own->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_stop(own->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_call(own->inbox, no_call, NULL), -EOWNERDEAD);
    check_equal(crew_group_wait(own->group, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_group_notify(own->group, own->inbox, no_notify, NULL),
                -EOWNERDEAD);
    check_equal(crew_group_cancel(own->group), -EOWNERDEAD);
    check_equal(crew_group_error(own->group), -EOWNERDEAD);
}

static int use_inherited(void *arg)
{
    struct inherited *own = arg;

    expect_refused_pool(own);
    expect_refused_rest(own);
    return 0;
}

CREW_TEST(ng17_the_child_is_told_that_the_owner_is_gone)
{
    struct inherited own;

    begin(&own);
    assert_int_equal(test_in_child(use_inherited, &own), 0);
    end(&own);
}

static int destroy_inherited(void *arg)
{
    struct inherited *own = arg;
    unsigned descriptors = test_descriptor_count();

    check_equal(crew_pool_destroy(own->pool), 0);
    check_equal(crew_group_destroy(own->group), 0);
    check_equal(crew_inbox_destroy(own->inbox), 0);
    check_equal(crew_inbox_destroy(own->other), 0);
    crew_buffer_release(own->buffer);
    check_equal(test_descriptor_count(), descriptors - 2);
    return 0;
}

CREW_TEST(ng17_the_child_gives_back_what_it_inherited)
{
    struct inherited own;

    begin(&own);
    assert_int_equal(test_in_child(destroy_inherited, &own), 0);
    end(&own);
}

static void use_new_ones(void)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = NULL;
    crew_inbox *inbox = NULL;
    crew_task task = {.run = return_nine, .done = nothing_to_do};

    if (!check_equal(crew_pool_create(&pool, &options), 0) ||
        !check_equal(crew_inbox_create(&inbox, NULL), 0))
        return;
    check(crew_inbox_fd(inbox) >= 0);
    for (unsigned i = 0; i < 100; i++) {
        check_equal(crew_submit(pool, &task, inbox), 0);
        check_equal(crew_inbox_run(inbox), 1);
        check_equal(task.status, 9);
    }
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int create_new_ones(void *arg)
{
    use_new_ones();
    use_inherited(arg); /* still refused, beside the child's own */
    use_new_ones();
    return destroy_inherited(arg);
}

static int fork_again(void *arg)
{
    use_new_ones();
    return test_in_child(create_new_ones, arg);
}

CREW_TEST(ng17_the_child_creates_new_ones)
{
    struct inherited own;

#if defined(UNDER_TSAN)
    skip_test("ThreadSanitizer starts no thread after such a fork");
#endif
    begin(&own);
    assert_int_equal(test_in_child(create_new_ones, &own), 0);
    assert_int_equal(test_in_child(fork_again, &own), 0);
    end(&own);
}

/* The child's copy of the descriptor is the parent's: it must not be emptied
 * there. */
CREW_TEST(ng17_the_child_takes_no_wake_up_from_the_parent)
{
    struct inherited own;
    struct pollfd item = {.events = POLLIN};

    begin(&own);
    item.fd = crew_inbox_fd(own.inbox);
    test_gate_open(&own.may_end);
    assert_int_equal(crew_pool_drain(own.pool, CREW_FOREVER), 0);
    assert_int_equal(test_in_child(use_inherited, &own), 0);
    assert_int_equal(test_in_child(destroy_inherited, &own), 0);
    assert_int_equal(poll(&item, 1, 0), 1);
    end(&own);
}

CREW_TEST(ng17_forks_while_all_is_busy)
{
    struct inherited own;

    begin(&own);
    for (unsigned i = 0; i < 50; i++) {
        crew_task tasks[20];

        for (unsigned k = 0; k < 20; k++) {
            tasks[k] = (crew_task){.run = return_nine};
            assert_int_equal(crew_submit(own.pool, &tasks[k], NULL), 0);
        }
        assert_int_equal(test_in_child(use_inherited, &own), 0);
        for (unsigned k = 0; k < 20; k++)
            assert_int_equal(crew_task_wait(&tasks[k], CREW_FOREVER), 0);
    }
    end(&own);
}
