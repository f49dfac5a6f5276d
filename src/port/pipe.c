#include "port/pipe.h"

#include "base/assert.h"
#include "base/mark.h"
#include "os/os.h"

#include <errno.h>

#define ENDED       UINT64_C(1)
#define LEFT        UINT64_C(2)
#define FLAGS       (ENDED | LEFT)
#define BYTE_ONE    (UINT64_C(1) << 2)
#define MESSAGE_ONE (UINT64_C(1) << 42)

#define DEFAULT_MESSAGES 1024u
#define DEFAULT_BYTES    (UINT64_C(16) << 20)

static uint64_t limit(size_t wanted, uint64_t standard, uint64_t most)
{
    if (wanted == 0)
        return standard;
    return wanted < most ? wanted : most;
}

void crew__pipe_init(struct crew__pipe *pipe, struct crew__pipe_take *take,
                     size_t max_messages, size_t max_bytes)
{
    pipe->max_messages = limit(max_messages, DEFAULT_MESSAGES,
                               CREW__PIPE_MESSAGES);
    pipe->max_bytes = limit(max_bytes, DEFAULT_BYTES, CREW__PIPE_BYTES);
    pipe->take = take;
}

void crew__pipe_fini(struct crew__pipe *pipe)
{
    /* nobody else is here */
    crew__lane_free(crew__load_relaxed(&pipe->lane));
}

/* ---- the gate ------------------------------------------------------------ */

static uint64_t weight(size_t size)
{
    return MESSAGE_ONE + size * BYTE_ONE;
}

static bool has_room(const struct crew__pipe *pipe, uint64_t gate,
                     uint64_t taken, size_t size)
{
    uint64_t waiting = (gate & ~FLAGS) - taken;
    uint64_t messages = waiting / MESSAGE_ONE;
    uint64_t bytes = waiting % MESSAGE_ONE / BYTE_ONE;

    if (messages == 0)
        return true; /* whatever its size */
    return messages < pipe->max_messages && size <= pipe->max_bytes &&
           bytes <= pipe->max_bytes - size;
}

/* By what was taken when a poster last looked, which is never ahead. */
static bool seems_to_have_room(struct crew__pipe *pipe, uint64_t gate,
                               size_t size)
{
    /* a guess on the safe side */
    return has_room(pipe, gate, crew__load_relaxed(&pipe->seen), size);
}

/* Full, that is at the moment of the look at the gate: `taken` was the same
 * before and after it. Else *gate may be a newer look. */
static bool is_full(struct crew__pipe *pipe, uint64_t *gate, size_t size)
{
    crew__a64 *word = &pipe->take->taken;
    uint64_t taken;
    uint64_t newer = crew__load_seq_cst(word); /* edge:pipe-room, acquire */

    do {
        taken = newer;
        *gate = crew__load_seq_cst(&pipe->gate); /* edge:pipe-left, acquire */
        newer = crew__load_seq_cst(word);        /* edge:pipe-room, acquire */
        crew__store_relaxed(&pipe->seen, newer); /* it may go back: a guess */
        if (has_room(pipe, *gate, newer, size)) {
            crew__mark(CREW__MARK_PIPE_STALE);
            return false;
        }
    } while (newer != taken);
    return true;
}

int crew__pipe_ask(struct crew__pipe *pipe, size_t size)
{
    uint64_t gate = crew__load_seq_cst(
        &pipe->gate); /* edge:pipe-left, acquire */

    if (gate & FLAGS)
        return -EPIPE;
    return !seems_to_have_room(pipe, gate, size) && is_full(pipe, &gate, size)
               ? -EAGAIN
               : 0;
}

int crew__pipe_enter(struct crew__pipe *pipe, size_t size, uint64_t *ticket)
{
    uint64_t gate = crew__load_relaxed(&pipe->gate); /* the CAS decides */
    bool full;

    if (size > CREW__PIPE_BYTES)
        return -ENOMEM;
    do {
        full = !seems_to_have_room(pipe, gate, size) &&
               is_full(pipe, &gate, size);
        if (gate & FLAGS)
            return -EPIPE;
        if (full)
            return -EAGAIN;
        /* edge:pipe-left, acquire */
    } while (!crew__cas_seq_cst(&pipe->gate, &gate, gate + weight(size)));
    *ticket = gate + weight(size);
    return 0;
}

/* ---- two ways --------------------------------------------------------------- */

static struct crew__lane *lane_of(struct crew__pipe *pipe)
{
    return crew__load_seq_cst(&pipe->lane); /* edge:pipe-lane, acquire */
}

struct crew__lane *crew__pipe_find_lane(struct crew__pipe *pipe)
{
    struct crew__lane *lane = lane_of(pipe);

    if (!lane || !crew__shelf_is_mine(&pipe->shelf))
        return NULL;
    return crew__lane_has_slot(lane) ? lane : NULL;
}

bool crew__pipe_wants_lane(struct crew__pipe *pipe)
{
    return !lane_of(pipe) && crew__shelf_is_mine(&pipe->shelf) &&
           ++pipe->posts >= CREW__LANE_AFTER;
}

/* After something has been put there: whether anybody will take it. */
static bool is_gone(struct crew__pipe *pipe)
{
    /* edge:pipe-gone, acquire */
    if (!crew__load_seq_cst(&pipe->gone))
        return false;
    crew__mark(CREW__MARK_PIPE_LEFT);
    return true;
}

void crew__pipe_set_lane(struct crew__pipe *pipe, struct crew__lane *lane)
{
    /* edge:pipe-lane, release */
    crew__store_seq_cst(&pipe->lane, (void *)lane);
    if (is_gone(pipe))
        crew__lane_close(lane);
}

static bool sent(struct crew__pipe *pipe, struct crew__lane *lane)
{
    if (!is_gone(pipe))
        return true;
    crew__lane_take_back(lane);
    return false;
}

bool crew__pipe_send(struct crew__pipe *pipe, struct crew__lane *lane,
                     const crew_message *message, uint64_t ticket,
                     uint64_t stamp)
{
    crew__lane_fill(lane, message, ticket, stamp);
    return sent(pipe, lane);
}

bool crew__pipe_push(struct crew__pipe *pipe, struct crew__lane *lane,
                     struct crew__message *message, uint64_t ticket)
{
    bool first;

    if (lane) {
        crew__lane_fill_whole(lane, message, ticket);
        return sent(pipe, lane);
    }
    message->ticket = ticket;
    first = crew__stack_push(&pipe->posted, &message->at.node,
                             &message->at.node, crew__back_off) == NULL;
    if (!is_gone(pipe))
        return first;
    crew__messages_release(crew__stack_take_all(&pipe->posted));
    return false;
}

bool crew__pipe_want_room(struct crew__pipe *pipe, size_t size)
{
    /* edge:pipe-room, acquire */
    crew__exchange_seq_cst(&pipe->take->room_wanted, 1);
    return crew__pipe_ask(pipe, size) != -EAGAIN;
}

void crew__pipe_end(struct crew__pipe *pipe)
{
    crew__or_seq_cst(&pipe->gate, ENDED); /* edge:pipe-left, release */
}

/* ---- taking --------------------------------------------------------------- */

static struct crew__message *first_ready(const struct crew__pipe *pipe)
{
    return (struct crew__message *)(void *)pipe->take->ready;
}

static struct crew__slot *look_at(struct crew__lane *lane)
{
    return lane ? crew__lane_next(lane) : NULL;
}

/* The slot that the oldest is in; NULL: it is the first of `ready`. I5. */
static struct crew__slot *find_oldest(struct crew__pipe *pipe,
                                      struct crew__lane *lane)
{
    struct crew__slot *slot = look_at(lane);

    if (!pipe->take->ready && !crew__stack_seems_empty(&pipe->posted)) {
        pipe->take->ready = crew__stack_turn(
            crew__stack_take_all(&pipe->posted));
        if (!slot)
            slot = look_at(lane);
    }
    if (slot && pipe->take->ready &&
        (int64_t)(first_ready(pipe)->ticket - slot->ticket) < 0) {
        crew__mark(CREW__MARK_LANE_AFTER_STACK);
        return NULL;
    }
    return slot;
}

static struct crew__message *take_ready(struct crew__pipe *pipe)
{
    struct crew__message *first = first_ready(pipe);

    if (first)
        pipe->take->ready = first->at.node.next;
    return first;
}

int crew__pipe_take(struct crew__pipe *pipe, struct crew__message **out)
{
    crew__a64 *taken = &pipe->take->taken;
    struct crew__lane *lane = lane_of(pipe);
    struct crew__slot *slot = find_oldest(pipe, lane);
    struct crew__message *first = slot ? crew__lane_take(lane, slot)
                                       : take_ready(pipe);

    if (!first)
        return slot ? -ENOMEM : -EAGAIN;
    /* own word; edge:pipe-room, release */
    crew__store_seq_cst(taken,
                        crew__load_relaxed(taken) + weight(first->public.size));
    *out = first;
    return 0;
}

bool crew__pipe_room_wanted(struct crew__pipe *pipe)
{
    crew__a32 *word = &pipe->take->room_wanted;

    return crew__load_seq_cst(word) && crew__exchange_seq_cst(word, 0);
}

uint64_t crew__pipe_peek(struct crew__pipe *pipe)
{
    struct crew__slot *slot = find_oldest(pipe, lane_of(pipe));

    if (slot)
        return slot->stamp;
    return pipe->take->ready ? first_ready(pipe)->stamp : 0;
}

size_t crew__pipe_waiting_bytes(struct crew__pipe *pipe)
{
    /* Taken first: so that it is never ahead. A figure.
     * edge:pipe-room, acquire */
    uint64_t taken = crew__load_acquire(&pipe->take->taken);
    uint64_t gate = crew__load_relaxed(&pipe->gate) & ~FLAGS; /* a figure */

    return (size_t)((gate - taken) % MESSAGE_ONE / BYTE_ONE);
}

size_t crew__pipe_waiting(struct crew__pipe *pipe)
{
    /* edge:pipe-left, acquire */
    uint64_t gate = crew__load_seq_cst(&pipe->gate) & ~FLAGS;

    /* own word */
    return (size_t)((gate - crew__load_relaxed(&pipe->take->taken)) /
                    MESSAGE_ONE);
}

bool crew__pipe_is_over(struct crew__pipe *pipe)
{
    /* edge:pipe-left, acquire */
    uint64_t gate = crew__load_seq_cst(&pipe->gate);

    /* own word */
    return (gate & ENDED) &&
           (gate & ~FLAGS) == crew__load_relaxed(&pipe->take->taken);
}

bool crew__pipe_has_news(struct crew__pipe *pipe)
{
    return pipe->take->ready || !crew__stack_is_empty(&pipe->posted) ||
           look_at(lane_of(pipe)) || crew__pipe_is_over(pipe);
}

void crew__pipe_leave(struct crew__pipe *pipe)
{
    crew__or_seq_cst(&pipe->gate, LEFT); /* edge:pipe-left, release */
}

struct crew__node *crew__pipe_drain(struct crew__pipe *pipe)
{
    struct crew__node *chain = pipe->take->ready;
    struct crew__node **last = &chain;
    struct crew__lane *lane;

    crew__exchange_seq_cst(&pipe->gone, 1); /* edge:pipe-gone, release */
    lane = lane_of(pipe);
    pipe->take->ready = NULL;
    while (*last)
        last = &(*last)->next;
    *last = crew__stack_take_all(&pipe->posted);
    while (*last)
        last = &(*last)->next;
    if (lane) {
        *last = crew__lane_empty(lane);
        crew__lane_close(lane);
    }
    return chain;
}
