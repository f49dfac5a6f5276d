/*
 * Parkers, small locks and deadlines, made of the futex and clock of os.h;
 * the same sources run over Linux and in the simulation.
 */
#include "base/mark.h"
#include "base/tally.h"
#include "base/tunables.h"
#include "os/os.h"

/* Bits: a token that was given to a sleeper leaves its sleep to be seen, so
 * that who gives another wakes it too; who gave the first may be stopped
 * between the token and the wake. A nudge lies beside the token and hides
 * none. */
enum { NO_TOKEN = 0, TOKEN = 1, SLEEPING = 2, NUDGED = 4 };
enum { FREE, HELD, WAITED_FOR };

crew_ns crew__clock_deadline(crew_ns now, crew_ns timeout)
{
    if (timeout < 0 || timeout >= CREW__NEVER - now)
        return CREW__NEVER;
    return now + timeout;
}

void crew__park_init(struct crew__parker *parker)
{
    crew__store_relaxed(&parker->token, NO_TOKEN);
}

/* What is there: the token, which is taken, or a nudge. Else the sleep is
 * announced, and it is too late for nothing yet. */
static enum crew__park_end look(struct crew__parker *parker, bool *sleep)
{
    uint32_t seen = NO_TOKEN;

    /* Relaxed: a token that is there is taken by the operation below. */
    *sleep = crew__cas_relaxed(&parker->token, &seen, SLEEPING) ||
             seen == SLEEPING; /* woken for nothing */
    if (*sleep)
        return CREW__PARK_LATE;
    if (seen & NUDGED)
        return CREW__PARK_NUDGED;
    /* Nobody else takes it, and giving it again changes nothing. A nudge that
     * comes in this moment stays. */
    /* edge:park-token, acquire */
    crew__and_acquire(&parker->token, (uint32_t)NUDGED);
    return CREW__PARK_TOKEN;
}

enum crew__park_end crew__park_or_nudge(struct crew__parker *parker,
                                        crew_ns deadline)
{
    for (;;) {
        uint32_t seen = SLEEPING;
        bool sleep;
        enum crew__park_end end = look(parker, &sleep);

        if (!sleep)
            return end;
        if (deadline != CREW__NEVER && crew__clock_now() >= deadline) {
            /* Relaxed: it takes back what it wrote itself. */
            if (crew__cas_relaxed(&parker->token, &seen, NO_TOKEN))
                return CREW__PARK_LATE;
            continue; /* the token came in this moment */
        }
        crew__futex_wait(&parker->token, SLEEPING, deadline);
    }
}

bool crew__park(struct crew__parker *parker, crew_ns deadline)
{
    return crew__park_or_nudge(parker, deadline) == CREW__PARK_TOKEN;
}

bool crew__park_seems_given(struct crew__parker *parker)
{
    return crew__load_relaxed(&parker->token) & TOKEN; /* taken by park */
}

void crew__unpark(struct crew__parker *parker)
{
    /* edge:park-token, release */
    if (crew__or_release(&parker->token, TOKEN) & SLEEPING)
        crew__futex_wake(&parker->token, 1);
}

void crew__park_nudge(struct crew__parker *parker)
{
    /* Relaxed: it says nothing; what it is about is told under the lock that
     * makes the nudge possible. */
    if (crew__or_relaxed(&parker->token, NUDGED) & SLEEPING)
        crew__futex_wake(&parker->token, 1);
}

void crew__park_calm(struct crew__parker *parker)
{
    /* Relaxed: only the owner's own sleep and a nudge that is over; a token
     * stays, as the release sequence of its giver goes on. */
    crew__and_relaxed(&parker->token, (uint32_t)TOKEN);
}

void crew__lock(struct crew__lock *lock)
{
    uint32_t seen = FREE;

    crew__tally(CREW__TALLY_LOCK);
    if (crew__cas_acquire(&lock->word, &seen, HELD)) /* edge:lock, acquire */
        return;
    crew__mark(CREW__MARK_LOCK_CONTENDED);
    for (unsigned i = 0; i < CREW__SPIN_LOCK; i++) {
        crew__relax();
        seen = FREE;
        /* a guess, the CAS decides */
        /* edge:lock, acquire */
        if (crew__load_relaxed(&lock->word) == FREE &&
            crew__cas_acquire(&lock->word, &seen, HELD))
            return;
    }
    /* Who gets it here leaves it marked as waited for, as others may sleep. */
    /* edge:lock, acquire */
    while (crew__exchange_acquire(&lock->word, WAITED_FOR) != FREE) {
        crew__mark(CREW__MARK_LOCK_SLEPT);
        crew__futex_wait(&lock->word, WAITED_FOR, CREW__NEVER);
    }
}

void crew__unlock(struct crew__lock *lock)
{
    /* edge:lock, release */
    if (crew__exchange_release(&lock->word, FREE) == WAITED_FOR)
        crew__futex_wake(&lock->word, 1);
}
