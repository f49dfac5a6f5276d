/*
 * Tallies count, in the testing build and for each thread alone, what it does
 * often, so that a test can say how often one call does it. Nothing elsewhere.
 *
 *   crew__tally(CREW__TALLY_LOCK);
 */
#ifndef CREW_BASE_TALLY_H
#define CREW_BASE_TALLY_H

#include <stdint.h>

enum crew__tally_id {
    CREW__TALLY_LOCK,   /* a small lock was taken */
    CREW__TALLY_MEMORY, /* memory was asked for */
    CREW__TALLY_RETRY,  /* a push on a stack was tried once more */
    CREW__TALLY_COUNT
};

#if defined(CREW_TESTING)

void crew__tally(enum crew__tally_id id);
/* Of the calling thread, since it began. */
uint64_t crew__tally_own(enum crew__tally_id id);

#else

#define crew__tally(id) ((void)0)

#endif

#endif
