/* The census: what lives is counted by kind and place. */
#include "support.h"

#include "base/census.h"

#include <signal.h>

CREW_TEST(what_is_born_lives_until_it_dies)
{
    static char objects[3000];
    size_t before = crew__census_live(0);

    for (size_t i = 0; i < sizeof objects; i++)
        crew__census_born(CREW__CENSUS_BUFFER, &objects[i]);
    crew__census_born(CREW__CENSUS_MEMORY, &objects[0]); /* another kind */
    check_equal(crew__census_live(0) - before, sizeof objects + 1);
    for (size_t i = sizeof objects; i-- > 0;)
        crew__census_died(CREW__CENSUS_BUFFER, &objects[i]);
    check_equal(crew__census_live(0) - before, 1);
    crew__census_died(CREW__CENSUS_MEMORY, &objects[0]);
    check_equal(crew__census_live(0), before);
}

static int die_twice(void *object)
{
    crew__census_born(CREW__CENSUS_GROUP, object);
    crew__census_died(CREW__CENSUS_GROUP, object);
    crew__census_died(CREW__CENSUS_GROUP, object);
    return 0;
}

static int forget(void *object)
{
    crew__census_born(CREW__CENSUS_GROUP, object);
    crew__census_forget();
    return (int)crew__census_live(0);
}

CREW_TEST(who_dies_twice_ends_the_program)
{
    char object;

    check_equal(test_in_child(die_twice, &object), 256 + SIGABRT);
}

CREW_TEST(a_child_that_forgets_starts_anew)
{
    char object;

    check_equal(test_in_child(forget, &object), 0);
}

static void live_and_die(unsigned index, void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        char object;

        (void)index;
        crew__census_born(CREW__CENSUS_THREAD, &object);
        crew__census_died(CREW__CENSUS_THREAD, &object);
    }
}

CREW_TEST(threads_are_counted_together)
{
    size_t before = crew__census_live(0);

    test_threads(4, live_and_die, NULL);
    check_equal(crew__census_live(0), before);
}
