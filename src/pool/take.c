/*
 * What a worker takes next.
 *
 * Where it looks, for each level in turn: its mailbox, its ring (NORMAL alone),
 * the pool's queue, the rings of the others, nearest first. Bounds keep what
 * is lower, or further down that list, from waiting for ever.
 */
#include "pool/pool.h"

#include "base/mark.h"

/* Before what it takes is out of sight; see pool.h. */
static inline void hold(struct crew__worker *worker)
{
    uint32_t holds = crew__load_relaxed(&worker->holds); /* own word */

    /* published by a lock or a CAS */
    crew__store_relaxed(&worker->holds, holds + 1);
}

void crew__take_end(struct crew__worker *worker)
{
    uint32_t holds = crew__load_relaxed(&worker->holds); /* own word */

    /* edge:holds, release */
    crew__store_release(&worker->holds, holds + 1);
}

static crew_task *take_mail(struct crew__worker *worker, enum crew__level level)
{
    struct crew__queue *mailbox = &worker->mailbox;
    crew_task *task;

    if (crew__queue_seems_empty(mailbox, level))
        return NULL;
    crew__lock(&mailbox->lock);
    crew__queue_collect_for(mailbox, level);
    task = crew__queue_take(mailbox, level);
    if (task) {
        hold(worker);
        worker->from_mailbox++;
    }
    crew__unlock(&mailbox->lock);
    return task;
}

/* A share of what waits: the rest is for the others. */
static unsigned share_of(const crew_pool *pool, unsigned waiting)
{
    unsigned share = waiting / (2 * pool->workers);

    return share < CREW__RING_SIZE ? share : CREW__RING_SIZE;
}

static crew_task *take_queued(struct crew__worker *worker,
                              enum crew__level level)
{
    struct crew__queue *queue = &worker->pool->queue;
    crew_task *task;

    if (crew__queue_seems_empty(queue, level))
        return NULL;
    crew__lock(&queue->lock);
    crew__queue_collect_for(queue, level);
    task = crew__queue_take(queue, level);
    if (task)
        hold(worker);
    if (task && level == CREW__NORMAL) {
        /* under the lock */
        unsigned share = share_of(
            worker->pool, crew__load_relaxed(&queue->counts[level]) + 1);
        unsigned room = crew__ring_room_owner(&worker->ring);

        if (share > 1)
            crew__queue_fill(queue, &worker->ring,
                             share - 1 < room ? share - 1 : room);
    }
    crew__unlock(&queue->lock);
    return task;
}

static inline crew_task *take_from_ring(struct crew__worker *worker,
                                        struct crew__ring *ring)
{
    unsigned lost = 0;
    crew_task *task;

    if (crew__ring_is_empty(ring))
        return NULL;
    hold(worker);
    task = crew__ring_take_any(ring, &lost);
    if (!task)
        crew__take_end(worker);
    if (lost)
        crew__mark(CREW__MARK_RING_LOST);
    return task;
}

static crew_task *steal_from(struct crew__worker *worker, unsigned victim)
{
    crew_task *task = take_from_ring(worker,
                                     &worker->pool->worker[victim].ring);

    if (task) {
        crew__mark(CREW__MARK_STEAL);
        crew__pool_note(worker->pool, worker->index, CREW__EVENT_STEAL, task);
        /* one writer */
        crew__store_relaxed(&worker->counts.steals,
                            crew__load_relaxed(&worker->counts.steals) + 1);
    }
    return task;
}

static crew_task *steal(struct crew__worker *worker)
{
    crew_task *task = NULL;

    for (unsigned i = 0; !task && i + 1 < worker->pool->workers; i++)
        task = steal_from(worker, worker->victims[i]);
    return task;
}

/* What another took along may wait behind a slow task while new work never
 * ends. So now and then a worker looks at the ring of one other, in turn. */
static crew_task *steal_in_turn(struct crew__worker *worker)
{
    unsigned others = worker->pool->workers - 1;

    worker->starts = 0;
    if (others == 0)
        return NULL;
    worker->turn = (worker->turn + 1) % others;
    return steal_from(worker, worker->victims[worker->turn]);
}

static crew_task *take_normal(struct crew__worker *worker)
{
    crew_task *task = take_from_ring(worker, &worker->ring);

    worker->starts++;
    if (!task && worker->starts >= CREW__BOUND) {
        task = steal_in_turn(worker);
        if (task)
            crew__mark(CREW__MARK_BOUND_RINGS);
    }
    if (!task)
        task = take_queued(worker, CREW__NORMAL);
    if (!task)
        task = steal(worker);
    return task;
}

static crew_task *take_shared(struct crew__worker *worker,
                              enum crew__level level)
{
    crew_task *task = level == CREW__NORMAL ? take_normal(worker)
                                            : take_queued(worker, level);

    if (task)
        worker->from_mailbox = 0;
    return task;
}

static crew_task *take_level(struct crew__worker *worker,
                             enum crew__level level)
{
    crew_task *task = NULL;

    if (worker->from_mailbox >= CREW__BOUND) {
        crew__mark(CREW__MARK_BOUND_QUEUES);
        task = take_shared(worker, level);
    }
    if (!task)
        task = take_mail(worker, level);
    if (!task)
        task = take_shared(worker, level);
    return task;
}

static void note_start(struct crew__worker *worker, enum crew__level level)
{
    /* A LOW start says nothing about NORMAL ones: they are still waiting. */
    if (level == CREW__HIGH)
        worker->above_normal++;
    else if (level == CREW__NORMAL)
        worker->above_normal = 0;
    worker->above_low = level == CREW__LOW ? 0 : worker->above_low + 1;
}

static crew_task *take(struct crew__worker *worker)
{
    static const enum crew__level order[] = {CREW__HIGH, CREW__NORMAL,
                                             CREW__LOW};
    crew_task *task = NULL;
    enum crew__level level = CREW__LOW;

    /* Where none is there, none has waited: counting begins anew. */
    if (worker->above_low >= CREW__BOUND) {
        worker->above_low = 0;
        task = take_level(worker, level);
    }
    if (!task && worker->above_normal >= CREW__BOUND) {
        worker->above_normal = 0;
        level = CREW__NORMAL;
        task = take_level(worker, level);
    }
    if (task)
        crew__mark(CREW__MARK_BOUND_LOWER);
    for (unsigned i = 0; !task && i < CREW__LEVELS; i++) {
        level = order[i];
        task = take_level(worker, level);
    }
    if (task)
        note_start(worker, level);
    return task;
}

/* As most starts are: the oldest of its own ring, with nothing above it and
 * within all bounds. One branch for six looks. */
static inline crew_task *take_plain(struct crew__worker *worker)
{
    uintptr_t above = 0;
    crew_task *task;

    above = crew__queue_hint(&worker->mailbox, CREW__HIGH, above);
    above = crew__queue_hint(&worker->mailbox, CREW__NORMAL, above);
    above = crew__queue_hint(&worker->pool->queue, CREW__HIGH, above);
    if (above || worker->above_low >= CREW__BOUND)
        return NULL;
    task = take_from_ring(worker, &worker->ring);
    if (task) {
        worker->starts++;
        worker->from_mailbox = 0;
        worker->above_normal = 0;
        worker->above_low++;
    }
    return task;
}

crew_task *crew__take_next(struct crew__worker *worker)
{
    crew_task *task = take_plain(worker);

    return task ? task : take(worker);
}
