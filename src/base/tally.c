#include "base/tally.h"

#if defined(CREW_TESTING)

static _Thread_local uint64_t counts[CREW__TALLY_COUNT];

void crew__tally(enum crew__tally_id id)
{
    counts[id]++;
}

uint64_t crew__tally_own(enum crew__tally_id id)
{
    return counts[id];
}

#else

/* A translation unit is not empty. */
extern const int crew__tally_unused;
const int crew__tally_unused = 0;

#endif
