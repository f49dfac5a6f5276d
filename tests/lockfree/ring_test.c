/* The ring of one filler and many takers; its indices wrap in this build. */
#include "support.h"

#include "lockfree/ring.h"

#include <sched.h>

static struct crew__ring ring;

static void *number(uintptr_t n)
{
    return (void *)(n + 1); /* not NULL */
}

CREW_TEST(what_is_filled_in_comes_out_oldest_first)
{
    unsigned lost = 0;

    crew__ring_init(&ring);
    /* More than once round, and over the end of the indices. */
    for (uintptr_t round = 0; round < 100; round++) {
        unsigned count = (unsigned)(round * 7 % CREW__RING_SIZE) + 1;

        check(crew__ring_is_empty(&ring));
        check_equal(crew__ring_count(&ring), 0);
        check(crew__ring_take_any(&ring, &lost) == NULL);
        check_equal(crew__ring_room_owner(&ring), CREW__RING_SIZE);
        for (unsigned i = 0; i < count; i++) {
            crew__ring_fill_owner(&ring, number(i));
            check_equal(crew__ring_count(&ring), i + 1);
            check_equal(crew__ring_room_owner(&ring), CREW__RING_SIZE - 1 - i);
        }
        check(!crew__ring_is_empty(&ring));
        for (unsigned i = 0; i < count; i++)
            check(crew__ring_take_any(&ring, &lost) == number(i));
    }
    check_equal(lost, 0);
}

enum { TAKERS = 3, ITEMS = 60000 };

struct tally {
    unsigned char taken[ITEMS + 1];
    crew__a32 total;
};

static struct tally tally;

/* Whoever wins an item alone marks it; each taker sees them in order. */
static void take(uintptr_t *last)
{
    unsigned lost = 0;
    uintptr_t item = (uintptr_t)crew__ring_take_any(&ring, &lost);

    if (!item) {
        sched_yield();
        return;
    }
    check(item > *last);
    *last = item;
    check_equal(tally.taken[item]++, 0);
    crew__add_relaxed(&tally.total, 1);
}

/* The first one fills, and takes too. */
static void fill_or_take(unsigned index, void *arg)
{
    uintptr_t next = 0;
    uintptr_t last = 0;

    (void)arg;
    while (crew__load_relaxed(&tally.total) < ITEMS) {
        unsigned room = index == 0 ? crew__ring_room_owner(&ring) : 0;

        while (room-- > 0 && next < ITEMS)
            crew__ring_fill_owner(&ring, number(next++));
        take(&last);
    }
}

CREW_TEST(each_item_is_taken_by_one)
{
    crew__ring_init(&ring);
    test_threads(TAKERS + 1, fill_or_take, NULL);
    check_equal(crew__load_relaxed(&tally.total), ITEMS);
    for (unsigned i = 1; i <= ITEMS; i++)
        check_equal(tally.taken[i], 1);
    check(crew__ring_is_empty(&ring));
}
