/*
 * One thread that waits for one end (of a task, a group, a drain). Whoever
 * tells the end takes the waiter out of where it is registered, and gives it
 * its token; the waiter does not return before that, so it may lie on the
 * waiting thread's stack.
 *
 * A thread from outside sleeps on the parker of its waiter: the token is the
 * teller's last touch. A worker is also woken for other reasons (work that it
 * may run meanwhile), so it sleeps on a parker that lives longer; the teller
 * then touches that parker after the waiter may have gone, and is counted
 * while it does: the pool's destroy waits for that count.
 *
 * Edges
 *   waiter-told   tell -> told   what happened before the end is seen.
 */
#ifndef CREW_RUNTIME_WAITER_H
#define CREW_RUNTIME_WAITER_H

#include "os/os.h"

struct crew__waiter {
    struct crew__parker own;
    struct crew__parker *parker; /* &own, or a worker's */
    crew__a32 *counted;          /* a worker's count of tellers, or NULL */
    crew__a32 told;
    struct crew__waiter *next; /* for the list that it is registered in */
};

void crew__waiter_init(struct crew__waiter *waiter);
void crew__waiter_init_worker(struct crew__waiter *waiter,
                              struct crew__parker *parker, crew__a32 *counted);
void crew__waiter_tell(struct crew__waiter *waiter);
bool crew__waiter_told(struct crew__waiter *waiter);
/* Sleeps until told, roused (a worker's alone) or `deadline`; whether told. */
bool crew__waiter_park(struct crew__waiter *waiter, crew_ns deadline);

#endif
