/*
 * A histogram of durations: log-linear buckets, four to each power of two, so
 * that a value is known to a quarter from 4 ns to 292 years (Gil Tene's
 * HdrHistogram, with two bits of precision).
 *
 *   index   0 1 2 3   4 5 6 7   8 9  10 11   12 ...
 *   ns      0 1 2 3   4 5 6 7   8 10 12 14   16 20 24 28   32 ...
 *
 * One thread adds; any thread reads, and adds up those of several writers.
 */
#ifndef CREW_RUNTIME_HISTOGRAM_H
#define CREW_RUNTIME_HISTOGRAM_H

#include <crew/base.h>

#include "base/atomic.h"

#define CREW__BUCKETS 256u

struct crew__histogram {
    crew__a64 buckets[CREW__BUCKETS];
};

/* Where a duration is counted; a negative one counts as 0. */
unsigned crew__histogram_index(crew_ns ns);
/* The least that is counted there; INT64_MAX where nothing is. */
crew_ns crew__histogram_edge(unsigned index);

/* Its one writer alone. */
void crew__histogram_add_owner(struct crew__histogram *histogram, crew_ns ns);
/* sums[i] grows by what is counted in i. */
void crew__histogram_sum(const struct crew__histogram *histogram,
                         uint64_t sums[CREW__BUCKETS]);

#endif
