/* The three strengths of assertion, in the testing build. */
#include "support.h"

#include "base/assert.h"

#include <signal.h>

static int guard(void *arg)
{
    crew__guard(arg != NULL);
    return 3;
}

static int assert_with_state(void *arg)
{
    crew__assert_state(arg != NULL, 0x1234);
    return 3;
}

static int assert_slowly(void *arg)
{
    crew__assert_slow(arg != NULL);
    return 3;
}

CREW_TEST(what_holds_goes_on)
{
    int something;

    check_equal(test_in_child(guard, &something), 3);
    check_equal(test_in_child(assert_with_state, &something), 3);
    check_equal(test_in_child(assert_slowly, &something), 3);
}

CREW_TEST(what_does_not_hold_ends_the_program)
{
    int trapped = test_in_child(guard, NULL);

    check(trapped != 3 && trapped != 0);
    check_equal(test_in_child(assert_with_state, NULL), 256 + SIGABRT);
    check_equal(test_in_child(assert_slowly, NULL), 256 + SIGABRT);
}
