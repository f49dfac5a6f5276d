/*
 * lockfree/ring.h: an owner that fills and takes, thieves, two slots, indices
 * of 3 bits that begin shortly before they wrap.
 */
#include "suite.h"

#include "lockfree/ring.h"
#include "os/os.h"

enum { ITEMS = 5 };

static struct crew__ring ring;
static struct {
    int payload;
    unsigned taken;
} items[ITEMS];
static unsigned filled;
static crew__a32 sleepers;
static crew__a32 bell;
static crew__a32 lock;

static void begin(void)
{
    crew__ring_init(&ring);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].payload = 0;
        items[i].taken = 0;
    }
    filled = 0;
    sleepers.raw = bell.raw = lock.raw = 0;
    model_name(&ring.taken, "taken");
    model_name(&ring.filled, "filled");
    model_name(&ring.slots[0], "slot 0");
    model_name(&ring.slots[1], "slot 1");
    model_name(&sleepers, "sleepers");
    model_name(&bell, "bell");
}

static void fill(void)
{
    unsigned i = filled++;

    crew__plain_write(items[i].payload, 1);
    crew__ring_fill_owner(&ring, &items[i]);
}

/* The number of what was taken, from 1; 0: none. */
static unsigned take(void)
{
    unsigned lost = 0;
    unsigned i = 0;
    void *item = crew__ring_take_any(&ring, &lost);

    if (!item)
        return 0;
    while (&items[i] != item)
        i++;
    model_assert(crew__plain_read(items[i].payload) == 1);
    crew__plain_write(items[i].payload, 2);
    items[i].taken++;
    return i + 1;
}

/* Each was taken once, or is still there, the oldest first. */
static void end(void)
{
    unsigned here = (unsigned)CREW__RING_INDEX(ring.filled.raw -
                                               ring.taken.raw);

    model_assert(here <= CREW__RING_SIZE);
    for (unsigned i = 0; i < ITEMS; i++)
        model_assert(items[i].taken == (i < filled - here));
    model_assert(crew__ring_count(&ring) == here);
}

/* First in, first out: whoever takes twice takes the older first. */
static void thief(unsigned takes)
{
    unsigned last = 0;

    while (takes--) {
        unsigned got = take();

        model_assert(!got || got > last);
        last = got ? got : last;
    }
}

/* Fills as long as there is room, over the wrap; a thief takes beside it. */
static void wraps(unsigned me)
{
    if (me == 0) {
        for (unsigned i = 0; i < 4; i++) {
            if (crew__ring_room_owner(&ring) > 0)
                fill();
            else
                take();
        }
    } else {
        thief(2);
    }
}

/* Two thieves and the owner meet at the old end; the owner writes a slot again
 * that a thief has read and not taken yet. */
static void thieves(unsigned me)
{
    if (me == 0) {
        fill();
        fill();
        take();
        if (crew__ring_room_owner(&ring) > 0)
            fill();
    } else {
        thief(1);
    }
}

/* A thief that stops delays nobody and loses at most what it has won. */
static void stops_thread(unsigned me)
{
    if (me == 0) {
        thief(1);
    } else if (me == 1) {
        fill();
        fill();
        take();
        model_assert(crew__ring_room_owner(&ring) > 0);
        fill();
    } else {
        thief(1);
    }
}

static void stops_end(void)
{
    unsigned here = (unsigned)CREW__RING_INDEX(ring.filled.raw -
                                               ring.taken.raw);
    unsigned missing = filled - here;

    for (unsigned i = 0; i < ITEMS; i++) {
        model_assert(items[i].taken <= 1);
        missing -= items[i].taken;
    }
    model_assert(missing == 0 || (missing == 1 && model_is_stopped()));
}

/* A lock as small as can be. */
static void hold(void)
{
    while (crew__exchange_acquire(&lock, 1))
        crew__yield();
}

static void let_go(void)
{
    crew__store_release(&lock, 0);
}

/*
 * fill; load sleepers  ||  announce; is it empty? sleep. As in the pool both
 * the fill and the look are under one lock: a fill is a store and no
 * read-modify-write, so seq_cst loads alone would not see it.
 */
static void dekker(unsigned me)
{
    bool empty;

    if (me == 0) {
        hold();
        fill();
        let_go();
        if (crew__load_seq_cst(&sleepers)) {
            crew__store_release(&bell, 1);
            crew__futex_wake(&bell, 1);
        }
        return;
    }
    (void)crew__or_seq_cst(&sleepers, 1);
    hold();
    empty = crew__ring_is_empty(&ring);
    let_go();
    while (empty && !crew__load_acquire(&bell))
        crew__futex_wait(&bell, 0, CREW__NEVER);
    model_assert(take() == 1);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "wraps",
     .threads = 2,
     .begin = begin,
     .thread = wraps,
     .end = end,
     .bound = MODEL_ALL},
    {.name = "thieves",
     .threads = 3,
     .begin = begin,
     .thread = thieves,
     .end = end,
     .bound = MODEL_ALL},
    {.name = "stopped_thief",
     .threads = 3,
     .begin = begin,
     .thread = stops_thread,
     .end = stops_end,
     .bound = 2,
     .stops = 6,
     .stopper = 0},
    {.name = "dekker",
     .threads = 2,
     .begin = begin,
     .thread = dekker,
     .end = end,
     .bound = MODEL_ALL},
};

static const char later[] =
    "what it forbids is a slot read after the owner wrote it again: a load "
    "that reads a later write, which is not modelled";
static const char locked[] =
    "the looks that decide about a sleep are under the lock under which "
    "the owner fills";

static const struct model_excess excess[] = {
    {"crew__ring_room_owner", "load", 1, "relaxed", later},
    {"crew__ring_take_any", "cas", 1, "release",
     "the loads before it have acquired all that it could"},
    {"crew__ring_take_any", "cas", 1, "fails relaxed",
     "the next round loads again"},
    {"crew__ring_is_empty", "load", 1, "acquire", locked},
    {"crew__ring_is_empty", "load", 1, "relaxed", locked},
    {"crew__ring_is_empty", "load", 2, "acquire", locked},
    {"crew__ring_is_empty", "load", 2, "relaxed", locked},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "lockfree/ring.h",
    .limit = 20000,
    .random = 20000,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
