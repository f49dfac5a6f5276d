#include <crew/base.h>

#include <errno.h>

/* What the codes mean here, where that is more than the system's own words
 * tell. strerror is not used: it is not safe to call from several threads. */
static const struct {
    int error;
    const char *text;
} words[] = {
    {0, "success"},
    {EINVAL, "invalid argument"},
    {ENOMEM, "out of memory"},
    {EAGAIN, "full or refused for the moment, try again later"},
    {EBUSY, "in use"},
    {ECANCELED, "canceled"},
    {ETIMEDOUT, "not yet: the time limit passed"},
    {EALREADY, "over already"},
    {EDEADLK, "would wait for itself"},
    {ESHUTDOWN, "closing: no new work is taken"},
    {EOWNERDEAD, "inherited by a forked child, where it does not work"},
    {EPIPE, "the other side is closed"},
    {E2BIG, "more than can ever fit"},
    {ENOENT, "no such thing"},
    {ENOTSUP, "not supported here"},
    {EMFILE, "no descriptor is left in this process"},
    {ENFILE, "no descriptor is left in the system"},
    {EPERM, "not permitted"},
    {EACCES, "permission denied"},
    {EFAULT, "not in memory that can be used so"},
    {EPROTO, "the other side breaks the protocol"},
    {ECHILD, "the process ended unexpectedly"},
    {EMSGSIZE, "too large"},
    {ELOOP, "goes round in a circle"},
    {ENOSPC, "no space is left"},
    {EIO, "input or output failed"},
    {EINTR, "interrupted"},
    {ENOSYS, "this kernel cannot do it"},
};

const char *crew_strerror(int error)
{
    int code = error < 0 ? -(error + 1) : error - (error > 0);

    /* Both signs are worded; INT_MIN has no counterpart, so compare one off. */
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (error == 0 ? words[i].error == 0 : words[i].error - 1 == code)
            return words[i].text;
    }
    return error > 0 ? "a count, no error" : "unknown error";
}

const char *crew_version(void)
{
    return "0.1.0";
}
