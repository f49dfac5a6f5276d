/* Each thread has tallies of its own, and each tally its own count. */
#include "support.h"

#include "base/tally.h"

static void tally_many(unsigned index, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 1000 + index; i++)
        crew__tally(CREW__TALLY_LOCK);
    check_equal(crew__tally_own(CREW__TALLY_LOCK), 1000 + index);
    check_equal(crew__tally_own(CREW__TALLY_MEMORY), 0);
}

CREW_TEST(a_tally_is_its_thread_s_own)
{
    crew__tally(CREW__TALLY_LOCK);
    test_threads(4, tally_many, NULL);
    check_equal(crew__tally_own(CREW__TALLY_LOCK), 1);
    check_equal(crew__tally_own(CREW__TALLY_RETRY), 0);
}
