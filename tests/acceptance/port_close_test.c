/* Closing: M10 to M12, NC1 to NC9, NP7. */
#include "mail.h"

CREW_TEST(M10_all_that_was_posted_arrives_then_the_close)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard at_a = hear_from(0);
    struct heard at_b = hear_from(0);

    check_equal(listen_with(pair.a, inbox, &at_a), 0);
    check_equal(listen_with(pair.b, inbox, &at_b), 0);
    for (unsigned i = 0; i < 100; i++)
        check_equal(post_tag(pair.a, i), 0);
    crew_port_close(pair.a);
    check_equal(at_a.closes + at_b.closes, 0); /* never inside close */
    check_equal(post_tag(pair.a, 0), -EPIPE);
    check_equal(post_tag(pair.b, 0), -EPIPE);
    crew_port_close(pair.a); /* does nothing */
    dispatch_all(inbox);
    check_equal(at_b.messages, 100);
    check_equal(at_a.closes, 1);
    check_equal(at_b.closes, 1);
    check_equal(at_a.error, 0);
    check_equal(at_b.error, 0);
    crew_port_close(pair.b);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(at_b.closes, 1);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(M10_NC6_receive_gives_what_waits_then_the_close)
{
    struct pair pair = make_channel();
    crew_message *message = NULL;

    for (unsigned i = 0; i < 10; i++)
        check_equal(post_tag(pair.a, i), 0);
    crew_port_close(pair.a);
    for (unsigned i = 0; i < 10; i++)
        check_equal(receive_tag(pair.b, i % 2 ? CREW_FOREVER : 0), i);
    check_equal(crew_receive(pair.b, &message, 0), -EPIPE);
    check_equal(crew_receive(pair.b, &message, CREW_FOREVER), -EPIPE);
    check(message == NULL);
    check_equal(post_tag(pair.b, 0), -EPIPE);
    crew_port_close(pair.b);
    crew_port_close(NULL);
}

CREW_TEST(NC1_first_and_last_come_before_the_close)
{
    const unsigned n = MANY(10000);
    crew_inbox *inbox = make_inbox();

    for (unsigned i = 0; i < n; i++) {
        struct pair pair = make_channel();
        struct heard heard = hear_from(0);

        if (i % 2)
            check_equal(listen_with(pair.b, inbox, &heard), 0);
        check_equal(post_tag(pair.a, 0), 0);
        check_equal(post_tag(pair.a, 1), 0);
        crew_port_close(pair.a);
        if (i % 2 == 0)
            check_equal(listen_with(pair.b, inbox, &heard), 0); /* NC5 */
        check_equal(crew_inbox_dispatch(inbox, 0), 3);
        check_equal(heard.messages, 2);
        check_equal(heard.closes, 1);
        crew_port_close(pair.b);
    }
    end_all(NULL, NULL, inbox);
}

static void post_two_and_close(unsigned index, void *arg)
{
    struct pair *pair = arg;

    if (index == 0) {
        check_equal(post_tag(pair->a, 0), 0);
        check_equal(post_tag(pair->a, 1), 0);
        crew_port_close(pair->a);
        return;
    }
    check_equal(receive_tag(pair->b, LONG_WAIT), 0);
    check_equal(receive_tag(pair->b, LONG_WAIT), 1);
    check_equal(receive_tag(pair->b, LONG_WAIT), -EPIPE);
    crew_port_close(pair->b);
}

CREW_TEST(NC1_first_and_last_come_to_another_thread)
{
    for (unsigned i = 0; i < MANY(2000); i++) {
        struct pair pair = make_channel();

        test_threads(2, post_two_and_close, &pair);
    }
}

/* ---- closing inside callbacks --------------------------------------------- */

CREW_TEST(M11_NC3_close_within_on_message_ends_the_messages)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    unsigned releases = 0;

    heard.close_at = pair.b;
    heard.close_when = 3;
    for (unsigned i = 0; i < 10; i++) {
        crew_buffer *buffer = make_counted(&releases);

        check_equal(crew_post(pair.a, &(crew_message){.buffers = &buffer,
                                                      .buffer_count = 1,
                                                      .tag = i}),
                    0);
    }
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(dispatch_all(inbox), 4);
    check_equal(heard.messages, 3);
    check_equal(heard.closes, 1);
    check_equal(releases, 10);
    check_equal(post_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(M11_both_ends_close_at_once_and_twice)
{
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair = make_channel();
        crew_inbox *inbox = make_inbox();
        struct heard at_a = hear_from(0);
        struct heard at_b = hear_from(0);

        check_equal(listen_with(pair.a, inbox, &at_a), 0);
        check_equal(listen_with(pair.b, inbox, &at_b), 0);
        if (i & 1)
            check_equal(post_tag(pair.b, 0), 0);
        crew_port_close(pair.a);
        crew_port_close(pair.b);
        crew_port_close(pair.a);
        crew_port_close(pair.b);
        if (i & 2)
            check_equal(crew_inbox_dispatch(inbox, 1), 1);
        else
            dispatch_all(inbox);
        dispatch_all(inbox);
        check_equal(at_a.messages + at_b.messages, 0);
        check_equal(at_a.closes, 1);
        check_equal(at_b.closes, 1);
        end_all(NULL, NULL, inbox);
    }
}

static void close_in_on_close(crew_port *port, int error, void *arg)
{
    check_equal(error, 0);
    check_equal(post_tag(port, 1), -EPIPE);
    crew_port_close(port);
    ++*(unsigned *)arg;
}

CREW_TEST(NC2_on_close_closes_its_own_port)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;
    crew_listener listener = {.on_close = close_in_on_close, .arg = &count};

    for (unsigned i = 0; i < 4; i++) {
        struct pair pair = make_channel();

        check_equal(crew_listen(pair.b, inbox, &listener), 0);
        if (i % 2)
            crew_port_close(pair.a);
        if (i / 2)
            crew_port_close(pair.b);
        if (i % 2 == 0)
            crew_port_close(pair.a);
        dispatch_all(inbox);
    }
    check_equal(count, 4);
    end_all(NULL, NULL, inbox);
}

struct running {
    struct pair pair;
    crew_inbox *inbox;
    struct heard heard;
    struct test_gate inside, closed;
};

static void wait_inside(struct heard *heard, crew_port *port,
                        crew_message *message)
{
    struct running *running = heard->data;

    (void)message;
    test_gate_open(&running->inside);
    test_gate_wait(&running->closed);
    check_equal(post_tag(port, 9), -EPIPE);
    check_equal(receive_tag(port, 0), -EPIPE);
    check_equal(crew_listen(port, NULL, NULL), -EPIPE);
}

static void close_while_it_runs(unsigned index, void *arg)
{
    struct running *running = arg;

    if (index == 0) {
        running->heard.thread = pthread_self();
        check_at_least(crew_inbox_run(running->inbox), 2);
        return;
    }
    test_gate_wait(&running->inside);
    crew_port_close(running->pair.b);
    crew_port_close(running->pair.b);
    check_equal(post_tag(running->pair.a, 1), -EPIPE);
    test_gate_open(&running->closed);
}

CREW_TEST(M11_NC8_close_from_another_thread_while_on_message_runs)
{
    for (unsigned i = 0; i < 100; i++) {
        struct running running = {make_channel(), make_inbox(), hear_from(0),
                                  .inside = {.open = false}};

        running.heard.also = wait_inside;
        running.heard.data = &running;
        test_gate_init(&running.inside);
        test_gate_init(&running.closed);
        check_equal(listen_with(running.pair.b, running.inbox, &running.heard),
                    0);
        check_equal(post_tag(running.pair.a, 0), 0);
        check_equal(post_tag(running.pair.a, 1), 0);
        test_threads(2, close_while_it_runs, &running);
        check_equal(running.heard.messages, 1);
        check_equal(running.heard.closes, 1);
        crew_port_close(running.pair.a);
        end_all(NULL, NULL, running.inbox);
        test_gate_fini(&running.inside);
        test_gate_fini(&running.closed);
    }
}

static void close_own_end(unsigned index, void *arg)
{
    struct pair *pair = arg;

    crew_port_close(index == 0 ? pair->a : pair->b);
}

CREW_TEST(M11_NC8_both_ends_close_on_two_threads)
{
    crew_inbox *inbox = make_inbox();

    for (unsigned i = 0; i < MANY(2000); i++) {
        struct pair pair = make_channel();
        struct heard at_a = hear_from(0);
        struct heard at_b = hear_from(0);

        check_equal(post_tag(pair.a, 0), 0);
        if (i % 4 & 1)
            check_equal(listen_with(pair.a, inbox, &at_a), 0);
        if (i % 4 & 2)
            check_equal(listen_with(pair.b, inbox, &at_b), 0);
        test_threads(2, close_own_end, &pair);
        dispatch_all(inbox);
        check_equal(at_a.closes, i % 4 & 1);
        check_equal(at_b.closes, (i % 4 & 2) / 2);
    }
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NC5_who_listens_late_gets_all_then_the_close)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    for (unsigned i = 0; i < 5; i++)
        check_equal(post_tag(pair.a, i), 0);
    crew_port_close(pair.a);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(crew_inbox_run(inbox), 6);
    check_equal(heard.messages, 5);
    check_equal(heard.closes, 1);
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NC7_listening_to_closing_and_closed_ports)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(crew_listen(pair.b, NULL, NULL), 0); /* it does not */
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    crew_port_close(pair.b);
    check_equal(crew_listen(pair.b, NULL, NULL), -EPIPE);
    check_equal(listen_with(pair.b, inbox, &heard), -EPIPE);
    check_equal(listen_with(pair.a, inbox, &heard), 0);
    dispatch_all(inbox);
    check_equal(heard.closes, 2);
    check_equal(listen_with(pair.a, inbox, &heard), -EPIPE);
    check_equal(crew_listen(pair.a, NULL, NULL), -EPIPE);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NP7_posting_on_a_port_that_is_closing)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    crew_port_close(pair.b);
    check_equal(post_buffer(pair.b, buffer), -EPIPE);
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EPIPE);
    crew_port_unref(pair.b);
    crew_port_ref(pair.b);
    crew_buffer_release(buffer);
    check_equal(releases, 1);
    dispatch_all(inbox);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

/* ---- M12: whoever ends --------------------------------------------------- */

static void hear_end_of_other(unsigned index, void *arg)
{
    struct pair *pair = arg;

    if (index == 0)
        crew_port_close(pair->a);
    else
        check_equal(receive_tag(pair->b, LONG_WAIT), -EPIPE);
}

CREW_TEST(M12_M15_receive_wakes_when_the_other_side_closes)
{
    for (unsigned i = 0; i < MANY(2000); i++) {
        struct pair pair = make_channel();

        test_threads(2, hear_end_of_other, &pair);
        crew_port_close(pair.b);
    }
}

struct own {
    struct pair pair;
    struct test_gate inside;
};

static void close_under_receiver(unsigned index, void *arg)
{
    struct own *own = arg;

    if (index == 1) {
        test_gate_open(&own->inside);
        check_equal(receive_tag(own->pair.b, LONG_WAIT), -EPIPE);
        return;
    }
    test_gate_wait(&own->inside);
    test_burn(own->inside.open * 100 * CREW_US);
    crew_port_close(own->pair.b);
}

CREW_TEST(M15_receive_wakes_when_its_own_port_closes)
{
    for (unsigned i = 0; i < 20; i++) {
        struct own own = {make_channel(), {.open = false}};

        test_gate_init(&own.inside);
        test_threads(2, close_under_receiver, &own);
        crew_port_close(own.pair.a);
        test_gate_fini(&own.inside);
    }
}
