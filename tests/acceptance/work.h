/*
 * What the acceptance tests of tasks, groups and inboxes share: pools and
 * inboxes that are made and ended with all checks, and tasks that hold a
 * worker until they are let go.
 */
#ifndef CREW_TESTS_WORK_H
#define CREW_TESTS_WORK_H

#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Counts are scaled down where each access costs twenty times as much. */
#if defined(__SANITIZE_THREAD__)
#define MANY(n) ((n) / 10)
#else
#define MANY(n) (n)
#endif

/* The sanitizers keep memory of their own for what a program does. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_RESIDENT_EXACT 0
#else
#define IS_RESIDENT_EXACT 1
#endif

/* Long enough to be an error, short enough to be told. */
#define LONG_WAIT (30 * CREW_S)

static inline crew_pool *make_pool(unsigned workers)
{
    crew_pool_options options = {.workers = workers};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    assert_non_null(pool);
    return pool;
}

static inline crew_inbox *make_inbox(void)
{
    crew_inbox *inbox = NULL;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    assert_non_null(inbox);
    return inbox;
}

static inline crew_group *make_group(bool stop_on_error)
{
    crew_group_options options = {.stop_on_error = stop_on_error};
    crew_group *group = NULL;

    assert_int_equal(crew_group_create(&group, &options), 0);
    assert_non_null(group);
    return group;
}

/* Each takes NULL. */
static inline void end_all(crew_pool *pool, crew_group *group,
                           crew_inbox *inbox)
{
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(crew_group_destroy(group), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* Whether it is readable within `ms`. */
static inline bool is_readable(int fd, int ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    int n;

    do
        n = poll(&item, 1, ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* An event loop: polls and dispatches until nothing is outstanding. */
static inline unsigned loop_until_quiet(crew_inbox *inbox)
{
    int fd = crew_inbox_fd(inbox);
    unsigned count = 0;

    while (crew_inbox_pending(inbox) > 0) {
        int n;

        if (!check(is_readable(fd, 30000)))
            break;
        n = crew_inbox_dispatch(inbox, 0);
        if (!check(n >= 0))
            break;
        count += (unsigned)n;
    }
    return count;
}

static inline int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static inline int return_data(crew_self *self, crew_task *task)
{
    (void)self;
    return (int)(intptr_t)task->data;
}

/* A count that several threads add to; `data` points at it. */
static inline int count_run(crew_self *self, crew_task *task)
{
    (void)self;
    __atomic_fetch_add((unsigned *)task->data, 1, __ATOMIC_RELAXED);
    return 0;
}

static inline unsigned read_count(unsigned *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline void ignore_done(crew_task *task)
{
    (void)task;
}

/* Occupies a worker from `entered` until `leave` is opened. */
struct holder {
    crew_task task;
    struct test_gate entered;
    struct test_gate leave;
};

static inline int hold(crew_self *self, crew_task *task)
{
    struct holder *holder = (struct holder *)(void *)task;

    (void)self;
    test_gate_open(&holder->entered);
    test_gate_wait(&holder->leave);
    return 0;
}

static inline void holder_init(struct holder *holder)
{
    memset(&holder->task, 0, sizeof holder->task);
    holder->task.run = hold;
    test_gate_init(&holder->entered);
    test_gate_init(&holder->leave);
}

/* Returns when the worker has entered it. */
static inline void hold_worker(struct holder *holder, crew_pool *pool,
                               unsigned worker)
{
    holder_init(holder);
    assert_int_equal(crew_submit_to(pool, worker, &holder->task, NULL), 0);
    test_gate_wait(&holder->entered);
}

static inline void let_go_of_worker(struct holder *holder)
{
    test_gate_open(&holder->leave);
    check_equal(crew_task_wait(&holder->task, LONG_WAIT), 0);
    test_gate_fini(&holder->entered);
    test_gate_fini(&holder->leave);
}

#endif
