/* Fault points: the n-th fails, and what the counters tell. */
#include "support.h"

#include "base/fault.h"

/* Which of `count` points fail, as bits. */
static unsigned meet(unsigned count)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < count; i++) {
        if (CREW__TRY(CREW__FAULT_MALLOC, 0, 1))
            bits |= 1u << i;
    }
    return bits;
}

CREW_TEST(the_nth_point_fails_once_or_for_ever)
{
    crew__fault_arm(0, false);
    check_equal(meet(8), 0);
    check_equal(crew__fault_met(), 8);
    check_equal(crew__fault_failed(), 0);
    crew__fault_arm(3, false);
    check_equal(meet(8), 1 << 2);
    check_equal(crew__fault_met(), 8);
    check_equal(crew__fault_failed(), 1);
    crew__fault_arm(3, true);
    check_equal(meet(8), 0xfc);
    check_equal(crew__fault_failed(), 6);
    crew__fault_arm_pair(2, 3);
    check_equal(meet(8), 1 << 1 | 1 << 4);
    crew__fault_arm(0, false);
    check_equal(meet(8), 0);
}

static int calls;

static int call(void)
{
    return ++calls;
}

CREW_TEST(a_point_that_fails_does_not_make_its_call)
{
    crew__fault_arm(2, false);
    check_equal(CREW__TRY(CREW__FAULT_EVENTFD, call(), -1), 1);
    check_equal(CREW__TRY(CREW__FAULT_EVENTFD, call(), -1), -1);
    check_equal(CREW__TRY(CREW__FAULT_EVENTFD, call(), -1), 2);
    check_equal(calls, 2);
    crew__fault_arm(0, false);
}
