/* What every kind of port has: telling, ending, and what a close finds. */
#include "../acceptance/mail.h"

#include "port/port.h"

CREW_TEST(a_listener_will_be_told_until_it_has_heard_the_close)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    crew_inbox *other = make_inbox();
    struct heard heard = hear_from(0);

    check(!crew__port_will_tell(pair.b, inbox));
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(crew__port_will_tell(pair.b, inbox));
    check(!crew__port_will_tell(pair.b, other));
    crew_port_close(pair.a);
    check(crew__port_will_tell(pair.b, inbox)); /* the close is to come */
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    check(!crew__port_will_tell(pair.b, inbox));
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
    end_all(NULL, NULL, other);
}

/* A sleeper and a listener want different things; each is told once. */
CREW_TEST(who_wants_nothing_is_told_nothing)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    struct crew__port_sleeper sleeper;

    crew__port_tell(pair.b);
    crew__port_sleeper_init(&sleeper);
    check(crew__port_await(pair.b, &sleeper));
    crew__port_tell(pair.b);
    check_equal(crew__load_relaxed(&pair.b->wants), 0);
    crew__port_tell(pair.b);
    check(crew__park(&sleeper.parker, 0));
    check(!crew__park(&sleeper.parker, 0)); /* one token */
    crew__port_sleeper_dismiss(&sleeper);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    crew__port_tell(pair.b);
    check_equal(crew__load_relaxed(&pair.b->wants), 0);
    crew__port_tell(pair.b);
    check_equal(crew_inbox_pending(inbox), 1);
    dispatch_all(inbox);
    check_equal(crew__load_relaxed(&pair.b->wants), CREW__PORT_ARMED);
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(one_that_has_ended_posts_no_more_and_receives_on)
{
    struct pair pair = make_channel();

    check_equal(post_tag(pair.a, 1), 0);
    crew__port_end(pair.a);
    crew__port_end(pair.a);
    check_equal(post_tag(pair.a, 2), -EPIPE);
    check_equal(receive_tag(pair.b, 0), 1);
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EPIPE);
    check_equal(post_tag(pair.b, 3), 0);
    check_equal(receive_tag(pair.a, 0), 3);
    check_equal(receive_tag(pair.a, 0), -ETIMEDOUT);
    close_pair(pair);
}

/* In any order: nobody looks at them any more. */
CREW_TEST(what_waits_in_a_dropped_port_goes_before_the_rest)
{
    struct pair pair = make_channel();
    crew_message last = {.tag = 9};
    struct crew__message *made = crew__message_make(NULL, &last);
    struct crew__node *chain;
    uint64_t sum = 0; /* of the tags so far */

    assert_non_null(made);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(post_tag(pair.a, 2), 0);
    chain = crew__port_drop(pair.b, &made->at.node);
    for (unsigned i = 0; i < 3; i++) {
        struct crew__message *at = (struct crew__message *)(void *)chain;

        assert_non_null(at);
        sum += at->public.tag;
        check(i != 1 || sum == 1 + 2);
        chain = at->at.node.next;
        crew__message_finish(at);
    }
    check_equal(sum, 1 + 2 + 9);
    check(chain == NULL);
    check_equal(post_tag(pair.a, 3), -EPIPE);
    pair.b = NULL;
    close_pair(pair);
}

struct inherited {
    struct pair pair;
    crew_inbox *inbox;
};

/* An item that lies in an inbox keeps the port's memory, and no more. */
static int close_twice(void *arg)
{
    struct inherited *i = arg;
    crew_message message = {.tag = 9};
    struct crew__message *made = crew__message_make(NULL, &message);

    crew_port_close(i->pair.b);
    check(crew__port_state(i->pair.b) & CREW__PORT_CLOSED);
    crew_port_close(i->pair.b);
    check(crew__port_drop(i->pair.a, &made->at.node) == &made->at.node);
    crew__message_finish(made);
    return 0;
}

CREW_TEST(an_inherited_port_is_closed_once)
{
    struct inherited i = {make_channel(), make_inbox()};
    struct heard heard = hear_from(0);

    check_equal(listen_with(i.pair.b, i.inbox, &heard), 0);
    check_equal(post_tag(i.pair.a, 0), 0);
    check_equal(test_in_child(close_twice, &i), 0);
    check_equal(dispatch_all(i.inbox), 1);
    close_pair(i.pair);
    dispatch_all(i.inbox);
    end_all(NULL, NULL, i.inbox);
}
