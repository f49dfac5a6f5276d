#include "base/fault.h"

#if defined(CREW_TESTING)

#include "base/atomic.h"

/* Plain builtins: a fault point is no step of the simulation. */
static unsigned met;
static unsigned failed;
static unsigned first;  /* fails; 0: none */
static unsigned second; /* fails too; 0: none */
static bool all_after;

void crew__fault_arm(unsigned nth, bool forever)
{
    crew__fault_arm_pair(nth, 0);
    all_after = forever;
}

void crew__fault_arm_pair(unsigned nth, unsigned gap)
{
    __atomic_store_n(&met, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&failed, 0, __ATOMIC_SEQ_CST);
    first = nth;
    second = gap ? nth + gap : 0;
    all_after = false;
}

unsigned crew__fault_met(void)
{
    return __atomic_load_n(&met, __ATOMIC_SEQ_CST);
}

unsigned crew__fault_failed(void)
{
    return __atomic_load_n(&failed, __ATOMIC_SEQ_CST);
}

bool crew__fault_here(enum crew__fault_kind kind)
{
    unsigned n = __atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST);
    bool fails = first != 0 &&
                 (n == first || n == second || (all_after && n > first));

    (void)kind;
    if (fails)
        __atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST);
    return fails;
}

#else

/* A translation unit is not empty. */
extern const int crew__fault_unused;
const int crew__fault_unused = 0;

#endif
