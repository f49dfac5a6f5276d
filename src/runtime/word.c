/*
 * Waits on words of the program's, which may lie in memory that it shares with
 * other processes: nobody says so, hence no futex here is private. The sleep
 * itself is in cancel.c, which can end it.
 */
#include <crew/buffer.h>

#include "runtime/cancel.h"

#include <errno.h>

static bool is_word(volatile void *word)
{
    return word && (uintptr_t)word % sizeof(uint32_t) == 0;
}

int crew_atomic_wait(volatile void *word, uint32_t expected, crew_ns timeout)
{
    crew_ns deadline = 0; /* has passed */

    if (!is_word(word) || timeout < CREW_FOREVER)
        return -EINVAL;
    if (timeout)
        deadline = crew__clock_deadline(crew__clock_now(), timeout);
    return crew__cancel_wait((crew__a32 *)(uintptr_t)word, expected, deadline);
}

int crew_atomic_notify(volatile void *word, unsigned count)
{
    if (!is_word(word))
        return -EINVAL;
    return (int)crew__futex_wake_shared((crew__a32 *)(uintptr_t)word, count);
}
