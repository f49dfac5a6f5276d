/* Buffers where memory fails; the rest is in acceptance/buffer_test.c. */
#include "support.h"

#include "base/fault.h"

#include <crew/buffer.h>

#include <errno.h>

static void fail_if_called(void *data, void *arg)
{
    (void)data;
    (void)arg;
    check(false);
}

/* How many points it meets is asked first, then each fails in turn. */
static void fail_each(size_t size, const crew_buffer_options *options)
{
    crew_buffer *buffer = NULL;
    unsigned points;

    crew__fault_arm(0, false);
    assert_int_equal(crew_buffer_create(&buffer, size, options), 0);
    points = crew__fault_met();
    crew_buffer_release(buffer);
    check_at_least(points, 2);
    for (unsigned nth = 1; nth <= points; nth++) {
        buffer = NULL;
        crew__fault_arm(nth, false);
        check_equal(crew_buffer_create(&buffer, size, options), -ENOMEM);
        check(buffer == NULL);
        crew__fault_arm(0, false);
    }
    assert_int_equal(crew_buffer_create(&buffer, size, options), 0);
    crew_buffer_release(buffer);
}

CREW_TEST(a_create_that_finds_no_memory_leaves_nothing)
{
    crew_buffer_options grows = {.max_size = 1 << 20};
    crew_buffer_options huge = {.huge_pages = true, .alignment = 1 << 21};

    fail_each(1, NULL);
    fail_each(1 << 20, NULL);
    fail_each(100, &grows);
    fail_each(100, &huge);
}

CREW_TEST(a_wrap_that_finds_no_memory_calls_nothing)
{
    crew_buffer *buffer = NULL;
    char bytes[10];

    crew__fault_arm(1, false);
    check_equal(crew_buffer_wrap(&buffer, bytes, 10, fail_if_called, NULL),
                -ENOMEM);
    crew__fault_arm(0, false);
    check(buffer == NULL);
}

CREW_TEST(a_growth_that_finds_no_memory_changes_nothing)
{
    crew_buffer_options options = {.max_size = 1 << 20};
    crew_buffer *buffer = NULL;
    char *bytes;

    assert_int_equal(crew_buffer_create(&buffer, 100, &options), 0);
    bytes = crew_buffer_data(buffer);
    bytes[99] = 7;
    crew__fault_arm(1, false);
    check_equal(crew_buffer_grow(buffer, 1 << 20), -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(crew_buffer_size(buffer), 100);
    check_equal(bytes[99], 7);
    check_equal(crew_buffer_grow(buffer, 1 << 20), 0);
    check_equal(bytes[99], 7);
    bytes[(1 << 20) - 1] = 1;
    crew_buffer_release(buffer);
}
