/*
 * What the scenarios over the public API share: tasks that note what happens
 * to them, the pool that they run on, waits that are noted, and a loop around
 * an inbox.
 */
#ifndef CREW_TESTS_SIM_JOB_H
#define CREW_TESTS_SIM_JOB_H

#include <crew/crew.h>

#include "base/list.h"
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORKERS 64u
#define ANYONE       1000u

/* What a worker is inside, as the jobs and waits tell it. */
struct busy_worker {
    unsigned jobs;           /* one inside the other */
    unsigned waits;          /* of these jobs; all of them, or all but one */
    const crew_task *task;   /* what the innermost wait is for: a task, */
    const crew_group *group; /* or a group */
    const void *lower[2];    /* the oldest NORMAL and LOW task that waits, */
    unsigned above[2];       /* and how many higher ones have gone before it */
    unsigned by_name;        /* of these on the NORMAL one's own level */
};

/* What the invariants look at; one per run. */
struct load {
    crew_pool *pool;
    unsigned workers;
    struct busy_worker worker[MOST_WORKERS];
    struct crew__link waiting; /* jobs, submitted and not started */
    unsigned started;          /* numbers the starts */
    unsigned ended;            /* numbers the `done`s */
    bool closing;              /* stop or destroy is on its way */
};
extern struct load load;

struct job {
    crew_task task; /* first */
    crew_ns work;   /* computes so long */
    int result;
    unsigned number;                        /* the scenario's */
    int (*body)(crew_self *, struct job *); /* after the work; or NULL */
    void (*then)(struct job *);             /* in `done`; or NULL */
    void *data;
    /* What happened since the last submit. */
    unsigned runs, dones;
    struct crew__link link; /* in load.waiting */
    unsigned to;            /* the worker that it was sent to, or ANYONE */
    crew_ns submitted, started, ended;
    unsigned start_number, done_number;
    unsigned worker;
};

/* Begins a run: a pool with some options of the seed's; workers 0: the seed
 * chooses, up to `most`. */
void load_begin(unsigned workers, unsigned most, size_t queue_limit);
/* crew_pool_stop, noted. */
int load_stop(crew_ns timeout);
/* Destroys the pool, if it is still there. */
void load_end(void);
/* Counts of a pool that is empty add up. */
void load_check_counts(void);
unsigned load_some_workers(unsigned most);

/* A job with `done`, for an inbox, or without. */
void job_init(struct job *job, bool noted);
struct job *jobs_make(unsigned count, bool noted);
/* What jobs_make gave, NULL too. */
void jobs_free(struct job *jobs);
/* crew_submit and the others, noted. */
int job_submit(struct job *job, crew_inbox *inbox);
int job_submit_to(struct job *job, unsigned worker, crew_inbox *inbox);
int jobs_submit_many(struct job **jobs, unsigned count, crew_inbox *inbox);
int jobs_submit_each(struct job **jobs, unsigned count, crew_inbox *inbox);
/* crew_task_cancel, noted. */
int job_cancel(struct job *job);
/* crew_task_wait and crew_group_wait, noted. */
int job_wait(struct job *job, crew_ns timeout);
int job_wait_group(crew_group *group, crew_ns timeout);
/* It has ended: once, and told so as the contract allows. */
void job_check_ended(struct job *job);

/* ---- watch.c ------------------------------------------------------------- */

void watch_begin(void);
void watch_submit(struct job *job, unsigned to);
void watch_forget(struct job *job); /* it waits no longer */
void watch_start(struct job *job, crew_self *self);
void watch_end(crew_self *self);
/* For options.when_idle: nobody sleeps while work for him waits. */
void watch_when_idle(void *arg);

/* ---- loop.c -------------------------------------------------------------- */

/* A loop around an inbox, in one of the ways that programs have. */
struct loop {
    crew_inbox *inbox;
    int fd; /* -1: it only waits */
    uint64_t edges;
    unsigned way;
    unsigned max;
};
void loop_begin(struct loop *loop);
void loop_turn(struct loop *loop);
/* Until nothing is pending. */
void loop_empty(struct loop *loop);
/* Destroys the inbox. */
void loop_end(struct loop *loop);

#endif
