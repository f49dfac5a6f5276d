/* Ports that travel: all of a message's are ready, or none has changed. */
#include "../acceptance/mail.h"

#include "base/fault.h"
#include "base/tunables.h"
#include "port/port.h"

static bool is_free(crew_port *port)
{
    return crew__load_relaxed(port->token) == 0;
}

static crew_message message_of(crew_port **ports, size_t count)
{
    return (crew_message){.ports = ports, .port_count = count};
}

CREW_TEST(all_are_held_or_none)
{
    struct pair first = make_channel();
    struct pair second = make_channel();
    crew_port *ports[] = {first.a, second.a, first.b};
    crew_message message = message_of(ports, 3);

    assert_true(crew__port_try_token(second.a));
    check_equal(crew__ports_prepare(&message), -EBUSY);
    check(is_free(first.a) && is_free(first.b));
    check(!is_free(second.a)); /* the other's hold is not touched */
    crew__port_give_token(second.a);
    check_equal(crew__ports_prepare(&message), 0);
    for (unsigned i = 0; i < 3; i++)
        check(!is_free(ports[i]));
    check_equal(receive_tag(first.a, 0), -EBUSY);
    crew__ports_cancel(&message);
    for (unsigned i = 0; i < 3; i++)
        check(is_free(ports[i]));
    check_equal(receive_tag(first.a, 0), -ETIMEDOUT);
    close_pair(first);
    close_pair(second);
}

CREW_TEST(what_does_not_travel_is_told_by_the_check_and_when_it_is_held)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_port *ports[] = {pair.a, pair.b};
    crew_message both = message_of(ports, 2);
    crew_message near = message_of(&way.a, 1);
    crew_message far = message_of(&way.b, 1);

    check_equal(crew__ports_check(way.a, &both), 0);
    check_equal(crew__ports_check(way.a, &near), -EINVAL);
    check_equal(crew__ports_check(way.a, &far), -EINVAL);
    check_equal(crew__ports_check(way.b, &near), -EINVAL);
    check_equal(crew__ports_check(NULL, &near), 0); /* on no way at all */
    crew__port_lend(pair.b);
    check_equal(crew__ports_check(way.a, &both), -EINVAL);
    check_equal(crew__ports_prepare(&both), -EINVAL);
    check(is_free(pair.a) && is_free(pair.b));
    /* A listening one's handle is there until its inbox has come to it. */
    check_equal(listen_with(pair.a, inbox, &heard), 0);
    crew_port_close(pair.a);
    both.port_count = 1;
    check_equal(crew__ports_check(way.a, &both), -EINVAL);
    check_equal(crew__ports_prepare(&both), -EINVAL);
    check_equal(crew_post(way.a, &both), -EINVAL);
    dispatch_all(inbox);
    crew_port_close(pair.b);
    close_pair(way);
    end_all(NULL, NULL, inbox);
}

static int check_forked(void *arg)
{
    crew_port **ports = arg;
    crew_message message = message_of(ports, 1);

    check_equal(crew__ports_check(NULL, &message), -EOWNERDEAD);
    return 0;
}

CREW_TEST(an_inherited_port_does_not_travel)
{
    struct pair pair = make_channel();

    check_equal(test_in_child(check_forked, &pair.a), 0);
    close_pair(pair);
}

CREW_TEST(a_port_that_has_moved_listens_no_more_and_tells_its_end_anew)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_message message = message_of(&pair.a, 1);
    crew_message *out = NULL;
    size_t which = 9;

    check_equal(listen_with(pair.a, inbox, &heard), 0);
    check_equal(crew__ports_prepare(&message), 0);
    check(pair.a->listening != NULL); /* not yet */
    crew__ports_move(&message);
    check(pair.a->listening == NULL && is_free(pair.a));
    check(!(crew__port_state(pair.a) & CREW__PORT_LISTENING));
    check_equal(crew_inbox_destroy(inbox), 0);
    crew_port_close(pair.b);
    check_equal(crew_receive_any(&pair.a, 1, &which, &out, 0), -EPIPE);
    check_equal(which, 0);
    check_equal(crew_receive_any(&pair.a, 1, &which, &out, 0), -EPIPE);
    check_equal(which, 1); /* it has been told */
    check_equal(crew__ports_prepare(&message), 0);
    crew__ports_move(&message);
    check_equal(crew_receive_any(&pair.a, 1, &which, &out, 0), -EPIPE);
    check_equal(which, 0);
    crew_port_close(pair.a);
}

/* ---- from its own callback ------------------------------------------------- */

static void hold_and_cancel(struct heard *heard, crew_port *port,
                            crew_message *received)
{
    crew_message message = message_of(&port, 1);

    (void)received;
    check(!is_free(port));
    check_equal(crew__ports_prepare(&message), 0);
    crew__ports_cancel(&message);
    check(!is_free(port)); /* its delivery's */
    check(port->delivery && !port->delivery->lost);
    heard->data = port;
}

static void move_away(struct heard *heard, crew_port *port,
                      crew_message *received)
{
    crew_message message = message_of(&port, 1);
    struct crew__delivery *delivery = port->delivery;

    (void)received;
    check_equal(crew__ports_prepare(&message), 0);
    crew__ports_move(&message);
    check(delivery->lost);
    check(is_free(port) && !port->delivery);
    heard->data = NULL;
}

CREW_TEST(a_callback_has_the_hold_already)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    for (unsigned i = 0; i < 5; i++)
        check_equal(post_tag(pair.a, i), 0);
    heard.also = hold_and_cancel;
    check_equal(crew_inbox_dispatch(inbox, 2), 2);
    check(heard.data == pair.b);
    check(is_free(pair.b));
    heard.also = move_away;
    check_equal(dispatch_all(inbox), 1);
    check(heard.data == NULL);
    check_equal(receive_tag(pair.b, 0), 3); /* where it has gone to */
    check_equal(receive_tag(pair.b, 0), 4);
    close_pair(pair);
    end_all(NULL, NULL, inbox);
}

/* ---- the poster's fast way ------------------------------------------------- */

static void post_some(unsigned index, void *arg)
{
    (void)index;
    for (unsigned i = 0; i < CREW__LANE_SLOTS; i++)
        check_equal(post_tag(arg, i), 0);
}

/* Posts of one who does not own it would need messages: there are none. */
CREW_TEST(the_fast_way_of_a_port_goes_along)
{
    struct pair pair = make_channel();
    crew_message message = message_of(&pair.a, 1);
    crew_message *kept[CREW__LANE_AFTER];

    for (unsigned i = 0; i < CREW__LANE_AFTER; i++)
        check_equal(post_tag(pair.a, i), 0);
    for (unsigned i = 0; i < CREW__LANE_AFTER; i++)
        check_equal(crew_receive(pair.b, &kept[i], 0), 0);
    check_equal(crew__ports_prepare(&message), 0);
    crew__ports_move(&message);
    crew__fault_arm(1, true);
    test_threads(1, post_some, pair.a);
    check_equal(crew__fault_met(), 0);
    crew__fault_arm(0, false);
    for (unsigned i = 0; i < CREW__LANE_SLOTS; i++)
        check_equal(receive_tag(pair.b, 0), i);
    for (unsigned i = 0; i < CREW__LANE_AFTER; i++)
        crew_message_free(kept[i]);
    close_pair(pair);
}
