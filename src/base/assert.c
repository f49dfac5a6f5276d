#include "base/assert.h"

#if defined(CREW_TESTING) || defined(CREW_DEBUG)

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void crew__assert_fail(const char *file, int line, const char *text,
                       uint64_t state)
{
    fprintf(stderr, "%s:%d: crew: not so: %s (state 0x%" PRIx64 ")\n", file,
            line, text, state);
    abort();
}

#else

/* A translation unit is not empty. */
extern const int crew__assert_unused;
const int crew__assert_unused = 0;

#endif
