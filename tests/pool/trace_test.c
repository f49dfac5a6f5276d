/* Turning a trace on and off. What is in the file: tests/programs/trace. */
#include "support.h"

#include <crew/crew.h>

#include "../stress/scale.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static crew_pool *pool;

static void create(void)
{
    crew_pool_options options = {.workers = 2};

    assert_int_equal(crew_pool_create(&pool, &options), 0);
}

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void done(crew_task *task)
{
    ++*(unsigned *)task->data;
}

CREW_TEST(bad_calls_are_told)
{
    create();
    check_equal(crew_trace_start(NULL, "/dev/null"), -EINVAL);
    check_equal(crew_trace_start(pool, NULL), -EINVAL);
    check_equal(crew_trace_start(pool, "/nowhere/at/all"), -ENOENT);
    check_equal(crew_trace_start(pool, "/"), -EISDIR);
    check_equal(crew_trace_stop(NULL), -EINVAL);
    check_equal(crew_trace_stop(pool), -EALREADY);
    check_equal(crew_trace_start(pool, "/dev/null"), 0);
    check_equal(crew_trace_start(pool, "/dev/null"), -EALREADY);
    check_equal(crew_trace_stop(pool), 0);
    check_equal(crew_trace_stop(pool), -EALREADY);
    check_equal(crew_trace_start(pool, "/dev/full"), 0);
    check_equal(crew_trace_stop(pool), -ENOSPC);
    check_equal(crew_pool_stop(pool, CREW_FOREVER), 0);
    check_equal(crew_trace_start(pool, "/dev/null"), -ESHUTDOWN);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_done_that_comes_after_the_pool_is_gone)
{
    unsigned dones = 0;
    crew_task task = {.run = nothing, .done = done, .data = &dones};
    crew_inbox *inbox;

    create();
    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    check_equal(crew_trace_start(pool, "/dev/null"), 0);
    check_equal(crew_submit(pool, &task, inbox), 0);
    check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    check_equal(crew_pool_destroy(pool), 0); /* which stops the trace */
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(dones, 1);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int fork_and_try(void *arg)
{
    (void)arg;
    check_equal(crew_trace_start(pool, "/dev/null"), -EOWNERDEAD);
    check_equal(crew_trace_stop(pool), -EOWNERDEAD);
    check_equal(crew_pool_destroy(pool), 0);
    return 0;
}

CREW_TEST(a_forked_child_is_refused)
{
    create();
    check_equal(crew_trace_start(pool, "/dev/null"), 0);
    check_equal(test_in_child(fork_and_try, NULL), 0);
    check_equal(crew_trace_stop(pool), 0);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- turned on and off under load --------------------------------------- */

#define ROUNDS SCALED(200u)

struct load {
    unsigned ended; /* of those who submit */
};

static void submit_some(void)
{
    unsigned dones = 0;
    crew_task tasks[50];
    crew_inbox *inbox;

    if (!check_equal(crew_inbox_create(&inbox, NULL), 0))
        return;
    for (unsigned i = 0; i < 50; i++) {
        tasks[i] = (crew_task){
            .run = nothing, .done = done, .data = &dones, .name = "load"};
        check_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    check_equal(crew_inbox_run(inbox), 50);
    check_equal(dones, 50);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void take_traces(struct load *load)
{
    do {
        int r = crew_trace_start(pool, "/dev/null");

        check(r == 0 || r == -EALREADY || r == -EBUSY);
        r = crew_trace_stop(pool);
        check(r == 0 || r == -EALREADY || r == -EBUSY);
    } while (__atomic_load_n(&load->ended, __ATOMIC_ACQUIRE) < 2);
}

static void load_or_trace(unsigned index, void *arg)
{
    struct load *load = arg;

    if (index >= 2) {
        take_traces(load);
        return;
    }
    for (unsigned i = 0; i < ROUNDS; i++)
        submit_some();
    __atomic_add_fetch(&load->ended, 1, __ATOMIC_RELEASE);
}

CREW_TEST(on_and_off_by_two_while_two_submit)
{
    struct load load = {0};

    create();
    test_threads(4, load_or_trace, &load);
    check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    check_equal(crew_pool_destroy(pool), 0);
}
