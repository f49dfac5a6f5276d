/*
 * Named locks from the inside. Who is next in line is line.h's.
 *
 * Files
 *   lock           the lock around the line; what is told, and how one ends
 *   lock_request   checking, making one, its place in line, the call that waits
 *   lock_end       what a worker's end does to its own; the query
 *
 * All of them are guarded by the lock of what this copy of the library shares.
 * It guards the notices too, by which a request with a deadline waits. No
 * callback of the program runs under it.
 *
 * References, counted under the lock:
 *   the handle    until its release, or the end of its worker
 *   an answer     from the time when an item of it is on its way to the inbox
 *                 until its callback has returned
 *   an alarm      while its notice is linked, or its inbox's thread has it
 * So a callback may use the lock and release it, whoever else does meanwhile.
 *
 * One step under the lock changes several; who is concerned is told when it has
 * been given back. For that the items are expected, and their references made,
 * under the lock; a waiter does not return before its token has come.
 */
#ifndef CREW_WORKER_LOCK_H
#define CREW_WORKER_LOCK_H

#include <crew/lock.h>

#include "worker/line.h"
#include "worker/worker.h"

struct crew_lock {
    struct crew__claim claim;
    struct crew__item granted; /* carries the answer */
    struct crew__item stolen;
    struct crew__notice late;
    struct crew__waiter *waiter; /* of the call that waits for the answer; it is
                                    gone after that; NULL: none does */
    uint64_t generation;         /* of forks */
    crew_inbox *inbox;
    void (*on_granted)(crew_lock *, int, void *);
    void (*on_stolen)(crew_lock *, void *);
    void *arg;
    uint64_t owner; /* a worker's number; 0: the program */
    /* Under the lock: */
    struct crew__link own; /* among its worker's, until it is released */
    unsigned references;
    int status; /* 0, -EINPROGRESS, or why it is not held */
    bool released;
    /* The inbox's thread alone: */
    bool answered;
    bool theft_waits; /* for the answer */
    char name[];
};

/* ---- lock.c ---------------------------------------------------------------- */

/* The lock, and what it guards. */
struct crew__line *crew__lock_enter(void);
void crew__lock_leave(void);

/* Callbacks, as items and notices know them. */
void crew__lock_deliver_granted(struct crew__item *item);
void crew__lock_deliver_stolen(struct crew__item *item);
void crew__lock_deliver_late(struct crew__notice *notice);

/* Under the lock: what a step has changed becomes what is to be told. Then,
 * without it: tells that. Each may be gone as soon as it has been told. */
void crew__lock_note(struct crew__line_changes *changes);
void crew__lock_tell(const struct crew__line_changes *changes);
/* Without the lock, a reference being made for it: the answer alone. */
void crew__lock_answer(crew_lock *lock);

/* Under the lock: it holds nothing and waits no more. true: its answer is to be
 * told. */
bool crew__lock_end(struct crew__line *line, crew_lock *lock,
                    struct crew__line_changes *changes);
/* Under the lock: the handle is no more. true: it is to be disposed of. */
bool crew__lock_give_back(crew_lock *lock);
void crew__lock_dispose(crew_lock *lock);

/* ---- lock_end.c ------------------------------------------------------------ */

/* Its main has returned: what it holds is given up, what waits is withdrawn,
 * and it is given no more. The handles stay. */
void crew__lock_end_all(crew_worker *worker);
/* Nobody can use a handle of its any more: they go. */
void crew__lock_free_all(crew_worker *worker);

#endif
