/*
 * The state word of a task, moved on by hand: what cancel and the end make of
 * each state, where the end is told, and that what it leaves does not matter
 * to the next submit.
 */
#include "pool/group.h"
#include "pool/queue.h"

#include "../acceptance/work.h"

#include <signal.h>

static void put(crew_task *task, uint64_t word)
{
    memset(task, 0, sizeof *task);
    crew__task_private(task)->inbox = crew__task_waited(crew__fork_current());
    crew__store_relaxed(&crew__task_private(task)->state, word);
}

static uint64_t word_of(crew_task *task)
{
    return crew__load_acquire(&crew__task_private(task)->state);
}

/* ---- reading the word ----------------------------------------------------- */

CREW_TEST(a_word_holds_state_flags_and_waiter)
{
    static struct crew__waiter waiter;
    uint64_t flags = CREW__CANCEL | CREW__RAN | CREW__SLEEPING;
    crew_task task;
    struct crew__task_private *p = crew__task_private(&task);

    for (uint64_t state = CREW__IDLE; state <= CREW__ENDED; state++) {
        uint64_t word = state | flags | (uintptr_t)&waiter;

        check_equal(crew__task_state(word), state);
        check(crew__task_waiter(word) == &waiter);
        check(crew__task_waiter(state | flags) == NULL);
        check_equal(crew__task_is_claimed(word),
                    state == CREW__CLAIMED || state == CREW__RUNNING);
    }
    put(&task, CREW__RUNNING | CREW__SLEEPING);
    check_equal(crew__load_relaxed(crew__task_futex(p)),
                CREW__RUNNING | CREW__SLEEPING);
    check(crew__task_of(p) == &task);
    check(crew__task_of_wished(&p->wished) == &task);
}

static const struct {
    uint64_t before;
    int result;
    uint64_t after;
} cancels[] = {
    {CREW__IDLE, -EINVAL, CREW__IDLE},
    {CREW__RESERVED, -EINVAL, CREW__RESERVED},
    {CREW__QUEUED, 0, CREW__CLAIMED},
    {CREW__CLAIMED, -EALREADY, CREW__CLAIMED},
    {CREW__RUNNING, 1, CREW__RUNNING | CREW__CANCEL},
    {CREW__RUNNING | CREW__CANCEL, 1, CREW__RUNNING | CREW__CANCEL},
    {CREW__RUNNING | CREW__SLEEPING, 1, CREW__RUNNING | CREW__CANCEL},
    {CREW__FINISHED, -EALREADY, CREW__FINISHED},
    {CREW__FINISHED | CREW__RAN, -EALREADY, CREW__FINISHED | CREW__RAN},
    {CREW__ENDED, -EALREADY, CREW__ENDED},
    {CREW__ENDED | CREW__RAN, -EALREADY, CREW__ENDED | CREW__RAN},
    {7, -EINVAL, 7}, /* no state: memory that was not zeroed */
};

CREW_TEST(cancel_moves_on_what_is_queued_or_runs_and_nothing_else)
{
    static struct crew__waiter waiter;
    uintptr_t waited = (uintptr_t)&waiter;
    crew_task task;

    for (size_t i = 0; i < sizeof cancels / sizeof cancels[0]; i++) {
        put(&task, cancels[i].before);
        check_equal(crew_task_cancel(&task), cancels[i].result);
        check_equal(word_of(&task), cancels[i].after);
        put(&task, cancels[i].before | waited);
        check_equal(crew_task_cancel(&task), cancels[i].result);
        check_equal(word_of(&task), cancels[i].after | waited);
    }
    check_equal(crew_task_cancel(NULL), -EINVAL);
}

CREW_TEST(ran_is_told_after_the_end_alone)
{
    crew_task task;

    for (uint64_t state = CREW__IDLE; state <= CREW__ENDED; state++) {
        put(&task, state | CREW__RAN);
        check_equal(crew_task_ran(&task), state >= CREW__FINISHED);
        put(&task, state);
        check(!crew_task_ran(&task));
    }
    check(!crew_task_ran(NULL));
}

CREW_TEST(a_sleeper_is_woken_by_one_bit)
{
    uint64_t rest = CREW__RUNNING | CREW__CANCEL;
    crew_task task;

    put(&task, rest | CREW__SLEEPING);
    crew__task_wake_sleeper(&task);
    check_equal(word_of(&task), rest);
    crew__task_wake_sleeper(&task); /* it does not sleep */
    check_equal(word_of(&task), rest);
}

/* ---- telling the end ------------------------------------------------------ */

static int end_unclaimed(void *arg)
{
    crew_task task;

    put(&task, *(uint64_t *)arg);
    crew__task_tell_end(&task, 0, 0, NULL);
    return 0;
}

CREW_TEST(the_end_is_told_by_who_has_claimed_the_task)
{
    static const uint64_t states[] = {CREW__IDLE, CREW__RESERVED, CREW__QUEUED,
                                      CREW__FINISHED, CREW__ENDED};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        uint64_t state = states[i];

        check_equal(test_in_child(end_unclaimed, &state), 256 + SIGABRT);
    }
}

CREW_TEST(the_end_takes_the_waiter_and_leaves_the_group)
{
    crew_group *group = make_group(false);
    struct crew__waiter waiter;
    crew_task task;

    for (unsigned i = 0; i < 4; i++) {
        uintptr_t waited = i & 1 ? (uintptr_t)&waiter : 0;
        uint64_t flags = i & 2 ? CREW__RAN : 0;

        put(&task,
            (flags ? CREW__RUNNING | CREW__CANCEL : CREW__CLAIMED) | waited);
        task.group = group;
        crew__group_join(group, false, 1);
        crew__waiter_init(&waiter);
        crew__task_tell_end(&task, -7, flags, NULL);
        check_equal(task.status, -7);
        check_equal(word_of(&task), CREW__ENDED | flags);
        check_equal(crew__waiter_park(&waiter, 1), waited != 0);
        check_equal(crew_group_pending(group), 0);
    }
    check_equal(crew_group_destroy(group), 0);
}

/* A done that looks at the word, and at the group that it still belongs to. */
static void look_at_end(crew_task *task)
{
    check_equal(word_of(task), CREW__ENDED | CREW__RAN);
    check_equal(crew_group_pending(task->group), 1);
    ++*(unsigned *)task->data;
}

CREW_TEST(a_completion_is_finished_until_it_is_delivered)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    unsigned done = 0;
    crew_task task;

    put(&task, CREW__RUNNING);
    task.done = look_at_end;
    task.data = &done;
    task.group = group;
    crew__task_private(&task)->inbox = inbox;
    crew__group_join(group, true, 1);
    crew__inbox_expect(inbox, 1);
    crew__task_tell_end(&task, 3, CREW__RAN, NULL);
    check_equal(word_of(&task), CREW__FINISHED | CREW__RAN);
    check_equal(task.status, 3);
    check_equal(done, 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(done, 1);
    check_equal(crew_group_pending(group), 0);
    check(!crew__group_has_noted(group));
    end_all(NULL, group, inbox);
}

static void count_done(crew_task *task)
{
    ++*(unsigned *)task->data;
}

CREW_TEST(a_task_of_the_library_s_own_is_done_on_the_spot)
{
    unsigned done = 0;
    crew_task task;

    put(&task, CREW__CLAIMED);
    task.done = count_done;
    task.data = &done;
    crew__task_private(&task)->inbox = CREW__NO_INBOX;
    crew__task_tell_end(&task, -ECANCELED, 0, NULL);
    check_equal(done, 1);
    check_equal(task.status, -ECANCELED);
}

/* ---- queues and ends ------------------------------------------------------ */

CREW_TEST(a_canceled_task_stays_linked_until_it_is_met)
{
    static struct crew__queue queue;
    crew_task task;

    crew__queue_init(&queue);
    for (unsigned listed = 0; listed < 2; listed++) {
        put(&task, CREW__QUEUED);
        crew__queue_push(&queue, CREW__NORMAL, &task, &task);
        if (listed)
            crew__queue_collect(&queue);
        check_equal(crew_task_cancel(&task), 0);
        check(!crew__queue_is_empty(&queue));
        check_equal(crew_task_cancel(&task), -EALREADY);
        crew__queue_collect(&queue);
        check(crew__queue_take(&queue, CREW__NORMAL) == &task);
        crew__task_tell_end(&task, -ECANCELED, 0, NULL);
        check_equal(word_of(&task), CREW__ENDED);
    }
}

/* The testing build fills the private words of an ended task with a pointer
 * that traps: the next submit must take them as it takes zeroes. */
CREW_TEST(an_ended_task_is_taken_as_a_zeroed_one_is)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    unsigned ran = 0;
    crew_task task = {.run = count_run, .data = &ran};
    struct crew__task_private *p = crew__task_private(&task);

    for (unsigned i = 0; i < 3; i++) {
        task.done = NULL;
        check_equal(crew_submit_to(pool, 0, &task, NULL), 0);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check(p->link.next != NULL && p->link.next == p->wished.prev);
        check(p->inbox != NULL);
        task.done = ignore_done;
        check_equal(crew_submit(pool, &task, inbox), 0);
        check_equal(crew_inbox_run(inbox), 1);
        check(p->link.next != NULL && p->link.next == p->wished.prev);
    }
    check_equal(ran, 6);
    end_all(pool, NULL, inbox);
}
