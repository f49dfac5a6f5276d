/*
 * What the examples of this folder share: some work for a pool, whose results
 * are printed on the loop's thread.
 */
#ifndef CREW_EXAMPLES_WORK_H
#define CREW_EXAMPLES_WORK_H

#include <crew/crew.h>

#include <stdio.h>

#define PARTS 8

struct work {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_task tasks[PARTS];
};

/* On a worker. */
static int count_up(crew_self *self, crew_task *task)
{
    volatile unsigned n = 0;

    (void)task;
    while (n < 1000000 && !crew_self_canceled(self))
        n++;
    return (int)n;
}

/* On the loop's thread. */
static void print_count(crew_task *task)
{
    printf("counted to %d\n", task->status);
}

/* 0, or an error: then work_end is not wanted. */
static inline int work_begin(struct work *work)
{
    int r = crew_inbox_create(&work->inbox, NULL);

    if (r < 0)
        return r;
    r = crew_pool_create(&work->pool, NULL);
    for (unsigned i = 0; i < PARTS && r == 0; i++) {
        work->tasks[i] = (crew_task){.run = count_up, .done = print_count};
        r = crew_submit(work->pool, &work->tasks[i], work->inbox);
    }
    return r;
}

/* 0 where nothing was left outstanding. */
static inline int work_end(struct work *work)
{
    crew_pool_destroy(work->pool);
    return crew_inbox_destroy(work->inbox);
}

#endif
