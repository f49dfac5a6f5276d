/*
 * What broke once: a post that was refused before its port listened, or under a
 * listener that was replaced, was forgotten, and on_room never came; and who
 * waited for room was still inside a channel whose ends had both been closed.
 */
#include "port/port.h"

#include "../acceptance/mail.h"

struct full {
    struct pair pair;
    crew_inbox *inbox;
    struct heard heard;
};

static struct full make_full(void)
{
    struct full full = {make_pair_of(1, 0), make_inbox(), hear_from(0)};

    check_equal(post_tag(full.pair.a, 1), 0);
    check_equal(post_tag(full.pair.a, 2), -EAGAIN);
    return full;
}

static void end_full(struct full *full)
{
    close_pair(full->pair);
    dispatch_all(full->inbox);
    end_all(NULL, NULL, full->inbox);
}

CREW_TEST(a_post_that_was_refused_before_its_port_listened_is_told_of_room)
{
    struct full full = make_full();

    check_equal(listen_with(full.pair.a, full.inbox, &full.heard), 0);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 0);
    check_equal(receive_tag(full.pair.b, 0), 1);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 1);
    check_equal(post_tag(full.pair.a, 2), 0);
    check_equal(receive_tag(full.pair.b, 0), 2);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 1);
    end_full(&full);
}

CREW_TEST(room_that_came_before_a_port_listened_is_told_when_it_does)
{
    struct full full = make_full();

    check_equal(receive_tag(full.pair.b, 0), 1);
    check_equal(listen_with(full.pair.a, full.inbox, &full.heard), 0);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 1);
    end_full(&full);
}

CREW_TEST(a_wish_for_room_outlives_its_listener)
{
    struct full full = make_full();
    struct heard next = hear_from(0);
    crew_listener deaf = {.on_room = NULL};

    check_equal(listen_with(full.pair.a, full.inbox, &full.heard), 0);
    check_equal(crew_listen(full.pair.a, NULL, NULL), 0);
    check_equal(crew_listen(full.pair.a, full.inbox, &deaf), 0);
    check_equal(receive_tag(full.pair.b, 0), 1);
    dispatch_all(full.inbox);
    check_equal(crew_listen(full.pair.a, NULL, NULL), 0);
    check_equal(listen_with(full.pair.a, full.inbox, &next), 0);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 0);
    check_equal(next.rooms, 1);
    end_full(&full);
}

/* A poster that got through since knows of the room that there was. */
CREW_TEST(a_post_that_gets_through_takes_back_an_old_wish_for_room)
{
    struct full full = make_full();

    check_equal(receive_tag(full.pair.b, 0), 1);
    check_equal(listen_with(full.pair.a, full.inbox, &full.heard), 0);
    check_equal(post_tag(full.pair.a, 2), 0);
    check_equal(post_tag(full.pair.a, 3), -EAGAIN);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 0);
    check_equal(receive_tag(full.pair.b, 0), 2);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 1);
    end_full(&full);
}

/* It has posted nothing on it. */
CREW_TEST(the_next_owner_of_a_full_port_is_told_of_no_room)
{
    struct full full = make_full();
    struct pair way = make_channel();

    check_equal(post_port(way.a, full.pair.a, 0), 0);
    full.pair.a = receive_port(way.b, 0);
    check_equal(receive_tag(full.pair.b, 0), 1);
    check_equal(listen_with(full.pair.a, full.inbox, &full.heard), 0);
    dispatch_all(full.inbox);
    check_equal(full.heard.rooms, 0);
    close_pair(way);
    end_full(&full);
}

/* ---- ends that are closed under who waits for room ------------------------ */

#define WAITERS 2u

static void *wait_for_room(void *port)
{
    crew_message message = {.tag = 2};

    check_equal(crew_post_wait(port, &message, CREW_FOREVER), -EPIPE);
    return NULL;
}

static bool all_wait(void *arg)
{
    crew_port *port = arg;
    unsigned count = 0;

    crew__lock(&port->lock);
    for (struct crew__port_sleeper *at = port->room; at; at = at->next)
        count++;
    crew__unlock(&port->lock);
    return count == WAITERS;
}

/* The first close lets them go, the second came while they were on their way
 * out, and took the channel from under them. */
CREW_TEST(both_ends_are_closed_under_who_waits_for_room)
{
    for (unsigned i = 0; i < MANY(500); i++) {
        struct pair pair = make_pair_of(1, 0);
        pthread_t threads[WAITERS];

        check_equal(post_tag(pair.a, 1), 0);
        for (unsigned k = 0; k < WAITERS; k++)
            check_equal(
                pthread_create(&threads[k], NULL, wait_for_room, pair.a), 0);
        test_poll(all_wait, pair.a, LONG_WAIT);
        crew_port_close(i % 2 ? pair.a : pair.b);
        crew_port_close(i % 2 ? pair.b : pair.a);
        for (unsigned k = 0; k < WAITERS; k++)
            pthread_join(threads[k], NULL);
    }
}
