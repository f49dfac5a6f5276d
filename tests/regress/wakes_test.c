/*
 * Wake-ups: NG10 and NH5 (no task waits behind another while a worker sleeps),
 * NG14 (an idle pool is quiet), NG23 (a flood of completions leaves room for
 * the rest of a loop).
 */
#include "base/mark.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static crew_pool *make_pool(unsigned workers, crew_idle idle)
{
    crew_pool_options options = {.workers = workers, .idle = idle};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

/* Returns when all of `count` are inside it. */
struct rally {
    unsigned count, inside;
};

static bool is_complete(void *arg)
{
    struct rally *rally = arg;

    return __atomic_load_n(&rally->inside, __ATOMIC_ACQUIRE) >= rally->count;
}

static int meet_all(crew_self *self, crew_task *task)
{
    struct rally *rally = task->data;

    (void)self;
    __atomic_add_fetch(&rally->inside, 1, __ATOMIC_ACQ_REL);
    return test_poll(is_complete, rally, 20 * CREW_S) ? 0 : -ETIMEDOUT;
}

/* ---- NG10 ----------------------------------------------------------------- */

static int sleep_100_ms(crew_self *self, crew_task *task)
{
    (void)task;
    return crew_sleep(self, 100 * CREW_MS);
}

static int64_t run_eight(int (*run)(crew_self *, crew_task *), void *data)
{
    crew_pool *pool = make_pool(8, CREW_IDLE_BALANCED);
    crew_task tasks[8];
    int64_t begin = test_now();

    for (unsigned i = 0; i < 8; i++) {
        tasks[i] = (crew_task){.run = run, .data = data};
        assert_int_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(crew_task_wait(&tasks[i], CREW_FOREVER), 0);
        assert_int_equal(tasks[i].status, 0);
    }
    begin = test_now() - begin;
    assert_int_equal(crew_pool_destroy(pool), 0);
    return begin;
}

CREW_TEST(ng10_a_cold_pool_starts_all_at_once)
{
    int64_t taken;

    for (unsigned i = 0; i < SCALED(100); i++) {
        struct rally rally = {8, 0};

        run_eight(meet_all, &rally);
    }
    taken = run_eight(sleep_100_ms, NULL);
    printf("measured: eight tasks of 100 ms on eight workers: %lld ms\n",
           (long long)(taken / CREW_MS));
    check_at_least(taken, 100 * CREW_MS);
    check_at_most(taken, 1000 * CREW_MS);
}

/* ---- NH5 ------------------------------------------------------------------ */

static void meet_in_pairs(crew_idle idle)
{
    crew_pool *pool = make_pool(2, idle);
    int64_t until = test_now() + 5 * CREW_S; /* where others use the cores */

    for (unsigned i = 0;
         i < SCALED(4000) && test_failures() == 0 && test_now() < until; i++) {
        struct rally rally = {2, 0};
        crew_task a = {.run = meet_all, .data = &rally};
        crew_task b = {.run = meet_all, .data = &rally};
        crew_task *both[] = {&a, &b};

        if (i % 2) {
            check_equal(crew_submit_many(pool, both, 2, NULL), 0);
        } else {
            check_equal(crew_submit(pool, &a, NULL), 0);
            check_equal(crew_submit(pool, &b, NULL), 0);
        }
        check_equal(crew_task_wait(&a, CREW_FOREVER), 0);
        check_equal(crew_task_wait(&b, CREW_FOREVER), 0);
        check_equal(a.status | b.status, 0);
    }
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(nh5_two_tasks_in_one_burst_run_beside_each_other)
{
    meet_in_pairs(CREW_IDLE_BALANCED);
    meet_in_pairs(CREW_IDLE_POWER);
    meet_in_pairs(CREW_IDLE_LATENCY);
    check_marked(CREW__MARK_BATON_PASSED);
}

/* ---- NG14 ----------------------------------------------------------------- */

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static long read_switches(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[128];
    long sum = 0;

    while (file && fgets(line, sizeof line, file)) {
        const char *at = strstr(line, "voluntary_ctxt_switches:");

        if (at)
            sum += strtol(at + strlen("voluntary_ctxt_switches:"), NULL, 10);
    }
    if (file)
        fclose(file);
    return sum;
}

/* How often the workers of a pool have been switched, by their numbers in its
 * description. */
static long switches_of(const crew_pool *pool)
{
    static char text[65536];
    long sum = 0;

    crew_pool_describe(pool, text, sizeof text);
    for (const char *at = text; (at = strstr(at, "tid ")); at++) {
        char path[64];

        snprintf(path, sizeof path, "/proc/self/task/%ld/status",
                 strtol(at + 4, NULL, 10));
        sum += read_switches(path);
    }
    return sum;
}

struct quiet {
    const crew_pool *pool;
    long seen;
    int64_t since;
};

/* Nothing has moved for 300 ms. */
static bool is_quiet(void *arg)
{
    struct quiet *quiet = arg;
    long now = switches_of(quiet->pool);

    if (now != quiet->seen)
        *quiet = (struct quiet){quiet->pool, now, test_now()};
    return test_now() - quiet->since > 300 * CREW_MS;
}

static void expect_quiet(crew_pool *pool)
{
    int64_t begin = test_now();
    struct quiet quiet = {pool, -1, 0};
    crew_pool_stats before;
    crew_pool_stats after;

    assert_true(test_poll(is_quiet, &quiet, 10 * CREW_S));
    printf("measured: quiet after %lld ms\n",
           (long long)((quiet.since - begin) / CREW_MS));
    crew_pool_get_stats(pool, &before, sizeof before);
    quiet.since = test_now();
    assert_true(test_poll(is_quiet, &quiet, CREW_S));
    crew_pool_get_stats(pool, &after, sizeof after);
    check_equal(after.wakes, before.wakes);
}

CREW_TEST(ng14_an_idle_pool_is_quiet)
{
    crew_pool *pool = make_pool(64, CREW_IDLE_BALANCED);
    crew_task *tasks = calloc(SCALED(20000), sizeof *tasks);

    expect_quiet(pool);
    for (unsigned i = 0; i < SCALED(20000); i++) {
        tasks[i].run = return_zero;
        assert_int_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    expect_quiet(pool);
    assert_int_equal(crew_pool_destroy(pool), 0);
    free(tasks);
}

/* ---- NG23 ----------------------------------------------------------------- */

/* Of this thread alone, so that a busy machine does not count. */
static int64_t cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * CREW_S + now.tv_nsec;
}

static void count_done(crew_task *task)
{
    ++*(unsigned *)task->data;
}

CREW_TEST(ng23_a_flood_of_completions_leaves_the_loop_alive)
{
    unsigned count = SCALED(1000000);
    crew_pool *pool = make_pool(0, CREW_IDLE_BALANCED);
    crew_inbox *inbox = NULL;
    crew_task *tasks = calloc(count, sizeof *tasks);
    unsigned done = 0;
    int64_t longest = 0;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 0; i < count; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = count_done, .data = &done};
        assert_int_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    while (done < count) {
        int64_t begin = cpu_now();
        int r = crew_inbox_dispatch(inbox, 256);
        int64_t taken = cpu_now() - begin;

        assert_in_range(r, 1, 256);
        longest = taken > longest ? taken : longest;
    }
    printf("measured: the longest turn of at most 256 callbacks took %lld us\n",
           (long long)(longest / CREW_US));
    /* A period of 16 ms, ten times. */
    check_at_most(longest, 160 * CREW_MS);
    assert_int_equal(crew_inbox_dispatch(inbox, 0), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    free(tasks);
}
