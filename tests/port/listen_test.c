/* Listening: an item's rest and flight, its turns, and what ends it. */
#include "../acceptance/mail.h"
#include "unlock.h"

#include "base/census.h"
#include "base/fault.h"
#include "base/mark.h"
#include "base/tunables.h"
#include "port/port.h"

static struct pair pair;
static crew_inbox *inbox;
static struct heard heard;

/* b listens. */
static void begin(void)
{
    pair = make_channel();
    inbox = make_inbox();
    heard = hear_from(0);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
}

static void end(void)
{
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

static bool is_armed(void)
{
    return crew__load_relaxed(&pair.b->wants) & CREW__PORT_ARMED;
}

static bool is_free(crew_port *port)
{
    return crew__load_relaxed(port->token) == 0;
}

CREW_TEST(an_item_is_at_rest_or_in_flight)
{
    begin();
    for (unsigned round = 0; round < 3; round++) {
        check(is_armed() && !pair.b->listening->in_flight);
        check_equal(crew_inbox_pending(inbox), 0);
        for (unsigned i = 0; i < 4; i++) {
            check_equal(post_tag(pair.a, 4 * round + i), 0);
            check(!is_armed() && pair.b->listening->in_flight);
            check_equal(crew_inbox_pending(inbox), 1); /* one for a burst */
        }
        check_equal(dispatch_all(inbox), 4);
        check(is_free(pair.b));
    }
    check_equal(heard.messages, 12);
    end();
}

CREW_TEST(what_waits_is_news_to_who_begins_to_listen)
{
    begin();
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(!is_armed() && pair.b->listening->in_flight);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(dispatch_all(inbox), 1);
    end();
}

/* ---- orphans --------------------------------------------------------------- */

CREW_TEST(an_orphan_says_nothing_and_is_freed)
{
    crew_inbox *other = make_inbox();
    struct crew__listening *first;

    begin();
    first = pair.b->listening;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check(pair.b->listening == NULL && !is_armed());
    /* Elsewhere it goes on, with another item. */
    check_equal(listen_with(pair.b, other, &heard), 0);
    check(pair.b->listening != first);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(dispatch_all(inbox), 0);
    check_equal(crew__mark_count(CREW__MARK_PORT_ORPHAN), 1);
    check_equal(heard.messages, 0);
    check_equal(dispatch_all(other), 1);
    check_equal(heard.messages, 1);
    end();
    dispatch_all(other);
    end_all(NULL, NULL, other);
}

/* The port, too, stays until its orphan has come. */
CREW_TEST(an_orphan_outlives_its_ports)
{
    size_t live;

    begin();
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    close_pair(pair);
    live = crew__census_live(0);
    check_equal(dispatch_all(inbox), 0);
    check_at_most(crew__census_live(0), live - 2); /* it, and the channel */
    check_equal(heard.closes, 0);
    end_all(NULL, NULL, inbox);
}

/* ---- turns ----------------------------------------------------------------- */

/* Somebody is about to move the port, or may yet give that up. */
CREW_TEST(a_turn_that_finds_the_token_taken_comes_again)
{
    begin();
    check_equal(post_tag(pair.a, 0), 0);
    assert_true(crew__port_try_token(pair.b));
    for (unsigned i = 0; i < 3; i++) {
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        check_equal(crew_inbox_pending(inbox), 1);
    }
    check_equal(heard.messages, 0);
    crew__port_give_token(pair.b);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.messages, 1);
    end();
}

CREW_TEST(a_turn_is_bounded_and_so_is_a_dispatch)
{
    begin();
    for (unsigned i = 0; i < 2 * CREW__PORT_TURN + 2; i++)
        check_equal(post_tag(pair.a, i), 0);
    check_equal(crew_inbox_dispatch(inbox, 1), 1); /* by what it may call */
    check(pair.b->delivery == NULL && is_free(pair.b));
    check_equal(heard.messages, 1);
    check_equal(crew__mark_count(CREW__MARK_PORT_TURN), 1);
    check_equal(crew_inbox_dispatch(inbox, 0), 2 * CREW__PORT_TURN + 1);
    check_equal(crew__mark_count(CREW__MARK_PORT_TURN), 3);
    check_equal(crew_inbox_pending(inbox), 0);
    end();
}

/* It has its own place among what a dispatch may call. */
CREW_TEST(the_close_comes_in_a_dispatch_of_its_own_where_one_was_full)
{
    begin();
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0);
    crew_port_close(pair.a);
    check_equal(crew_inbox_dispatch(inbox, 2), 2);
    check_equal(heard.closes, 0);
    check_equal(crew_inbox_dispatch(inbox, 2), 1);
    check_equal(heard.closes, 1);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(listen_with(pair.b, inbox, &heard), -EPIPE);
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
}

/* Messages count, though nobody looks at them; a close that is not told does
 * not. */
CREW_TEST(a_listener_without_callbacks_frees_what_comes)
{
    crew_listener deaf = {.on_message = NULL};
    unsigned releases = 0;

    begin();
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check_equal(crew_listen(pair.b, inbox, &deaf), 0);
    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    crew_port_close(pair.a);
    check_equal(dispatch_all(inbox), 1);
    check_equal(releases, 1);
    check(crew__port_state(pair.b) & CREW__PORT_OVER);
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
}

/* ---- the end --------------------------------------------------------------- */

static void dispatch_now(void *arg)
{
    check_equal(crew_inbox_dispatch(arg, 0), 0);
    check_equal(heard.closes, 0);
    check(!pair.b->listening->in_flight);
}

/* Nothing may be drained yet: who posts has not been shut out. */
CREW_TEST(a_turn_beside_a_close_leaves_the_end_to_the_closer)
{
    begin();
    check_equal(post_tag(pair.a, 0), 0);
    step_in_after(1, NULL, dispatch_now, inbox);
    crew_port_close(pair.b);
    assert_true(stepped_in());
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.messages, 0);
    check_equal(heard.closes, 1);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

static void stop_and_look(struct heard *h, crew_port *port, crew_message *m)
{
    (void)h;
    (void)m;
    check(crew__listening_is_own(port));
    check(!is_free(port)); /* its delivery has it */
    check_equal(crew_listen(port, NULL, NULL), 0);
    check(is_free(port) && !port->delivery);
    check(!crew__listening_is_own(port));
    check_equal(receive_tag(port, 0), 1); /* and it may receive */
}

CREW_TEST(one_that_stops_in_its_callback_may_receive_there)
{
    begin();
    heard.also = stop_and_look;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.messages, 1);
    check_equal(crew_inbox_destroy(inbox), 0); /* nothing is attached */
    close_pair(pair);
}

static void stop_elsewhere(unsigned index, void *arg)
{
    (void)index;
    check(!crew__listening_is_own(arg));
    check_equal(crew_listen(arg, NULL, NULL), -EBUSY);
}

static void have_it_stopped(struct heard *h, crew_port *port, crew_message *m)
{
    (void)h;
    (void)m;
    test_threads(1, stop_elsewhere, port);
    check(port->listening != NULL);
}

CREW_TEST(one_whose_callback_runs_is_stopped_by_nobody_else)
{
    begin();
    heard.also = have_it_stopped;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(post_tag(pair.a, 1), 0);
    heard.also = NULL;
    check_equal(dispatch_all(inbox), 1); /* it listens as before */
    end();
}

/* ---- beginning ------------------------------------------------------------- */

CREW_TEST(a_listen_that_fails_leaves_nothing)
{
    size_t live;

    begin();
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    live = crew__census_live(0);
    crew__fault_arm(1, false);
    check_equal(listen_with(pair.b, inbox, &heard), -ENOMEM);
    crew__fault_arm(0, false);
    assert_true(crew__port_try_token(pair.b)); /* as a receiver's */
    check_equal(listen_with(pair.b, inbox, &heard), -EBUSY);
    check(!is_free(pair.b));
    crew__port_give_token(pair.b);
    check_equal(crew__census_live(0), live);
    check(!(crew__port_state(pair.b) & CREW__PORT_LISTENING));
    check_equal(crew_inbox_run(inbox), 0); /* nothing holds it */
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(listen_with(pair.b, inbox, &heard), -EBUSY);
    check_equal(crew__census_live(0), live + 1);
    end();
}

CREW_TEST(what_cannot_be_listened_to)
{
    crew_listener listener = {.on_message = NULL};

    begin();
    check_equal(crew_listen(NULL, inbox, &listener), -EINVAL);
    check_equal(crew_listen(pair.a, NULL, &listener), -EINVAL);
    check_equal(crew_listen(NULL, NULL, NULL), -EINVAL);
    for (unsigned i = 0; i < 4; i++) {
        listener.reserved[i] = 1;
        check_equal(crew_listen(pair.a, inbox, &listener), -EINVAL);
        listener.reserved[i] = 0;
    }
    check(pair.a->listening == NULL);
    check_equal(crew_listen(pair.a, NULL, NULL), 0); /* it does not listen */
    end();
}

/* ---- references ------------------------------------------------------------ */

/* What holds is counted: an odd one out would keep the run, or end it early. */
CREW_TEST(references_are_counted_whenever_they_change)
{
    begin();
    crew_port_unref(pair.b);
    crew_port_unref(pair.b);
    check(!crew_port_has_ref(pair.b));
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(crew_listen(pair.b, NULL, NULL), 0); /* lets go of nothing */
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(!crew_port_has_ref(pair.b));
    check_equal(crew_inbox_run(inbox), 0);
    crew_port_ref(pair.b);
    crew_port_ref(pair.b);
    check(crew_port_has_ref(pair.b));
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check(!crew_port_has_ref(pair.b));
    check_equal(crew_inbox_run(inbox), 0);
    crew_port_unref(pair.a); /* which does not listen */
    check(!crew_port_has_ref(pair.a));
    check_equal(listen_with(pair.a, inbox, &heard), 0);
    check_equal(crew_inbox_run(inbox), 0);
    crew_port_ref(NULL);
    crew_port_unref(NULL);
    check(!crew_port_has_ref(NULL));
    end();
}
