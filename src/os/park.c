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
 * between the token and the wake. */
enum { NO_TOKEN = 0, TOKEN = 1, SLEEPING = 2 };
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

/* Takes a token that is there; else announces the sleep. */
static bool take_token(struct crew__parker *parker)
{
    uint32_t seen = NO_TOKEN;

    /* Relaxed: a token that is there is taken by the exchange below. */
    if (crew__cas_relaxed(&parker->token, &seen, SLEEPING))
        return false;
    if (seen == SLEEPING) /* woken for nothing */
        return false;
    /* Nobody else takes it, and giving it again changes nothing. */
    /* edge:park-token, acquire */
    crew__exchange_acquire(&parker->token, NO_TOKEN);
    return true;
}

bool crew__park(struct crew__parker *parker, crew_ns deadline)
{
    for (;;) {
        uint32_t seen = SLEEPING;

        if (take_token(parker))
            return true;
        if (deadline != CREW__NEVER && crew__clock_now() >= deadline) {
            /* Relaxed: it takes back what it wrote itself. */
            if (crew__cas_relaxed(&parker->token, &seen, NO_TOKEN))
                return false;
            continue; /* the token came in this moment */
        }
        crew__futex_wait(&parker->token, SLEEPING, deadline);
    }
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
