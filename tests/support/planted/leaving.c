/* An object of the library is left behind: the census tells. */
#include "support.h"

#include "os/os.h"

static void *kept;

CREW_TEST(object_left_behind)
{
    kept = crew__memory_zero(64);
    assert_non_null(kept);
}
