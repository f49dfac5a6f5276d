#include "runtime/histogram.h"

unsigned crew__histogram_index(crew_ns ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    unsigned power;

    if (value < 4)
        return (unsigned)value;
    power = 63u - (unsigned)__builtin_clzll(value);
    return (power - 1) * 4 + (unsigned)(value >> (power - 2) & 3);
}

crew_ns crew__histogram_edge(unsigned index)
{
    unsigned power = index / 4 + 1;

    if (index < 4)
        return (crew_ns)index;
    if (power > 62)
        return INT64_MAX;
    return (crew_ns)((UINT64_C(4) + index % 4) << (power - 2));
}

void crew__histogram_add_owner(struct crew__histogram *histogram, crew_ns ns)
{
    crew__a64 *bucket = &histogram->buckets[crew__histogram_index(ns)];

    /* one writer */
    crew__store_relaxed(bucket, crew__load_relaxed(bucket) + 1);
}

void crew__histogram_sum(const struct crew__histogram *histogram,
                         uint64_t sums[CREW__BUCKETS])
{
    for (unsigned i = 0; i < CREW__BUCKETS; i++)
        sums[i] += crew__load_relaxed(&histogram->buckets[i]); /* a figure */
}
