/* Litmus tests of memory orders: see litmus.h. */
#include "litmus.h"

#define x     litmus_x
#define y     litmus_y
#define plain litmus_plain
#define r     litmus_r

/* ---- store buffering: x = 1; r0 = y  ||  y = 1; r1 = x ----------------- */

#define STORE_BUFFERING(name, store0, load0, store1, load1) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            (void)store0(&x, 1); \
            r[0] = load0(&y); \
        } else { \
            (void)store1(&y, 1); \
            r[1] = load1(&x); \
        } \
    }

STORE_BUFFERING(sb_relaxed, crew__store_relaxed, crew__load_relaxed,
                crew__store_relaxed, crew__load_relaxed)
STORE_BUFFERING(sb_acquire, crew__store_release, crew__load_acquire,
                crew__store_release, crew__load_acquire)
STORE_BUFFERING(sb_seq_cst, crew__store_seq_cst, crew__load_seq_cst,
                crew__store_seq_cst, crew__load_seq_cst)
STORE_BUFFERING(sb_one_load, crew__store_seq_cst, crew__load_acquire,
                crew__store_seq_cst, crew__load_seq_cst)
STORE_BUFFERING(sb_one_store, crew__store_seq_cst, crew__load_seq_cst,
                crew__store_release, crew__load_seq_cst)
STORE_BUFFERING(sb_updates, crew__exchange_seq_cst, crew__load_seq_cst,
                crew__or_seq_cst, crew__load_seq_cst)
STORE_BUFFERING(sb_acq_rel, crew__exchange_acq_rel, crew__load_seq_cst,
                crew__or_seq_cst, crew__load_seq_cst)

/* ---- message passing: x = 1; y = 1  ||  r0 = y; r1 = x ----------------- */

#define MESSAGE_PASSING(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            crew__store_relaxed(&x, 1); \
            store(&y, 1); \
        } else { \
            r[0] = load(&y); \
            r[1] = crew__load_relaxed(&x); \
        } \
    }

MESSAGE_PASSING(mp_acquire, crew__store_release, crew__load_acquire)
MESSAGE_PASSING(mp_relaxed, crew__store_relaxed, crew__load_relaxed)
MESSAGE_PASSING(mp_no_release, crew__store_relaxed, crew__load_acquire)
MESSAGE_PASSING(mp_no_acquire, crew__store_release, crew__load_relaxed)
MESSAGE_PASSING(mp_seq_cst, crew__store_seq_cst, crew__load_seq_cst)

/* The reader's compare-and-swap fails, and acquires in failing, or not. */
static void mp_cas(unsigned me)
{
    uint32_t expected = 7;

    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
    } else {
        crew__cas_acquire(&y, &expected, 9);
        r[0] = expected;
        r[1] = crew__load_relaxed(&x);
    }
}

static void mp_cas_relaxed(unsigned me)
{
    uint32_t expected = 7;

    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
    } else {
        crew__cas_release(&y, &expected, 9);
        r[0] = expected;
        r[1] = crew__load_relaxed(&x);
    }
}

/* A plain word instead of x. */
#define PLAIN(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            crew__plain_write(plain, 1); \
            store(&y, 1); \
        } else if (load(&y)) { \
            r[0] = (unsigned)crew__plain_read(plain); \
        } \
    }

PLAIN(mp_plain, crew__store_release, crew__load_acquire)
PLAIN(mp_race, crew__store_release, crew__load_relaxed)
PLAIN(mp_race2, crew__store_relaxed, crew__load_acquire)

static void two_writes(unsigned me)
{
    (void)me;
    crew__plain_write(plain, 1);
}

/* ---- release sequences: a third operation between the two -------------- */

/* Another thread's read-modify-write continues it. */
static void release_update(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
    } else if (me == 1) {
        (void)crew__add_relaxed(&y, 2);
    } else if (crew__load_acquire(&y) == 3) {
        r[0] = 1;
        r[1] = crew__load_relaxed(&x);
    }
}

/* Another thread's store does not. */
static void release_store(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
    } else if (me == 1) {
        if (crew__load_relaxed(&y) == 1)
            crew__store_relaxed(&y, 3);
    } else if (crew__load_acquire(&y) == 3) {
        r[0] = 1;
        r[1] = crew__load_relaxed(&x);
    }
}

/* The same thread's relaxed store does not either, since C++20. */
static void release_same(unsigned me)
{
    if (me == 0) {
        crew__store_relaxed(&x, 1);
        crew__store_release(&y, 1);
        crew__store_relaxed(&y, 3);
    } else if (crew__load_acquire(&y) == 3) {
        r[0] = 1;
        r[1] = crew__load_relaxed(&x);
    }
}

/* ---- causality --------------------------------------------------------- */

#define CAUSALITY(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            store(&x, 1); \
        } else if (me == 1) { \
            r[0] = load(&x); \
            store(&y, 1); \
        } else { \
            r[1] = load(&y); \
            r[2] = crew__load_relaxed(&x); \
        } \
    }

CAUSALITY(wrc_acquire, crew__store_release, crew__load_acquire)
CAUSALITY(wrc_relaxed, crew__store_relaxed, crew__load_relaxed)

/* ---- independent reads of independent writes --------------------------- */

#define IRIW(name, store, load, last) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            store(&x, 1); \
        } else if (me == 1) { \
            store(&y, 1); \
        } else if (me == 2) { \
            r[0] = load(&x); \
            r[1] = load(&y); \
        } else { \
            r[2] = load(&y); \
            r[3] = last(&x); \
        } \
    }

IRIW(iriw_acquire, crew__store_release, crew__load_acquire, crew__load_acquire)
IRIW(iriw_seq_cst, crew__store_seq_cst, crew__load_seq_cst, crew__load_seq_cst)
IRIW(iriw_one, crew__store_seq_cst, crew__load_seq_cst, crew__load_acquire)

/* ---- two words, written twice ------------------------------------------ */

#define TWO_TWO(name, store) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            store(&x, 1); \
            store(&y, 2); \
        } else { \
            store(&y, 1); \
            store(&x, 2); \
        } \
    }

TWO_TWO(two_two_relaxed, crew__store_relaxed)
TWO_TWO(two_two_release, crew__store_release)
TWO_TWO(two_two_seq_cst, crew__store_seq_cst)

static unsigned last_values(void)
{
    return (x.raw - 1) | (y.raw - 1) << 1; /* 0: both 1 */
}

/* R: x = 1; y = 1  ||  y = 2; r0 = x. */
#define R_TEST(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            store(&x, 1); \
            store(&y, 1); \
        } else { \
            store(&y, 2); \
            r[0] = load(&x); \
        } \
    }

R_TEST(r_acquire, crew__store_release, crew__load_acquire)
R_TEST(r_seq_cst, crew__store_seq_cst, crew__load_seq_cst)

static unsigned r_outcome(void)
{
    return r[0] | (y.raw - 1) << 1; /* 2: y is 2 in the end, x was 0 */
}

/* S: x = 2; y = 1  ||  r0 = y; x = 1. */
#define S_TEST(name, store, load) \
    static void name(unsigned me) \
    { \
        if (me == 0) { \
            crew__store_relaxed(&x, 2); \
            store(&y, 1); \
        } else { \
            r[0] = load(&y); \
            crew__store_relaxed(&x, 1); \
        } \
    }

S_TEST(s_acquire, crew__store_release, crew__load_acquire)
S_TEST(s_relaxed, crew__store_relaxed, crew__load_relaxed)

static unsigned s_outcome(void)
{
    return r[0] | (x.raw - 1) << 1; /* 3: y was seen and x is 2 in the end */
}

/* ---- the table --------------------------------------------------------- */

const struct litmus litmus_orders[] = {
    {"SB relaxed", sb_relaxed, 2, ALL4, NULL, NULL, 0},
    {"SB acquire", sb_acquire, 2, ALL4, NULL, NULL, 0},
    {"SB seq_cst", sb_seq_cst, 2, ONE(1) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"SB one load", sb_one_load, 2, ALL4, NULL, NULL, 0},
    {"SB one store", sb_one_store, 2, ALL4, NULL, NULL, 0},
    {"SB updates", sb_updates, 2, ONE(1) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"SB acq_rel", sb_acq_rel, 2, ALL4, NULL, NULL, 0},
    {"MP acquire", mp_acquire, 2, ONE(0) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"MP relaxed", mp_relaxed, 2, ALL4, NULL, NULL, 0},
    {"MP no release", mp_no_release, 2, ALL4, NULL, NULL, 0},
    {"MP no acquire", mp_no_acquire, 2, ALL4, NULL, NULL, 0},
    {"MP seq_cst", mp_seq_cst, 2, ONE(0) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"MP failed cas", mp_cas, 2, ONE(0) | ONE(2) | ONE(3), NULL, NULL, 0},
    {"MP relaxed cas", mp_cas_relaxed, 2, ALL4, NULL, NULL, 0},
    {"MP plain", mp_plain, 2, ONE(0) | ONE(1), NULL, NULL, 0},
    {"MP race", mp_race, 2, 0, NULL, NULL, 0},
    {"MP race 2", mp_race2, 2, 0, NULL, NULL, 0},
    {"two plain writes", two_writes, 2, 0, NULL, NULL, 0},
    {"RS update", release_update, 3, ONE(0) | ONE(3), NULL, NULL, 0},
    {"RS store", release_store, 3, ONE(0) | ONE(1) | ONE(3), NULL, NULL, 0},
    {"RS same thread", release_same, 2, ONE(0) | ONE(1) | ONE(3), NULL, NULL,
     0},
    {"WRC acquire", wrc_acquire, 3,
     ONE(0) | ONE(1) | ONE(2) | ONE(4) | ONE(5) | ONE(6) | ONE(7), NULL, NULL,
     0},
    {"WRC relaxed", wrc_relaxed, 3,
     ONE(0) | ONE(1) | ONE(2) | ONE(3) | ONE(4) | ONE(5) | ONE(6) | ONE(7),
     NULL, NULL, 0},
    {"IRIW acquire", iriw_acquire, 4, 0xffff, NULL, NULL, 0},
    {"IRIW seq_cst", iriw_seq_cst, 4, 0xffff & ~ONE(5), NULL, NULL, 0},
    {"IRIW one", iriw_one, 4, 0xffff, NULL, NULL, 0},
    {"2+2W relaxed", two_two_relaxed, 2, ALL4, last_values, NULL, 0},
    {"2+2W release", two_two_release, 2, ALL4, last_values, NULL, 0},
    {"2+2W seq_cst", two_two_seq_cst, 2, ONE(1) | ONE(2) | ONE(3), last_values,
     NULL, 0},
    {"R acquire", r_acquire, 2, ALL4, r_outcome, NULL, 0},
    {"R seq_cst", r_seq_cst, 2, ONE(0) | ONE(1) | ONE(3), r_outcome, NULL, 0},
    {"S acquire", s_acquire, 2, ONE(0) | ONE(1) | ONE(2), s_outcome, NULL, 0},
    {"S relaxed", s_relaxed, 2, ALL4, s_outcome, NULL, 0},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
