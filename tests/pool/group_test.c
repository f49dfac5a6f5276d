/*
 * A group from the side of its members: joined, left and told by hand. No pool,
 * so each step of the word stands still until the next.
 */
#include "pool/group.h"

#include "base/mark.h"

#include "../acceptance/work.h"

static void leave_plain(crew_group *group)
{
    crew__group_begin_leave(group);
    crew__group_end_leave(group);
}

static bool is_told(struct crew__waiter *waiter)
{
    return crew__waiter_park(waiter, 1);
}

/* ---- the word ------------------------------------------------------------- */

CREW_TEST(a_member_that_is_leaving_is_outstanding_but_not_pending)
{
    crew_group *group = make_group(false);
    struct crew__waiter waiter;

    crew__group_join(group, false, 2);
    check_equal(crew_group_pending(group), 2);
    crew__group_begin_leave(group);
    check_equal(crew_group_pending(group), 1);
    check_equal(crew_group_destroy(group), -EBUSY);
    crew__group_begin_leave(group);
    check_equal(crew_group_pending(group), 0);
    crew__waiter_init(&waiter);
    check(crew__group_register(group, &waiter));
    crew__group_end_leave(group);
    check(!is_told(&waiter));
    crew__group_end_leave(group);
    check(is_told(&waiter));
    crew__waiter_init(&waiter);
    check(!crew__group_register(group, &waiter)); /* it has ended */
    check(!crew__group_unregister(group, &waiter));
    check_equal(crew_group_destroy(group), 0);
}

/* ---- waiters -------------------------------------------------------------- */

CREW_TEST(the_last_member_tells_all_who_have_registered)
{
    crew_group *group = make_group(false);
    struct crew__waiter waiters[4];

    for (unsigned round = 0; round < 3; round++) {
        crew__group_join(group, false, 2);
        for (unsigned i = 0; i < 4; i++) {
            crew__waiter_init(&waiters[i]);
            check(crew__group_register(group, &waiters[i]));
        }
        leave_plain(group);
        check(crew__group_unregister(group, &waiters[round]));
        leave_plain(group);
        for (unsigned i = 0; i < 4; i++)
            check_equal(is_told(&waiters[i]), i != round);
    }
    check_equal(crew_group_destroy(group), 0);
}

CREW_TEST(a_waiter_is_taken_back_or_finds_its_token)
{
    crew_group *group = make_group(false);
    struct crew__waiter waiter;

    crew__group_join(group, false, 1);
    crew__waiter_init(&waiter);
    check(crew__group_register(group, &waiter));
    check(crew__group_unregister(group, &waiter));
    check(!crew__group_unregister(group, &waiter));
    check(crew__group_register(group, &waiter));
    leave_plain(group);
    check(!crew__group_unregister(group, &waiter)); /* too late */
    check(is_told(&waiter));
    check_marked(CREW__MARK_WAITER_TOOK_BACK);
    check_marked(CREW__MARK_WAITER_TOO_LATE);
    check_equal(crew_group_destroy(group), 0);
}

struct leaving {
    crew_group *group;
    crew__a32 left;
    struct crew__waiter waiter;
};

static void leave_many(unsigned index, void *arg)
{
    struct leaving *leaving = arg;

    for (unsigned i = 0; i < 2000; i++) {
        crew__add_relaxed(&leaving->left, 1);
        if (index & 1)
            leave_plain(leaving->group);
        else
            crew__group_leave_noted(leaving->group);
    }
}

CREW_TEST(members_that_leave_at_once_tell_at_the_last)
{
    struct leaving leaving = {.group = make_group(false)};

    crew__waiter_init(&leaving.waiter);
    crew__group_join(leaving.group, true, 4000);
    crew__group_join(leaving.group, false, 4000);
    check(crew__group_register(leaving.group, &leaving.waiter));
    test_threads(4, leave_many, &leaving);
    check(is_told(&leaving.waiter));
    check_equal(crew_group_pending(leaving.group), 0);
    check_equal(crew_group_destroy(leaving.group), 0);
}

static void *settle(void *arg)
{
    struct leaving *leaving = arg;

    crew__group_settle(leaving->group);
    check(crew__load_relaxed(&leaving->left)); /* seen: it was left after */
    return NULL;
}

CREW_TEST(a_group_settles_when_the_last_has_left)
{
    struct leaving leaving = {.group = make_group(false)};
    pthread_t thread;

    crew__group_join(leaving.group, false, 2);
    crew__group_begin_leave(leaving.group);
    crew__group_settle(leaving.group); /* one is pending: nothing to wait for */
    crew__group_begin_leave(leaving.group);
    check_equal(pthread_create(&thread, NULL, settle, &leaving), 0);
    crew__group_end_leave(leaving.group);
    crew__store_relaxed(&leaving.left, 1);
    crew__group_end_leave(leaving.group);
    pthread_join(thread, NULL);
    check_equal(crew_group_destroy(leaving.group), 0);
}

/* ---- notify --------------------------------------------------------------- */

static void count_notify(crew_group *group, void *arg)
{
    check(group != NULL);
    ++*(unsigned *)arg;
}

CREW_TEST(a_notify_is_posted_by_the_last_of_either_kind)
{
    crew_group *group = make_group(false);
    crew_inbox *inbox = make_inbox();
    struct crew__waiter waiter;
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++) {
        bool noted = i & 1;

        crew__group_join(group, noted, 1);
        crew__waiter_init(&waiter);
        check(crew__group_register(group, &waiter));
        check_equal(crew_group_notify(group, inbox, count_notify, &count), 0);
        check_equal(crew_group_notify(group, inbox, count_notify, &count),
                    -EBUSY);
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        if (noted)
            crew__group_leave_noted(group);
        else
            leave_plain(group);
        check(is_told(&waiter));
        check_equal(crew_group_destroy(group), -EBUSY); /* it is on its way */
        check_equal(crew_group_notify(group, inbox, count_notify, &count),
                    -EBUSY);
        check_equal(crew_inbox_dispatch(inbox, 0), 1);
        check_equal(count, i + 1);
    }
    check_equal(crew_inbox_pending(inbox), 0);
    end_all(NULL, group, inbox);
}

/* ---- errors, cancel, options ---------------------------------------------- */

static void note_own(unsigned index, void *arg)
{
    for (unsigned i = 0; i < 100; i++)
        crew__group_note(arg, -(int)(index + 1));
}

CREW_TEST(the_first_error_is_kept)
{
    crew_group *group = make_group(false);
    crew_group *raced = make_group(false);

    crew__group_note(group, 0);
    crew__group_note(group, 5);
    check_equal(crew_group_error(group), 0);
    crew__group_note(group, -EIO);
    crew__group_note(group, -EPERM);
    crew__group_note(group, 0);
    check_equal(crew_group_error(group), -EIO);
    check(!crew__group_is_canceled(group));
    check_equal(crew_group_destroy(group), 0);
    test_threads(4, note_own, raced);
    check(crew_group_error(raced) < 0 && crew_group_error(raced) >= -4);
    check_equal(crew_group_destroy(raced), 0);
}

CREW_TEST(an_error_cancels_a_group_that_stops_on_it)
{
    crew_group *group = make_group(true);

    crew__group_note(group, 0);
    crew__group_note(group, 1);
    check(!crew__group_is_canceled(group));
    crew__group_note(group, -EIO);
    check(crew__group_is_canceled(group));
    crew__group_join(group, false, 1);
    leave_plain(group);
    check(crew__group_is_canceled(group)); /* for good */
    check_equal(crew_group_error(group), -EIO);
    check_equal(crew_group_destroy(group), 0);
}

static crew__a64 *state_of(struct crew__sleeper *sleeper)
{
    return &crew__task_private(sleeper->task)->state;
}

CREW_TEST(a_cancel_wakes_who_sleeps_at_that_moment)
{
    crew_group *group = make_group(false);
    crew_task tasks[3] = {{.status = 0}};
    struct crew__sleeper sleepers[3];

    for (unsigned i = 0; i < 3; i++) {
        sleepers[i].task = &tasks[i];
        crew__store_relaxed(state_of(&sleepers[i]),
                            CREW__RUNNING | CREW__SLEEPING);
        crew__group_add_sleeper(group, &sleepers[i]);
    }
    crew__group_drop_sleeper(group, &sleepers[1]);
    check_equal(crew_group_cancel(group), 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew__load_seq_cst(state_of(&sleepers[i])),
                    CREW__RUNNING | (i == 1 ? CREW__SLEEPING : 0));
    crew__store_relaxed(state_of(&sleepers[0]), CREW__RUNNING | CREW__SLEEPING);
    check_equal(crew_group_cancel(group), 0); /* the second does nothing */
    check(crew__load_seq_cst(state_of(&sleepers[0])) & CREW__SLEEPING);
    crew__group_drop_sleeper(group, &sleepers[2]);
    crew__group_drop_sleeper(group, &sleepers[0]);
    check_equal(crew_group_destroy(group), 0);
}

CREW_TEST(reserved_words_of_the_options_are_zero)
{
    crew_group *group = NULL;

    for (unsigned i = 0; i < 7; i++) {
        crew_group_options options = {.stop_on_error = true};

        options.reserved[i] = 1;
        check_equal(crew_group_create(&group, &options), -EINVAL);
    }
    check_equal(crew_group_create(NULL, NULL), -EINVAL);
    check(group == NULL);
    check_equal(crew_group_error(NULL), -EINVAL);
    check_equal(crew_group_cancel(NULL), -EINVAL);
    check_equal(crew_group_pending(NULL), 0);
    check_equal(crew_group_destroy(NULL), 0);
}
