/*
 * The wake protocol of a pool: an eventcount with at most one searcher.
 *
 * A worker that finds nothing announces its sleep (its bit in `sleeping`),
 * looks again, and sleeps. Who publishes work looks here afterwards, and wakes
 * one sleeper, unless somebody looks already: `word` says who.
 *
 *   bits    meaning                       set by             cleared by
 *   0..15   searcher + 1; 0: nobody       who appoints, the  the searcher; who
 *                                         searcher           finds it awake
 *   16      rung: the searcher has its    who rings, the     with the above
 *           token or is awake             searcher
 *   17      closed: no worker is left     crew__idle_close   never
 *   32..    epoch, counts appointments    who appoints       (wraps)
 *
 * Invariants
 *   I1  At most one worker is appointed; an appointed worker that is rung is
 *       awake or will wake, and gives the search back before it sleeps or runs
 *       anything; after giving it back it looks once more at all queues, and
 *       passes the search on if something waits.
 *   I2  A bit in `sleeping` is set and cleared by its worker alone. An
 *       appointment of a worker whose bit is clear is taken back by whoever
 *       meets it, so a worker that left for another reason (a named rouse)
 *       does not keep the search while it runs a long task.
 *   I3  An appointment that is not rung yet is rung by everyone who meets it:
 *       a submitter stopped between the two delays nobody. The epoch keeps a
 *       late ring from marking a later appointment of the same worker.
 *
 * No wake-up is lost: of
 *   publish; load word, sleeping    ||    announce (or give back); look
 * at least one sees the other, as all four are seq_cst (store buffering is
 * what this forbids). Modelled in tests/model.
 *
 * Nobody spins here: the caller looks at its queues between search_begin and
 * search_end for as long as it likes.
 *
 * Edges
 *   park-token   as in os.h: what the waker published is seen by the woken.
 */
#ifndef CREW_RUNTIME_IDLE_H
#define CREW_RUNTIME_IDLE_H

#include "base/tunables.h"
#include "os/os.h"

#define CREW__IDLE_SEARCHER UINT64_C(0xffff)
#define CREW__IDLE_RUNG     (UINT64_C(1) << 16)
#define CREW__IDLE_CLOSED   (UINT64_C(1) << 17)

struct crew__idle {
    crew__a64 word;
    char apart[CREW__APART - sizeof(crew__a64)];
    crew__a64 sleeping[CREW__WORKERS_MAX / 64];
    crew__a64 wakes; /* written only by who makes a system call anyway */
    struct crew__parker *parkers; /* one per worker, its own */
    unsigned workers;
} CREW__ALIGNED(CREW__APART);

int crew__idle_init(struct crew__idle *idle, unsigned workers);
void crew__idle_fini(struct crew__idle *idle); /* copes with half-built ones */

/* Whether nobody is to be woken, for sure: somebody looks, or all are awake and
 * look before they sleep. */
static inline bool crew__idle_is_attended(struct crew__idle *idle)
{
    uint64_t word = crew__load_seq_cst(&idle->word);

    if (word & CREW__IDLE_CLOSED)
        return false;
    if (word & CREW__IDLE_RUNG)
        return true;
    return !(word & CREW__IDLE_SEARCHER) && idle->workers <= 64 &&
           !crew__load_seq_cst(&idle->sleeping[0]);
}

/* Wakes a sleeper unless somebody looks already; false as below. */
bool crew__idle_wake_one(struct crew__idle *idle);

/*
 * After a publication: wakes one sleeper unless somebody looks already. Any
 * thread. false: the pool is closed and nobody will ever look.
 */
static inline bool crew__idle_publish(struct crew__idle *idle)
{
    return crew__idle_is_attended(idle) || crew__idle_wake_one(idle);
}

/* Wakes one worker by name, whatever it sleeps for. Any thread. */
void crew__idle_rouse(struct crew__idle *idle, unsigned worker);

/* No worker is left: from now on publish says so. */
void crew__idle_close(struct crew__idle *idle);
bool crew__idle_is_closed(struct crew__idle *idle);

/* The worker `me` alone: */

/* Takes the search: false where another has it. */
bool crew__idle_search_begin(struct crew__idle *idle, unsigned me);
/* Gives the search back if it has it; then the caller looks once more. */
void crew__idle_search_end(struct crew__idle *idle, unsigned me);
/* Announces the sleep, and gives the search back; then the caller looks. */
void crew__idle_announce(struct crew__idle *idle, unsigned me);
/* Sleeps until roused. */
void crew__idle_park(struct crew__idle *idle, unsigned me);
/* Withdraws the announcement; true: it has been given the search. */
bool crew__idle_leave(struct crew__idle *idle, unsigned me);

#endif
