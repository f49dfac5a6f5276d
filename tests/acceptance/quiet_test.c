/*
 * A submit makes no system call while no worker has to be woken: from a thread
 * that ends at its first. Every worker is inside a task, by which it is awake.
 */
#include "work.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { WORKERS = 2, TASKS = 200 };

/* Busy, without the kernel, until `leave` is set. */
struct spinner {
    crew_task task;
    unsigned entered, leave;
};

static int spin(crew_self *self, crew_task *task)
{
    struct spinner *spinner = (struct spinner *)(void *)task;

    (void)self;
    __atomic_store_n(&spinner->entered, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&spinner->leave, __ATOMIC_ACQUIRE))
        ;
    return 0;
}

static bool has_entered(void *arg)
{
    return __atomic_load_n(&((struct spinner *)arg)->entered, __ATOMIC_ACQUIRE);
}

struct load {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_task tasks[TASKS];
    crew_task *many[TASKS];
    int results[TASKS / 2 + 1];
    struct spinner spinners[WORKERS];
};

static void begin(struct load *load, size_t limit)
{
    crew_pool_options options = {.workers = WORKERS, .queue_limit = limit};

    memset(load, 0, sizeof *load);
    assert_int_equal(crew_pool_create(&load->pool, &options), 0);
    load->inbox = make_inbox();
    load->group = make_group(false);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct spinner *spinner = &load->spinners[i];

        spinner->task.run = spin;
        assert_int_equal(crew_submit_to(load->pool, i, &spinner->task, NULL),
                         0);
        assert_true(test_poll(has_entered, spinner, LONG_WAIT));
    }
    for (unsigned i = 0; i < TASKS; i++)
        load->many[i] = &load->tasks[i];
}

static void end(struct load *load)
{
    for (unsigned i = 0; i < WORKERS; i++)
        __atomic_store_n(&load->spinners[i].leave, 1, __ATOMIC_RELEASE);
    check(crew_inbox_run(load->inbox) >= 0);
    check_equal(crew_pool_drain(load->pool, LONG_WAIT), 0);
    end_all(load->pool, load->group, load->inbox);
}

static void submit_all(void *arg)
{
    struct load *load = arg;
    crew_inbox *inbox = load->tasks[0].done ? load->inbox : NULL;

    for (unsigned i = 0; i < TASKS / 2; i++)
        load->results[i] = crew_submit(load->pool, load->many[i], inbox);
    load->results[TASKS / 2] = crew_submit_many(
        load->pool, &load->many[TASKS / 2], TASKS / 2, inbox);
}

static void expect_quiet(size_t limit, const crew_task *like, bool grouped)
{
    struct load load;

    begin(&load, limit);
    for (unsigned i = 0; i < TASKS; i++) {
        load.tasks[i] = *like;
        load.tasks[i].group = grouped ? load.group : NULL;
    }
    assert_int_equal(test_without_calls(submit_all, &load), -1);
    for (unsigned i = 0; i <= TASKS / 2; i++)
        check_equal(load.results[i], 0);
    end(&load);
}

static void make_a_call(void *arg)
{
    (void)arg;
    syscall(SYS_getppid);
}

CREW_TEST(a_call_is_found)
{
    check_equal(test_without_calls(make_a_call, NULL), SYS_getppid);
}

CREW_TEST(a_submit_makes_no_system_call)
{
    expect_quiet(0, &(crew_task){.run = return_zero}, false);
}

CREW_TEST(a_submit_with_all_that_it_may_have_makes_none)
{
    expect_quiet(TASKS,
                 &(crew_task){.run = return_zero,
                              .done = ignore_done,
                              .priority = CREW_HIGH,
                              .queue_timeout = 3600 * CREW_S,
                              .run_timeout = 3600 * CREW_S},
                 true);
}
