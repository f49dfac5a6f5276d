/*
 * Stepping in where a thread has just given up a lock of the library: what
 * another thread would have to be quick for happens there, at each run. The
 * program is linked with --wrap=crew__unlock (tests/CMakeLists.txt).
 *
 * Each thread steps in for itself: `step_in_after(n, lock, fn, arg)` calls
 * fn(arg) once, on this thread, when it has given up that lock, or any with
 * NULL, for the n-th time from now on. `stepped_in` says whether it came to
 * that, and forgets it if not.
 */
#ifndef CREW_TESTS_SUPPORT_UNLOCK_H
#define CREW_TESTS_SUPPORT_UNLOCK_H

#include "support.h"

#include "os/os.h"

static _Thread_local struct {
    unsigned left; /* unlocks; 0: nothing is to be done */
    const struct crew__lock *lock;
    void (*fn)(void *arg);
    void *arg;
} test_step;

void __real_crew__unlock(struct crew__lock *lock);
void __wrap_crew__unlock(struct crew__lock *lock);

/* Linked in the place of the genuine one. */
void __wrap_crew__unlock(struct crew__lock *lock)
{
    __real_crew__unlock(lock);
    if (test_step.left == 0 || (test_step.lock && test_step.lock != lock))
        return;
    if (--test_step.left == 0)
        test_step.fn(test_step.arg);
}

static inline void step_in_after(unsigned n, const struct crew__lock *lock,
                                 void (*fn)(void *arg), void *arg)
{
    test_step.left = n;
    test_step.lock = lock;
    test_step.fn = fn;
    test_step.arg = arg;
}

static inline bool stepped_in(void)
{
    bool came = test_step.left == 0;

    test_step.left = 0;
    return came;
}

#endif
