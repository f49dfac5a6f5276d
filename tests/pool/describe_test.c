/*
 * What a pool tells about itself, where each part of it is set by hand.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

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
