#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The census counts descriptors by their number. */
#define AS_OBJECT(fd) ((void *)((uintptr_t)(fd) + 1))

int crew__event_open(int *fd)
{
    int made = CREW__TRY(CREW__FAULT_EVENTFD,
                         eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                         (errno = EMFILE, -1));

    if (made < 0)
        return -errno;
    crew__census_born(CREW__CENSUS_FD, AS_OBJECT(made));
    *fd = made;
    return 0;
}

/* A saturated counter (EAGAIN) is readable, but gives who waits for an edge no
 * new one; so it is emptied first. */
void crew__event_set(int fd)
{
    const uint64_t one = 1;

    while (write(fd, &one, sizeof one) < 0 &&
           (errno == EINTR || errno == EAGAIN)) {
        if (errno == EAGAIN)
            crew__event_clear(fd);
    }
}

void crew__event_clear(int fd)
{
    uint64_t count;
    ssize_t n;

    do
        n = read(fd, &count, sizeof count);
    while (n < 0 && errno == EINTR);
}

bool crew__event_wait(int fd, crew_ns deadline)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    struct timespec left;
    int n;

    do {
        crew_ns wait = 0;

        if (deadline != CREW__NEVER) {
            wait = deadline - crew__clock_now();
            if (wait < 0)
                wait = 0;
            left.tv_sec = (time_t)(wait / CREW_S);
            left.tv_nsec = (long)(wait % CREW_S);
        }
        n = ppoll(&item, 1, deadline == CREW__NEVER ? NULL : &left, NULL);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

void crew__event_close(int fd)
{
    crew__census_died(CREW__CENSUS_FD, AS_OBJECT(fd));
    close(fd);
}
