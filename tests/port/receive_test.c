/* Receiving: who is refused, what a sleep leaves behind, and several ports. */
#include "../acceptance/mail.h"

#include "port/port.h"
#include "runtime/cancel.h"

#include <sched.h>

static bool is_free(crew_port *port)
{
    return crew__load_relaxed(port->token) == 0;
}

static bool is_awaited(crew_port *port)
{
    bool awaited;

    crew__lock(&port->lock);
    awaited = port->sleeper != NULL;
    check_equal((crew__load_relaxed(&port->wants) & CREW__PORT_SLEEPER) != 0,
                awaited);
    crew__unlock(&port->lock);
    return awaited;
}

static bool is_at_rest(crew_port *port)
{
    return is_free(port) && !is_awaited(port);
}

CREW_TEST(one_at_a_time_receives)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_message *message = NULL;

    check_equal(post_tag(pair.a, 0), 0);
    assert_true(crew__port_try_token(pair.b));
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EBUSY);
    check(!is_free(pair.b));
    crew__port_give_token(pair.b);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EBUSY);
    check(is_free(pair.b));
    crew_port_close(pair.b); /* its handle goes with the dispatch */
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EPIPE);
    check_equal(crew_receive(pair.b, &message, -2), -EINVAL);
    check(message == NULL);
    dispatch_all(inbox);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(who_is_canceled_does_not_wait_but_takes)
{
    struct pair pair = make_channel();
    struct crew__cancel cancel;
    crew_message *message = NULL;
    size_t which = 9;

    crew__cancel_init(&cancel);
    crew__cancel_set_current(&cancel);
    crew__cancel_fire(&cancel);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(receive_tag(pair.b, CREW_FOREVER), -ECANCELED);
    check_equal(crew_receive_any(&pair.b, 1, &which, &message, 1), -ECANCELED);
    check_equal(which, 9);
    check_equal(receive_tag(pair.b, 0), 1);
    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT);
    crew__cancel_set_current(NULL);
    check(is_at_rest(pair.b));
    close_pair(pair);
}

/* ---- sleeping --------------------------------------------------------------- */

enum { PORTS = 3 };

struct sleeping {
    struct pair pairs[PORTS];
    crew_port *ports[PORTS + 1]; /* the b of each, and a gap */
    size_t count;
    struct crew__cancel cancel;
    int result;
    size_t which;
    uint64_t tag;
    void (*wake)(struct sleeping *s);
};

static void sleep_now(struct sleeping *s)
{
    crew_message *message = NULL;

    crew__cancel_set_current(&s->cancel);
    if (s->count == 1)
        s->result = crew_receive(s->ports[0], &message, CREW_FOREVER);
    else
        s->result = crew_receive_any(s->ports, s->count, &s->which, &message,
                                     CREW_FOREVER);
    crew__cancel_set_current(NULL);
    if (message)
        s->tag = message->tag;
    crew_message_free(message);
}

static bool are_awaited(void *arg)
{
    struct sleeping *s = arg;
    bool awaited = true;

    for (size_t i = 0; i < s->count; i++)
        awaited = (!s->ports[i] || is_awaited(s->ports[i])) && awaited;
    return awaited;
}

static void sleep_or_wake(unsigned index, void *arg)
{
    struct sleeping *s = arg;

    if (index == 0) {
        sleep_now(s);
        return;
    }
    test_poll(are_awaited, s, LONG_WAIT);
    s->wake(s);
}

static void begin(struct sleeping *s, size_t count)
{
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < PORTS; i++) {
        s->pairs[i] = make_channel();
        s->ports[i < 1 ? i : i + 1] = s->pairs[i].b; /* the second is NULL */
    }
    s->count = count;
    s->which = 99;
    crew__cancel_init(&s->cancel);
}

static void wake_by(struct sleeping *s, void (*wake)(struct sleeping *s))
{
    s->wake = wake;
    test_threads(2, sleep_or_wake, s);
}

static void end(struct sleeping *s)
{
    for (unsigned i = 0; i < PORTS; i++) {
        check(is_at_rest(s->pairs[i].b));
        close_pair(s->pairs[i]);
    }
}

static void fire(struct sleeping *s)
{
    crew__cancel_fire(&s->cancel);
}

static void post_to_last(struct sleeping *s)
{
    check_equal(post_tag(s->pairs[PORTS - 1].a, 5), 0);
}

static void close_last(struct sleeping *s)
{
    crew_port_close(s->pairs[PORTS - 1].a);
    s->pairs[PORTS - 1].a = NULL;
}

static void tell_for_nothing(struct sleeping *s)
{
    crew__port_tell(s->pairs[0].b);
    test_poll(are_awaited, s, LONG_WAIT); /* again */
    check_equal(post_tag(s->pairs[0].a, 6), 0);
}

CREW_TEST(a_sleep_that_is_canceled_leaves_no_trace)
{
    struct sleeping s;

    begin(&s, 1);
    wake_by(&s, fire);
    check_equal(s.result, -ECANCELED);
    end(&s);
    begin(&s, PORTS + 1);
    wake_by(&s, fire);
    check_equal(s.result, -ECANCELED);
    check_equal(s.which, 99);
    end(&s);
}

CREW_TEST(a_sleep_that_ends_for_nothing_goes_on)
{
    struct sleeping s;

    begin(&s, 1);
    wake_by(&s, tell_for_nothing);
    check_equal(s.result, 0);
    check_equal(s.tag, 6);
    end(&s);
    begin(&s, PORTS + 1);
    wake_by(&s, tell_for_nothing);
    check_equal(s.result, 0);
    check_equal(s.tag, 6);
    check_equal(s.which, 0);
    end(&s);
}

CREW_TEST(any_of_several_wakes_and_none_remembers)
{
    struct sleeping s;

    begin(&s, PORTS + 1);
    wake_by(&s, post_to_last);
    check_equal(s.result, 0);
    check_equal(s.tag, 5);
    check_equal(s.which, PORTS);
    wake_by(&s, close_last);
    check_equal(s.result, -EPIPE);
    check_equal(s.which, PORTS);
    end(&s);
}

CREW_TEST(a_timeout_leaves_no_trace)
{
    struct pair pair = make_channel();
    crew_message *message = NULL;
    size_t which = 9;

    check_equal(receive_tag(pair.b, 1), -ETIMEDOUT);
    check(is_at_rest(pair.b));
    check_equal(crew_receive_any(&pair.b, 1, &which, &message, 1), -ETIMEDOUT);
    check_equal(which, 9);
    check(is_at_rest(pair.b));
    check(message == NULL);
    close_pair(pair);
}

/* ---- those who tell -------------------------------------------------------- */

struct telling {
    struct crew__port_sleeper sleeper;
    struct test_gate begun;
    unsigned left; /* atomic, as a wrong one would be early */
};

static void tell_or_be_told(unsigned index, void *arg)
{
    struct telling *t = arg;

    if (index == 0) {
        test_gate_open(&t->begun);
        crew__port_sleeper_dismiss(&t->sleeper);
        __atomic_store_n(&t->left, 1, __ATOMIC_RELAXED);
        return;
    }
    test_gate_wait(&t->begun);
    for (unsigned i = 0; i < 1000; i++) { /* many chances to be wrong */
        sched_yield();
        check_equal(__atomic_load_n(&t->left, __ATOMIC_RELAXED), 0);
    }
    crew__port_sleepers_told(&t->sleeper);
}

/* Its memory is touched until then. */
CREW_TEST(a_sleeper_that_has_been_found_stays_until_it_is_told)
{
    struct telling t = {.left = 0};

    test_gate_init(&t.begun);
    crew__port_sleeper_init(&t.sleeper);
    crew__port_sleeper_dismiss(&t.sleeper); /* nobody has found it */
    crew__port_sleeper_found(&t.sleeper);
    test_threads(2, tell_or_be_told, &t);
    check(crew__park(&t.sleeper.parker, 0)); /* the token came */
    test_gate_fini(&t.begun);
}

CREW_TEST(a_closed_port_is_not_awaited)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    struct crew__port_sleeper sleeper;
    struct crew__port_sleeper other;

    crew__port_sleeper_init(&sleeper);
    crew__port_sleeper_init(&other);
    check(crew__port_await(pair.b, &sleeper));
    crew__port_stop_awaiting(pair.b, &other); /* not its own */
    check(is_awaited(pair.b));
    crew__port_stop_awaiting(pair.b, &sleeper);
    check(!is_awaited(pair.b));
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    crew_port_close(pair.b);
    check(!crew__port_await(pair.b, &sleeper));
    check(!is_awaited(pair.b));
    dispatch_all(inbox);
    crew_port_close(pair.a);
    end_all(NULL, NULL, inbox);
}

/* ---- several ports --------------------------------------------------------- */

static void check_any(crew_port *const *ports, size_t count, int error)
{
    crew_message *message = NULL;
    size_t which = 9;

    check_equal(crew_receive_any(ports, count, &which, &message, CREW_FOREVER),
                error);
    check_equal(which, 9);
    check(message == NULL);
}

static int receive_forked(void *arg)
{
    struct pair *inherited = arg;
    struct pair own = make_channel();
    crew_port *ports[] = {own.b, inherited->b};

    check_any(ports, 2, -EOWNERDEAD);
    check(is_at_rest(own.b));
    close_pair(own);
    close_pair(*inherited);
    return 0;
}

CREW_TEST(all_are_held_or_none)
{
    struct pair first = make_channel();
    struct pair second = make_channel();
    crew_port *ports[] = {first.b, NULL, second.b, first.b};

    check_equal(post_tag(first.a, 1), 0);
    check_any(ports, 4, -EBUSY); /* it stands there twice */
    check(is_at_rest(first.b) && is_at_rest(second.b));
    assert_true(crew__port_try_token(second.b));
    check_any(ports, 3, -EBUSY);
    check(is_at_rest(first.b) && !is_free(second.b));
    crew__port_give_token(second.b);
    check_equal(test_in_child(receive_forked, &second), 0);
    check_equal(receive_tag(first.b, 0), 1);
    close_pair(first);
    close_pair(second);
}

CREW_TEST(what_several_are_asked_that_makes_no_sense)
{
    struct pair pair = make_channel();
    crew_message *message = NULL;
    size_t which = 9;

    check_any(NULL, 1, -EINVAL);
    check_any(&pair.b, 0, -EINVAL);
    check_equal(crew_receive_any(&pair.b, 1, NULL, &message, 0), -EINVAL);
    check_equal(crew_receive_any(&pair.b, 1, &which, NULL, 0), -EINVAL);
    check_equal(crew_receive_any(&pair.b, 1, &which, &message, -2), -EINVAL);
    check_equal(which, 9);
    check(is_at_rest(pair.b));
    close_pair(pair);
}

CREW_TEST(gaps_alone_are_all_left_out)
{
    crew_port *ports[2] = {NULL, NULL};
    crew_message *message = NULL;
    size_t which = 9;

    check_equal(crew_receive_any(ports, 2, &which, &message, CREW_FOREVER),
                -EPIPE);
    check_equal(which, 2);
}
