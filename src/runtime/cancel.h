/*
 * What ends the waits of one thread from outside: the thread is to end, and
 * whatever it sleeps in must return -ECANCELED soon, though nobody gives the
 * token or changes the word that it waits for.
 *
 * A thread has at most one crew__cancel as its current one (one pointer per
 * thread, nothing is allocated), and one crew__cancel is the current one of at
 * most one thread. All waits that can be canceled go through the two functions
 * below; without a current one they are plain waits.
 *
 * Fired once is fired for good: each wait that begins after crew__cancel_fire
 * has returned says -ECANCELED at once, until the thread sets another or none.
 * Who must still wait then (for a token that is on its way, for what it began)
 * uses crew__park, which cannot be canceled.
 *
 * The canceler has no token to give: a token belongs to who is owed one, and a
 * waiter whose registration was taken meanwhile must still find it. It nudges
 * (os.h). So after -ECANCELED, as after -ETIMEDOUT, no token is taken: take the
 * registration back, or, where that fails, crew__park for the token.
 *
 * Invariants, under `lock`
 *   C1  parker != NULL   only within crew__cancel_park of the thread whose
 *                        current one it is, and word == 0 when it is set.
 *   C2  The canceler touches *parker under the lock alone, and the park does
 *       not return before it has taken its parker out under the lock. So a
 *       parker may lie in the frame that calls crew__cancel_park.
 *   C3  word goes from 0 to 1, once. It is a futex that crew__cancel_wait
 *       sleeps on beside the program's word; it is woken by its address.
 *
 * Who fires keeps the crew__cancel alive until crew__cancel_fire has returned;
 * the thread sets none, or ends, before it goes.
 *
 * In a forked child there is none: whoever held the lock at the fork is gone,
 * and so is who would fire. crew__cancel_get_current says NULL there.
 *
 * Edges
 *   cancel-fired   fire -> is_fired   why it was fired is seen by the canceled
 *                  thread. A canceled park has it from the lock.
 */
#ifndef CREW_RUNTIME_CANCEL_H
#define CREW_RUNTIME_CANCEL_H

#include "os/os.h"

/* How long the thread has waited: written by it, read by any. */
struct crew__cancel_meter {
    crew__a64 idle_ns;
    crew__a64 since; /* it waits since then; 0: it does not */
};

struct crew__cancel {
    crew__a32 word; /* 0: live, 1: fired */
    struct crew__lock lock;
    struct crew__parker *parker;      /* the thread sleeps on it, or NULL */
    uint64_t generation;              /* of forks */
    struct crew__cancel_meter *meter; /* NULL: nobody asks */
};

void crew__cancel_init(struct crew__cancel *cancel);

/* The calling thread's. NULL: none. Not from within a wait. */
void crew__cancel_set_current(struct crew__cancel *cancel);
struct crew__cancel *crew__cancel_get_current(void);

/* Ends what the thread waits in, and all that it will. Any thread, its own
 * included; firing twice is firing once. */
void crew__cancel_fire(struct crew__cancel *cancel);
bool crew__cancel_is_fired(const struct crew__cancel *cancel);
/* Whether the calling thread's is: each call that may wait asks this first. */
bool crew__cancel_is_due(void);

/*
 * crew__park that can be canceled.
 *
 *   0            the token came and is taken;
 *   -ETIMEDOUT   `deadline` came first; no token is taken;
 *   -ECANCELED   fired, before or meanwhile; no token is taken.
 */
int crew__cancel_park(struct crew__parker *parker, crew_ns deadline);

/*
 * Sleeps while a word of the program's has the value `expected`, as
 * crew_atomic_wait says. A wake on the word counts whatever else happened: it
 * is never lost to a cancel.
 *
 *   0            woken, or changed since;
 *   -EAGAIN      another value when it was called;
 *   -ETIMEDOUT   `deadline` came;
 *   -ECANCELED   fired, before or meanwhile;
 *   -EFAULT      the word lies where nobody can write.
 */
int crew__cancel_wait(crew__a32 *word, uint32_t expected, crew_ns deadline);

#endif
