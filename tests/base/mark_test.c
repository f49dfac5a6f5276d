/* Marks count, and each has words of its own. */
#include "support.h"

#include "base/mark.h"

#include <string.h>

static void mark_many(unsigned index, void *arg)
{
    (void)index;
    (void)arg;
    for (int i = 0; i < 1000; i++)
        crew__mark(CREW__MARK_RING_LOST);
}

CREW_TEST(marks_of_all_threads_are_counted)
{
    uint64_t before = crew__mark_count(CREW__MARK_RING_LOST);
    uint64_t other = crew__mark_count(CREW__MARK_STEAL);

    test_threads(4, mark_many, NULL);
    check_equal(crew__mark_count(CREW__MARK_RING_LOST) - before, 4000);
    check_equal(crew__mark_count(CREW__MARK_STEAL), other);
}

CREW_TEST(each_mark_has_words_of_its_own)
{
    for (int i = 0; i < CREW__MARK_COUNT; i++) {
        const char *text = crew__mark_text((enum crew__mark_id)i);

        assert_non_null(text);
        check_at_least(strlen(text), 5);
        for (int j = 0; j < i; j++)
            check(strcmp(text, crew__mark_text((enum crew__mark_id)j)) != 0);
    }
}
