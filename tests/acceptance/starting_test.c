/*
 * E7-E9: how a pool does not begin: a start hook that fails, threads that are
 * refused, stacks of all sizes.
 */
#include "support.h"

#include "../stress/scale.h"

#include <crew/crew.h>

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static crew_pool *make_pool(const crew_pool_options *options)
{
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, options), 0);
    return pool;
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

/* ---- E7 ------------------------------------------------------------------ */

struct hooks {
    unsigned started, stopped;
    unsigned fails_at; /* the index of a worker */
    bool tell_by_fail;
};

static int start_hook(crew_self *self, void *arg)
{
    struct hooks *hooks = arg;

    if (crew_self_index(self) == hooks->fails_at) {
        if (hooks->tell_by_fail) {
            crew_self_fail(self, -EIO, "no device");
            return 0;
        }
        return -EIO;
    }
    __atomic_add_fetch(&hooks->started, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static void stop_hook(crew_self *self, void *arg)
{
    struct hooks *hooks = arg;

    check(crew_self_index(self) != hooks->fails_at);
    __atomic_add_fetch(&hooks->stopped, 1, __ATOMIC_ACQ_REL);
}

static void fail_at(unsigned index, bool tell_by_fail)
{
    struct hooks hooks = {0, 0, index, tell_by_fail};
    crew_pool_options options = {.workers = 4,
                                 .on_worker_start = start_hook,
                                 .on_worker_stop = stop_hook,
                                 .arg = &hooks};
    crew_pool *pool = (crew_pool *)&hooks;

    assert_int_equal(crew_pool_create(&pool, &options), -EIO);
    assert_ptr_equal(pool, &hooks);
    assert_int_equal(hooks.started, 3);
    assert_int_equal(hooks.stopped, 3);
    hooks = (struct hooks){0, 0, 99, false};
    pool = make_pool(&options);
    assert_int_equal(hooks.started, 4);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(hooks.stopped, 4);
}

CREW_TEST(e7_a_start_hook_that_fails_makes_create_fail)
{
    for (unsigned i = 0; i < 4; i++)
        fail_at(i, false);
    fail_at(2, true);
}

/* ---- E8 ------------------------------------------------------------------ */

#define LONELY_USER 54321 /* nobody else runs as this one */

static void *wait_for_gate(void *arg)
{
    test_gate_wait(arg);
    return NULL;
}

/* How many of three threads can be started. */
static unsigned startable(void)
{
    struct test_gate gate;
    pthread_t threads[3];
    unsigned count = 0;

    test_gate_init(&gate);
    while (count < 3 &&
           pthread_create(&threads[count], NULL, wait_for_gate, &gate) == 0)
        count++;
    test_gate_open(&gate);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    test_gate_fini(&gate);
    return count;
}

/* Two threads can be started, a third cannot. */
static bool limit_threads(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NPROC, &limit);
    for (limit.rlim_cur = 1; limit.rlim_cur < 100; limit.rlim_cur++) {
        setrlimit(RLIMIT_NPROC, &limit);
        if (startable() == 2)
            return true;
    }
    return false;
}

static void run_some(crew_pool *pool)
{
    for (unsigned i = 0; i < 100; i++) {
        crew_task task = {.run = return_zero};

        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    }
}

static int create_under_limit(void *arg)
{
    crew_pool_options options = {.workers = 4};
    crew_pool *pool = NULL;
    char text[4096];
    unsigned threads;

    (void)arg;
    if (setgid(LONELY_USER) != 0 || setuid(LONELY_USER) != 0)
        return 77;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (!limit_threads())
        return 77;
    threads = test_thread_count();
    for (unsigned i = 0; i < 3; i++) {
        options.allow_fewer = false;
        check_equal(crew_pool_create(&pool, &options), -EAGAIN);
        check(pool == NULL);
        check_equal(test_thread_count(), threads);
        options.allow_fewer = true;
        if (!check_equal(crew_pool_create(&pool, &options), 0))
            return 1;
        check_equal(crew_pool_workers(pool), 2);
        check(crew_pool_describe(pool, text, sizeof text) > 0);
        check(strstr(text, "2 of 4") != NULL);
        run_some(pool);
        check_equal(crew_pool_destroy(pool), 0);
        pool = NULL;
    }
    return 0;
}

CREW_TEST(e8_a_thread_that_is_refused)
{
    int result = test_in_child(create_under_limit, NULL);

    if (result == 77)
        skip_test("no way to become another user and be refused threads");
    assert_int_equal(result, 0);
}

/* ---- E9 ------------------------------------------------------------------ */

static int use_32_kib(crew_self *self, crew_task *task)
{
    volatile char bytes[32 * 1024];

    (void)self;
    (void)task;
    for (size_t i = 0; i < sizeof bytes; i += 512)
        bytes[i] = (char)i;
    return bytes[512 * 3] == (char)(512 * 3) ? 32 : -EFAULT;
}

CREW_TEST(e9_the_size_of_the_stacks)
{
    crew_pool_options options = {.workers = 2,
                                 .stack_size = SCALED_STACK(64 * 1024)};
    crew_pool *pool = make_pool(&options);
    crew_task task = {.run = use_32_kib};

    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(crew_submit_to(pool, i % 2, &task, NULL), 0);
        assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
        assert_int_equal(task.status, 32);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
    options.stack_size = 1;
    pool = NULL;
    assert_int_equal(crew_pool_create(&pool, &options), -EINVAL);
    assert_null(pool);
}
