/*
 * What holds between any two steps, whoever runs next, looked at from inside.
 * Behind a lock that is held anything may be half done, so what it guards is
 * looked at while it is free. Nothing here is a step.
 */
#include "job.h"

#include "pool/pool.h"

static unsigned level_of(const crew_task *task)
{
    return (unsigned)crew__level_of(task->priority);
}

/* I1 and I2 of queue.h. */
static void check_list(struct crew__queue *queue, unsigned level)
{
    struct crew__link *head = &queue->lists[level];
    unsigned count = 0;

    for (struct crew__link *at = head->next; at != head; at = at->next) {
        crew_task *task = crew__task_of(at);
        struct crew__task_private *p = crew__task_private(task);
        uint64_t state = crew__task_state(p->state.raw);

        sim_check(at->next->prev == at && at->prev->next == at);
        sim_check(state == CREW__QUEUED || state == CREW__CLAIMED);
        sim_check(p->where.raw == ((uintptr_t)queue | CREW__LISTED));
        sim_check_equal(level_of(task), level);
        count++;
    }
    sim_check_equal(queue->counts[level].raw, count);
}

static struct crew__wish *wish_of(struct crew__link *link)
{
    return (struct crew__wish *)(void *)link;
}

static bool is_wished_for(struct crew__queue *queue, const crew_group *group)
{
    for (struct crew__link *at = queue->wishes.next; at != &queue->wishes;
         at = at->next) {
        if (!wish_of(at)->task && wish_of(at)->group == group)
            return true;
    }
    return false;
}

/* I3: who waits for a group finds all its listed members. */
static void check_wishes(struct crew__queue *queue)
{
    unsigned offered = 0;
    unsigned wished = 0;

    for (struct crew__link *at = queue->wishes.next; at != &queue->wishes;
         at = at->next) {
        struct crew__link *head = &wish_of(at)->listed;

        for (struct crew__link *one = head->next; one != head; one = one->next)
            offered++;
    }
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        struct crew__link *head = &queue->lists[level];

        for (struct crew__link *at = head->next; at != head; at = at->next) {
            const crew_group *group = crew__task_of(at)->group;

            wished += group && is_wished_for(queue, group);
        }
    }
    sim_check_equal(offered, wished);
}

static bool is_free(const struct crew__queue *queue)
{
    return queue->lock.word.raw == 0;
}

static void check_queue(struct crew__queue *queue)
{
    if (!is_free(queue))
        return;
    for (unsigned level = 0; level < CREW__LEVELS; level++)
        check_list(queue, level);
    if (queue->wishes.next != &queue->wishes)
        check_wishes(queue);
}

/* Who runs something does not say that it sleeps. */
static void check_workers(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->workers; i++) {
        uint64_t asleep = pool->idle.sleeping[i / 64].raw >> (i % 64) & 1;

        sim_check(!asleep || pool->worker[i].running.raw == 0);
    }
}

/* idle.h: at most one searcher, who is one; rung only where there is one. */
static void check_idle(crew_pool *pool)
{
    uint64_t word = pool->idle.word.raw;
    uint64_t searcher = word & 0xffff;

    sim_check(searcher <= pool->workers);
    sim_check(searcher || !(word >> 16 & 1));
}

void invariants_check(void *arg)
{
    crew_pool *pool = load.pool;

    (void)arg;
    if (!pool || load.closing)
        return;
    check_queue(&pool->queue);
    for (unsigned i = 0; i < pool->workers; i++)
        check_queue(&pool->worker[i].mailbox);
    check_workers(pool);
    check_idle(pool);
    sim_check(!pool->limit || pool->waiting.raw <= pool->limit);
}

struct sim_options watched(const struct sim_options *options, uint64_t seed)
{
    struct sim_options some = {.cpus = 0};

    if (options)
        some = *options;
    if (!some.when_idle)
        some.when_idle = watch_when_idle;
    if (seed % 8 == 3 && !some.every_step)
        some.every_step = invariants_check;
    return some;
}
