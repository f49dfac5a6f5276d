/*
 * The one door for atomics. Every operation names its memory order, so that
 * grep lists them; nothing else in src names a memory order.
 *
 * Atomic words are structures around a plain word: a plain access to one does
 * not compile, and public structures need no _Atomic. The operations are
 * macros over compiler builtins and work on all three words alike.
 *
 * Three builds go through this door:
 *   shipped, sanitized   the builtins alone;
 *   simulated            CREW_STEPS: crew__step() before each operation, where
 *                        the simulation may let another thread run;
 *   model                CREW_MODEL: tests/model supplies each operation as a
 *                        step that a checker chooses (crew__model_*).
 *
 * Values are passed as the word's own type. A pointer word holds void *.
 */
#ifndef CREW_BASE_ATOMIC_H
#define CREW_BASE_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t raw;
} crew__a32;

typedef struct {
    uint64_t raw;
} crew__a64;

typedef struct {
    void *raw;
} crew__aptr;

/* Hot words of different writers lie so far apart: two lines of 64 bytes, as
 * the adjacent-line prefetcher fetches pairs. */
#define CREW__APART      128
#define CREW__ALIGNED(n) __attribute__((aligned(n)))

/* Widths are constants, so that wrapping can happen in every test. The
 * testing build starts indices shortly before they wrap instead of making
 * them so narrow that a stalled thief meets the same index again. */
#if defined(CREW_MODEL)
#define CREW__INDEX_BITS 3
#define CREW__EPOCH_BITS 3
#elif defined(CREW_TESTING)
#define CREW__INDEX_BITS 32
#define CREW__EPOCH_BITS 8
#else
#define CREW__INDEX_BITS 64
#define CREW__EPOCH_BITS 32
#endif
#define CREW__MASK(bits) (UINT64_MAX >> (64 - (bits)))
#if defined(CREW_MODEL) || defined(CREW_TESTING)
#define CREW__INDEX_START (CREW__MASK(CREW__INDEX_BITS) - 2)
#else
#define CREW__INDEX_START UINT64_C(0)
#endif

#if defined(CREW_MODEL)

/*
 * The checker's operations, on words of 4 or 8 bytes. `order` is one of the
 * builtin constants (__ATOMIC_RELAXED ...).
 */
#ifdef __cplusplus
extern "C" {
#endif
uint64_t crew__model_load(const void *word, unsigned size, int order);
void crew__model_store(void *word, unsigned size, uint64_t value, int order);
uint64_t crew__model_exchange(void *word, unsigned size, uint64_t value,
                              int order);
uint64_t crew__model_add(void *word, unsigned size, uint64_t value, int order);
uint64_t crew__model_or(void *word, unsigned size, uint64_t value, int order);
uint64_t crew__model_and(void *word, unsigned size, uint64_t value, int order);
bool crew__model_cas(void *word, unsigned size, uint64_t *expected,
                     uint64_t desired, int order, int failure);
void crew__model_plain_read(const void *address, unsigned size);
void crew__model_plain_write(void *address, unsigned size);
#ifdef __cplusplus
}
#endif

#define CREW__LOAD(p, order) \
    ((__typeof__((p)->raw))(uintptr_t)crew__model_load( \
        &(p)->raw, sizeof((p)->raw), order))
#define CREW__STORE(p, v, order) \
    crew__model_store(&(p)->raw, sizeof((p)->raw), (uint64_t)(uintptr_t)(v), \
                      order)
#define CREW__EXCHANGE(p, v, order) \
    ((__typeof__((p)->raw))(uintptr_t)crew__model_exchange( \
        &(p)->raw, sizeof((p)->raw), (uint64_t)(uintptr_t)(v), order))
#define CREW__ADD(p, v, order) \
    ((__typeof__((p)->raw))crew__model_add(&(p)->raw, sizeof((p)->raw), \
                                           (uint64_t)(v), order))
#define CREW__OR(p, v, order) \
    ((__typeof__((p)->raw))crew__model_or(&(p)->raw, sizeof((p)->raw), \
                                          (uint64_t)(v), order))
#define CREW__AND(p, v, order) \
    ((__typeof__((p)->raw))crew__model_and(&(p)->raw, sizeof((p)->raw), \
                                           (uint64_t)(v), order))
#define CREW__CAS(p, expected, desired, order, failure) \
    (__extension__({ \
        uint64_t crew__seen = (uint64_t)(uintptr_t) * (expected); \
        bool crew__done = crew__model_cas( \
            &(p)->raw, sizeof((p)->raw), &crew__seen, \
            (uint64_t)(uintptr_t)(desired), order, failure); \
        *(expected) = (__typeof__((p)->raw))(uintptr_t)crew__seen; \
        crew__done; \
    }))
/* Plain words of lock-free files that the checker watches for races. */
#define crew__plain_read(lvalue) \
    (crew__model_plain_read(&(lvalue), sizeof(lvalue)), (lvalue))
#define crew__plain_write(lvalue, v) \
    (crew__model_plain_write(&(lvalue), sizeof(lvalue)), (void)((lvalue) = (v)))

#else

#if defined(CREW_STEPS)
void crew__step(void); /* os/sim.c */
#define CREW__STEP() crew__step()
#else
#define CREW__STEP() ((void)0)
#endif

#define CREW__LOAD(p, order) (CREW__STEP(), __atomic_load_n(&(p)->raw, order))
#define CREW__STORE(p, v, order) \
    (CREW__STEP(), __atomic_store_n(&(p)->raw, (v), order))
#define CREW__EXCHANGE(p, v, order) \
    (CREW__STEP(), __atomic_exchange_n(&(p)->raw, (v), order))
#define CREW__ADD(p, v, order) \
    (CREW__STEP(), __atomic_fetch_add(&(p)->raw, (v), order))
#define CREW__OR(p, v, order) \
    (CREW__STEP(), __atomic_fetch_or(&(p)->raw, (v), order))
#define CREW__AND(p, v, order) \
    (CREW__STEP(), __atomic_fetch_and(&(p)->raw, (v), order))
#define CREW__CAS(p, expected, desired, order, failure) \
    (CREW__STEP(), \
     __atomic_compare_exchange_n(&(p)->raw, (expected), (desired), false, \
                                 order, failure))
#define crew__plain_read(lvalue)     (lvalue)
#define crew__plain_write(lvalue, v) ((void)((lvalue) = (v)))

#endif

#define crew__load_relaxed(p) CREW__LOAD(p, __ATOMIC_RELAXED)
#define crew__load_acquire(p) CREW__LOAD(p, __ATOMIC_ACQUIRE)
#define crew__load_seq_cst(p) CREW__LOAD(p, __ATOMIC_SEQ_CST)

#define crew__store_relaxed(p, v) CREW__STORE(p, v, __ATOMIC_RELAXED)
#define crew__store_release(p, v) CREW__STORE(p, v, __ATOMIC_RELEASE)
#define crew__store_seq_cst(p, v) CREW__STORE(p, v, __ATOMIC_SEQ_CST)

#define crew__exchange_acquire(p, v) CREW__EXCHANGE(p, v, __ATOMIC_ACQUIRE)
#define crew__exchange_release(p, v) CREW__EXCHANGE(p, v, __ATOMIC_RELEASE)
#define crew__exchange_acq_rel(p, v) CREW__EXCHANGE(p, v, __ATOMIC_ACQ_REL)
#define crew__exchange_seq_cst(p, v) CREW__EXCHANGE(p, v, __ATOMIC_SEQ_CST)

/* Each returns the value before. */
#define crew__add_relaxed(p, v) CREW__ADD(p, v, __ATOMIC_RELAXED)
#define crew__add_release(p, v) CREW__ADD(p, v, __ATOMIC_RELEASE)
#define crew__add_acq_rel(p, v) CREW__ADD(p, v, __ATOMIC_ACQ_REL)
#define crew__add_seq_cst(p, v) CREW__ADD(p, v, __ATOMIC_SEQ_CST)
#define crew__or_relaxed(p, v)  CREW__OR(p, v, __ATOMIC_RELAXED)
#define crew__or_seq_cst(p, v)  CREW__OR(p, v, __ATOMIC_SEQ_CST)
#define crew__or_release(p, v)  CREW__OR(p, v, __ATOMIC_RELEASE)
#define crew__or_acq_rel(p, v)  CREW__OR(p, v, __ATOMIC_ACQ_REL)
#define crew__and_relaxed(p, v) CREW__AND(p, v, __ATOMIC_RELAXED)
#define crew__and_acquire(p, v) CREW__AND(p, v, __ATOMIC_ACQUIRE)
#define crew__and_seq_cst(p, v) CREW__AND(p, v, __ATOMIC_SEQ_CST)

/*
 * Compare-and-swap; on failure *expected is what was seen, with an acquire
 * where the name says acquire or stronger, else relaxed.
 */
#define crew__cas_relaxed(p, expected, desired) \
    CREW__CAS(p, expected, desired, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define crew__cas_acquire(p, expected, desired) \
    CREW__CAS(p, expected, desired, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)
#define crew__cas_release(p, expected, desired) \
    CREW__CAS(p, expected, desired, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define crew__cas_acq_rel(p, expected, desired) \
    CREW__CAS(p, expected, desired, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define crew__cas_seq_cst(p, expected, desired) \
    CREW__CAS(p, expected, desired, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#endif
