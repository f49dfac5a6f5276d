/*
 * NH23: timeouts of INT64_MAX, INT64_MAX - 1 and 1 ns in each call that has
 * one: never early, never -EINVAL, no busy loop; huge is for ever.
 */
#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const crew_ns huge[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
                               CREW_FOREVER};

struct scene {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_task task;
    struct test_gate started;
    struct test_gate waiting;
    crew_ns timeout;
    int (*wait)(struct scene *);
};

static int64_t cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * CREW_S + now.tv_nsec;
}

static int run_until_canceled(crew_self *self, crew_task *task)
{
    struct scene *scene = task->data;
    crew_ns timeout = scene->timeout; /* the test changes it later */

    test_gate_open(&scene->started);
    return crew_sleep(self, timeout) == -ECANCELED ? 0 : -EFAULT;
}

static void begin(struct scene *scene, crew_ns timeout)
{
    crew_pool_options options = {.workers = 1};

    *scene = (struct scene){.timeout = timeout};
    test_gate_init(&scene->started);
    test_gate_init(&scene->waiting);
    assert_int_equal(crew_pool_create(&scene->pool, &options), 0);
    assert_int_equal(crew_inbox_create(&scene->inbox, NULL), 0);
    assert_int_equal(crew_group_create(&scene->group, NULL), 0);
    scene->task = (crew_task){.run = run_until_canceled,
                              .data = scene,
                              .group = scene->group,
                              .queue_timeout = timeout,
                              .run_timeout = timeout};
    assert_int_equal(crew_submit(scene->pool, &scene->task, NULL), 0);
    test_gate_wait(&scene->started);
}

static void end(struct scene *scene)
{
    assert_int_equal(crew_pool_destroy(scene->pool), 0);
    assert_int_equal(crew_group_destroy(scene->group), 0);
    assert_int_equal(crew_inbox_destroy(scene->inbox), 0);
    test_gate_fini(&scene->started);
    test_gate_fini(&scene->waiting);
}

static int wait_task(struct scene *scene)
{
    return crew_task_wait(&scene->task, scene->timeout);
}

static int wait_group(struct scene *scene)
{
    return crew_group_wait(scene->group, scene->timeout);
}

static int wait_drain(struct scene *scene)
{
    return crew_pool_drain(scene->pool, scene->timeout);
}

static int wait_stop(struct scene *scene)
{
    return crew_pool_stop(scene->pool, scene->timeout);
}

static int wait_inbox(struct scene *scene)
{
    int r = crew_inbox_wait(scene->inbox, scene->timeout);

    return r == 1 ? 0 : r;
}

static int (*const waits[])(struct scene *) = {
    wait_task, wait_group, wait_drain, wait_inbox, wait_stop};

static void nothing(void *arg)
{
    (void)arg;
}

static void *wait_long(void *arg)
{
    struct scene *scene = arg;
    int64_t before = cpu_now();

    test_gate_open(&scene->waiting);
    check_equal(scene->wait(scene), 0);
    /* Some spinning and a sleep; not the time that it lasted. */
    check_at_most(cpu_now() - before, 20 * CREW_MS);
    return NULL;
}

static bool is_canceled(void *arg)
{
    return crew_task_cancel(arg) != 1;
}

CREW_TEST(nh23_a_huge_timeout_is_for_ever)
{
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 5; k++) {
            struct scene scene;
            pthread_t thread;

            begin(&scene, huge[i]);
            scene.wait = waits[k];
            assert_int_equal(pthread_create(&thread, NULL, wait_long, &scene),
                             0);
            test_gate_wait(&scene.waiting);
            test_burn(30 * CREW_MS); /* for who would come back early */
            if (waits[k] == wait_inbox)
                crew_inbox_call(scene.inbox, nothing, NULL);
            else if (waits[k] != wait_stop)
                test_poll(is_canceled, &scene.task, 10 * CREW_S);
            pthread_join(thread, NULL);
            if (waits[k] != wait_inbox)
                assert_int_equal(scene.task.status, 0);
            end(&scene);
        }
    }
}

CREW_TEST(nh23_a_tiny_timeout_is_not_yet)
{
    struct scene scene;

    begin(&scene, CREW_FOREVER);
    scene.timeout = 1;
    for (unsigned i = 0; i < SCALED(1000); i++) {
        for (unsigned k = 0; k < 4; k++)
            assert_int_equal(waits[k](&scene), -ETIMEDOUT);
    }
    assert_int_equal(crew_pool_stop(scene.pool, CREW_FOREVER), 0);
    end(&scene);
}

CREW_TEST(nh23_a_timeout_is_never_early)
{
    struct scene scene;

    begin(&scene, CREW_FOREVER);
    for (unsigned i = 0; i < SCALED(50); i++) {
        scene.timeout = (crew_ns)(i % 7 + 1) * 333 * CREW_US;
        for (unsigned k = 0; k < 4; k++) {
            int64_t before = test_now();

            assert_int_equal(waits[k](&scene), -ETIMEDOUT);
            check_at_least(test_now() - before, scene.timeout);
        }
    }
    end(&scene);
}

CREW_TEST(nh23_a_negative_timeout_is_refused)
{
    struct scene scene;
    crew_task bad = {.run = run_until_canceled};

    begin(&scene, CREW_FOREVER);
    scene.timeout = -2;
    for (unsigned k = 0; k < 5; k++)
        assert_int_equal(waits[k](&scene), -EINVAL);
    scene.timeout = INT64_MIN;
    for (unsigned k = 0; k < 5; k++)
        assert_int_equal(waits[k](&scene), -EINVAL);
    bad.queue_timeout = -2;
    assert_int_equal(crew_submit(scene.pool, &bad, NULL), -EINVAL);
    bad.queue_timeout = 0;
    bad.run_timeout = INT64_MIN;
    assert_int_equal(crew_submit(scene.pool, &bad, NULL), -EINVAL);
    end(&scene);
}

/* ---- limits of tasks ------------------------------------------------------ */

static int poll_until_told(crew_self *self, crew_task *task)
{
    int64_t begin = cpu_now(); /* a busy machine does not count */
    int64_t *taken = task->data;
    int r;

    while ((r = crew_self_canceled(self)) == 0)
        ;
    *taken = cpu_now() - begin;
    return r;
}

CREW_TEST(nh23_a_run_timeout_is_never_early)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool = NULL;
    int64_t latest = 0;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    for (unsigned i = 0; i < 20; i++) {
        int64_t taken = 0;
        int64_t begin = test_now();
        crew_task task = {.run = poll_until_told,
                          .data = &taken,
                          .run_timeout = i ? (crew_ns)i * CREW_MS : 1};

        assert_int_equal(crew_submit(pool, &task, NULL), 0);
        assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
        assert_int_equal(task.status, -ETIMEDOUT);
        check_at_least(test_now() - begin, task.run_timeout);
        if (taken - task.run_timeout > latest)
            latest = taken - task.run_timeout;
    }
    printf("measured: a run_timeout was seen at most %lld us late\n",
           (long long)(latest / CREW_US));
    check_at_most(latest, 100 * CREW_MS); /* 10 ms, ten times */
    assert_int_equal(crew_pool_destroy(pool), 0);
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

CREW_TEST(nh23_huge_limits_of_a_task)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    for (unsigned i = 0; i < 4; i++) {
        crew_task task = {.run = return_zero,
                          .queue_timeout = huge[i],
                          .run_timeout = huge[i]};

        assert_int_equal(crew_submit(pool, &task, NULL), 0);
        assert_int_equal(crew_task_wait(&task, huge[i]), 0);
        assert_int_equal(task.status, 0);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
}
