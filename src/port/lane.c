#include "port/lane.h"

#include <crew/buffer.h>

#include "base/mark.h"
#include "base/prefetch.h"
#include "os/os.h"

#include <string.h>

_Static_assert((CREW__LANE_SLOTS & (CREW__LANE_SLOTS - 1)) == 0 &&
                   (CREW__LANE_MOST & (CREW__LANE_MOST - 1)) == 0,
               "powers of two");

static struct crew__lane_ring *make_ring(uint64_t slot_count)
{
    struct crew__lane_ring *made = crew__memory_aligned(
        64, sizeof *made + slot_count * sizeof made->slots[0]);

    if (made)
        made->slot_count = slot_count;
    return made;
}

static struct crew__slot *slot_at(struct crew__lane_ring *ring,
                                  uint64_t position)
{
    return &ring->slots[position & (ring->slot_count - 1)];
}

static struct crew__lane_ring *next_of(struct crew__lane_ring *ring)
{
    return crew__load_seq_cst(&ring->next); /* edge:lane-next, acquire */
}

/* ---- its life -------------------------------------------------------------- */

void *crew__lane_home(struct crew__shelf *spare)
{
    return ((struct crew__lane *)(void *)((char *)spare -
                                          offsetof(struct crew__lane, spare)))
        ->home;
}

struct crew__lane *crew__lane_make(const struct crew__shelf_ops *ops,
                                   void *home)
{
    struct crew__lane *made = crew__memory_aligned(64, sizeof *made);

    if (!made)
        return NULL;
    made->home = home;
    made->first = made->last = make_ring(CREW__LANE_SLOTS);
    crew__shelf_init(&made->spare, &made->rear, ops);
    made->spare.least = CREW__LANE_SPARES;
    if (made->first && crew__shelf_stock(&made->spare))
        return made;
    crew__lane_free(made);
    return NULL;
}

void crew__lane_free(struct crew__lane *lane)
{
    struct crew__lane_ring *ring = lane ? lane->first : NULL;

    while (ring) {
        struct crew__lane_ring *next = next_of(ring);

        crew__memory_free(ring);
        ring = next;
    }
    crew__memory_free(lane);
}

/* ---- the owner ------------------------------------------------------------- */

static bool is_full(const struct crew__lane *lane)
{
    return lane->tail - lane->head >= lane->last->slot_count;
}

static bool extend(struct crew__lane *lane)
{
    uint64_t slot_count = 2 * lane->last->slot_count;
    struct crew__lane_ring *more;

    more = make_ring(slot_count < CREW__LANE_MOST ? slot_count
                                                  : CREW__LANE_MOST);
    if (!more)
        return false;
    crew__mark(CREW__MARK_LANE_EXTENDED);
    /* edge:lane-next, release */
    crew__store_seq_cst(&lane->last->next, (void *)more);
    lane->last = more;
    lane->tail = 0;
    lane->head = 0;
    return true;
}

bool crew__lane_has_slot(struct crew__lane *lane)
{
    if (!is_full(lane))
        return true;
    /* edge:lane-free, acquire */
    lane->head = crew__load_acquire(&lane->last->head);
    return !is_full(lane) || extend(lane);
}

bool crew__lane_fits(const crew_message *message)
{
    return message->port_count == 0 &&
           message->buffer_count <= CREW__SLOT_WORDS &&
           message->size <=
               (CREW__SLOT_WORDS - message->buffer_count) * sizeof(void *);
}

/* Also fetches a line that is to be written soon. */
static void publish(struct crew__lane *lane, struct crew__slot *slot,
                    uint64_t ticket)
{
    slot->ticket = ticket;
    lane->tail++;
    crew__prefetch_write(slot_at(lane->last, lane->tail + CREW__LANE_AHEAD));
    /* edge:lane-slot, release */
    crew__exchange_seq_cst(&slot->number, lane->tail);
}

/* At most a slot's: without a loop, and each branch copies by two or three
 * words that may overlap. */
static void copy_few(char *to, const char *from, size_t size)
{
    if (size >= 8) {
        if (size > 16)
            memcpy(to + 8, from + 8, 8);
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

void crew__lane_fill(struct crew__lane *lane, const crew_message *message,
                     uint64_t ticket, uint64_t stamp)
{
    struct crew__slot *slot = slot_at(lane->last, lane->tail);
    size_t buffers = message->buffer_count;

    for (size_t i = 0; i < buffers; i++)
        slot->in.words[i] = message->buffers[i];
    copy_few((char *)&slot->in.words[buffers], message->bytes, message->size);
    slot->stamp = stamp;
    slot->tag = message->tag;
    slot->size = (uint32_t)message->size;
    slot->buffer_count = (uint16_t)buffers;
    crew__plain_write(slot->is_whole, false);
    publish(lane, slot, ticket);
}

void crew__lane_fill_whole(struct crew__lane *lane,
                           struct crew__message *message, uint64_t ticket)
{
    struct crew__slot *slot = slot_at(lane->last, lane->tail);

    slot->in.words[0] = message;
    slot->stamp = message->stamp;
    crew__plain_write(slot->is_whole, true);
    publish(lane, slot, ticket);
}

/* ---- what is in a slot ----------------------------------------------------- */

/* As a chain, where it is a message. */
static struct crew__node *drop(struct crew__slot *slot,
                               struct crew__node *chain)
{
    if (crew__plain_read(slot->is_whole)) {
        struct crew__message *message = slot->in.words[0];

        message->at.node.next = chain;
        return &message->at.node;
    }
    for (size_t i = 0; i < slot->buffer_count; i++)
        crew_buffer_release(slot->in.words[i]);
    return chain;
}

void crew__lane_take_back(struct crew__lane *lane)
{
    struct crew__slot *slot = slot_at(lane->last, lane->tail - 1);
    uint64_t number = lane->tail;

    /* What was taken before the taker was gone; that brought it. */
    if (crew__load_relaxed(&lane->last->head) >= number) /* as said */
        return;
    /* edge:lane-slot, acquire */
    if (crew__cas_seq_cst(&slot->number, &number, 0))
        crew__messages_release(drop(slot, NULL));
}

struct crew__node *crew__lane_empty(struct crew__lane *lane)
{
    struct crew__lane_ring *ring = lane->first;
    struct crew__node *chain = NULL;

    while (ring) {
        uint64_t head = crew__load_relaxed(&ring->head); /* own word */
        struct crew__slot *slot = slot_at(ring, head);
        uint64_t number = head + 1;

        /* edge:lane-slot, acquire */
        if (crew__cas_seq_cst(&slot->number, &number, 0)) {
            crew__store_relaxed(&ring->head, head + 1); /* own word */
            chain = drop(slot, chain);
        } else {
            ring = next_of(ring);
        }
    }
    return chain;
}

/* ---- the taker ------------------------------------------------------------- */

static struct crew__slot *filled(struct crew__lane_ring *ring)
{
    uint64_t head = crew__load_relaxed(&ring->head); /* own word */
    struct crew__slot *slot = slot_at(ring, head);

    /* edge:lane-slot, acquire */
    return crew__load_seq_cst(&slot->number) == head + 1 ? slot : NULL;
}

struct crew__slot *crew__lane_next(struct crew__lane *lane)
{
    for (;;) {
        struct crew__lane_ring *ring = lane->first;
        struct crew__slot *slot = filled(ring);
        struct crew__lane_ring *next = slot ? NULL : next_of(ring);

        if (next)
            slot = filled(ring); /* I4 */
        if (slot || !next)
            return slot;
        lane->first = next;
        crew__memory_free(ring);
    }
}

static struct crew__message *unload(struct crew__lane *lane,
                                    struct crew__slot *slot)
{
    struct crew__message *message;

    if (crew__plain_read(slot->is_whole))
        return slot->in.words[0];
    message = crew__shelf_get_owned(&lane->spare);
    if (!message)
        return NULL;
    crew__message_fill_few(message, slot->in.words, slot->buffer_count,
                           slot->size, slot->tag, slot->stamp);
    return message;
}

struct crew__message *crew__lane_take(struct crew__lane *lane,
                                      struct crew__slot *slot)
{
    crew__a64 *head = &lane->first->head;
    struct crew__message *message = unload(lane, slot);

    if (!message)
        return NULL;
    /* own word; edge:lane-free, release */
    crew__store_release(head, crew__load_relaxed(head) + 1);
    return message;
}

void crew__lane_close(struct crew__lane *lane)
{
    uint32_t open = 0;

    /* who comes first; what it guards came with the lane */
    if (crew__cas_relaxed(&lane->closed, &open, 1))
        crew__shelf_close(&lane->spare);
}
