/*
 * A shelf: where the spare messages of one direction lie until they are used
 * again. The thread that posts first owns the front, and takes from there
 * without an atomic operation; everybody puts back at the rear, a stack that
 * is only ever taken whole. Other posters share a second front, which they try
 * for, and do without where another is at it.
 *
 * A received message may outlive its ports, so each message that is made here
 * counts as a reference of the channel, until it is destroyed.
 *
 * Invariants
 *   I1  `front` is touched by the thread in `owner` alone, or by who has the
 *       port's token where the shelf is a lane's, or by the one that closes the
 *       shelf, when nobody gets any more.
 *   I2  rear is CLOSED from the close on, and what is put back then is
 *       destroyed.
 *   I3  `shared` is touched by who has set `busy`, or as above.
 *   I4  made = on the fronts + on the rear + in queues + with receivers.
 *
 * Edges
 *   (stack-node  of lockfree/stack.h: what a receiver read of a message
 *                happens before it is filled again.)
 *   shelf-busy   leave -> enter   the shared front is whole.
 *   shelf-owner  disown -> own   a port that moves takes its front along.
 */
#ifndef CREW_PORT_SHELF_H
#define CREW_PORT_SHELF_H

#include "lockfree/stack.h"
#include "port/message.h"

struct crew__shelf_ops {
    void (*retain)(struct crew__shelf *shelf);  /* one reference more, ... */
    void (*release)(struct crew__shelf *shelf); /* ... and one less */
};

/* Written by who puts back: on a line of its own. */
struct crew__shelf_rear {
    struct crew__stack stack;
    crew__a32 made;
};

struct crew__shelf {
    crew__a64 owner;           /* its identity; 0: none yet */
    struct crew__node *front;  /* of the owner */
    struct crew__node *shared; /* of the others */
    const struct crew__shelf_ops *ops;
    struct crew__shelf_rear *rear;
    crew__a32 busy;
    /* Set where the owner is the one who puts back, too: so many are made
     * before the rear is asked, which is then emptied once for several. */
    uint32_t least;
};

void crew__shelf_init(struct crew__shelf *shelf, struct crew__shelf_rear *rear,
                      const struct crew__shelf_ops *ops);

/* Whether the calling thread owns the front, as the first that asks does. */
bool crew__shelf_is_mine(struct crew__shelf *shelf);
/* A message of CREW__MESSAGE_BYTES with this home. NULL: no memory. */
struct crew__message *crew__shelf_get(struct crew__shelf *shelf);
/* The same by who is the only one to get. Without memory: what is there. */
struct crew__message *crew__shelf_get_owned(struct crew__shelf *shelf);
/* Makes one in advance, before anybody gets. false: no memory. */
bool crew__shelf_stock(struct crew__shelf *shelf);
/* Puts back a chain of messages of this shelf. Any thread. */
void crew__shelf_put(struct crew__shelf *shelf, struct crew__node *first,
                     struct crew__node *last);
/* The next who posts owns the front. By who knows that nobody posts. */
void crew__shelf_disown(struct crew__shelf *shelf);
/* Nobody gets any more. */
void crew__shelf_close(struct crew__shelf *shelf);

#endif
