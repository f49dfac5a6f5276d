/* Where durations are counted. */
#include "support.h"

#include "runtime/histogram.h"

#include <string.h>

CREW_TEST(every_duration_lies_between_its_edge_and_the_next)
{
    struct test_random random;

    test_random_init(&random, 0);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned shift = (unsigned)test_random_below(&random, 63) + 1;
        crew_ns ns = (crew_ns)(test_random_next(&random) >> shift);
        unsigned index = crew__histogram_index(ns);

        check(index < CREW__BUCKETS);
        check(crew__histogram_edge(index) <= ns);
        check(ns < crew__histogram_edge(index + 1) ||
              crew__histogram_edge(index + 1) == INT64_MAX);
    }
}

CREW_TEST(every_edge_is_counted_in_its_own_bucket)
{
    unsigned i = 0;

    while (crew__histogram_edge(i) != INT64_MAX) {
        check_equal(crew__histogram_index(crew__histogram_edge(i)), i);
        check_equal(crew__histogram_index(crew__histogram_edge(i + 1) - 1), i);
        i++;
    }
    check_equal(i, 248); /* 4 to each power of two below 2^63 */
    check(crew__histogram_edge(255) == INT64_MAX);
}

CREW_TEST(a_negative_duration_counts_as_none)
{
    check_equal(crew__histogram_index(-1), 0);
    check_equal(crew__histogram_index(INT64_MIN), 0);
    check_equal(crew__histogram_index(INT64_MAX), 247);
}

CREW_TEST(the_histograms_of_several_writers_add_up)
{
    static struct crew__histogram one, two;
    uint64_t sums[CREW__BUCKETS];

    memset(sums, 0, sizeof sums);
    for (unsigned i = 0; i < 3; i++)
        crew__histogram_add_owner(&one, 1000);
    crew__histogram_add_owner(&two, 1000);
    crew__histogram_add_owner(&two, 0);
    crew__histogram_sum(&one, sums);
    crew__histogram_sum(&two, sums);
    check_equal(sums[crew__histogram_index(1000)], 4);
    check_equal(sums[0], 1);
}
