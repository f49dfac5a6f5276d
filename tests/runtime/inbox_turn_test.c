/* Items that stand for many callbacks, and what may post at any time. */
#include "support.h"

#include "runtime/inbox.h"

#include <errno.h>

/* Makes `left` callbacks, `share` at a time. */
struct many {
    struct crew__item item;
    crew_inbox *inbox;
    unsigned left, share, turns;
    unsigned came; /* in all */
    struct many *other;
    unsigned others; /* callbacks of the other when this had its last */
    bool next_time;  /* the rest is for the next dispatch */
};

static void run_some(struct crew__item *item)
{
    struct many *many = (struct many *)(void *)item;
    unsigned budget = crew__inbox_budget(many->inbox);
    unsigned count = many->share < budget ? many->share : budget;

    check_at_least(budget, 1);
    if (count > many->left)
        count = many->left;
    many->left -= count;
    many->came += count;
    many->turns++;
    many->others = many->other ? many->other->came : 0;
    crew__inbox_ran(many->inbox, count);
    if (many->left == 0)
        return;
    if (many->next_time)
        crew__inbox_again(many->inbox, item);
    else
        crew__inbox_stay(many->inbox, item);
}

static crew_inbox *make_inbox(void)
{
    crew_inbox *inbox = NULL;

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    return inbox;
}

static void post(struct many *many)
{
    many->item.deliver = run_some;
    crew__inbox_expect(many->inbox, 1);
    crew__inbox_post(many->inbox, &many->item);
}

CREW_TEST(an_item_that_stays_is_delivered_in_the_same_dispatch)
{
    crew_inbox *inbox = make_inbox();
    struct many many = {.inbox = inbox, .left = 1000, .share = 64};

    post(&many);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(crew_inbox_dispatch(inbox, 0), 1000);
    check_equal(many.turns, 16);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(an_item_for_the_next_dispatch_is_pending)
{
    crew_inbox *inbox = make_inbox();
    struct many many = {
        .inbox = inbox, .left = 3, .share = 1, .next_time = true};

    post(&many);
    for (unsigned i = 2; i <= 2; i--) {
        check_equal(crew_inbox_dispatch(inbox, 0), 1);
        check_equal(crew_inbox_pending(inbox), i > 0);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(items_that_stay_take_turns)
{
    crew_inbox *inbox = make_inbox();
    struct many a = {.inbox = inbox, .left = 100, .share = 10};
    struct many b = {.inbox = inbox, .left = 50, .share = 10, .other = &a};

    a.other = &b;
    post(&a);
    post(&b);
    check_equal(crew_inbox_dispatch(inbox, 0), 150);
    check_equal(b.others, 50);
    check_equal(a.others, 50);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(a_bounded_dispatch_counts_callbacks)
{
    crew_inbox *inbox = make_inbox();
    struct many a = {.inbox = inbox, .left = 100, .share = 64};
    struct many b = {.inbox = inbox, .left = 1, .share = 64, .other = &a};

    post(&a);
    post(&b);
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew_inbox_dispatch(inbox, 7), 7);
    check_equal(a.came + b.came, 21);
    check_equal(b.others, 7); /* it had its turn after the first share */
    check_equal(crew_inbox_dispatch(inbox, 0), 80);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(an_item_that_makes_no_callback_counts_for_none)
{
    crew_inbox *inbox = make_inbox();
    struct many many = {.inbox = inbox, .share = 1};

    post(&many);
    check_equal(crew_inbox_dispatch(inbox, 1), 0);
    check_equal(many.turns, 1);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void let_go(void *arg)
{
    crew__inbox_let_go(arg);
}

CREW_TEST(what_is_attached_keeps_the_inbox_and_what_holds_keeps_its_run)
{
    crew_inbox *inbox = make_inbox();

    crew__inbox_attach(inbox);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_inbox_run(inbox), 0);
    crew__inbox_hold(inbox);
    check_equal(crew_inbox_call(inbox, let_go, inbox), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_run(inbox), 0);
    crew__inbox_detach(inbox);
    check_equal(crew_inbox_destroy(inbox), 0);
}
