/*
 * Goes in front of a source (-include): each of its atomic operations becomes a
 * site with a name, whose order the checker can make weaker; the source itself
 * stays as it is.
 */
#ifndef CREW_MODEL_SITES_H
#define CREW_MODEL_SITES_H

#include "base/atomic.h"
#include "checker.h"

#include "os/os.h"

int model_order(const struct model_site *site);
int model_failure(const struct model_site *site);

#define MODEL__SITE(operation, order, failure) \
    static struct model_site model__site = { \
        __FILE__, __LINE__, __func__,      operation, \
        order,    failure,  __BASE_FILE__, &model__site}; \
    static struct model_site *const model__pointer \
        __attribute__((section("crew_sites"), used)) = &model__site

/*
 * For a source whose parkers lie in frames: one that is made ready is new, and
 * gone at the end of its block, which is when nobody may touch it any more.
 */
void model_parker_begins(struct crew__parker *parker);
void model_parker_ends(struct crew__parker **parker);

#ifdef MODEL_PARKERS_IN_FRAMES
#define crew__park_init(parker) \
    __attribute__((cleanup( \
        model_parker_ends))) struct crew__parker *model__parker = (parker); \
    model_parker_begins(model__parker)
#endif

/* The same for what ports sleep on. */
struct crew__port_sleeper;
void model_sleeper_begins(struct crew__port_sleeper *sleeper);
void model_sleeper_ends(struct crew__port_sleeper **sleeper);

#undef CREW__LOAD
#define CREW__LOAD(p, order) \
    (__extension__({ \
        MODEL__SITE("load", order, -1); \
        (__typeof__((p)->raw))(uintptr_t)crew__model_load( \
            &(p)->raw, sizeof((p)->raw), model_order(&model__site)); \
    }))

#undef CREW__STORE
#define CREW__STORE(p, v, order) \
    (__extension__({ \
        MODEL__SITE("store", order, -1); \
        crew__model_store(&(p)->raw, sizeof((p)->raw), \
                          (uint64_t)(uintptr_t)(v), \
                          model_order(&model__site)); \
    }))

#define MODEL__RMW(p, v, order, function, name) \
    (__extension__({ \
        MODEL__SITE(name, order, -1); \
        (__typeof__((p)->raw))(uintptr_t)function(&(p)->raw, sizeof((p)->raw), \
                                                  (uint64_t)(uintptr_t)(v), \
                                                  model_order(&model__site)); \
    }))

#undef CREW__EXCHANGE
#define CREW__EXCHANGE(p, v, order) \
    MODEL__RMW(p, v, order, crew__model_exchange, "exchange")
#undef CREW__ADD
#define CREW__ADD(p, v, order) MODEL__RMW(p, v, order, crew__model_add, "add")
#undef CREW__OR
#define CREW__OR(p, v, order) MODEL__RMW(p, v, order, crew__model_or, "or")
#undef CREW__AND
#define CREW__AND(p, v, order) MODEL__RMW(p, v, order, crew__model_and, "and")

#undef CREW__CAS
#define CREW__CAS(p, expected, desired, order, failure) \
    (__extension__({ \
        MODEL__SITE("cas", order, failure); \
        uint64_t model__seen = (uint64_t)(uintptr_t) * (expected); \
        bool model__done = crew__model_cas( \
            &(p)->raw, sizeof((p)->raw), &model__seen, \
            (uint64_t)(uintptr_t)(desired), model_order(&model__site), \
            model_failure(&model__site)); \
        *(expected) = (__typeof__((p)->raw))(uintptr_t)model__seen; \
        model__done; \
    }))

#ifdef MODEL_SLEEPERS_IN_FRAMES
#include "port/port.h"
#define crew__port_sleeper_init(sleeper) \
    __attribute__((cleanup(model_sleeper_ends))) struct crew__port_sleeper \
        *model__sleeper = (sleeper); \
    model_sleeper_begins(model__sleeper)
#endif

#endif
