/* Ports that travel: M7 to M9, NO2, NC9, NX8. */
#include "mail.h"

CREW_TEST(M7_NO2_a_port_moves_with_all_that_waits)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_port *moved;

    for (unsigned i = 0; i < 10; i++)
        check_equal(post_tag(pair.a, i), 0);
    check_equal(post_port(way.a, pair.b, 0), 0);
    for (unsigned i = 10; i < 20; i++)
        check_equal(post_tag(pair.a, i), 0);
    moved = receive_port(way.b, 0);
    for (unsigned i = 20; i < 30; i++)
        check_equal(post_tag(pair.a, i), 0);
    for (unsigned i = 0; i < 30; i++)
        check_equal(receive_tag(moved, 0), i);
    check_equal(receive_tag(moved, 0), -ETIMEDOUT);
    check_equal(post_tag(moved, 5), 0);
    check_equal(receive_tag(pair.a, 0), 5);
    crew_port_close(moved);
    check_equal(receive_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
    close_pair(way);
}

CREW_TEST(M8_a_port_moves_twice_before_anyone_receives)
{
    struct pair one = make_channel();
    struct pair two = make_channel();
    struct pair pair = make_channel();
    crew_message *message = NULL;
    crew_port *at_two;
    crew_port *moved;

    /* In a message that waits in a port that waits. */
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(post_port(two.a, pair.b, 0), 0);
    check_equal(post_tag(pair.a, 2), 0);
    check_equal(post_port(one.a, two.b, 0), 0);
    check_equal(post_tag(pair.a, 3), 0);
    /* It is received, and moves on at once. */
    check_equal(crew_receive(one.b, &message, 0), 0);
    check_equal(crew_post(one.b, message), 0);
    crew_message_free(message);
    at_two = receive_port(one.a, 0);
    moved = receive_port(at_two, 0);
    for (unsigned i = 1; i <= 3; i++)
        check_equal(receive_tag(moved, 0), i);
    crew_port_close(moved);
    crew_port_close(at_two);
    crew_port_close(two.a);
    crew_port_close(pair.a);
    close_pair(one);
}

CREW_TEST(M9_a_listening_port_moves_and_is_heard_no_more)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    crew_inbox *other = make_inbox();
    struct heard before = hear_from(0);
    struct heard after = hear_from(10);
    crew_port *moved;

    check_equal(listen_with(pair.b, inbox, &before), 0);
    for (unsigned i = 0; i < 20; i++)
        check_equal(post_tag(pair.a, i), 0);
    check_equal(crew_inbox_dispatch(inbox, 10), 10);
    check_equal(post_port(way.a, pair.b, 0), 0);
    check_equal(crew_inbox_run(inbox), 0); /* it holds nothing any more */
    check_equal(crew_inbox_destroy(inbox), 0);
    moved = receive_port(way.b, 0);
    check_equal(post_tag(pair.a, 20), 0);
    check_equal(listen_with(moved, other, &after), 0);
    check_equal(crew_inbox_dispatch(other, 0), 11);
    check_equal(before.messages, 10);
    check_equal(before.closes, 0);
    crew_port_close(pair.a);
    dispatch_all(other);
    check_equal(before.closes, 0); /* NC9 */
    check_equal(after.closes, 1);
    crew_port_close(moved);
    close_pair(way);
    end_all(NULL, NULL, other);
}

static void move_itself(struct heard *heard, crew_port *port,
                        crew_message *message)
{
    struct pair *way = heard->data;

    if (message->tag == 3) {
        check_equal(post_port(way->a, port, 0), 0);
        /* The new owner has it at once. */
        check(receive_port(way->b, 0) == port);
        check_equal(receive_tag(port, 0), 4);
        check_equal(listen_with(port, NULL, heard), -EINVAL);
    }
}

CREW_TEST(M9_a_port_is_moved_by_its_own_callback)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    heard.also = move_itself;
    heard.data = &way;
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    for (unsigned i = 0; i < 10; i++)
        check_equal(post_tag(pair.a, i), 0);
    check_equal(dispatch_all(inbox), 4);
    for (unsigned i = 5; i < 10; i++)
        check_equal(receive_tag(pair.b, 0), i);
    close_pair(pair);
    close_pair(way);
    check_equal(heard.closes, 0);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NC9_the_new_owner_closes_a_moved_port)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard at_a = hear_from(0);
    struct heard at_b = hear_from(0);

    check_equal(listen_with(pair.a, inbox, &at_a), 0);
    check_equal(listen_with(pair.b, inbox, &at_b), 0);
    check_equal(post_port(way.a, pair.b, 0), 0);
    crew_port_close(receive_port(way.b, 0));
    dispatch_all(inbox);
    check_equal(at_a.closes, 1);
    check_equal(at_b.closes, 0);
    crew_port_close(pair.a);
    close_pair(way);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(a_closing_port_does_not_move)
{
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    crew_port_close(pair.b);
    check_equal(post_port(way.a, pair.b, 0), -EINVAL);
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    crew_port_close(pair.a);
    close_pair(way);
    end_all(NULL, NULL, inbox);
}

/* ---- between threads: NX8, and M7 while the other side posts ----------------- */

struct relay {
    struct pair way, pair;
    unsigned n;
};

static void pass_on(unsigned index, void *arg)
{
    struct relay *relay = arg;
    crew_port *port = relay->pair.b;
    unsigned came = 0;

    if (index == 2) {
        for (unsigned i = 0; i < relay->n; i++) {
            crew_message message = {.tag = i};

            check_equal(crew_post_wait(relay->pair.a, &message, LONG_WAIT), 0);
        }
        crew_port_close(relay->pair.a);
        return;
    }
    /* Two threads throw the port to each other, with the number that it has
     * come to, and each receives some of what is posted meanwhile. */
    for (bool mine = index == 0;; mine = false) {
        crew_port *end = index == 0 ? relay->way.a : relay->way.b;
        crew_message *message = NULL;
        int64_t r = 0;

        if (!mine) {
            if (!check_equal(crew_receive(end, &message, LONG_WAIT), 0))
                return;
            if (message->port_count == 0) {
                crew_message_free(message);
                return;
            }
            came = (unsigned)message->tag;
            port = message->ports[0];
            message->ports[0] = NULL;
            crew_message_free(message);
        }
        for (unsigned i = 0; i < 5 && r >= 0; i++) {
            r = receive_tag(port, LONG_WAIT);
            if (r >= 0)
                check_equal(r, came++);
        }
        if (r == -EPIPE) {
            check_equal(came, relay->n);
            crew_port_close(port);
            check_equal(post_tag(end, 0), 0); /* the other ends, too */
            return;
        }
        check_equal(post_port(end, port, came), 0);
    }
}

CREW_TEST(M7_NX8_a_port_is_thrown_between_threads_while_others_post)
{
    struct relay relay = {make_channel(), make_channel(), MANY(50000)};

    test_threads(3, pass_on, &relay);
    close_pair(relay.way);
}

struct ball {
    struct pair way, pair;
    unsigned rounds;
};

static void play_with_moved(unsigned index, void *arg)
{
    struct ball *ball = arg;
    crew_port *port = ball->pair.a;

    if (index == 0) {
        check_equal(post_port(ball->way.a, ball->pair.b, 0), 0);
    } else {
        port = receive_port(ball->way.b, LONG_WAIT);
        if (!check(port != NULL))
            return;
    }
    for (unsigned i = 0; i < ball->rounds; i++) {
        if (index == 0)
            check_equal(post_tag(port, i), 0);
        if (!check_equal(receive_tag(port, LONG_WAIT), i))
            return;
        if (index == 1)
            check_equal(post_tag(port, i), 0);
    }
    crew_port_close(port);
}

CREW_TEST(NX8_a_moved_port_plays_ping_pong)
{
    struct ball ball = {make_channel(), make_channel(), MANY(10000)};

    test_threads(2, play_with_moved, &ball);
    close_pair(ball.way);
}
