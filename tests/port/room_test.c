/* Room: who waits for it, who is told, and who gives up. */
#include "../acceptance/mail.h"
#include "unlock.h"

#include "port/port.h"
#include "runtime/cancel.h"

enum { WAITERS = 3 };

/* ---- those that wait ------------------------------------------------------- */

struct crowd {
    struct pair pair;
    unsigned waiting; /* that are to be there */
    crew_ns timeout;
    int results[WAITERS];
    struct crew__cancel *cancel; /* of the first, or NULL */
};

static unsigned count_sleepers(crew_port *port)
{
    unsigned count = 0;

    crew__lock(&port->lock);
    for (struct crew__port_sleeper *s = port->room; s; s = s->next)
        count++;
    crew__unlock(&port->lock);
    return count;
}

static bool are_there(void *arg)
{
    struct crowd *crowd = arg;

    return count_sleepers(crowd->pair.a) == crowd->waiting;
}

static void await_crowd(struct crowd *crowd, unsigned count)
{
    crowd->waiting = count;
    test_poll(are_there, crowd, LONG_WAIT);
}

static void wait_for_room(struct crowd *crowd, unsigned index)
{
    crew_message message = {.tag = index};

    if (index == 0)
        crew__cancel_set_current(crowd->cancel);
    crowd->results[index] = crew_post_wait(crowd->pair.a, &message,
                                           crowd->timeout);
    crew__cancel_set_current(NULL);
}

static void be_told_for_nothing(unsigned index, void *arg)
{
    struct crowd *crowd = arg;

    if (index < WAITERS) {
        wait_for_room(crowd, index);
        return;
    }
    await_crowd(crowd, WAITERS);
    crew__port_tell_room(crowd->pair.a); /* though there is none */
    await_crowd(crowd, WAITERS);
    check_equal(receive_tag(crowd->pair.b, 0), 99);
    await_crowd(crowd, WAITERS - 1); /* one was the first */
    crew_port_close(crowd->pair.b);
}

CREW_TEST(one_that_is_told_for_nothing_waits_on)
{
    struct crowd crowd = {.pair = make_pair_of(1, 0), .timeout = CREW_FOREVER};
    unsigned posted = 0;

    check_equal(post_tag(crowd.pair.a, 99), 0);
    test_threads(WAITERS + 1, be_told_for_nothing, &crowd);
    for (unsigned i = 0; i < WAITERS; i++) {
        posted += crowd.results[i] == 0;
        check(crowd.results[i] == 0 || crowd.results[i] == -EPIPE);
    }
    check_equal(posted, 1);
    check_equal(count_sleepers(crowd.pair.a), 0);
    crew_port_close(crowd.pair.a);
}

/* The others are still there, in whatever order they came. */
static void one_gives_up(unsigned index, void *arg)
{
    struct crowd *crowd = arg;

    if (index < WAITERS) {
        wait_for_room(crowd, index);
        return;
    }
    await_crowd(crowd, WAITERS);
    crew__cancel_fire(crowd->cancel);
    await_crowd(crowd, WAITERS - 1);
    crew_port_close(crowd->pair.a);
}

CREW_TEST(one_that_is_canceled_takes_itself_out)
{
    struct crew__cancel cancel;
    struct crowd crowd = {.timeout = CREW_FOREVER, .cancel = &cancel};
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    crew__cancel_init(&cancel);
    crowd.pair = make_pair_of(1, 0);
    /* So its handle is there until all have left it. */
    check_equal(listen_with(crowd.pair.a, inbox, &heard), 0);
    check_equal(post_tag(crowd.pair.a, 99), 0);
    test_threads(WAITERS + 1, one_gives_up, &crowd);
    check_equal(crowd.results[0], -ECANCELED);
    for (unsigned i = 1; i < WAITERS; i++)
        check_equal(crowd.results[i], -EPIPE);
    dispatch_all(inbox);
    check_equal(receive_tag(crowd.pair.b, 0), 99);
    check_equal(receive_tag(crowd.pair.b, 0), -EPIPE);
    crew_port_close(crowd.pair.b);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(one_that_is_late_leaves_no_trace)
{
    struct pair pair = make_pair_of(1, 0);
    crew_message message = {.tag = 1};

    check_equal(crew_post_wait(pair.a, &message, 0), 0);
    check_equal(crew_post_wait(pair.a, &message, 0), -ETIMEDOUT);
    check_equal(crew_post_wait(pair.a, &message, 1), -ETIMEDOUT);
    check(pair.a->room == NULL);
    check_equal(receive_tag(pair.b, 0), 1); /* finds nobody to tell */
    check_equal(crew_post_wait(pair.a, &message, 1), 0);
    close_pair(pair);
}

CREW_TEST(one_that_is_canceled_already_does_not_wait)
{
    struct pair pair = make_pair_of(1, 0);
    crew_message message = {.tag = 1};
    struct crew__cancel cancel;

    crew__cancel_init(&cancel);
    crew__cancel_set_current(&cancel);
    check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER), 0);
    crew__cancel_fire(&cancel);
    check_equal(receive_tag(pair.b, 0), 1);
    check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER), -ECANCELED);
    check_equal(pair.b->transport->waiting(pair.b), 0);
    check_equal(crew_post_wait(pair.a, &message, 0), 0); /* it waits for none */
    crew_port_close(pair.b);
    check_equal(crew_post_wait(pair.a, &message, 0), -EPIPE);
    crew__cancel_set_current(NULL);
    check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER), -EPIPE);
    crew_port_close(pair.a);
}

struct ending {
    struct pair pair;
    struct crew__cancel cancel;
};

static void terminate(void *arg)
{
    struct ending *ending = arg;

    crew__cancel_fire(&ending->cancel);
    crew_port_close(ending->pair.b);
}

/* Who terminates a worker ends its port, too: it is told the reason. */
CREW_TEST(one_that_is_canceled_as_its_port_ends_is_told_that)
{
    struct ending ending = {.pair = make_pair_of(1, 0)};
    crew_message message = {.tag = 1};

    crew__cancel_init(&ending.cancel);
    crew__cancel_set_current(&ending.cancel);
    check_equal(post_tag(ending.pair.a, 0), 0);
    step_in_after(1, &ending.pair.a->lock, terminate, &ending);
    check_equal(crew_post_wait(ending.pair.a, &message, CREW_FOREVER),
                -ECANCELED);
    check(stepped_in());
    crew__cancel_set_current(NULL);
    check_equal(crew_post_wait(ending.pair.a, &message, CREW_FOREVER), -EPIPE);
    check(ending.pair.a->room == NULL);
    crew_port_close(ending.pair.a);
}

CREW_TEST(what_cannot_be_asked_for)
{
    struct pair pair = make_channel();
    crew_message message = {.tag = 1};

    check_equal(crew_post_wait(NULL, &message, 0), -EINVAL);
    check_equal(crew_post_wait(pair.a, NULL, 0), -EINVAL);
    check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER - 1), -EINVAL);
    check_equal(pair.b->transport->waiting(pair.b), 0);
    close_pair(pair);
}

/* ---- on_room --------------------------------------------------------------- */

CREW_TEST(a_wish_goes_to_the_listener_who_wants_to_know)
{
    struct pair pair = make_pair_of(1, 0);
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_listener deaf = {.on_message = hear_message, .arg = &heard};

    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), -EAGAIN); /* nobody listens */
    check_equal(crew_listen(pair.a, inbox, &deaf), 0);
    check_equal(post_tag(pair.a, 1), -EAGAIN);
    check(!pair.a->listening->room_wish);
    check_equal(crew_listen(pair.a, NULL, NULL), 0);
    check_equal(listen_with(pair.a, inbox, &heard), 0);
    check(pair.a->listening->room_wish); /* whoever listened before */
    check_equal(receive_tag(pair.b, 0), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.rooms, 1);
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(a_wish_is_told_once_however_often_room_comes)
{
    struct pair pair = make_pair_of(1, 0);
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.a, inbox, &heard), 0);
    crew__port_tell_room(pair.a); /* nobody has wished */
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), -EAGAIN);
    crew__port_tell_room(pair.a);
    check(pair.a->listening->room_due && !pair.a->listening->room_wish);
    crew__port_tell_room(pair.a);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(post_tag(pair.a, 2), -EAGAIN); /* a wish while one is due */
    crew__port_tell_room(pair.a);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.rooms, 1);
    crew__port_tell_room(pair.a);
    check_equal(crew_inbox_pending(inbox), 0);
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* The receiver took between the refusal and the wish, and told nobody. */
CREW_TEST(a_wish_that_comes_after_room_is_told_at_once)
{
    struct pair pair = make_pair_of(1, 0);
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.a, inbox, &heard), 0);
    crew__port_wish_room(pair.a, 10);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.rooms, 1);
    check_equal(post_tag(pair.a, 0), 0);
    crew__port_wish_room(pair.a, 10); /* there is none now */
    check_equal(crew_inbox_pending(inbox), 0);
    close_pair(pair);
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    end_all(NULL, NULL, inbox);
}
