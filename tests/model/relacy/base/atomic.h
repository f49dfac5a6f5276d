/*
 * Stands before src/base/atomic.h where relacy checks: its words and its
 * operations, as many as src/lockfree uses. `weaker` says which operation is
 * made relaxed.
 */
#ifndef CREW_BASE_ATOMIC_H
#define CREW_BASE_ATOMIC_H

#include <relacy/relacy.hpp>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum operation { NONE, LOAD_ACQUIRE, STORE_RELEASE, EXCHANGE, CAS };
static enum operation weaker;

struct crew__a64 {
    rl::atomic<uint64_t> raw;
};

struct crew__aptr {
    rl::atomic<void *> raw;
};

#define CREW__APART 4096
#define CREW__ALIGNED(n)
#define CREW__INDEX_BITS  3
#define CREW__MASK(bits)  (UINT64_MAX >> (64 - (bits)))
#define CREW__INDEX_START (CREW__MASK(CREW__INDEX_BITS) - 2)

static inline rl::memory_order order_of(enum operation operation,
                                        rl::memory_order order)
{
    return weaker == operation ? rl::mo_relaxed : order;
}

template <typename Word, typename Value>
static inline bool cas(Word *word, Value *expected, Value desired,
                       rl::memory_order order, rl::memory_order failure)
{
    return word->raw.compare_exchange_strong(
        *expected, desired, order_of(CAS, order), $, order_of(CAS, failure), $);
}

#define crew__load_relaxed(p) (p)->raw.load(rl::mo_relaxed, $)
#define crew__load_acquire(p) \
    (p)->raw.load(order_of(LOAD_ACQUIRE, rl::mo_acquire), $)
#define crew__load_seq_cst(p)     (p)->raw.load(rl::mo_seq_cst, $)
#define crew__store_relaxed(p, v) (p)->raw.store(v, rl::mo_relaxed, $)
#define crew__store_release(p, v) \
    (p)->raw.store(v, order_of(STORE_RELEASE, rl::mo_release), $)
#define crew__exchange_seq_cst(p, v) \
    (p)->raw.exchange(v, order_of(EXCHANGE, rl::mo_seq_cst), $)
#define crew__cas_seq_cst(p, expected, desired) \
    cas(p, expected, desired, rl::mo_seq_cst, rl::mo_seq_cst)
#define crew__cas_acq_rel(p, expected, desired) \
    cas(p, expected, desired, rl::mo_acq_rel, rl::mo_acquire)

/* The model's own words are watched instead. */
#define crew__plain_read(lvalue)     (lvalue)
#define crew__plain_write(lvalue, v) ((void)((lvalue) = (v)))

#endif
