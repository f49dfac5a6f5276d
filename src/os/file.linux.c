#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The census counts descriptors by their number. */
#define AS_OBJECT(fd) ((void *)((uintptr_t)(fd) + 1))

int crew__file_create(const char *path, int *fd)
{
    int made = CREW__TRY(
        CREW__FAULT_FILE,
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
        (errno = EMFILE, -1));

    if (made < 0)
        return -errno;
    crew__census_born(CREW__CENSUS_FD, AS_OBJECT(made));
    *fd = made;
    return 0;
}

int crew__file_write(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        ssize_t n = CREW__TRY(CREW__FAULT_FILE, write(fd, at, size),
                              (errno = ENOSPC, -1));

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

void crew__file_close(int fd)
{
    crew__census_died(CREW__CENSUS_FD, AS_OBJECT(fd));
    close(fd);
}
