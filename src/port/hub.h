/*
 * Hubs: what one member posts, all others get. A member is a port with a queue
 * under a lock of its own; the hub's lock makes a post one step for all, so
 * that it is refused before anybody has it, and all see one order.
 *
 * Locks, in this order: the table of names, a hub, a port, a member's queue.
 * No callback of the program runs under any.
 *
 * A hub is in the table while it has members. Its shelf is closed with the last
 * of them, when nobody can post any more, and its memory goes with the last
 * message of that shelf.
 *
 * Edges
 *   hub-last   release -> the last release   what members did with it happens
 *              before it goes.
 *   hub-room   want_room -> take   seq_cst; the queue's lock lies between, so
 *              of  want room; look at the queue  ||  take; look whether room is
 *              wanted  at least one sees the other.
 */
#ifndef CREW_PORT_HUB_H
#define CREW_PORT_HUB_H

#include "base/list.h"
#include "port/port.h"
#include "port/shelf.h"

struct crew__hub {
    struct crew__link link; /* in the table */
    crew__a64 holders;      /* members that have not been released */
    crew__a64 references; /* one of theirs, one of each message of the shelf */
    crew__a32 room_wanted;
    struct crew__lock lock;
    struct crew__link members; /* under the lock, with their number */
    size_t count;
    struct crew__shelf shelf;
    struct crew__shelf_rear rear CREW__ALIGNED(64);
    char name[];
};

struct crew__member {
    struct crew_port port;
    crew__a32 token;
    struct crew__hub *hub;
    struct crew__link link; /* under the hub's lock, ... */
    bool has_left;          /* ... and so is this */
    size_t max_messages;
    size_t max_bytes;
    crew_full when_full;
    crew__a64 references;
    crew__a64 dropped;
    /* The queue, under its lock. More comes under the hub's lock alone, so who
     * holds that may look without this one: it sees as much room as there is,
     * or less. */
    struct crew__lock lock;
    struct crew__node *oldest;
    struct crew__node **newest; /* the link that ends it */
    crew__a64 messages;
    crew__a64 bytes;
};

static inline struct crew__member *crew__member_of(const crew_port *port)
{
    return (struct crew__member *)(uintptr_t)port;
}

/* ---- hub.c ----------------------------------------------------------------- */

extern const struct crew__transport crew__hub_transport;

/* One has taken, or left: whoever was refused tries again. */
void crew__hub_tell_room(struct crew__hub *hub);

/* ---- hub_join.c ------------------------------------------------------------ */

/* Functions of the transport. */
void crew__hub_shut(crew_port *port);
void crew__hub_retain(crew_port *port);
void crew__hub_release(crew_port *port);

#endif
