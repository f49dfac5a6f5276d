#include "pool/task.h"

#include "base/assert.h"
#include "base/mark.h"
#include "pool/group.h"

#include <errno.h>

/* In the testing build whoever touches a task after its end finds this, not
 * what was there: a pointer that traps. */
static void poison(struct crew__task_private *p)
{
#if defined(CREW_TESTING)
    const uintptr_t pattern = (uintptr_t)UINT64_C(0xdeadc0dedeadc0de);

    p->link.next = (struct crew__link *)pattern;
    p->link.prev = (struct crew__link *)pattern;
    /* Not the inbox: a late waiter reads it, and who cancels while the end is
     * being told. */
    crew__store_relaxed(&p->where, pattern); /* a late waiter may read it */
    p->times = (crew_ns)pattern;
    p->wished.next = (struct crew__link *)pattern;
    p->wished.prev = (struct crew__link *)pattern;
#else
    (void)p;
#endif
}

void crew__task_stamp_now(crew_task *task, bool measured)
{
    struct crew__task_private *p = crew__task_private(task);
    crew_ns now = crew__clock_now();
    crew_ns deadline = CREW__NEVER;

    if (task->queue_timeout > 0)
        deadline = crew__clock_deadline(now, task->queue_timeout);
    if (deadline < CREW__SAMPLED) /* not in a hundred years */
        p->times = deadline | (measured ? CREW__SAMPLED : 0);
    else
        p->times = measured ? -now : CREW__NEVER;
}

static void done_traced(crew_task *task, struct crew__trace *trace)
{
    crew__trace_note(trace, CREW__TRACE_OUTSIDE, CREW__EVENT_DONE, task,
                     task->name);
    task->done(task);
    /* The task may be gone: the address alone. */
    crew__trace_note(trace, CREW__TRACE_OUTSIDE, CREW__EVENT_RETURNED, task,
                     NULL);
    crew__trace_release(trace);
}

static void deliver_done(struct crew__item *item)
{
    crew_task *task = crew__task_of(item);
    struct crew__task_private *p = crew__task_private(task);
    crew_group *group = task->group;
    /* came with the item */
    uint64_t ran = crew__load_relaxed(&p->state) & CREW__RAN;
    struct crew__trace *trace = p->trace;

    poison(p);
    /* edge:task-end, release */
    crew__store_release(&p->state, CREW__ENDED | ran);
    if (trace)
        done_traced(task, trace);
    else
        task->done(task);
    if (group)
        crew__group_leave_noted(group);
}

static void tell_waiter(crew_task *task, uint64_t flags)
{
    struct crew__task_private *p = crew__task_private(task);
    crew_group *group = task->group;
    struct crew__waiter *waiter;
    uint64_t word;

    if (group)
        crew__group_begin_leave(group);
    poison(p);
    /* edge:task-end, release */
    /* edge:task-waiter, acquire */
    word = crew__exchange_acq_rel(&p->state, CREW__ENDED | flags);
    waiter = crew__task_waiter(word);
    if (waiter)
        crew__waiter_tell(waiter);
    if (group)
        crew__group_end_leave(group);
}

void crew__task_tell_end(crew_task *task, int status, uint64_t flags,
                         struct crew__trace *trace)
{
    struct crew__task_private *p = crew__task_private(task);
    crew_inbox *inbox = p->inbox;

    /* own task */
    /* own task */
    crew__assert_state(crew__task_is_claimed(crew__load_relaxed(&p->state)),
                       crew__load_relaxed(&p->state));
    task->status = status;
    if (crew__task_is_waited(inbox)) {
        tell_waiter(task, flags);
    } else if (inbox == CREW__NO_INBOX) {
        task->done(task);
    } else {
        p->item.deliver = deliver_done;
        p->trace = trace;
        if (trace)
            crew__trace_retain(trace);
        /* edge:task-end, release */
        crew__store_release(&p->state, CREW__FINISHED | flags);
        crew__inbox_post(inbox, &p->item);
    }
}

void crew__task_wake_sleeper(crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);

    if (crew__and_seq_cst(&p->state, ~CREW__SLEEPING) & CREW__SLEEPING)
        crew__futex_wake(crew__task_futex(p), 1);
}

bool crew_task_ran(const crew_task *task)
{
    const struct crew__task_private *p;
    uint64_t word;

    if (!task)
        return false;
    p = (const struct crew__task_private *)(const void *)task->reserved;
    word = crew__load_acquire(&p->state); /* edge:task-end, acquire */
    return crew__task_state(word) >= CREW__FINISHED && (word & CREW__RAN);
}

static int cancel_running(struct crew__task_private *p, uint64_t before)
{
    crew__mark(CREW__MARK_CANCEL_RUNNING);
    /* the address alone */
    if (before & CREW__SLEEPING)
        crew__futex_wake(crew__task_futex(p), 1);
    return 1;
}

int crew_task_cancel(crew_task *task)
{
    struct crew__task_private *p;
    uint64_t word;

    if (!task)
        return -EINVAL;
    p = crew__task_private(task);
    word = crew__load_acquire(&p->state); /* edge:task-end, acquire */
    for (;;) {
        switch (crew__task_state(word)) {
        case CREW__QUEUED:
            if (crew__task_is_forked(p))
                return -EOWNERDEAD;
            /* edge:task-cancel, release */
            if (!crew__cas_acq_rel(&p->state, &word,
                                   word + CREW__CLAIMED - CREW__QUEUED))
                break;
            crew__mark(CREW__MARK_CANCEL_QUEUED);
            return 0;
        case CREW__RUNNING:
            if (word & CREW__CANCEL)
                return 1;
            if (!crew__cas_seq_cst(&p->state, &word,
                                   (word | CREW__CANCEL) & ~CREW__SLEEPING))
                break;
            return cancel_running(p, word);
        case CREW__CLAIMED:
        case CREW__FINISHED:
        case CREW__ENDED:
            crew__mark(CREW__MARK_CANCEL_LATE);
            return -EALREADY;
        default:
            return -EINVAL;
        }
        crew__mark(CREW__MARK_CANCEL_RACE);
    }
}
