/*
 * A job for the peers that have a queue and no more: what to call, and with
 * what.
 */
#ifndef CREW_BENCH_PEERS_JOB_H
#define CREW_BENCH_PEERS_JOB_H

#include "support/lab.h"

#include <pthread.h>

struct job {
    void (*run)(void *arg);
    void *arg;
};

/* lab_work; arg: the number of steps. */
void job_work(void *arg);

/*
 * The end of all jobs in a first-in-first-out queue: as many jobs as there are
 * workers are submitted behind them, and each waits in `meet` for the others
 * and for the submitter. So nothing is counted per job.
 */
struct meeting {
    pthread_barrier_t barrier;
};
void meeting_init(struct meeting *meeting, unsigned workers);
void meeting_fini(struct meeting *meeting);
void meet(void *meeting);

/* Joins the threads that `meet` has let go, one after the other. */
void job_join(pthread_t *threads, unsigned count);
void job_start(pthread_t *threads, unsigned count, void *(*main)(void *),
               void *arg);

#endif
