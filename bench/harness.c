/*
 * What the measuring itself costs, in ns; and why it does not matter that
 * Debian's libbenchmark was built without NDEBUG.
 *
 *   loop    an iteration of the empty loop under Google Benchmark's clock; the
 *           floor is the same loop between two readings of a clock
 *   once    a run of one iteration that does nothing: what stands between the
 *           library's two readings, once per run
 *   manual  the call that reports a time by hand; bench_time is not for the
 *           inside of a loop, or costs this
 *
 * The assertions in the library are in what runs once; the loop is in the
 * caller's own code. Were it otherwise, "loop" would be above its floor.
 */
#include "support/lab.h"

static void loop(crew_bench *b)
{
    for (int64_t n = bench_count(b); n; n--)
        bench_clobber();
}

static void loop_by_hand(crew_bench *b)
{
    int64_t count = bench_count(b);
    int64_t begin = lab_now();

    for (int64_t n = count; n; n--)
        bench_clobber();
    bench_time(b, (double)(lab_now() - begin));
}

static void once(crew_bench *b)
{
    bench_count(b);
}

static void manual(crew_bench *b)
{
    int64_t count = bench_count(b);
    int64_t begin = lab_now();

    for (int64_t n = count; n; n--)
        bench_time(b, 1);
    bench_set(b, "ns", (double)(lab_now() - begin) / (double)count);
}

const crew_bench_case harness_crew[] = {
    {.name = "harness/loop/crew", .run = loop, .iterations = 20000000},
    {.name = "harness/loop/floor",
     .run = loop_by_hand,
     .clock = CREW_BENCH_MANUAL,
     .iterations = 20000000},
    {.name = "harness/once/crew", .run = once, .iterations = 1},
    {.name = "harness/manual/crew",
     .run = manual,
     .clock = CREW_BENCH_MANUAL,
     .iterations = 1000000},
    {.name = NULL}};
