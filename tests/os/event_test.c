/* The descriptor that can be made readable. */
#include "support.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, 0) > 0;
}

CREW_TEST(it_is_readable_from_set_to_clear)
{
    int fd = -1;

    assert_int_equal(crew__event_open(&fd), 0);
    check_at_least(fd, 0);
    check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    check(fcntl(fd, F_GETFL) & O_NONBLOCK);
    check(!is_readable(fd));
    crew__event_clear(fd); /* does not block */
    crew__event_set(fd);
    crew__event_set(fd);
    check(is_readable(fd));
    check(crew__event_wait(fd, 1));
    check(is_readable(fd));
    crew__event_clear(fd);
    check(!is_readable(fd));
    crew__event_close(fd);
    check(fcntl(fd, F_GETFD) < 0);
}

CREW_TEST(a_saturated_counter_is_readable_and_is_cleared)
{
    const uint64_t most = UINT64_MAX - 1;
    int fd = -1;

    assert_int_equal(crew__event_open(&fd), 0);
    check_equal(write(fd, &most, sizeof most), sizeof most);
    crew__event_set(fd); /* does not block */
    check(is_readable(fd));
    crew__event_clear(fd);
    check(!is_readable(fd));
    crew__event_close(fd);
}

CREW_TEST(a_wait_takes_its_time_and_no_less)
{
    int64_t before = test_now();
    int fd = -1;

    assert_int_equal(crew__event_open(&fd), 0);
    check(!crew__event_wait(fd, 0));
    check(!crew__event_wait(fd, before + 5 * CREW_MS));
    check_at_least(test_now(), before + 5 * CREW_MS);
    crew__event_close(fd);
}

static void set_or_wait(unsigned index, void *fd)
{
    if (index == 0)
        check(crew__event_wait(*(int *)fd, CREW__NEVER));
    else
        crew__event_set(*(int *)fd);
}

CREW_TEST(a_wait_ends_with_a_set_of_another_thread)
{
    int fd = -1;

    assert_int_equal(crew__event_open(&fd), 0);
    for (int i = 0; i < 100; i++) {
        test_threads(2, set_or_wait, &fd);
        crew__event_clear(fd);
    }
    crew__event_close(fd);
}

CREW_TEST(without_a_descriptor_the_error_is_told)
{
    int fd = -7;

    crew__fault_arm(1, false);
    check_equal(crew__event_open(&fd), -EMFILE);
    crew__fault_arm(0, false);
    check_equal(fd, -7);
}
