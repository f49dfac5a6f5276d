/*
 * Litmus tests: programs of a few steps with known answers, those of C++20
 * without load buffering. Each says which outcomes must be seen; all others
 * must not.
 */
#ifndef CREW_MODEL_LITMUS_H
#define CREW_MODEL_LITMUS_H

#include "checker.h"

#include "base/atomic.h"

struct litmus {
    const char *name;
    void (*thread)(unsigned me);
    unsigned threads;
    uint64_t outcomes;         /* 0: an error must be found */
    unsigned (*outcome)(void); /* NULL: the bits r3 r2 r1 r0 */
    void (*end)(void);
    unsigned stops;
};

/* Both end with a NULL name. */
extern const struct litmus litmus_orders[]; /* what orders forbid */
extern const struct litmus litmus_words[];  /* one word, and the world */

/* What they share; zero at the begin. */
extern crew__a32 litmus_x;
extern crew__a32 litmus_y;
extern int litmus_plain;
extern unsigned litmus_r[4];

/* The bits r3 r2 r1 r0. */
unsigned litmus_bits(void);

/* A set of outcomes. */
#define ONE(n) (UINT64_C(1) << (n))
#define ALL4   UINT64_C(0xf)

#endif
