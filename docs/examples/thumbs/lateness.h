/*
 * How late the main loop came to its ticks. Every tick that was due counts,
 * also those that a busy loop came to all at once: a loop that stood still for
 * 300 ms was late 300 times.
 */
#ifndef THUMBS_LATENESS_H
#define THUMBS_LATENESS_H

#include <stdint.h>

/* Buckets of microseconds: 16 for each power of two. */
enum { LATENESS_STEPS = 16, LATENESS_BUCKETS = LATENESS_STEPS * 32 };

struct lateness {
    uint64_t counts[LATENESS_BUCKETS];
    uint64_t ticks;
    int64_t longest_ns;
};

void lateness_add(struct lateness *lateness, int64_t late_ns);

/* No more than `share` (0.999) of the ticks were later than this; rounded up
 * by at most a sixteenth. */
int64_t lateness_quantile(const struct lateness *lateness, double share);

#endif
