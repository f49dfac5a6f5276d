/*
 * A ring of CREW__RING_SIZE pointers: its owner alone fills it, and everybody,
 * owner and thieves alike, takes from its old end. First in, first out.
 *
 * Invariants
 *   I1  taken <= filled <= taken + CREW__RING_SIZE   (as numbers; the indices
 *       wrap at CREW__INDEX_BITS).
 *   I2  Index i is won by the one whose CAS moved `taken` from i to i + 1; only
 *       the winner follows the pointer that it read from slot i.
 *   I3  The owner writes a slot only while the slot's index is not in
 *       [taken, filled): it reads taken first, and taken never goes back.
 *
 * A thief that is stopped between reading a slot and its CAS reads a pointer
 * that the owner may have replaced meanwhile; its CAS then fails, as taken has
 * moved. With 64-bit indices taken cannot come round to the same number.
 *
 * Edges
 *   ring-slot   fill -> take    The pointer in the slot, and all that was
 *               written to the task behind it, are seen by who reads `filled`.
 *   ring-free   take -> fill    The winner has read its slot before the owner
 *               sees the index as taken and writes there again.
 *
 * crew__ring_is_empty is seq_cst on both words, as it is part of the look
 * before a sleep; a fill is followed by a wake-up check, see idle.h.
 */
#ifndef CREW_LOCKFREE_RING_H
#define CREW_LOCKFREE_RING_H

#include "base/atomic.h"
#if defined(CREW_MODEL)
#define CREW__RING_SIZE 2u
#else
#include "base/tunables.h"
#endif

#define CREW__RING_INDEX(n) ((n)&CREW__MASK(CREW__INDEX_BITS))

struct crew__ring {
    crew__a64 taken; /* everybody, by CAS */
    char apart[CREW__APART - sizeof(crew__a64)];
    crew__a64 filled; /* the owner alone */
    crew__aptr slots[CREW__RING_SIZE];
} CREW__ALIGNED(CREW__APART);

static inline void crew__ring_init(struct crew__ring *ring)
{
    crew__store_relaxed(&ring->taken, CREW__INDEX_START);
    crew__store_relaxed(&ring->filled, CREW__INDEX_START);
}

/* How many more the owner may fill in now. */
static inline unsigned crew__ring_room_owner(struct crew__ring *ring)
{
    /* edge:ring-free, acquire */
    uint64_t taken = crew__load_acquire(&ring->taken);
    uint64_t filled = crew__load_relaxed(&ring->filled); /* own word */

    return CREW__RING_SIZE - (unsigned)CREW__RING_INDEX(filled - taken);
}

/* Writes the n-th from now on; there is room. Nobody sees it yet. */
static inline void crew__ring_write_owner(struct crew__ring *ring, unsigned n,
                                          void *item)
{
    uint64_t filled = crew__load_relaxed(&ring->filled); /* own word */

    /* published by filled */
    crew__store_relaxed(&ring->slots[(filled + n) % CREW__RING_SIZE], item);
}

/* Makes `count` that were written visible to thieves. */
static inline void crew__ring_publish_owner(struct crew__ring *ring,
                                            unsigned count)
{
    uint64_t filled = crew__load_relaxed(&ring->filled); /* own word */

    /* edge:ring-slot, release */
    crew__store_release(&ring->filled, CREW__RING_INDEX(filled + count));
}

/* Fills in one; there is room. */
static inline void crew__ring_fill_owner(struct crew__ring *ring, void *item)
{
    crew__ring_write_owner(ring, 0, item);
    crew__ring_publish_owner(ring, 1);
}

/* Takes the oldest: NULL where it is empty. *lost counts lost races. */
static inline void *crew__ring_take_any(struct crew__ring *ring, unsigned *lost)
{
    for (;;) {
        uint64_t taken = crew__load_acquire(&ring->taken);
        /* edge:ring-slot, acquire */
        uint64_t filled = crew__load_acquire(&ring->filled);
        void *item;

        if (taken == filled)
            return NULL;
        /* followed only by the winner */
        item = crew__load_relaxed(&ring->slots[taken % CREW__RING_SIZE]);
        /* edge:ring-free, release */
        if (crew__cas_acq_rel(&ring->taken, &taken,
                              CREW__RING_INDEX(taken + 1)))
            return item;
        ++*lost;
    }
}

static inline bool crew__ring_is_empty(struct crew__ring *ring)
{
    uint64_t taken = crew__load_seq_cst(&ring->taken);

    return taken == crew__load_seq_cst(&ring->filled);
}

static inline unsigned crew__ring_count(struct crew__ring *ring)
{
    uint64_t taken = crew__load_relaxed(&ring->taken);   /* a figure alone */
    uint64_t filled = crew__load_relaxed(&ring->filled); /* a figure alone */

    return (unsigned)CREW__RING_INDEX(filled - taken);
}

#endif
