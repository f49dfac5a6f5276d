/*
 * E1-E5: how a pool ends. E6 is tests/programs/returning; how a pool does not
 * begin, E7-E9, is in starting_test.c.
 */
#include "support.h"

#include "../stress/scale.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static crew_pool *make_pool(const crew_pool_options *options)
{
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, options), 0);
    return pool;
}

static crew_inbox *make_inbox(void)
{
    crew_inbox *inbox = NULL;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    return inbox;
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

/* Opens its gate, then runs until it is told to end. */
static int run_until_canceled(crew_self *self, crew_task *task)
{
    test_gate_open(task->data);
    while (!crew_self_canceled(self))
        ;
    return 7;
}

/* ---- E1 ------------------------------------------------------------------ */

struct traffic {
    crew_pool *pool;
    bool stop;
    unsigned rounds;
};

static void *submit_and_wait(void *arg)
{
    struct traffic *traffic = arg;

    while (!__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE)) {
        crew_task task = {.run = return_zero};

        check_equal(crew_submit(traffic->pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, CREW_FOREVER), 0);
        __atomic_add_fetch(&traffic->rounds, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static bool has_traffic(void *arg)
{
    return __atomic_load_n(&((struct traffic *)arg)->rounds, __ATOMIC_ACQUIRE) >
           0;
}

CREW_TEST(e1_drain_returns_while_others_submit)
{
    crew_pool_options options = {.workers = 2};
    struct traffic traffic = {make_pool(&options), false, 0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, submit_and_wait, &traffic),
                     0);
    test_poll(has_traffic, &traffic, 10 * CREW_S);
    for (unsigned i = 0; i < SCALED(200); i++)
        check_equal(crew_pool_drain(traffic.pool, CREW_FOREVER), 0);
    __atomic_store_n(&traffic.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(crew_pool_destroy(traffic.pool), 0);
}

CREW_TEST(e1_drain_with_a_timeout_says_not_yet)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool = make_pool(&options);
    struct test_gate started;
    crew_task task = {.run = run_until_canceled, .data = &started};
    int64_t before;

    test_gate_init(&started);
    assert_int_equal(crew_pool_drain(pool, 0), 0);
    assert_int_equal(crew_submit(pool, &task, NULL), 0);
    test_gate_wait(&started);
    assert_int_equal(crew_pool_drain(pool, 0), -ETIMEDOUT);
    before = test_now();
    assert_int_equal(crew_pool_drain(pool, 20 * CREW_MS), -ETIMEDOUT);
    assert_true(test_now() - before >= 20 * CREW_MS);
    assert_int_equal(crew_pool_drain(pool, -2), -EINVAL);
    assert_int_equal(crew_task_cancel(&task), 1);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    /* Submitted before the drain and without a `done`: its end is told. */
    assert_int_equal(task.status, 7);
    assert_int_equal(crew_pool_destroy(pool), 0);
    test_gate_fini(&started);
}

static int return_it_later(crew_self *self, crew_task *task)
{
    (void)self;
    test_gate_wait(task->data);
    return 3;
}

static void count_done(crew_task *task)
{
    (void)task;
}

static void *open_soon(void *arg)
{
    test_gate_open(arg);
    return NULL;
}

CREW_TEST(e1_a_drain_has_posted_all_completions)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    crew_inbox *inbox = make_inbox();
    crew_task tasks[100];
    struct test_gate gate;
    pthread_t thread;

    test_gate_init(&gate);
    for (unsigned i = 0; i < 100; i++) {
        tasks[i] = (crew_task){
            .run = return_it_later, .done = count_done, .data = &gate};
        assert_int_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    assert_int_equal(crew_inbox_pending(inbox), 100);
    assert_int_equal(pthread_create(&thread, NULL, open_soon, &gate), 0);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(crew_inbox_pending(inbox), 100);
    assert_int_equal(crew_inbox_dispatch(inbox, 0), 100);
    pthread_join(thread, NULL);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    test_gate_fini(&gate);
}

/* ---- E2 ------------------------------------------------------------------ */

#define QUEUED 10000

struct tally {
    unsigned done, canceled, ran;
};

static void tally_done(crew_task *task)
{
    struct tally *tally = task->data;

    tally->done++;
    tally->canceled += task->status == -ECANCELED;
    tally->ran += crew_task_ran(task);
}

struct runner {
    crew_task task;
    struct test_gate started;
    unsigned done;
};

static void runner_done(crew_task *task)
{
    struct runner *runner = (struct runner *)(void *)task;

    check_equal(task->status, 7);
    check(crew_task_ran(task));
    runner->done++;
}

static int run_runner(crew_self *self, crew_task *task)
{
    test_gate_open(&((struct runner *)(void *)task)->started);
    while (!crew_self_canceled(self))
        ;
    check_equal(crew_self_canceled(self), -ECANCELED);
    return 7;
}

static void start_runner(struct runner *runner, crew_pool *pool,
                         crew_inbox *inbox)
{
    *runner = (struct runner){.task = {.run = run_runner}};
    runner->task.done = inbox ? runner_done : NULL;
    test_gate_init(&runner->started);
    assert_int_equal(crew_submit(pool, &runner->task, inbox), 0);
    test_gate_wait(&runner->started);
}

CREW_TEST(e2_destroy_with_tasks_queued_and_running)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    crew_inbox *inbox = make_inbox();
    crew_task *queued = calloc(QUEUED, sizeof *queued);
    struct runner runners[2];
    struct tally tally = {0, 0, 0};

    for (unsigned i = 0; i < 2; i++)
        start_runner(&runners[i], pool, inbox);
    for (unsigned i = 0; i < QUEUED; i++) {
        queued[i] = (crew_task){
            .run = return_zero, .done = tally_done, .data = &tally};
        queued[i].priority = (crew_priority)(i % 3);
        assert_int_equal(i % 5 ? crew_submit(pool, &queued[i], inbox)
                               : crew_submit_to(pool, i % 2, &queued[i], inbox),
                         0);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(tally.done, 0); /* only inside a dispatch */
    assert_int_equal(crew_inbox_pending(inbox), QUEUED + 2);
    assert_int_equal(crew_inbox_run(inbox), QUEUED + 2);
    assert_int_equal(tally.done, QUEUED);
    assert_int_equal(tally.canceled, QUEUED);
    assert_int_equal(tally.ran, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(runners[i].done, 1);
        test_gate_fini(&runners[i].started);
    }
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    free(queued);
}

/* ---- E3, E4 -------------------------------------------------------------- */

static int end_its_own_pool(crew_self *self, crew_task *task)
{
    crew_pool *pool = crew_self_pool(self);

    (void)task;
    check_equal(crew_pool_destroy(pool), -EDEADLK);
    check_equal(crew_pool_stop(pool, CREW_FOREVER), -EDEADLK);
    check_equal(crew_pool_stop(pool, 0), -EDEADLK);
    check_equal(crew_pool_drain(pool, CREW_FOREVER), -EDEADLK);
    check_equal(crew_self_canceled(self), 0); /* nothing has changed */
    return 0;
}

CREW_TEST(e3_a_worker_cannot_end_its_own_pool)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    crew_task task = {.run = end_its_own_pool};

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(crew_submit(pool, &task, NULL), 0);
        assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
        assert_int_equal(task.status, 0);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
}

static int end_the_other_pool(crew_self *self, crew_task *task)
{
    (void)self;
    check_equal(crew_pool_drain(task->data, CREW_FOREVER), 0);
    check_equal(crew_pool_destroy(task->data), 0);
    return 0;
}

CREW_TEST(e3_a_worker_may_end_another_pool)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool = make_pool(&options);
    crew_task task = {.run = end_the_other_pool, .data = make_pool(&options)};

    assert_int_equal(crew_submit(pool, &task, NULL), 0);
    assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

struct late {
    crew_task task;
    struct test_gate started;
    crew_inbox *inbox;
    crew_task refused[3];
};

static void must_not_come(crew_task *task)
{
    (void)task;
    check(false);
}

static void must_not_run(crew_self *self, void *arg)
{
    (void)self;
    (void)arg;
    check(false);
}

static int submit_late(crew_self *self, crew_task *task)
{
    struct late *late = (struct late *)(void *)task;
    crew_pool *pool = crew_self_pool(self);
    crew_task *two[] = {&late->refused[1], &late->refused[2]};

    test_gate_open(&late->started);
    while (!crew_self_canceled(self))
        ;
    check_equal(crew_submit(pool, &late->refused[0], late->inbox), -ESHUTDOWN);
    check_equal(crew_submit_to(pool, 0, &late->refused[0], late->inbox),
                -ESHUTDOWN);
    check_equal(crew_submit_many(pool, two, 2, late->inbox), -ESHUTDOWN);
    check_equal(crew_submit_each(pool, two, 1, late->inbox), -ESHUTDOWN);
    check_equal(crew_pool_call(pool, must_not_run, NULL), -ESHUTDOWN);
    return 0;
}

CREW_TEST(e4_a_submit_after_destroy_began_is_refused)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    struct late late = {.task = {.run = submit_late}, .inbox = make_inbox()};

    test_gate_init(&late.started);
    for (unsigned i = 0; i < 3; i++)
        late.refused[i] = (crew_task){.run = return_zero,
                                      .done = must_not_come};
    assert_int_equal(crew_submit(pool, &late.task, NULL), 0);
    test_gate_wait(&late.started);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(late.task.status, 0);
    assert_int_equal(crew_inbox_pending(late.inbox), 0);
    assert_int_equal(crew_inbox_destroy(late.inbox), 0);
    test_gate_fini(&late.started);
}

struct deaf {
    crew_task task;
    struct test_gate started, may_end;
};

static int run_deaf(crew_self *self, crew_task *task)
{
    struct deaf *deaf = (struct deaf *)(void *)task;

    test_gate_open(&deaf->started);
    test_gate_wait(&deaf->may_end);
    check_equal(crew_self_canceled(self), -ECANCELED);
    return 1;
}

CREW_TEST(e4_a_stop_that_runs_out_of_time_is_taken_up_again)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    struct deaf deaf = {.task = {.run = run_deaf}};
    crew_task other = {.run = return_zero};
    char text[4096];
    int64_t before;

    test_gate_init(&deaf.started);
    test_gate_init(&deaf.may_end);
    assert_int_equal(crew_submit(pool, &deaf.task, NULL), 0);
    test_gate_wait(&deaf.started);
    assert_int_equal(crew_pool_stop(pool, 0), -ETIMEDOUT);
    before = test_now();
    assert_int_equal(crew_pool_stop(pool, 10 * CREW_MS), -ETIMEDOUT);
    assert_true(test_now() - before >= 10 * CREW_MS);
    assert_int_equal(crew_submit(pool, &other, NULL), -ESHUTDOWN);
    assert_true(crew_pool_describe(pool, text, sizeof text) > 0);
    test_gate_open(&deaf.may_end);
    assert_int_equal(crew_pool_stop(pool, CREW_FOREVER), 0);
    assert_int_equal(deaf.task.status, 1);
    assert_int_equal(crew_pool_stop(pool, 0), 0);
    assert_int_equal(crew_submit(pool, &other, NULL), -ESHUTDOWN);
    assert_int_equal(crew_pool_drain(pool, 0), 0);
    assert_true(crew_pool_describe(pool, text, sizeof text) > 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    test_gate_fini(&deaf.started);
    test_gate_fini(&deaf.may_end);
}

/* ---- E5 ------------------------------------------------------------------ */

enum last_act { EXEC, EXIT, QUICK_EXIT };

static void end_child(enum last_act act)
{
    switch (act) {
    case EXEC:
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    case EXIT:
        exit(0);
    default:
        _exit(0);
    }
}

static void fork_while_busy(enum last_act act)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = make_pool(&options);
    crew_inbox *inbox = make_inbox();
    crew_task *tasks = calloc(1000, sizeof *tasks);
    struct tally tally = {0, 0, 0};
    int status = -1;
    pid_t child;

    for (unsigned i = 0; i < 1000; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = tally_done, .data = &tally};
        assert_int_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    fflush(NULL);
    child = fork();
    if (child == 0)
        end_child(act);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(crew_inbox_run(inbox), 1000);
    assert_int_equal(tally.ran, 1000);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    free(tasks);
}

CREW_TEST(e5_fork_with_a_busy_pool_and_exec)
{
    fork_while_busy(EXEC);
}

CREW_TEST(e5_fork_with_a_busy_pool_and_exit)
{
    fork_while_busy(EXIT);
}

CREW_TEST(e5_fork_with_a_busy_pool_and_quick_exit)
{
    fork_while_busy(QUICK_EXIT);
}
