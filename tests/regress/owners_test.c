/*
 * What broke once: what a port's owner had done with it, or had been told, was
 * still so for the one that it moved to.
 */
#include "../acceptance/mail.h"

/* By a message; the handle at its arrival. */
static crew_port *pass_on(crew_port *port)
{
    struct pair way = make_channel();
    crew_port *moved;

    check_equal(post_port(way.a, port, 0), 0);
    moved = receive_port(way.b, 0);
    close_pair(way);
    return moved;
}

/* Else the loop of the new owner would end under it. */
CREW_TEST(a_port_that_was_unreferenced_holds_the_run_of_its_next_owner)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(1);

    crew_port_unref(pair.b);
    pair.b = pass_on(pair.b);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(crew_port_has_ref(pair.b));
    check(crew_inbox_is_alive(inbox));
    crew_port_unref(pair.b);
    check(!crew_inbox_is_alive(inbox));
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* The one before was told of the close, so nobody would tell this one. */
CREW_TEST(the_next_owner_of_a_port_hears_that_the_other_side_is_closed)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard first = hear_from(0);
    struct heard second = hear_from(0);

    check_equal(listen_with(pair.b, inbox, &first), 0);
    crew_port_close(pair.a);
    dispatch_all(inbox);
    check_equal(first.closes, 1);
    check_equal(listen_with(pair.b, inbox, &first), -EPIPE);
    pair.b = pass_on(pair.b);
    check_equal(listen_with(pair.b, inbox, &second), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(second.closes, 1);
    check_equal(listen_with(pair.b, inbox, &second), -EPIPE);
    check_equal(first.closes, 1);
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
}
