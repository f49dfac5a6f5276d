/*
 * Cases that must fail, or be skipped: they show that the runner notices.
 * tests/support/CMakeLists.txt says what each must print.
 */
#include "support.h"

#include <fcntl.h>
#include <unistd.h>

static void *check_elsewhere(void *arg)
{
    check(arg != NULL);
    return NULL;
}

CREW_TEST(check_on_another_thread)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, check_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
}

CREW_TEST(assertion_on_its_own_thread)
{
    assert_int_equal(1 + 1, 3);
}

CREW_TEST(descriptor_left_open)
{
    assert_true(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

static void *wait_for_the_end(void *arg)
{
    pause();
    return arg;
}

CREW_TEST(thread_left_running)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
}

static int fail_in_child(void *arg)
{
    check(arg != NULL);
    return 0;
}

CREW_TEST(check_in_a_child)
{
    check_equal(test_in_child(fail_in_child, NULL), 0);
}

CREW_TEST(skipped_with_its_reason)
{
    skip_test("there is no such machine");
}
