/*
 * What a run came to, on stdout.
 */
#ifndef THUMBS_REPORT_H
#define THUMBS_REPORT_H

#include <stdint.h>

#include <crew/pool.h>

#include "work.h"

struct report {
    int64_t started_ns;
    unsigned workers;       /* 0: there was no pool */
    unsigned *busy_percent; /* of each worker */
};

void report_begin(struct report *report);

/* While the pool lives. */
void report_workers(struct report *report, const crew_pool *pool);

void report_print(const struct report *report, const struct work *work);
void report_fini(struct report *report);

#endif
