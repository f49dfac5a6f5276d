/*
 * A stack of the caller's nodes that many push on and that is only ever taken
 * whole. No node is popped alone: following the link of a node that one has
 * not claimed reads memory that its owner may have freed (Treiber 1986 has
 * this trap). Taken whole there is no ABA: the taker never compares.
 *
 * Invariants
 *   I1  head is NULL, or the newest node of a chain by `next` that ends in
 *       NULL and holds exactly the nodes pushed since the last take.
 *   I2  A pusher stopped at any step delays nobody: before its CAS its chain
 *       is private, after it the chain is complete.
 *
 * Edges
 *   stack-node   push -> take_all   The node's fields, written before the
 *                push, are seen after the take. A later push is a
 *                read-modify-write of head and extends the release sequence
 *                of the earlier ones, so one acquire covers the chain.
 *
 * Both ends are seq_cst, as the pusher looks afterwards whether someone
 * sleeps, and the sleeper looks here after announcing its sleep: of
 *   push; load sleepers    ||    announce; load head
 * at least one sees the other (store buffering is what it forbids). On x86-64
 * a read-modify-write costs the same whatever its order.
 */
#ifndef CREW_LOCKFREE_STACK_H
#define CREW_LOCKFREE_STACK_H

#include "base/atomic.h"
#include "base/prefetch.h"
#include "base/tally.h"

struct crew__node {
    struct crew__node *next;
};

struct crew__stack {
    crew__aptr head;
};

/*
 * One try to push the chain first (newest) .. last (oldest), linked by `next`,
 * on top of *seen. false: *seen is what is on top now.
 */
static inline bool crew__stack_try_push(struct crew__stack *stack,
                                        struct crew__node *first,
                                        struct crew__node *last, void **seen)
{
    crew__plain_write(last->next, (struct crew__node *)*seen);
    /* edge:stack-node, release */
    return crew__cas_seq_cst(&stack->head, seen, (void *)first);
}

/* Pushes such a chain. Returns what was on top before: NULL says that the
 * stack was empty. Who has lost its second try in a row, and each further one,
 * calls `back_off` with how many these are. */
static inline void *crew__stack_push(struct crew__stack *stack,
                                     struct crew__node *first,
                                     struct crew__node *last,
                                     void (*back_off)(unsigned times))
{
    /* a guess, the CAS decides */
    void *seen = crew__load_relaxed(&stack->head);

    for (unsigned lost = 1; !crew__stack_try_push(stack, first, last, &seen);
         lost++) {
        crew__tally(CREW__TALLY_RETRY);
        if (lost > 1) {
            back_off(lost - 1);
            /* as above */
            seen = crew__load_relaxed(&stack->head);
        }
    }
    return seen;
}

/* Takes all, newest first. */
static inline struct crew__node *crew__stack_take_all(struct crew__stack *stack)
{
    /* edge:stack-node, acquire */
    return (struct crew__node *)crew__exchange_seq_cst(&stack->head,
                                                       (void *)NULL);
}

/* Whether it holds something; seq_cst, for the look before a sleep. */
static inline bool crew__stack_is_empty(struct crew__stack *stack)
{
    return crew__load_seq_cst(&stack->head) == NULL;
}

/* A hint alone. */
static inline bool crew__stack_seems_empty(struct crew__stack *stack)
{
    /* a hint, the take decides */
    return crew__load_relaxed(&stack->head) == NULL;
}

/* Turns a chain round: oldest first. */
static inline struct crew__node *crew__stack_turn(struct crew__node *chain)
{
    struct crew__node *turned = NULL;

    while (chain) {
        struct crew__node *next = crew__plain_read(chain->next);

        crew__prefetch_along(chain, next); /* from the pushers' caches */
        crew__plain_write(chain->next, turned);
        turned = chain;
        chain = next;
    }
    return turned;
}

#endif
