/*
 * What a pool tells about itself, where each part of it is set by hand.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

#include <stddef.h>

enum { WORKERS = 3 };

static crew_pool pool;
static struct crew__worker workers[WORKERS];

static void begin(unsigned count)
{
    memset(&pool, 0, sizeof pool);
    memset(workers, 0, sizeof workers);
    crew__queue_init(&pool.queue);
    pool.generation = crew__fork_generation(&pool.fork_word);
    pool.worker = workers;
    pool.workers = count;
    pool.wanted = count;
    pool.plan.workers = count;
    pool.plan.masked = true;
    strcpy(pool.name, "unit");
    for (unsigned i = 0; i < WORKERS; i++) {
        crew__queue_init(&workers[i].mailbox);
        crew__ring_init(&workers[i].ring);
        workers[i].pool = &pool;
        workers[i].index = i;
        workers[i].cpu = -1;
    }
}

/* The line of that number, from 0. */
static void expect_line(unsigned number, const char *expected)
{
    char text[4096];
    char *line = text;

    check_at_most(crew_pool_describe(&pool, text, sizeof text),
                  sizeof text - 1);
    while (number-- && line)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    if (!check(line && strchr(line, '\n')))
        return;
    *strchr(line, '\n') = '\0';
    if (!check(strcmp(line, expected) == 0))
        printf("is:       %s\nexpected: %s\n", line, expected);
}

/* ---- the first lines ------------------------------------------------------ */

CREW_TEST(the_first_line_says_what_limited_the_workers)
{
    static const struct {
        enum crew__placement_limit limit;
        const char *line;
    } limits[] = {
        {CREW__LIMIT_CORES, "one per usable core"},
        {CREW__LIMIT_QUOTA, "the CPU quota"},
        {CREW__LIMIT_UNREAD, "the CPU quota cannot be told"},
        {CREW__LIMIT_OPTION, "as asked for"},
        {CREW__LIMIT_LIST, "one per entry of the list"},
        {CREW__LIMIT_MOST, "the most that a pool may have"},
    };
    char line[256];

    begin(0);
    pool.plan.workers = 2;
    pool.plan.cores = 3;
    crew__cpuset_add(&pool.plan.usable, 1);
    crew__cpuset_add(&pool.plan.usable, 2);
    crew__cpuset_add(&pool.plan.usable, 5);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        pool.plan.limit = limits[i].limit;
        snprintf(line, sizeof line,
                 "2 workers: %s (3 CPUs of an unknown machine, affinity mask "
                 "1-2,5, no CPU quota)",
                 limits[i].line);
        expect_line(0, line);
    }
}

CREW_TEST(the_next_line_says_that_threads_were_refused)
{
    begin(1);
    pool.wanted = 3;
    expect_line(1, "1 of 3 threads could be started");
    expect_line(2, "unit/0: tid 0, not pinned: placement none");
    pool.wanted = 1;
    expect_line(1, "unit/0: tid 0, not pinned: placement none");
}

/* ---- seats ---------------------------------------------------------------- */

CREW_TEST(a_worker_that_is_not_pinned_says_why)
{
    begin(3);
    for (unsigned i = 0; i < 3; i++)
        crew__store_relaxed(&workers[i].tid, i + 1000);
    pool.plan.masked = false;
    workers[1].cpu = 2;
    workers[1].pin_error = -EPERM;
    workers[1].nice = 5;
    workers[2].cpu = 3;
    workers[2].pin_error = -EINVAL;
    expect_line(1, "unit/0: tid 1000, not pinned: the affinity mask cannot be "
                   "read");
    expect_line(2, "unit/1: tid 1001, not pinned: not permitted, nice 5");
    expect_line(3, "unit/2: tid 1002, not pinned: invalid argument");
    check_equal(crew_pool_worker_cpu(&pool, 0), -ENOENT);
    check_equal(crew_pool_worker_cpu(&pool, 3), -EINVAL);
    check_equal(crew_pool_worker_cpu(NULL, 0), -EINVAL);
}

static int lowest(const struct crew__cpuset *set)
{
    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        if (crew__cpuset_has(set, cpu))
            return (int)cpu;
    }
    return -1;
}

/* What a worker is told to have that sits on the calling thread's mask now. */
static void expect_seat(const char *seat)
{
    char line[512];

    snprintf(line, sizeof line, "unit/0: tid %d, %s", (int)crew__thread_id(),
             seat);
    expect_line(1, line);
}

CREW_TEST(a_worker_tells_where_it_sits_when_it_is_asked)
{
    struct crew__cpuset before = {{0}};
    struct crew__cpuset one = {{0}};
    struct crew__topology *topology = crew__topology_create(1);
    char seat[256];
    int cpu;

    begin(1);
    assert_int_equal(crew__affinity_get(0, &before), 0);
    cpu = lowest(&before);
    crew__cpuset_add(&one, (unsigned)cpu);
    assert_int_equal(crew__affinity_set(0, &one), 0);
    topology->cpus[0] = (struct crew__cpu){
        .os = (unsigned)cpu, .core = 11, .l3 = 12, .node_os = 13};
    pool.topology = topology;
    crew__store_relaxed(&workers[0].tid, (uint32_t)crew__thread_id());
    workers[0].cpu = cpu;
    snprintf(seat, sizeof seat, "cpu %d, core 11, L3 12, node 13", cpu);
    expect_seat(seat);
    workers[0].cpu = cpu + 1;
    topology->count = 0; /* a CPU that the machine's description lacks */
    snprintf(seat, sizeof seat, "cpu %d (moved from cpu %d)", cpu, cpu + 1);
    expect_seat(seat);
    check_equal(crew_pool_worker_cpu(&pool, 0), cpu);
    crew__topology_destroy(topology);
    crew__affinity_set(0, &before);
}

CREW_TEST(a_worker_whose_mask_was_widened_is_pinned_no_more)
{
    struct crew__cpuset now = {{0}};
    char mask[128];
    char seat[256];

    begin(1);
    assert_int_equal(crew__affinity_get(0, &now), 0);
    if (crew__cpuset_count(&now) < 2)
        skip_test("one CPU is usable, so no mask has two");
    crew__store_relaxed(&workers[0].tid, (uint32_t)crew__thread_id());
    workers[0].cpu = lowest(&now);
    crew__placement_mask_text(&now, mask, sizeof mask);
    snprintf(seat, sizeof seat, "not pinned to one CPU any more: mask %s",
             mask);
    expect_seat(seat);
    check_equal(crew_pool_worker_cpu(&pool, 0), -ENOENT);
}

CREW_TEST(a_text_is_cut_anywhere_and_its_length_told)
{
    char whole[1024];
    char part[1024];
    int length;

    begin(3);
    length = crew_pool_describe(&pool, whole, sizeof whole);
    assert_int_equal(length, strlen(whole));
    for (size_t size = 0; size <= (size_t)length + 2; size++) {
        size_t fits = size <= (size_t)length ? size : (size_t)length + 1;

        memset(part, 0x77, sizeof part);
        check_equal(crew_pool_describe(&pool, size ? part : NULL, size),
                    length);
        if (fits) {
            check(memcmp(part, whole, fits - 1) == 0);
            check_equal(part[fits - 1], 0);
        }
        check_equal(part[fits], 0x77); /* nothing beyond */
    }
    check_equal(crew_pool_describe(&pool, NULL, 1), -EINVAL);
}

/* ---- figures -------------------------------------------------------------- */

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

    begin(WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        set_counts(&workers[i].counts, UINT64_C(1) << (10 * i));
        crew__store_relaxed(&workers[i].running, i);
    }
    set_counts(&pool.swept, UINT64_C(1) << 40);
    crew__queue_push(&pool.queue, CREW__NORMAL, &tasks[0], &tasks[0]);
    crew__queue_push(&workers[2].mailbox, CREW__NORMAL, &tasks[1], &tasks[1]);
    crew__queue_push(&workers[2].mailbox, CREW__NORMAL, &tasks[2], &tasks[2]);
    for (unsigned i = 3; i < 6; i++)
        crew__ring_fill_owner(&workers[1].ring, &tasks[i]);
    pool.queue.accepted = 100;
    workers[0].mailbox.accepted = 1000;
    check_equal(crew_pool_get_stats(&pool, &stats, sizeof stats), 0);
    check_equal(stats.done, UINT64_C(0x10000100401));
    check_equal(stats.canceled, 2 * stats.done);
    check_equal(stats.timed_out, 3 * stats.done);
    check_equal(stats.steals, 4 * stats.done);
    check_equal(stats.waiting, 6);
    check_equal(stats.running, 3);
    check_equal(stats.submitted, 1103);
}

CREW_TEST(figures_are_cut_to_the_size_that_the_program_knows)
{
    /* What comes last is the kernel's, and may change meanwhile. */
    const size_t ours = offsetof(crew_pool_stats, throttled);
    crew_pool_stats whole;
    unsigned char part[sizeof whole + 8];

    begin(WORKERS);
    set_counts(&workers[1].counts, 7);
    check_equal(crew_pool_get_stats(&pool, &whole, sizeof whole), 0);
    for (size_t size = 1; size < sizeof part; size++) {
        memset(part, 0x77, sizeof part);
        check_equal(crew_pool_get_stats(&pool, (void *)part, size), 0);
        check(memcmp(part, &whole, size < ours ? size : ours) == 0);
        check_equal(part[size], 0x77);
    }
    check_equal(part[sizeof whole], 0x77); /* a newer program's fields */
    check_equal(crew_pool_get_stats(&pool, &whole, 0), -EINVAL);
    check_equal(crew_pool_get_stats(&pool, NULL, 8), -EINVAL);
    check_equal(crew_pool_get_stats(NULL, &whole, 8), -EINVAL);
}

CREW_TEST(a_worker_s_time_goes_on_in_the_state_that_it_is_in)
{
    struct crew__worker *worker = &workers[1];
    uint64_t long_ago = (uint64_t)(crew__clock_now() - 1) & ~UINT64_C(1);
    crew_worker_stats stats;

    begin(WORKERS);
    set_counts(&worker->counts, 9);
    for (unsigned busy = 0; busy < 2; busy++) {
        crew__store_relaxed(&worker->busy_ns, 1000);
        crew__store_relaxed(&worker->idle_ns, 2000);
        crew__store_relaxed(&worker->since, long_ago | busy);
        check_equal(crew_pool_get_worker_stats(&pool, 1, &stats, sizeof stats),
                    0);
        check_equal(busy ? stats.idle : stats.busy, busy ? 2000 : 1000);
        check(busy ? stats.busy > 1000 : stats.idle > 2000);
        check_equal(stats.tasks, 9);
        check_equal(stats.steals, 36);
    }
    memset(&stats, 0x77, sizeof stats);
    check_equal(crew_pool_get_worker_stats(&pool, 1, &stats, 8), 0);
    check_equal(stats.idle, INT64_C(0x7777777777777777));
    check_equal(crew_pool_get_worker_stats(&pool, 1, &stats, 0), -EINVAL);
    check_equal(crew_pool_get_worker_stats(&pool, 1, NULL, 8), -EINVAL);
    check_equal(crew_pool_get_worker_stats(&pool, 3, &stats, 8), -EINVAL);
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
