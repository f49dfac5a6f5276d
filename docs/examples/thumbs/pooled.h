/*
 * The run on a pool: every phase is tasks, the main loop only hands them out
 * and takes what comes back.
 */
#ifndef THUMBS_POOLED_H
#define THUMBS_POOLED_H

#include "report.h"
#include "work.h"

/* 0, or a negative errno where work->error says why. Fills in what the report
 * says about workers. */
int pooled_run(struct work *work, struct report *report);

#endif
