#include "lateness.h"

static unsigned bucket_of(uint64_t us)
{
    unsigned shift = 0;

    while (us >> shift >= 2 * LATENESS_STEPS)
        shift++;
    /* us >> shift lies in STEPS .. 2 * STEPS - 1, or below where shift is 0. */
    return shift * LATENESS_STEPS + (unsigned)(us >> shift);
}

static int64_t upper_edge_ns(unsigned bucket)
{
    unsigned shift = 0;

    if (bucket >= 2 * LATENESS_STEPS) {
        shift = bucket / LATENESS_STEPS - 1;
        bucket -= shift * LATENESS_STEPS;
    }
    return ((int64_t)bucket + 1) * 1000 * (INT64_C(1) << shift);
}

void lateness_add(struct lateness *lateness, int64_t late_ns)
{
    unsigned bucket;

    if (late_ns < 0)
        late_ns = 0;
    bucket = bucket_of((uint64_t)late_ns / 1000);
    if (bucket >= LATENESS_BUCKETS)
        bucket = LATENESS_BUCKETS - 1;
    lateness->counts[bucket]++;
    lateness->ticks++;
    if (late_ns > lateness->longest_ns)
        lateness->longest_ns = late_ns;
}

int64_t lateness_quantile(const struct lateness *lateness, double share)
{
    const double wanted = share * (double)lateness->ticks;
    uint64_t seen = 0;
    int64_t edge;
    unsigned i;

    for (i = 0; i < LATENESS_BUCKETS; i++) {
        seen += lateness->counts[i];
        if (seen > 0 && (double)seen >= wanted)
            break;
    }
    if (i == LATENESS_BUCKETS)
        return lateness->longest_ns;
    edge = upper_edge_ns(i);
    return edge < lateness->longest_ns ? edge : lateness->longest_ns;
}
