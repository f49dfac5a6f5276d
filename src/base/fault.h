/*
 * Fault points: each call that can fail for want of something goes through
 * one, so that the testing build can make it fail.
 *
 *   fd = CREW__TRY(CREW__FAULT_EVENTFD, eventfd(0, flags),
 *                  (errno = EMFILE, -1));
 *
 * The testing build counts them and fails the n-th (tests/faults walks n);
 * every other build compiles them to the call alone.
 */
#ifndef CREW_BASE_FAULT_H
#define CREW_BASE_FAULT_H

#include <stdbool.h>

enum crew__fault_kind {
    CREW__FAULT_MALLOC,
    CREW__FAULT_MMAP,
    CREW__FAULT_EVENTFD,
    CREW__FAULT_THREAD,
    CREW__FAULT_AFFINITY,
    CREW__FAULT_TOPOLOGY,
    CREW__FAULT_FILE,
    CREW__FAULT_FUTEX,
    CREW__FAULT_MEMFD,
    CREW__FAULT_KINDS
};

#if defined(CREW_TESTING)

/* Fails point `nth` (from 1) that is met from now on; with `forever` all after
 * it too. 0: none. Starts counting anew. */
void crew__fault_arm(unsigned nth, bool forever);
/* After the armed point has failed, fails the `gap`-th point after it too. */
void crew__fault_arm_pair(unsigned nth, unsigned gap);
/* How many points have been met since; how many failed. */
unsigned crew__fault_met(void);
unsigned crew__fault_failed(void);
bool crew__fault_here(enum crew__fault_kind kind);

#define CREW__TRY(kind, call, failure) \
    (crew__fault_here(kind) ? (failure) : (call))

#else

#define CREW__TRY(kind, call, failure) (call)

#endif

#endif
