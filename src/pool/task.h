/*
 * The private half of a crew_task: 64 bytes, one cache line, with all the words
 * that change hands.
 *
 * The state word
 *   bits    meaning                               set by
 *   0..2    state, see below
 *   3       CANCEL: crew_self_canceled says so    who cancels a running task
 *   4       RAN: run was called                   the worker that starts it
 *   5       SLEEPING: it is inside crew_sleep;    its worker; cleared by it and
 *           a futex word                          by whoever wants it awake
 *   6..63   the waiter, aligned to 64, or NULL    crew_task_wait
 *           RESERVED: the word as it was before   the submitter
 *
 * States, and who moves a task on
 *   IDLE      never submitted
 *   RESERVED  submit_many, submit_each: marked, not sure yet; the submitter
 *   QUEUED    somewhere in a pool; the submitter
 *   CLAIMED   will not run; canceled by a CAS of crew_task_cancel, or refused
 *             by the worker that met it; it may still be linked
 *   RUNNING   by a CAS of the worker that took it
 *   FINISHED  its completion is on the way to its inbox
 *   ENDED     the end has been told; the memory is the caller's
 *
 * Invariants
 *   I1  A task leaves QUEUED exactly once, by a CAS: it is canceled, refused or
 *       run, never two of them.
 *   I2  Only who has unlinked a task (or taken its index from a ring) tells its
 *       end; so a task whose end was told is linked nowhere.
 *   I3  Telling the end of a task without inbox is an exchange that also takes
 *       the waiter; the task is not touched afterwards.
 *
 * Edges
 *   task-end   told -> crew_task_wait, submit again   what run wrote is seen.
 *   task-cancel   crew_task_cancel -> claim   what the canceler wrote is seen
 *              by the `done` that finds -ECANCELED.
 *   task-waiter   crew_task_wait -> the end   the waiter is seen whole. Other
 *              steps of the word in between are read-modify-writes.
 *   (task-start) submitter's push -> worker's take: stack-node, lock, ring-slot.
 */
#ifndef CREW_POOL_TASK_H
#define CREW_POOL_TASK_H

#include <crew/task.h>

#include "base/list.h"
#include "runtime/inbox.h"
#include "runtime/trace.h"
#include "runtime/waiter.h"

enum {
    CREW__IDLE,
    CREW__RESERVED,
    CREW__QUEUED,
    CREW__CLAIMED,
    CREW__RUNNING,
    CREW__FINISHED,
    CREW__ENDED
};

#define CREW__STATE_MASK  UINT64_C(7)
#define CREW__CANCEL      UINT64_C(8)
#define CREW__RAN         UINT64_C(16)
#define CREW__SLEEPING    UINT64_C(32)
#define CREW__WAITER_MASK (~UINT64_C(63))

/* Where the word before stands in RESERVED: IDLE, or ENDED with RAN. */
#define CREW__RESERVED_SHIFT 6

struct crew__task_private {
    union {
        struct crew__item item; /* in a stack, and on the way to an inbox */
        struct crew__link link; /* in a list */
    };
    crew_inbox *inbox; /* or why there is none: see below */
    crew__a64 where;   /* the queue that it is in | CREW__LISTED */
    crew__a64 state;
    crew_ns times; /* see crew__task_stamp */
    union {
        struct crew__link wished;  /* in a wish, while it is listed */
        struct crew__trace *trace; /* on the way to an inbox; NULL: untraced */
    };
};

#define CREW__LISTED UINT64_C(1) /* guarded by the queue's lock */

_Static_assert(sizeof(crew_task) == 128, "crew_task is 128 bytes for good");
_Static_assert(offsetof(crew_task, reserved) == 64, "the second line is ours");
_Static_assert(sizeof(struct crew__task_private) ==
                   sizeof(((crew_task *)NULL)->reserved),
               "the private words fill the second line");

static inline struct crew__task_private *crew__task_private(crew_task *task)
{
    return (struct crew__task_private *)(void *)task->reserved;
}

static inline crew_task *crew__task_of(void *private_words)
{
    return (crew_task *)(void *)((char *)private_words -
                                 offsetof(crew_task, reserved));
}

static inline crew_task *crew__task_of_wished(struct crew__link *wished)
{
    return crew__task_of((char *)wished -
                         offsetof(struct crew__task_private, wished));
}

static inline uint64_t crew__task_state(uint64_t word)
{
    return word & CREW__STATE_MASK;
}

/* Whether it is the caller's to end. */
static inline bool crew__task_is_claimed(uint64_t word)
{
    uint64_t state = crew__task_state(word);

    return state == CREW__RUNNING || state == CREW__CLAIMED;
}

static inline struct crew__waiter *crew__task_waiter(uint64_t word)
{
    return (struct crew__waiter *)(uintptr_t)(word & CREW__WAITER_MASK);
}

/*
 * The word `times`: until when it may wait, and, of a task whose times are
 * measured, since when it waits.
 *
 *   CREW__NEVER   neither
 *   below 0       no limit, measured since -times
 *   else          the deadline, with CREW__SAMPLED where it is measured;
 *                 since then minus its queue_timeout
 */
#define CREW__SAMPLED (INT64_C(1) << 62)

/* Of a task with a limit, or whose times are measured. */
__attribute__((noinline, cold)) void crew__task_stamp_now(crew_task *task,
                                                          bool measured);

static inline void crew__task_stamp(crew_task *task, bool measured)
{
    if (__builtin_expect(measured || task->queue_timeout > 0, 0))
        crew__task_stamp_now(task, measured);
    else
        crew__task_private(task)->times = CREW__NEVER;
}

/* CREW__NEVER: it may wait for ever. */
static inline crew_ns crew__task_deadline(crew_ns times)
{
    if (times < 0 || times == CREW__NEVER)
        return CREW__NEVER;
    return times & ~CREW__SAMPLED;
}

/* When a task that is measured was submitted; 0: it is not measured. */
static inline crew_ns crew__task_submitted(const crew_task *task, crew_ns times)
{
    if (times < 0)
        return -times;
    if (times == CREW__NEVER || !(times & CREW__SAMPLED))
        return 0;
    return (times & ~CREW__SAMPLED) - task->queue_timeout;
}

/* The half of the state word that holds SLEEPING, for the futex. */
static inline crew__a32 *crew__task_futex(struct crew__task_private *p)
{
    crew__a32 *halves = (crew__a32 *)(void *)&p->state;

    return &halves[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__];
}

/* The `inbox` of a task that is the library's own: its end calls `done` where
 * it is told. */
#define CREW__NO_INBOX ((crew_inbox *)(void *)(uintptr_t)64)

/* The `inbox` of a task that is waited for: odd, with the generation of its
 * pool, by which a forked child knows that nobody will end it. */
static inline crew_inbox *crew__task_waited(uint64_t generation)
{
    return (crew_inbox *)(void *)(uintptr_t)(generation << 1 | 1);
}

static inline bool crew__task_is_waited(const crew_inbox *inbox)
{
    return (uintptr_t)inbox & 1;
}

/* Of a task that has been submitted and not ended. */
static inline bool crew__task_is_forked(const struct crew__task_private *p)
{
    return crew__task_is_waited(p->inbox) &&
           p->inbox != crew__task_waited(crew__fork_current());
}

/* Wakes a task that may be inside crew_sleep; it is known to run. */
void crew__task_wake_sleeper(crew_task *task);

/*
 * Tells the end: the completion goes to the inbox, or the waiter gets its
 * token and the group is left. `flags` is CREW__RAN or 0; `trace` is told of
 * its `done`, unless NULL. The task is gone when it returns.
 */
void crew__task_tell_end(crew_task *task, int status, uint64_t flags,
                         struct crew__trace *trace);

#endif
