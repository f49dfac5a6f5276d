/* Ports that close while others use them: what a process that was kept busy for
 * minutes has shown. */
#include "../acceptance/mail.h"

#include <sched.h>

struct closing {
    struct pair pair; /* b listens, and is closed */
    crew_inbox *inbox;
};

/* One dispatches, one closes, one posts. */
static void meet(unsigned index, void *arg)
{
    struct closing *closing = arg;
    int r;

    if (index == 0) {
        check_at_least(crew_inbox_run(closing->inbox), 0);
        return;
    }
    if (index == 1) {
        crew_port_close(closing->pair.b);
        return;
    }
    do
        r = post_tag(closing->pair.a, 0);
    while (r == 0 || r == -EAGAIN);
    check_equal(r, -EPIPE);
}

/* A turn ended the port while its closer had still to shut the way in: what was
 * posted between stayed. */
CREW_TEST(a_post_beside_a_close_and_a_turn_is_released)
{
    crew_listener listener = {.on_message = NULL};

    for (unsigned i = 0; i < MANY(1000); i++) {
        struct closing closing = {.pair = make_pair_of(SIZE_MAX, SIZE_MAX),
                                  .inbox = make_inbox()};

        check_equal(crew_listen(closing.pair.b, closing.inbox, &listener), 0);
        check_equal(post_tag(closing.pair.a, 0), 0);
        test_threads(3, meet, &closing);
        crew_port_close(closing.pair.a);
        check_equal(crew_inbox_destroy(closing.inbox), 0);
    }
}

static struct pair make_members(void)
{
    struct pair pair = {NULL, NULL};

    assert_int_equal(crew_hub_join(&pair.a, "tests/closing", NULL), 0);
    assert_int_equal(crew_hub_join(&pair.b, "tests/closing", NULL), 0);
    return pair;
}

static void meet_in_hub(unsigned index, void *arg)
{
    struct closing *closing = arg;

    if (index < 2) {
        meet(index, arg);
        return;
    }
    for (unsigned i = 0; i < 20; i++)
        check_equal(post_text(closing->pair.a, "all"), 0);
}

CREW_TEST(a_post_to_a_hub_beside_a_close_and_a_turn_is_released)
{
    for (unsigned i = 0; i < MANY(5000); i++) {
        struct closing closing = {.pair = make_members(),
                                  .inbox = make_inbox()};
        crew_listener listener = {.on_message = NULL};

        check_equal(crew_listen(closing.pair.b, closing.inbox, &listener), 0);
        check_equal(post_text(closing.pair.a, "first"), 0);
        test_threads(3, meet_in_hub, &closing);
        crew_port_close(closing.pair.a);
        check_equal(crew_inbox_destroy(closing.inbox), 0);
    }
}

/* ---- a callback that posts while its port closes ------------------------- */

static void post_in_callback(crew_port *port, crew_message *message, void *arg)
{
    (void)message;
    (void)arg;
    for (unsigned i = 0; i < 20; i++) {
        int r = post_tag(port, i);

        check(r == 0 || r == -EPIPE);
    }
}

static void close_both_beside(unsigned index, void *arg)
{
    struct closing *closing = arg;

    if (index == 0) {
        check_at_least(crew_inbox_run(closing->inbox), 0);
        return;
    }
    while (receive_tag(closing->pair.a, 0) < 0)
        sched_yield();
    close_pair(closing->pair);
}

/* Both ends were closed, so that their spare messages went, while a callback of
 * one took one of them. */
CREW_TEST(a_callback_posts_while_both_ends_are_closed)
{
    crew_listener listener = {.on_message = post_in_callback};

    for (unsigned i = 0; i < MANY(5000); i++) {
        struct closing closing = {.pair = make_channel(),
                                  .inbox = make_inbox()};

        /* Spare ones, for the callback. */
        for (unsigned j = 0; j < 20; j++)
            check_equal(post_tag(closing.pair.b, j), 0);
        for (unsigned j = 0; j < 20; j++)
            check_equal(receive_tag(closing.pair.a, 0), j);
        check_equal(crew_listen(closing.pair.b, closing.inbox, &listener), 0);
        check_equal(post_tag(closing.pair.a, 0), 0);
        test_threads(2, close_both_beside, &closing);
        check_equal(crew_inbox_destroy(closing.inbox), 0);
    }
}

/* ---- a member that leaves while it posts ----------------------------------- */

static void post_and_leave(unsigned index, void *arg)
{
    struct pair *pair = arg;

    if (index == 0) {
        crew_port_close(pair->b);
        return;
    }
    for (unsigned i = 0; i < 20; i++) {
        int r = post_text(pair->b, "leaving");

        check(r == 0 || r == -EPIPE);
    }
}

/* It was counted as one of the others, and copies were made without end. */
CREW_TEST(a_member_that_leaves_while_it_posts)
{
    crew_inbox *inbox = make_inbox();
    crew_listener listener = {.on_message = NULL};

    for (unsigned i = 0; i < MANY(5000); i++) {
        struct pair pair = make_members();

        if (i % 2)
            crew_port_close(pair.a); /* it is alone */
        /* A port that listens may be used until its on_close has come. */
        check_equal(crew_listen(pair.b, inbox, &listener), 0);
        test_threads(2, post_and_leave, &pair);
        dispatch_all(inbox);
        if (i % 2 == 0)
            crew_port_close(pair.a);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}
