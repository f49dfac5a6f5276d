/*
 * A lane: the fast way of a pipe, for the one thread that owns the front of
 * its shelf. A queue of slots of one line, which a small message travels in
 * itself: its bytes and buffers cross between two CPUs in one line, and the
 * receiver makes the message of it in memory of its own, which never leaves
 * its caches. What is larger, or carries ports, leaves a pointer there.
 *
 * A lane is made when a thread has posted CREW__LANE_AFTER messages, so ports
 * that are idle have none. Where there is no memory for it, or another thread
 * posts, the message goes to the pipe's stack; both ways count their messages
 * at the gate, and the counts tell the taker which was first.
 *
 * The slots lie in rings. A ring that is full is followed by one of twice its
 * size, up to a bound; the taker leaves a ring behind, and frees it, when it
 * has emptied it and there is a next (an unbounded queue of one producer and
 * one consumer, as in Aldinucci et al. 2012).
 *
 * Invariants
 *   I1  A slot at position p is written by the owner when p < head + slots,
 *       and read by who has the port's token when number == p + 1.
 *   I2  tail - head = slots of the last ring that are filled.
 *   I3  `spare` holds one message at least, but for those that the program
 *       has: one was made with the lane.
 *   I4  Who sees `next` sees all that was filled before it.
 *
 * Edges
 *   lane-slot   fill -> next    The slot's words. seq_cst at both ends: of
 *               fill; look at wants  ||  want; look for news  at least one
 *               sees the other. And of  fill; look at gone  ||  set gone;
 *               empty the lane  likewise: then the poster or the taker takes
 *               it back, by compare-and-swap. What was taken before that, the
 *               poster knows from `head`.
 *   lane-free   take -> has_slot    The taker has read the slot.
 *   lane-next   extend -> next  The ring, and I4. seq_cst as lane-slot, in
 *               which it stands for the slots of the next ring.
 *   (shelf-owner of shelf.h: the owner's own words.)
 */
#ifndef CREW_PORT_LANE_H
#define CREW_PORT_LANE_H

#include "base/tunables.h"
#include "port/shelf.h"

#define CREW__SLOT_WORDS 3u

struct crew__slot {
    crew__a64 number;
    uint64_t ticket; /* the gate behind it */
    uint64_t stamp;
    uint64_t tag;
    uint32_t size;
    uint16_t buffer_count;
    bool is_whole; /* words[0] is a crew__message */
    union {
        void *words[CREW__SLOT_WORDS]; /* buffers, then the bytes */
        char bytes[CREW__SLOT_WORDS * sizeof(void *)];
    } in;
};

_Static_assert(sizeof(struct crew__slot) == 64, "one line");
_Static_assert(CREW__SLOT_WORDS * sizeof(void *) == CREW__FEW, "all of it");

struct crew__lane_ring {
    crew__aptr next; /* by the owner */
    uint64_t slot_count;
    crew__a64 head CREW__ALIGNED(64); /* by the taker: slots that were taken */
    struct crew__slot slots[] CREW__ALIGNED(64);
};

struct crew__lane {
    /* The owner's. */
    struct crew__lane_ring *last;
    uint64_t tail;
    uint64_t head; /* of the taker, when the owner last looked */
    /* The taker's. */
    struct crew__lane_ring *first CREW__ALIGNED(64);
    struct crew__shelf spare;
    struct crew__shelf_rear rear;
    void *home; /* for the shelf's functions */
    crew__a32 closed;
};

/* NULL: no memory. */
struct crew__lane *crew__lane_make(const struct crew__shelf_ops *ops,
                                   void *home);
/* Nobody else is here. */
void crew__lane_free(struct crew__lane *lane);
/* Whose shelf this is. */
void *crew__lane_home(struct crew__shelf *spare);

/* The owner: */

/* Whether there is a slot. false: full, and no memory for more. */
bool crew__lane_has_slot(struct crew__lane *lane);
bool crew__lane_fits(const crew_message *message);
/* Fills that slot, which the taker may look at from then on. */
void crew__lane_fill(struct crew__lane *lane, const crew_message *message,
                     uint64_t ticket, uint64_t stamp);
void crew__lane_fill_whole(struct crew__lane *lane,
                           struct crew__message *message, uint64_t ticket);
/* The one that was filled last: nobody takes any more. */
void crew__lane_take_back(struct crew__lane *lane);

/* The taker: */

/* The oldest slot that is filled, or NULL. */
struct crew__slot *crew__lane_next(struct crew__lane *lane);
/* The message that is in it, whose slot is then passed. NULL: no memory. */
struct crew__message *crew__lane_take(struct crew__lane *lane,
                                      struct crew__slot *slot);
/* Releases what is filled, but for messages, which are the chain. */
struct crew__node *crew__lane_empty(struct crew__lane *lane);
/* Nobody unloads any more. By the taker who leaves, and by a poster that has
 * made the lane too late to be seen by it: once. */
void crew__lane_close(struct crew__lane *lane);

#endif
