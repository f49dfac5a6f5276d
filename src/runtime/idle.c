#include "runtime/idle.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

#define SEARCHER    CREW__IDLE_SEARCHER
#define RUNG        CREW__IDLE_RUNG
#define CLOSED      CREW__IDLE_CLOSED
#define EPOCH_SHIFT 32
#define EPOCH       (CREW__MASK(CREW__EPOCH_BITS) << EPOCH_SHIFT)
#define EPOCH_ONE   (UINT64_C(1) << EPOCH_SHIFT)

int crew__idle_init(struct crew__idle *idle, unsigned workers)
{
    idle->parkers = crew__memory_aligned(64, workers * sizeof *idle->parkers);
    if (!idle->parkers)
        return -ENOMEM;
    for (unsigned i = 0; i < workers; i++)
        crew__park_init(&idle->parkers[i]);
    idle->workers = workers;
    return 0;
}

void crew__idle_fini(struct crew__idle *idle)
{
    crew__memory_free(idle->parkers);
}

static unsigned searcher_of(uint64_t word)
{
    return (unsigned)(word & SEARCHER) - 1;
}

static bool is_asleep(struct crew__idle *idle, unsigned worker)
{
    return crew__load_seq_cst(&idle->sleeping[worker / 64]) >> (worker % 64) &
           1;
}

/* A sleeper, or `workers` where all are awake. */
static unsigned find_sleeper(struct crew__idle *idle)
{
    for (unsigned i = 0; i * 64 < idle->workers; i++) {
        uint64_t bits = crew__load_seq_cst(&idle->sleeping[i]);

        if (bits)
            return i * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return idle->workers;
}

/* Rings the appointed worker of `word`; false: it is awake, so the appointment
 * has been taken back. */
static bool ring(struct crew__idle *idle, uint64_t word)
{
    unsigned worker = searcher_of(word);

    if (!is_asleep(idle, worker)) {
        crew__mark(CREW__MARK_BATON_REFUSED);
        crew__cas_seq_cst(&idle->word, &word, word & ~SEARCHER);
        return false;
    }
    crew__add_relaxed(&idle->wakes, 1); /* a figure */
    crew__unpark(&idle->parkers[worker]);
    /* Where this fails, the worker or a helper has been faster. */
    crew__cas_seq_cst(&idle->word, &word, word | RUNG);
    return true;
}

static uint64_t appoint(uint64_t word, unsigned worker)
{
    uint64_t epoch = (word + EPOCH_ONE) & EPOCH;

    return epoch | (word & CLOSED) | (worker + 1);
}

bool crew__idle_wake_one(struct crew__idle *idle)
{
    uint64_t word = crew__load_seq_cst(&idle->word);

    for (;;) {
        uint64_t next;
        unsigned worker;

        if (word & CLOSED)
            return false;
        /* somebody looks: the one load of a busy pool */
        if (word & RUNG)
            return true;
        if (word & SEARCHER) {
            crew__mark(CREW__MARK_BATON_HELPED);
            if (ring(idle, word))
                return true;
            word = crew__load_seq_cst(&idle->word);
            continue;
        }
        worker = find_sleeper(idle);
        /* all are awake, and look before they sleep */
        if (worker == idle->workers)
            return true;
        next = appoint(word, worker);
        if (crew__cas_seq_cst(&idle->word, &word, next)) {
            if (ring(idle, next))
                return true;
            word = crew__load_seq_cst(&idle->word);
        }
    }
}

void crew__idle_rouse(struct crew__idle *idle, unsigned worker)
{
    crew__unpark(&idle->parkers[worker]);
}

void crew__idle_close(struct crew__idle *idle)
{
    crew__or_seq_cst(&idle->word, CLOSED);
}

bool crew__idle_is_closed(struct crew__idle *idle)
{
    return (crew__load_seq_cst(&idle->word) & CLOSED) != 0;
}

bool crew__idle_search_begin(struct crew__idle *idle, unsigned me)
{
    uint64_t word = crew__load_relaxed(&idle->word); /* the CAS decides */

    /* appointed just now */
    if (word & SEARCHER)
        return searcher_of(word) == me;
    return crew__cas_seq_cst(&idle->word, &word, appoint(word, me) | RUNG);
}

void crew__idle_search_end(struct crew__idle *idle, unsigned me)
{
    uint64_t word = crew__load_seq_cst(&idle->word);

    while ((word & SEARCHER) && searcher_of(word) == me) {
        if (crew__cas_seq_cst(&idle->word, &word, word & ~(SEARCHER | RUNG)))
            return;
    }
}

void crew__idle_announce(struct crew__idle *idle, unsigned me)
{
    crew__or_seq_cst(&idle->sleeping[me / 64], UINT64_C(1) << (me % 64));
    crew__idle_search_end(idle, me);
}

void crew__idle_park(struct crew__idle *idle, unsigned me)
{
    crew__park(&idle->parkers[me], CREW__NEVER);
}

bool crew__idle_leave(struct crew__idle *idle, unsigned me)
{
    uint64_t word;

    crew__and_seq_cst(&idle->sleeping[me / 64], ~(UINT64_C(1) << (me % 64)));
    word = crew__load_seq_cst(&idle->word);
    while ((word & SEARCHER) && searcher_of(word) == me) {
        if ((word & RUNG) || crew__cas_seq_cst(&idle->word, &word, word | RUNG))
            return true;
    }
    return false;
}
