/* Litmus tests of single words, and of what a model is made of besides:
 * sleeping, memory that goes, a thread that stops. */
#include "litmus.h"

#include "os/os.h"

#define x     litmus_x
#define y     litmus_y
#define plain litmus_plain
#define r     litmus_r

/* ---- coherence --------------------------------------------------------- */

/* Two reads of one word never go back. */
static void corr(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
    } else {
        r[0] = crew__load_relaxed(&x);
        r[1] = crew__load_relaxed(&x);
    }
}

/* Two readers agree on the order of two writes. */
static void corr2(unsigned me)
{
    if (me < 2) {
        crew__store_relaxed(&x, me + 1);
    } else {
        unsigned a = crew__load_relaxed(&x);
        unsigned b = crew__load_relaxed(&x);

        r[me - 2] = a == 1 && b == 2;
        r[me] = a == 2 && b == 1; /* r2, r3 */
    }
}

static unsigned corr2_outcome(void)
{
    return (r[0] || r[2]) && (r[1] || r[3]) ? r[0] == r[1] : 2;
}

/* A thread reads its own write, or a later one. */
static void cowr(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        r[0] = crew__load_relaxed(&x) - 1; /* 0: own, 1: the other */
    } else {
        crew__store_relaxed(&x, 2);
    }
}

/* What was read happened before is not read older by who was told. */
static void coherence_told(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
    } else if (me == 1) {
        r[0] = crew__load_relaxed(&x);
        crew__store_release(&y, 1);
    } else if (crew__load_acquire(&y)) {
        r[1] = 1;
        r[2] = crew__load_relaxed(&x);
    }
}

/* ---- atomicity --------------------------------------------------------- */

static void two_adds(unsigned me)
{
    r[me] = crew__add_relaxed(&x, 1);
}

static unsigned two_adds_outcome(void)
{
    return x.raw == 2 ? litmus_bits() : 9;
}

/* Nothing lands between a read-modify-write and what it read. */
static void add_and_store(unsigned me)
{
    if (me == 0)
        r[0] = crew__add_relaxed(&x, 10);
    else
        crew__store_relaxed(&x, 1);
}

static unsigned add_and_store_outcome(void)
{
    return r[0] == 0 ? (x.raw == 1 ? 0 : 2) : x.raw == 11 ? 1 : 3;
}

/* One of two that swap from the same value wins. */
static void two_cas(unsigned me)
{
    uint32_t expected = 0;

    r[me] = crew__cas_relaxed(&x, &expected, me + 1);
}

/* One that fails may have read an old value. */
static void cas_fails_old(unsigned me)
{
    uint32_t expected = 1;

    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
    } else if (crew__load_relaxed(&y)) {
        r[0] = 1;
        r[1] = crew__cas_relaxed(&x, &expected, 2);
    }
}

/* Load buffering is not modelled: r0 and r1 are never both 1. */
static void lb(unsigned me)
{
    if (me == 0) {
        r[0] = crew__load_relaxed(&x);
        crew__store_relaxed(&y, 1);
    } else {
        r[1] = crew__load_relaxed(&y);
        crew__store_relaxed(&x, 1);
    }
}

/* ---- sleeping ---------------------------------------------------------- */

static void sleep_and_wake(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__futex_wake(&x, 1);
    } else {
        while (!crew__load_relaxed(&x))
            crew__futex_wait(&x, 0, CREW__NEVER);
        r[0] = 1;
    }
}

static void wake_too_early(unsigned me)
{
    if (me == 0) {
        crew__futex_wake(&x, 1);
        crew__store_relaxed(&x, 1);
    } else {
        while (!crew__load_relaxed(&x))
            crew__futex_wait(&x, 0, CREW__NEVER);
    }
}

static void spin(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
    } else {
        while (!crew__load_relaxed(&x))
            crew__yield();
        r[0] = 1;
    }
}

static void spin_for_ever(unsigned me)
{
    while (me == 1 && !crew__load_relaxed(&x))
        crew__yield();
}

/* Twice, each time while the other has nothing left to do. */
static void spin_twice(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        while (!crew__load_acquire(&y))
            crew__futex_wait(&y, 0, CREW__NEVER);
        crew__store_relaxed(&x, 2);
        return;
    }
    while (crew__load_relaxed(&x) < 1)
        crew__yield();
    crew__store_release(&y, 1);
    crew__futex_wake(&y, 1);
    while (crew__load_relaxed(&x) < 2)
        crew__yield();
    r[0] = 1;
}

static void time_out(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__futex_wake(&x, 1);
    } else {
        while (!crew__load_relaxed(&x) && crew__clock_now() < 100)
            crew__futex_wait(&x, 0, 100);
        r[0] = crew__load_relaxed(&x);
        r[1] = crew__clock_now() >= 100;
    }
}

/* Each holds what the other wants. */
static void crossed(unsigned me)
{
    crew__a32 *first = me ? &y : &x;
    crew__a32 *second = me ? &x : &y;

    while (crew__exchange_acquire(first, 1))
        crew__futex_wait(first, 1, CREW__NEVER);
    while (crew__exchange_acquire(second, 1))
        crew__futex_wait(second, 1, CREW__NEVER);
    crew__store_release(second, 0);
    crew__futex_wake(second, 1);
    crew__store_release(first, 0);
    crew__futex_wake(first, 1);
}

/* ---- memory that goes -------------------------------------------------- */

#define GOES(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            crew__store_relaxed(&x, 1); \
            store(&y, 1); \
        } else if (load(&y)) { \
            model_gone(&x, sizeof x); \
        } \
    }

GOES(goes, crew__store_release, crew__load_acquire)
GOES(goes_unordered, crew__store_release, crew__load_relaxed)

static void goes_too_early(unsigned me)
{
    if (me == 0) {
        crew__store_release(&y, 1);
        crew__store_relaxed(&x, 1);
    } else if (crew__load_acquire(&y)) {
        model_gone(&x, sizeof x);
    }
}

/* ---- a thread that stops ----------------------------------------------- */

static void stops(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_relaxed(&y, 1);
    } else {
        r[0] = crew__load_relaxed(&y);
    }
}

static void stops_end(void)
{
    r[2] = x.raw;
    r[3] = y.raw;
}

/* ---- the table --------------------------------------------------------- */

const struct litmus litmus_words[] = {
    {"CoRR", corr, 2, ONE(0) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"CoRR 2", corr2, 4, ONE(1) | ONE(2), corr2_outcome, NULL, 0},
    {"CoWR", cowr, 2, ONE(0) | ONE(1), NULL, NULL, 0},
    {"CoRR told", coherence_told, 3,
     ONE(0) | ONE(1) | ONE(2) | ONE(4 + 2) | ONE(7), NULL, NULL, 0},
    {"two adds", two_adds, 2, ONE(1) | ONE(2), two_adds_outcome, NULL, 0},
    {"add and store", add_and_store, 2, ONE(0) | ONE(1), add_and_store_outcome,
     NULL, 0},
    {"two cas", two_cas, 2, ONE(1) | ONE(2), NULL, NULL, 0},
    {"cas fails old", cas_fails_old, 2, ONE(0) | ONE(1) | ONE(3), NULL, NULL,
     0},
    {"LB excluded", lb, 2, ONE(0) | ONE(1) | ONE(2), NULL, NULL, 0},
    {"sleep and wake", sleep_and_wake, 2, ONE(1), NULL, NULL, 0},
    {"wake too early", wake_too_early, 2, 0, NULL, NULL, 0},
    {"spin", spin, 2, ONE(1), NULL, NULL, 0},
    {"spin twice", spin_twice, 2, ONE(1), NULL, NULL, 0},
    {"spin for ever", spin_for_ever, 2, 0, NULL, NULL, 0},
    {"time out", time_out, 2, ONE(1) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"crossed locks", crossed, 2, 0, NULL, NULL, 0},
    {"goes", goes, 2, ONE(0), NULL, NULL, 0},
    {"goes unordered", goes_unordered, 2, 0, NULL, NULL, 0},
    {"goes too early", goes_too_early, 2, 0, NULL, NULL, 0},
    {"stops", stops, 2, ONE(0) | ONE(4) | ONE(12) | ONE(13), NULL, stops_end,
     4},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
