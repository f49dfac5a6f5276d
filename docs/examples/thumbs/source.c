#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stop.h"

int source_open_file(const char *path, struct stat *info,
                     struct failure *failure)
{
    /* O_NONBLOCK: a named pipe is refused below, not waited for. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r;

    if (fd < 0)
        return fail_errno(failure, -errno, "cannot open");
    if (fstat(fd, info) < 0)
        r = fail_errno(failure, -errno, "cannot stat");
    else if (S_ISDIR(info->st_mode))
        r = fail(failure, -EISDIR, "is a directory");
    else if (!S_ISREG(info->st_mode))
        r = fail(failure, -EINVAL, "not a regular file");
    else if (info->st_size == 0)
        r = fail(failure, -ENODATA, "empty file");
    else
        return fd;
    close(fd);
    return r;
}

int source_open(struct source *source, const char *path, crew_self *self,
                struct failure *failure)
{
    struct stat info;

    source->self = self;
    source->failure = failure;
    source->taken = source->filled = 0;
    source->fd = source_open_file(path, &info, failure);
    return source->fd < 0 ? source->fd : 0;
}

int source_refill(struct source *source)
{
    ssize_t n;

    if (stop_wanted(source->self))
        return fail(source->failure, -ECANCELED, "stopped");
    do
        n = read(source->fd, source->buffer, sizeof source->buffer);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail_errno(source->failure, -errno, "cannot read");
    source->taken = 0;
    source->filled = (size_t)n;
    return (int)n;
}

int source_read(struct source *source, void *to, size_t size)
{
    uint8_t *out = to;
    size_t part;
    int r;

    while (size > 0) {
        if (source->taken == source->filled) {
            r = source_refill(source);
            if (r < 0)
                return r;
            if (r == 0)
                return fail(source->failure, -ENODATA,
                            "truncated: the file ends in the middle");
        }
        part = source->filled - source->taken;
        if (part > size)
            part = size;
        memcpy(out, source->buffer + source->taken, part);
        source->taken += part;
        out += part;
        size -= part;
    }
    return 0;
}

void source_close(struct source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}
