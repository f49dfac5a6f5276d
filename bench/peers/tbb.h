/*
 * oneTBB has a C++ interface only: this is as thin a door as the questions
 * need. An arena of as many workers as the others have, none of its slots kept
 * for the submitter, and tasks enqueued into it.
 */
#ifndef CREW_BENCH_PEERS_TBB_H
#define CREW_BENCH_PEERS_TBB_H

#include "peers/job.h"

#ifdef __cplusplus
extern "C" {
#endif

void tbb_start(unsigned workers);
void tbb_put(struct job job);
void tbb_stop(void);

#ifdef __cplusplus
}
#endif

#endif
