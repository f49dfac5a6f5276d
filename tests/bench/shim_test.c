/* crew/bench.h: what a benchmark in C is given, and what comes out. Each case
 * is a process of its own, so it has Google Benchmark to itself. */
#include <crew/bench.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS 64

/* What the functions below saw, one entry a call. */
static struct call {
    int64_t first, second, count, turns;
    unsigned index, threads;
    int cpu; /* the one that the thread is pinned to; -1: not to one */
} calls[CALLS];
static atomic_uint calls_made;

static int pinned_to(void)
{
    cpu_set_t set;

    sched_getaffinity(0, sizeof set, &set);
    if (CPU_COUNT(&set) != 1)
        return -1;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set))
            return (int)cpu;
    return -1;
}

static void note(crew_bench *b)
{
    struct call *call = &calls[atomic_fetch_add(&calls_made, 1) % CALLS];

    call->first = bench_arg(b, 0);
    call->second = bench_arg(b, 1);
    call->index = bench_index(b);
    call->threads = bench_threads(b);
    call->cpu = pinned_to();
    call->turns = 0;
    call->count = bench_count(b);
    for (int64_t n = call->count; n; n--)
        call->turns++;
}

/* Runs the cases; what Google Benchmark wrote as JSON, to be freed. */
static char *run(const crew_bench_case *cases, int expected)
{
    char path[] = "/tmp/crew-bench-XXXXXX";
    int file = mkstemp(path);
    char out[64];
    char *argv[] = {"bench", out, "--benchmark_out_format=json", NULL};
    char *text = calloc(1, 65536);

    assert_true(file >= 0);
    assert_non_null(text);
    snprintf(out, sizeof out, "--benchmark_out=%s", path);
    crew_bench_add(cases);
    check_equal(crew_bench_main(3, argv), expected);
    check_at_least(read(file, text, 65535), 1);
    close(file);
    unlink(path);
    return text;
}

static void check_says(const char *text, const char *expected)
{
    if (!check(strstr(text, expected) != NULL))
        printf("%s\nis not in\n%s\n", expected, text);
}

CREW_TEST(the_count_is_what_the_case_says_and_is_fetched_once)
{
    const crew_bench_case cases[] = {
        {.name = "seven", .run = note, .iterations = 7}, {.name = NULL}};
    char *text = run(cases, 0);

    assert_int_equal(calls_made, 1);
    check_equal(calls[0].count, 7);
    check_equal(calls[0].turns, 7);
    check_equal(calls[0].threads, 1);
    check_says(text, "\"name\": \"seven/iterations:7/real_time\"");
    check_says(text, "\"iterations\": 7");
    free(text);
}

CREW_TEST(each_set_of_arguments_is_a_run)
{
    static const int64_t args[] = {1, 2, 3, 4};
    const crew_bench_case cases[] = {{.name = "sets",
                                      .run = note,
                                      .args = args,
                                      .arg_sets = 2,
                                      .arg_width = 2,
                                      .arg_names = {"left", "right"},
                                      .iterations = 1},
                                     {.name = NULL}};
    char *text = run(cases, 0);

    assert_int_equal(calls_made, 2);
    for (int i = 0; i < 2; i++) {
        check_equal(calls[i].first, 2 * i + 1);
        check_equal(calls[i].second, 2 * i + 2);
    }
    check_says(text, "sets/left:3/right:4");
    free(text);
}

CREW_TEST(a_range_goes_from_first_to_last_by_its_factor)
{
    static const int64_t expected[] = {2, 4, 16, 64, 100};
    const crew_bench_case cases[] = {{.name = "range",
                                      .run = note,
                                      .first = 2,
                                      .last = 100,
                                      .factor = 4,
                                      .iterations = 1},
                                     {.name = NULL}};

    free(run(cases, 0));
    assert_int_equal(calls_made, 5);
    for (int i = 0; i < 5; i++)
        check_equal(calls[i].first, expected[i]);
}

CREW_TEST(threads_run_at_once_and_have_numbers)
{
    const crew_bench_case cases[] = {{.name = "threads",
                                      .run = note,
                                      .threads_first = 1,
                                      .threads_last = 4,
                                      .iterations = 3},
                                     {.name = NULL}};
    unsigned seen[5] = {0};

    free(run(cases, 0));
    assert_int_equal(calls_made, 1 + 2 + 4);
    for (int i = 0; i < 7; i++) {
        check_at_most(calls[i].threads, 4);
        check_equal(calls[i].turns, 3);
        seen[calls[i].threads] |= 1u << calls[i].index;
    }
    check_equal(seen[1], 1);
    check_equal(seen[2], 3);
    check_equal(seen[4], 15);
}

CREW_TEST(workers_are_pinned_each_to_a_cpu_of_its_own)
{
    cpu_set_t usable;
    const crew_bench_case cases[] = {{.name = "workers",
                                      .run = note,
                                      .workers_first = 1,
                                      .workers_last = 2,
                                      .iterations = 5},
                                     {.name = NULL}};
    char *text;

    sched_getaffinity(0, sizeof usable, &usable);
    if (CPU_COUNT(&usable) < 2)
        skip_test("there is one CPU");
    text = run(cases, 0);
    assert_int_equal(calls_made, 3);
    for (int i = 0; i < 3; i++) {
        check_equal(calls[i].turns, 5);
        check_at_least(calls[i].cpu, 0);
    }
    check_equal(calls[0].threads, 1);
    check(calls[1].index != calls[2].index);
    check(calls[1].cpu != calls[2].cpu);
    check_says(text, "workers/workers:2");
    check_equal(pinned_to(), -1);
    free(text);
}

static void note_with_argument(crew_bench *b)
{
    note(b);
    bench_set(b, "mine", 2);
    bench_items(b, 1);
}

CREW_TEST(workers_have_arguments_and_their_figures_are_added)
{
    static const int64_t args[] = {11, 12};
    const crew_bench_case cases[] = {{.name = "both",
                                      .run = note_with_argument,
                                      .args = args,
                                      .arg_sets = 2,
                                      .workers_first = 2,
                                      .iterations = 1},
                                     {.name = NULL}};
    char *text = run(cases, 0);

    assert_int_equal(calls_made, 4);
    for (int i = 0; i < 4; i++) {
        check_equal(calls[i].first, 11 + i / 2);
        check_equal(calls[i].threads, 2);
    }
    check_says(text, "both/12/workers:2");
    check_says(text, "\"mine\": 4.0");
    check_says(text, "\"items_per_second\"");
    free(text);
}

static void skip_one(crew_bench *b)
{
    if (bench_index(b) == 1) {
        bench_skip(b, "not on this one");
        check_equal(bench_count(b), 0);
        return;
    }
    check_equal(bench_count(b), 4);
}

CREW_TEST(a_worker_that_skips_does_not_hold_the_others_up)
{
    const crew_bench_case cases[] = {{.name = "skipping",
                                      .run = skip_one,
                                      .workers_first = 2,
                                      .iterations = 4},
                                     {.name = NULL}};
    char *text = run(cases, 1);

    check_says(text, "\"error_message\": \"not on this one\"");
    free(text);
}

static void skip_all(crew_bench *b)
{
    bench_skip(b, "there is no such device");
    check_equal(bench_count(b), 0);
}

CREW_TEST(what_is_skipped_is_an_error_with_its_reason)
{
    const crew_bench_case cases[] = {{.name = "skipped", .run = skip_all},
                                     {.name = NULL}};
    char *text = run(cases, 1);

    check_says(text, "\"error_occurred\": true");
    check_says(text, "\"error_message\": \"there is no such device\"");
    free(text);
}

static void tell_times(crew_bench *b)
{
    const double *ns = bench_data(b);

    for (int64_t n = bench_count(b); n; n--)
        bench_time(b, *ns);
    bench_label(b, "by hand");
}

CREW_TEST(manual_times_are_what_counts)
{
    static const double ns = 2500;
    const crew_bench_case cases[] = {{.name = "manual",
                                      .run = tell_times,
                                      .data = &ns,
                                      .clock = CREW_BENCH_MANUAL,
                                      .unit = CREW_BENCH_US,
                                      .iterations = 4},
                                     {.name = NULL}};
    char *text = run(cases, 0);

    check_says(text, "manual/iterations:4/manual_time");
    check_says(text, "\"real_time\": 2.5");
    check_says(text, "\"time_unit\": \"us\"");
    check_says(text, "\"label\": \"by hand\"");
    free(text);
}

/* Set-up and what stands behind bench_end are not measured. */
static void sleep_outside(crew_bench *b)
{
    usleep(30000);
    for (int64_t n = bench_count(b); n; n--)
        bench_clobber();
    bench_end(b);
    usleep(30000);
}

static void sleep_paused(crew_bench *b)
{
    for (int64_t n = bench_count(b); n; n--) {
        bench_pause(b);
        usleep(30000);
        bench_resume(b);
    }
}

static double real_ms(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    at = at ? strstr(at, "\"real_time\": ") : NULL;
    return at ? strtod(at + strlen("\"real_time\": "), NULL) : -1;
}

CREW_TEST(the_clock_stands_outside_the_loop_and_in_pauses)
{
    const crew_bench_case cases[] = {{.name = "outside",
                                      .run = sleep_outside,
                                      .unit = CREW_BENCH_MS,
                                      .iterations = 1},
                                     {.name = "paused",
                                      .run = sleep_paused,
                                      .unit = CREW_BENCH_MS,
                                      .iterations = 1},
                                     {.name = NULL}};
    char *text = run(cases, 0);

    check_at_least(real_ms(text, "\"outside/") * 1e6, 0);
    check_at_most(real_ms(text, "\"outside/"), 25);
    check_at_least(real_ms(text, "\"paused/") * 1e6, 0);
    check_at_most(real_ms(text, "\"paused/"), 25);
    free(text);
}

CREW_TEST(repetitions_and_context_are_written)
{
    const crew_bench_case cases[] = {
        {.name = "twice", .run = note, .iterations = 1, .repetitions = 2},
        {.name = NULL}};
    char *text;

    crew_bench_context("weather", "fine");
    text = run(cases, 0);
    check_equal(calls_made, 2);
    check_says(text, "\"weather\": \"fine\"");
    check_says(text, "\"repetition_index\": 1");
    free(text);
}

CREW_TEST(an_unknown_argument_is_refused)
{
    char *argv[] = {"bench", "--no-such-argument", NULL};

    check_equal(crew_bench_main(2, argv), 1);
}
