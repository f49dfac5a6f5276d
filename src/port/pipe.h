/*
 * A pipe: one direction of a channel. Any thread posts, the one that has the
 * port's token takes.
 *
 *   poster                               taker
 *   --------------------------------     ---------------------------------
 *   the gate: open? room? both are       takes `posted` whole, turns it
 *   decided and counted in one step      round, hands out one by one
 *   pushes on `posted`; the first of     writes what it has taken into
 *   a burst tells the taker's port       `taken`, a word of its own
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
 * what waits is below 2^40 bytes and 2^22 messages.
 *
 * Invariants
 *   I1  gate - taken = what has been let through the gate and is not taken:
 *       in `ready`, in `posted`, or with a poster before its push.
 *   I2  A poster that is stopped anywhere hides nobody else's message.
 *   I3  After LEFT what is pushed is released by its own poster: of
 *       push; look at the gate  ||  set LEFT; take `posted`
 *       at least one sees the other.
 *   I4  ENDED and gate == taken: all that will ever come has been taken.
 *
 * Edges
 *   (stack-node   of lockfree/stack.h: the message.)
 *   pipe-room     take -> want_room      seq_cst: of  taken; look whether room
 *                 is wanted  ||  want room; look at taken  at least one sees
 *                 the other.
 *   pipe-left     leave, end -> a poster's look, is_over   seq_cst: I3, and what
 *                 the closing thread did before.
 */
#ifndef CREW_PORT_PIPE_H
#define CREW_PORT_PIPE_H

#include "port/shelf.h"

#define CREW__PIPE_MESSAGES ((UINT64_C(1) << 22) - 1) /* at most */
#define CREW__PIPE_BYTES    ((UINT64_C(1) << 40) - 1)

/* The taker's words and the posters': each on lines of their own. */
struct crew__pipe_take {
    crew__a64 taken;
    crew__a32 room_wanted;
    struct crew__node *ready; /* oldest first */
    struct crew__stack rear;  /* of the shelf */
};

struct crew__pipe {
    crew__a64 gate;
    struct crew__stack posted;
    crew__a64 seen; /* `taken`, when a poster last looked */
    uint64_t max_messages;
    uint64_t max_bytes;
    struct crew__pipe_take *take;
    struct crew__shelf shelf;
} CREW__ALIGNED(64);

/* A direction's limits; 0: the default. */
void crew__pipe_init(struct crew__pipe *pipe, struct crew__pipe_take *take,
                     size_t max_messages, size_t max_bytes);

/* Posters: */

/* A guess at what _enter will say: 0, -EAGAIN, -EPIPE. */
int crew__pipe_ask(struct crew__pipe *pipe, size_t size);
/* Goes through the gate with one message: 0, -EAGAIN, -EPIPE. */
int crew__pipe_enter(struct crew__pipe *pipe, size_t size);
/* Pushes what went through. true: it is the first of a burst, whom the taker's
 * port must be told of. */
bool crew__pipe_push(struct crew__pipe *pipe, struct crew__message *message);
/* To be told of room; true: there is room already for `size` bytes, or the
 * pipe is closed. */
bool crew__pipe_want_room(struct crew__pipe *pipe, size_t size);
/* No more is posted. */
void crew__pipe_end(struct crew__pipe *pipe);

/* The taker: */

/* The oldest, or NULL: none, or its poster is about to push it. */
struct crew__message *crew__pipe_take(struct crew__pipe *pipe);
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
/* Nobody takes any more: before, and after which, what waits is drained. */
void crew__pipe_leave(struct crew__pipe *pipe);
struct crew__node *crew__pipe_drain(struct crew__pipe *pipe);

#endif
