/*
 * What a foreign loop asks of an inbox beside its descriptor: to be the only
 * one that serves it, and whether to go on.
 */
#include "runtime/inbox_state.h"

#include <errno.h>

int crew_inbox_bind(crew_inbox *inbox, const void *loop)
{
    void *none = NULL;
    int fd;

    if (!inbox || !loop)
        return -EINVAL;
    fd = crew_inbox_fd(inbox);
    if (fd < 0)
        return fd;
    /* The mark guards nothing: who hands an inbox from loop to loop
     * synchronises. */
    if (!crew__cas_relaxed(&inbox->loop, &none, (void *)(uintptr_t)loop))
        return -EBUSY;
    crew__inbox_ring(inbox);
    return fd;
}

int crew_inbox_unbind(crew_inbox *inbox, const void *loop)
{
    void *mine = (void *)(uintptr_t)loop;

    if (!inbox || !loop)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    /* as above */
    return crew__cas_relaxed(&inbox->loop, &mine, NULL) ? 0 : -EINVAL;
}

bool crew__inbox_is_bound(crew_inbox *inbox)
{
    return crew__load_relaxed(&inbox->loop) != NULL; /* a lone word */
}

bool crew_inbox_is_alive(const crew_inbox *inbox)
{
    if (!inbox || crew__inbox_is_forked(inbox))
        return false;
    return crew_inbox_pending(inbox) > 0 || crew__inbox_is_held(inbox) ||
           crew__inbox_is_noticed(inbox);
}
