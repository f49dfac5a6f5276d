#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jpeg_out.h"

enum { TEMPORARY_NAME_BYTES = 64 };

int output_open(const char *path, int create, struct failure *failure)
{
    int fd, r;

    if (create && mkdir(path, 0777) < 0 && errno != EEXIST)
        return fail_errno(failure, -errno, "cannot make it");
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(failure, -errno, "cannot open it");
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
        r = -errno;
        close(fd);
        return fail_errno(failure, r, "cannot write to it");
    }
    return fd;
}

/* Opens a file with a name that nobody else uses. */
static int open_temporary(int directory, char name[TEMPORARY_NAME_BYTES])
{
    static atomic_uint number;
    int fd;

    do {
        snprintf(name, TEMPORARY_NAME_BYTES, ".crew-thumbs-%ld-%u.tmp",
                 (long)getpid(), atomic_fetch_add(&number, 1));
        fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    0666);
    } while (fd < 0 && (errno == EEXIST || errno == EINTR));
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    ssize_t n;

    while (size > 0) {
        n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int output_write(int directory, const char *name, const void *bytes,
                 size_t size, struct failure *failure)
{
    char temporary[TEMPORARY_NAME_BYTES];
    int fd = open_temporary(directory, temporary);
    int r;

    if (fd < 0)
        return fail_errno(failure, fd, "cannot create the thumbnail");
    r = write_all(fd, bytes, size);
    /* Some file systems tell only now that the disk is full. */
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(directory, temporary, directory, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(directory, temporary, 0);
        fail_errno(failure, r, "cannot write the thumbnail");
    }
    return r;
}

int output_picture(int directory, const char *name,
                   const struct picture *picture, const unsigned char *profile,
                   unsigned profile_size, struct failure *failure)
{
    unsigned char *bytes;
    unsigned long size;
    int r;

    r = jpeg_encode(picture, profile, profile_size, &bytes, &size, failure);
    if (r < 0)
        return r;
    r = output_write(directory, name, bytes, size, failure);
    free(bytes);
    return r;
}
