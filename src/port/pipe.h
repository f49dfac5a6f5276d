/*
 * A pipe: one direction of a channel. Any thread posts, the one that has the
 * port's token takes.
 *
 *   poster                               taker
 *   --------------------------------     ---------------------------------
 *   the gate: open? room? both are       takes `posted` whole, turns it
 *   decided and counted in one step      round, hands out one by one, and
 *   fills a slot of the lane, if it      what is in the lane by its ticket
 *   owns it and there is one, or         writes what it has taken into
 *   pushes on `posted`, and tells the    `taken`, a word of its own
 *   taker's port
 *
 * The gate, one word:
 *
 *   bits     field      meaning
 *   0        ENDED      the posting end is closed: no more comes
 *   1        LEFT       the taking end is closed: nobody takes any more
 *   2..41    bytes      posted so far
 *   42..63   messages   posted so far
 *
 * Both counts wrap, and the carry of one runs into the other: only the
 * difference to `taken`, which is made the same way, is read; it is exact, as
 * what waits is below 2^40 bytes and 2^22 messages. For the same reason the
 * gate behind a message is its ticket: of two that wait the one that went
 * through first has the smaller, by their difference.
 *
 * Invariants
 *   I1  gate - taken = what has been let through the gate and is not taken:
 *       in `ready`, in `posted`, or with a poster before its push.
 *   I2  A poster that is stopped anywhere hides nobody else's message.
 *   I3  `gone` is set by who has the token and will never take again, but
 *       empties both ways. What is pushed after that is released by its own
 *       poster: of  push; look at gone  ||  set gone; empty  at least one sees
 *       the other, and a slot of the lane, or the whole stack, has one who
 *       claims it.
 *   I4  ENDED and gate == taken: all that will ever come has been taken.
 *   I5  A message whose post returned before that of another began is taken
 *       before it. In the lane and in `posted` alone that is so by their
 *       making. Between them: who has the first of one in hand looks at the
 *       other after that. If something there came before it in this sense, it
 *       is seen, and has the smaller ticket; and no message stands before that
 *       one whose ticket is larger than that of the one in hand, as its poster
 *       had been through the gate before the latter was.
 *
 * Edges
 *   (stack-node   of lockfree/stack.h: the message.)
 *   pipe-room     take -> want_room      seq_cst: of  taken; look whether room
 *                 is wanted  ||  want room; look at taken  at least one sees
 *                 the other.
 *   pipe-left     leave, end -> a poster's look, is_over   seq_cst: what the
 *                 closing thread did before.
 *   pipe-gone     drain -> is_gone   seq_cst: I3, and what was taken before.
 *   pipe-lane     make -> look   the lane. seq_cst: who sees a slot's post in
 *                 the look before a sleep sees the lane.
 */
#ifndef CREW_PORT_PIPE_H
#define CREW_PORT_PIPE_H

#include "port/lane.h"

#define CREW__PIPE_MESSAGES ((UINT64_C(1) << 22) - 1) /* at most */
#define CREW__PIPE_BYTES    ((UINT64_C(1) << 40) - 1)

/* The taker's words and the posters' lie on lines of their own, and those that
 * both look at and seldom write on a third: `take` and `posted` here, what
 * begins with `gate`. */
struct crew__pipe_take {
    crew__a64 taken;
    crew__a32 room_wanted;
    struct crew__node *ready;     /* oldest first */
    struct crew__shelf_rear rear; /* of the shelf */
};

struct crew__pipe {
    struct crew__pipe_take *take;
    uint64_t max_messages;
    uint64_t max_bytes;
    struct crew__stack posted;
    crew__aptr lane; /* NULL: none yet */
    uint32_t posts;  /* of the shelf's owner before there was one */
    crew__a32 gone;  /* the taker */

    crew__a64 gate;
    crew__a64 seen; /* `taken`, when a poster last looked */
    struct crew__shelf shelf;
};

/* A direction's limits; 0: the default. */
void crew__pipe_init(struct crew__pipe *pipe, struct crew__pipe_take *take,
                     size_t max_messages, size_t max_bytes);
/* Its memory, but for itself. */
void crew__pipe_fini(struct crew__pipe *pipe);

/* Posters: */

/* A guess at what _enter will say: 0, -EAGAIN, -EPIPE. */
int crew__pipe_ask(struct crew__pipe *pipe, size_t size);
/* Goes through the gate with one message: 0 and its ticket, -EAGAIN, -EPIPE. */
int crew__pipe_enter(struct crew__pipe *pipe, size_t size, uint64_t *ticket);
/* The lane, if the next that the calling thread posts may go there. */
struct crew__lane *crew__pipe_find_lane(struct crew__pipe *pipe);
/* Whether it has posted so much that it is to have one, which is then `set`. */
bool crew__pipe_wants_lane(struct crew__pipe *pipe);
void crew__pipe_set_lane(struct crew__pipe *pipe, struct crew__lane *lane);
/* What went through: on the lane that was found, where it fits; as a message
 * on the lane or, with NULL, on the stack. true: the taker's port must be told
 * of it; false: it is not the first of a burst. */
bool crew__pipe_send(struct crew__pipe *pipe, struct crew__lane *lane,
                     const crew_message *message, uint64_t ticket,
                     uint64_t stamp);
bool crew__pipe_push(struct crew__pipe *pipe, struct crew__lane *lane,
                     struct crew__message *message, uint64_t ticket);
/* To be told of room; true: there is room already for `size` bytes, or the
 * pipe is closed. */
bool crew__pipe_want_room(struct crew__pipe *pipe, size_t size);
/* No more is posted. */
void crew__pipe_end(struct crew__pipe *pipe);

/* The taker: */

/* The oldest and 0; -EAGAIN: none, or its poster is about to push it; -ENOMEM:
 * it stays where it is. */
int crew__pipe_take(struct crew__pipe *pipe, struct crew__message **out);
/* When that was posted; 0: none. */
uint64_t crew__pipe_peek(struct crew__pipe *pipe);
size_t crew__pipe_waiting(struct crew__pipe *pipe);
size_t crew__pipe_waiting_bytes(struct crew__pipe *pipe); /* any thread */
/* Whether there is something to take, or all is over; for the look before a
 * sleep. */
bool crew__pipe_has_news(struct crew__pipe *pipe);
bool crew__pipe_is_over(struct crew__pipe *pipe);
/* After a take: whether the posting end is to be told; says so once. */
bool crew__pipe_room_wanted(struct crew__pipe *pipe);
/* Nothing more is let through. */
void crew__pipe_leave(struct crew__pipe *pipe);
/* Nobody takes any more. What waits is released, but for the messages, which
 * are the chain. */
struct crew__node *crew__pipe_drain(struct crew__pipe *pipe);

#endif
