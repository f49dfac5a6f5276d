/*
 * A queue of tasks: where submitters put them and workers take them. A pool
 * has one, and each worker has one for what was sent to it by name.
 *
 *   submitters (any thread)           workers (and who stops or asks)
 *   -------------------------------   -----------------------------------------
 *   push a chain on the stack of      under the lock: take the stacks whole,
 *   its level: one read-modify-write  turn them round, append to the lists;
 *                                     take from, unlink from, put back into
 *                                     the lists
 *
 * A level is a priority in the order in which it goes: HIGH, NORMAL, LOW.
 *
 * A wish is a worker's wait for one task or for the members of one group,
 * during which it runs these out of turn. Whatever enters the lists while a
 * wish is there is compared with it, so that no member hides behind strangers.
 *
 * Invariants
 *   I1  A task is in one of the stacks, in one of the lists (then its `where`
 *       is this queue | LISTED), or none of this queue's affair. LISTED is set
 *       and cleared under the lock.
 *   I2  counts[level] is the length of lists[level]; it is written under the
 *       lock and read as a hint without it.
 *   I3  A listed member of a group that is wished for is in the list of one
 *       wish for that group. (A task that is wished for itself is found by its
 *       `where`.)
 *   I4  Under the lock: stacks and lists empty means that nothing waits here.
 *
 * Edges
 *   stack-node   as in lockfree/stack.h;   lock   as in os/os.h.
 */
#ifndef CREW_POOL_QUEUE_H
#define CREW_POOL_QUEUE_H

#include "lockfree/ring.h"
#include "lockfree/stack.h"
#include "os/os.h"
#include "pool/task.h"

enum crew__level { CREW__HIGH, CREW__NORMAL, CREW__LOW, CREW__LEVELS };

static inline enum crew__level crew__level_of(crew_priority priority)
{
    static const unsigned char levels[] = {CREW__NORMAL, CREW__HIGH, CREW__LOW};

    return (enum crew__level)levels[priority];
}

struct crew__wish {
    struct crew__link link;   /* in the queue's wishes */
    struct crew__link listed; /* members, oldest first */
    crew_group *group;        /* one of the two */
    crew_task *task;
    struct crew__parker *parker; /* of the worker that wishes */
};

struct crew__arrivals {
    struct crew__stack stack;
    char apart[CREW__APART - sizeof(struct crew__stack)];
};

struct crew__queue {
    struct crew__arrivals arrivals[CREW__LEVELS];
    crew__a32 counts[CREW__LEVELS];
    char apart[CREW__APART - CREW__LEVELS * sizeof(crew__a32)];
    struct crew__lock lock;
    struct crew__link lists[CREW__LEVELS];
    struct crew__link wishes;
    uint64_t accepted; /* tasks that have come out of the stacks */
    unsigned left;     /* takes in a row that left what arrived */
} CREW__ALIGNED(CREW__APART);

void crew__queue_init(struct crew__queue *queue);

/* Pushes the chain first (newest) .. last (oldest). Any thread. */
void crew__queue_push(struct crew__queue *queue, enum crew__level level,
                      crew_task *first, crew_task *last);

/* Hints, without the lock. */

/* Adds to `hint`, which is 0 until something seems to be there. */
static inline uintptr_t crew__queue_hint(struct crew__queue *queue,
                                         enum crew__level level, uintptr_t hint)
{
    /* a hint */
    hint |= (uintptr_t)crew__load_seq_cst(&queue->arrivals[level].stack.head);
    hint |= crew__load_relaxed(&queue->counts[level]); /* a hint */
    return hint;
}

/* The count first: that line does not change hands with submitters. */
static inline bool crew__queue_seems_empty(struct crew__queue *queue,
                                           enum crew__level level)
{
    /* a hint */
    return crew__load_relaxed(&queue->counts[level]) == 0 &&
           crew__stack_is_empty(&queue->arrivals[level].stack);
}
unsigned crew__queue_listed(struct crew__queue *queue);

/* Under the lock: */

/* Moves what has arrived into the lists. */
void crew__queue_collect(struct crew__queue *queue);
/* The same before a take of `level`, where it is due: while enough is listed,
 * what arrives is left to the submitters for a while, as each look at a stack
 * takes its line from them. */
void crew__queue_collect_for(struct crew__queue *queue, enum crew__level level);
bool crew__queue_is_empty(struct crew__queue *queue);
/* The oldest of a level, unlinked; NULL. */
crew_task *crew__queue_take(struct crew__queue *queue, enum crew__level level);
/* Moves up to `max` of the oldest NORMAL ones to the ring, which has room. */
void crew__queue_fill(struct crew__queue *queue, struct crew__ring *ring,
                      unsigned max);
/* Empties a ring back to the front of the NORMAL list. */
void crew__queue_give_back(struct crew__queue *queue, struct crew__ring *ring);

void crew__queue_wish(struct crew__queue *queue, struct crew__wish *wish);
void crew__queue_unwish(struct crew__queue *queue, struct crew__wish *wish);
/* The oldest that matches, unlinked; NULL. */
crew_task *crew__queue_take_wished(struct crew__queue *queue,
                                   struct crew__wish *wish);
/* The same by looking through the lists: for a mailbox, where no wish is. */
crew_task *crew__queue_search(struct crew__queue *queue,
                              const struct crew__wish *wish);

#endif
