/*
 * The simulation's atomics: what is written is worked out before the step, so
 * that a load inside it is a step of its own, as it is on a machine:
 * crew__store_relaxed(p, crew__load_relaxed(p) + 1) can be interrupted.
 */
#ifndef CREW_TESTS_SIM_ATOMIC_H
#define CREW_TESTS_SIM_ATOMIC_H

#include "../../../../src/base/atomic.h"

#define CREW__STEP_THEN(operation, p, v, order) \
    (__extension__({ \
        __typeof__((p)->raw) crew__value = (v); \
        CREW__STEP(); \
        operation(&(p)->raw, crew__value, order); \
    }))

#undef CREW__STORE
#define CREW__STORE(p, v, order) CREW__STEP_THEN(__atomic_store_n, p, v, order)
#undef CREW__EXCHANGE
#define CREW__EXCHANGE(p, v, order) \
    CREW__STEP_THEN(__atomic_exchange_n, p, v, order)
#undef CREW__ADD
#define CREW__ADD(p, v, order) CREW__STEP_THEN(__atomic_fetch_add, p, v, order)

#endif
