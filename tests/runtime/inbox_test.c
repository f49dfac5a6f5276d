/* The inbox from the inside: expecting, posting, rousing, notices. */
#include "support.h"

#include "base/fault.h"
#include "runtime/inbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct counted_item {
    struct crew__item item;
    unsigned *count;
};

static void count_item(struct crew__item *item)
{
    ++*((struct counted_item *)(void *)item)->count;
}

static crew_inbox *make_inbox(void)
{
    crew_inbox *inbox = NULL;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    return inbox;
}

static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, 0) > 0;
}

CREW_TEST(what_is_expected_is_pending_until_it_is_delivered)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;
    struct counted_item a = {{.deliver = count_item}, &count};
    struct counted_item b = {{.deliver = count_item}, &count};

    crew__inbox_expect(inbox, 2);
    check_equal(crew_inbox_pending(inbox), 2);
    crew__inbox_post(inbox, &a.item);
    crew__inbox_post(inbox, &b.item);
    check_equal(crew_inbox_pending(inbox), 2);
    check_equal(crew_inbox_dispatch(inbox, 1), 1);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_inbox_dispatch(inbox, 1), 1);
    check_equal(count, 2);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(an_inbox_whose_fd_nobody_asked_for_is_not_rung)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;
    struct counted_item item = {{.deliver = count_item}, &count};
    int fd;

    fd = crew_inbox_fd(inbox);
    check(!is_readable(fd)); /* nothing waits */
    crew__inbox_expect(inbox, 1);
    crew__inbox_post(inbox, &item.item);
    check(is_readable(fd));
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check(!is_readable(fd));
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(a_failed_create_leaves_nothing)
{
    crew_inbox *inbox = NULL;

    crew__fault_arm(1, false);
    check_equal(crew_inbox_create(&inbox, NULL), -ENOMEM);
    crew__fault_arm(2, false);
    check_equal(crew_inbox_create(&inbox, NULL), -EMFILE);
    crew__fault_arm(0, false);
    check(inbox == NULL);
    inbox = make_inbox();
    crew__fault_arm(1, false);
    check_equal(crew_inbox_call(inbox, free, NULL), -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* Posters and an owner that sleeps: each item once, the owner is woken. */
enum { POSTERS = 4, EACH = 5000 };

struct stream {
    crew_inbox *inbox;
    unsigned count; /* the owner's */
};

static struct stream stream;

static void count_and_free(struct crew__item *item)
{
    stream.count++;
    free(item);
}

static void post_or_wait(unsigned index, void *arg)
{
    (void)arg;
    while (index == POSTERS && stream.count < POSTERS * EACH)
        if (!check_at_least(crew_inbox_wait(stream.inbox, 30 * CREW_S), 1))
            return;
    for (int i = 0; index < POSTERS && i < EACH; i++) {
        struct crew__item *item = malloc(sizeof *item);

        if (!check(item != NULL))
            return;
        item->deliver = count_and_free;
        crew__inbox_expect(stream.inbox, 1);
        crew__inbox_post(stream.inbox, item);
    }
}

CREW_TEST(an_owner_that_sleeps_is_woken_by_each_first_post)
{
    for (int asked = 0; asked < 2; asked++) {
        stream = (struct stream){make_inbox(), 0};
        if (asked)
            check_at_least(crew_inbox_fd(stream.inbox), 0);
        test_threads(POSTERS + 1, post_or_wait, NULL);
        check_equal(stream.count, POSTERS * EACH);
        check_equal(crew_inbox_pending(stream.inbox), 0);
        check_equal(crew_inbox_destroy(stream.inbox), 0);
    }
}

/* ---- notices ------------------------------------------------------------- */

struct told {
    struct crew__notice notice;
    unsigned delivered;
    unsigned withdrawn;
};

static void deliver(struct crew__notice *notice)
{
    ((struct told *)(void *)notice)->delivered++;
}

static void withdraw(struct crew__notice *notice)
{
    ((struct told *)(void *)notice)->withdrawn++;
}

static void link_notice(crew_inbox *inbox, struct told *told)
{
    *told = (struct told){.notice = {.deliver = deliver, .withdraw = withdraw}};
    crew__notices_lock();
    crew__notice_link(inbox, &told->notice);
    crew__notices_unlock();
}

static void tell(struct told *told)
{
    crew__notices_lock();
    crew__notice_tell(&told->notice);
    crew__notices_unlock();
}

CREW_TEST(a_notice_that_is_told_is_delivered_once)
{
    crew_inbox *inbox = make_inbox();
    struct told told[3];
    int fd = crew_inbox_fd(inbox);

    for (int i = 0; i < 3; i++)
        link_notice(inbox, &told[i]);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    tell(&told[1]);
    tell(&told[1]);
    check(is_readable(fd));
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(told[1].delivered, 1);
    check(told[1].notice.inbox == NULL);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    tell(&told[0]);
    crew__notices_lock();
    crew__notice_unlink(&told[0].notice); /* told, but taken back */
    crew__notices_unlock();
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(told[0].delivered + told[0].withdrawn, 0);
    check_equal(told[2].delivered, 0);
    check_equal(told[2].withdrawn, 1);
}

/* ---- deadlines ------------------------------------------------------------- */

static void link_until(crew_inbox *inbox, struct told *told, crew_ns deadline)
{
    *told = (struct told){.notice = {.deliver = deliver, .withdraw = withdraw}};
    crew__notices_lock();
    crew__notice_link_until(inbox, &told->notice, deadline);
    crew__notices_unlock();
}

CREW_TEST(a_wait_wakes_for_the_deadlines_of_notices)
{
    crew_inbox *inbox = make_inbox();
    crew_ns now = crew__clock_now();
    struct told told[3];

    link_until(inbox, &told[0], now + 3600 * CREW_S);
    link_until(inbox, &told[1], now + 4 * CREW_MS);
    link_until(inbox, &told[2], now + 2 * CREW_MS);
    check_equal(crew_inbox_wait(inbox, 30 * CREW_S), 1);
    check_at_least(crew__clock_now(), now + 2 * CREW_MS);
    check_equal(told[2].delivered, 1);
    check_equal(told[1].delivered, 0);
    check_equal(crew_inbox_wait(inbox, 30 * CREW_S), 1);
    check_at_least(crew__clock_now(), now + 4 * CREW_MS);
    check_equal(told[1].delivered, 1);
    /* A wait has a deadline of its own. */
    check_equal(crew_inbox_wait(inbox, CREW_MS), -ETIMEDOUT);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(told[0].withdrawn, 1);
}

CREW_TEST(a_deadline_that_is_taken_back_wakes_for_nothing)
{
    crew_inbox *inbox = make_inbox();
    struct told told;

    link_until(inbox, &told, crew__clock_now() + CREW_MS);
    check_equal(crew_inbox_dispatch(inbox, 0), 0); /* it is noted */
    crew__notices_lock();
    crew__notice_withdraw(&told.notice);
    crew__notices_unlock();
    check_equal(crew_inbox_wait(inbox, 3 * CREW_MS), -ETIMEDOUT);
    check_equal(told.delivered, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

struct late {
    crew_inbox *inbox;
    struct told told;
};

/* One sleeps, the other links. */
static void wait_or_link(unsigned index, void *arg)
{
    struct late *late = arg;

    if (index == 0)
        check_equal(crew_inbox_wait(late->inbox, 30 * CREW_S), 1);
    else
        link_until(late->inbox, &late->told, crew__clock_now() + CREW_MS);
}

CREW_TEST(an_owner_that_sleeps_hears_of_a_deadline)
{
    for (unsigned round = 0; round < 200; round++) {
        struct late late = {.inbox = make_inbox()};

        test_threads(2, wait_or_link, &late);
        check_equal(late.told.delivered, 1);
        check_equal(crew_inbox_destroy(late.inbox), 0);
    }
}

CREW_TEST(notices_beyond_max_keep_the_fd_readable)
{
    crew_inbox *inbox = make_inbox();
    struct told told[3];
    int fd = crew_inbox_fd(inbox);

    for (int i = 0; i < 3; i++) {
        link_notice(inbox, &told[i]);
        tell(&told[i]);
    }
    for (int i = 0; i < 3; i++) {
        check(is_readable(fd));
        check_equal(crew_inbox_dispatch(inbox, 1), 1);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void stop_or_wait(unsigned index, void *arg)
{
    if (index == 0)
        check_equal(crew_inbox_run(arg), 0);
    else
        check_equal(crew_inbox_stop(arg), 0);
}

CREW_TEST(a_notice_keeps_run_going_until_a_stop)
{
    for (int i = 0; i < 200; i++) {
        crew_inbox *inbox = make_inbox();
        struct told told;

        link_notice(inbox, &told);
        test_threads(2, stop_or_wait, inbox);
        check_equal(crew_inbox_destroy(inbox), 0);
        check_equal(told.withdrawn, 1);
    }
}
