/* A hub: its queues, its room, and who comes or goes while a post is made. */
#include "../acceptance/mail.h"
#include "unlock.h"

#include "base/census.h"
#include "base/fault.h"
#include "port/port.h"

static crew_port *join(const crew_hub_options *options)
{
    crew_port *port = NULL;

    assert_int_equal(crew_hub_join(&port, "tests/hub", options), 0);
    return port;
}

/* One that never refuses: its post looks at no queue before it gives. */
static crew_port *join_dropping(size_t max_messages, size_t max_bytes)
{
    crew_hub_options options = {.max_messages = max_messages,
                                .max_bytes = max_bytes,
                                .when_full = CREW_FULL_DROP_OLDEST};

    return join(&options);
}

static crew_port *join_refusing(size_t max_messages, size_t max_bytes)
{
    crew_hub_options options = {.max_messages = max_messages,
                                .max_bytes = max_bytes};

    return join(&options);
}

static int post_size(crew_port *port, size_t size, uint64_t tag)
{
    static const char bytes[100];

    return crew_post(port,
                     &(crew_message){.bytes = bytes, .size = size, .tag = tag});
}

static size_t waiting(crew_port *port)
{
    return port->transport->waiting(port);
}

/* ---- the queue -------------------------------------------------------------- */

CREW_TEST(a_full_one_drops_as_many_as_it_must)
{
    crew_port *poster = join(NULL);
    crew_port *member = join_dropping(4, 20);

    for (unsigned i = 0; i < 4; i++)
        check_equal(post_size(poster, 5, i), 0);
    check_equal(crew_hub_dropped(member), 0);
    check_equal(post_size(poster, 0, 4), 0); /* by their number */
    check_equal(crew_hub_dropped(member), 1);
    check_equal(post_size(poster, 11, 5), 0); /* by their bytes */
    check_equal(crew_hub_dropped(member), 3);
    check_equal(waiting(member), 3);
    check_equal(post_size(poster, 100, 6), 0); /* alone, whatever its size */
    check_equal(crew_hub_dropped(member), 6);
    check_equal(receive_tag(member, 0), 6);
    check_equal(receive_tag(member, 0), -ETIMEDOUT);
    check_equal(post_size(poster, 20, 7), 0); /* it is empty again */
    check_equal(crew_hub_dropped(member), 6);
    crew_port_close(member);
    crew_port_close(poster);
}

CREW_TEST(one_that_is_full_of_bytes_refuses)
{
    crew_port *poster = join(NULL);
    crew_port *member = join_refusing(100, 20);

    check_equal(post_size(poster, 100, 0), 0); /* nothing waits */
    check_equal(post_size(poster, 0, 1), -EAGAIN);
    check_equal(receive_tag(member, 0), 0);
    check_equal(post_size(poster, 15, 2), 0);
    check_equal(post_size(poster, 6, 3), -EAGAIN);
    check_equal(post_size(poster, 21, 4), -EAGAIN);
    check_equal(post_size(poster, 5, 5), 0);
    check_equal(receive_tag(member, 0), 2);
    check_equal(receive_tag(member, 0), 5);
    check_equal(crew_hub_dropped(member), 0);
    crew_port_close(member);
    crew_port_close(poster);
}

CREW_TEST(a_member_looks_like_a_port_that_is_never_over)
{
    crew_port *poster = join(NULL);
    crew_port *member = join(NULL);
    uint64_t stamp;

    check(!member->transport->has_news(member));
    check_equal(member->transport->peek(member), 0);
    check_equal(post_tag(poster, 1), 0);
    stamp = member->transport->peek(member);
    check(stamp != 0);
    check_equal(post_tag(poster, 2), 0);
    check_equal(member->transport->peek(member), stamp); /* the oldest's */
    check(member->transport->has_news(member));
    check_equal(waiting(poster), 0); /* not to itself */
    crew_port_close(poster);
    check(!member->transport->is_over(member));
    check_equal(receive_tag(member, 0), 1);
    check_equal(receive_tag(member, 0), 2);
    check(!member->transport->is_over(member));
    check_equal(receive_tag(member, 0), -ETIMEDOUT);
    crew_port_close(member);
}

CREW_TEST(what_a_hub_port_is_asked_that_makes_no_sense)
{
    struct pair pair = make_pair_of(1, 0);
    crew_hub_options bad = {.when_full = CREW_FULL_DROP_OLDEST + 1};
    crew_port *port = NULL;

    for (unsigned i = 0; i < 2; i++) { /* so that its words are not 0 */
        check_equal(post_tag(pair.a, i), 0);
        check_equal(receive_tag(pair.b, 0), i);
    }
    check_equal(crew_hub_dropped(NULL), 0);
    check_equal(crew_hub_dropped(pair.a), 0);
    check_equal(crew_hub_dropped(pair.b), 0);
    check_equal(crew_hub_join(&port, "tests/hub", &bad), -EINVAL);
    for (unsigned i = 0; i < 8; i++) {
        bad = (crew_hub_options){.reserved = {0}};
        bad.reserved[i] = 1;
        check_equal(crew_hub_join(&port, "tests/hub", &bad), -EINVAL);
    }
    check_equal(crew_hub_join(NULL, "tests/hub", NULL), -EINVAL);
    check_equal(crew_hub_join(&port, NULL, NULL), -EINVAL);
    check_equal(crew_hub_join(&port, "", NULL), -EINVAL);
    check(port == NULL);
    close_pair(pair);
}

/* ---- without memory -------------------------------------------------------- */

/* All have it, or nobody. */
CREW_TEST(a_post_without_memory_gives_nobody_anything)
{
    crew_port *members[4];
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.bytes = "abc",
                            .size = 3,
                            .buffers = &buffer,
                            .buffer_count = 1,
                            .tag = 5};
    unsigned nth = 0;
    size_t live;
    int r;

    crew_buffer_retain(buffer);
    for (unsigned i = 0; i < 4; i++)
        members[i] = join(NULL);
    live = crew__census_live(0);
    for (;;) {
        crew__fault_arm(++nth, false);
        r = crew_post(members[0], &message);
        if (crew__fault_failed() == 0)
            break;
        check_equal(r, -ENOMEM);
        /* a copy that was made lies on the hub's shelf */
        check_equal(crew__census_live(0), live + (nth == 3));
        for (unsigned i = 0; i < 4; i++)
            check_equal(waiting(members[i]), 0);
        check_equal(releases, 0);
    }
    crew__fault_arm(0, false);
    check_equal(nth,
                4); /* the body and two copies beside that one, then none */
    check_equal(r, 0);
    for (unsigned i = 1; i < 4; i++)
        check_equal(receive_tag(members[i], 0), 5);
    crew_buffer_release(buffer);
    check_equal(releases, 1); /* the posted one was given back */
    for (unsigned i = 0; i < 4; i++)
        crew_port_close(members[i]);
}

CREW_TEST(a_join_without_memory_leaves_nothing)
{
    size_t live = crew__census_live(0);
    crew_port *port = NULL;

    for (unsigned nth = 1; nth <= 2; nth++) {
        crew__fault_arm(nth, false);
        check_equal(crew_hub_join(&port, "tests/hub", NULL), -ENOMEM);
        check_equal(crew__fault_failed(), 1);
        crew__fault_arm(0, false);
        check(port == NULL);
        check_equal(crew__census_live(0), live);
    }
}

/* ---- room ------------------------------------------------------------------ */

CREW_TEST(room_is_told_when_the_full_one_takes_or_leaves)
{
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_port *poster = join(NULL);
    crew_port *other = join(NULL);
    crew_port *full = join_refusing(1, 0);

    check_equal(listen_with(poster, inbox, &heard), 0);
    check_equal(post_tag(poster, 0), 0);
    check_equal(receive_tag(other, 0), 0);
    check_equal(heard.rooms, 0);
    check_equal(post_tag(poster, 1), -EAGAIN);
    check(!poster->transport->want_room(poster, 0));
    check(full->transport->want_room(full, 0)); /* it does not refuse itself */
    check_equal(receive_tag(full, 0), 0);
    dispatch_all(inbox);
    check_equal(heard.rooms, 1);
    check_equal(post_tag(poster, 2), 0);
    check_equal(post_tag(poster, 3), -EAGAIN);
    crew_port_close(full);
    dispatch_all(inbox);
    check_equal(heard.rooms, 2);
    check_equal(post_tag(poster, 4), 0);
    check_equal(receive_tag(other, 0), 2); /* what was refused nobody has */
    check_equal(receive_tag(other, 0), 4);
    crew_port_close(poster);
    crew_port_close(other);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* ---- coming and going ------------------------------------------------------ */

CREW_TEST(a_hub_goes_with_its_last_member_and_its_name_is_free)
{
    size_t live = crew__census_live(0);
    crew_port *first = join(NULL);
    crew_port *second = join(NULL);
    crew_message *message = NULL;

    check_equal(post_text(first, "stays"), 0);
    check_equal(crew_receive(second, &message, 0), 0);
    check_equal(post_text(first, "goes"), 0);
    crew_port_close(first);
    crew_port_close(second);
    first = join(NULL);
    check_equal(post_text(first, "to nobody"), 0);
    second = join(NULL);
    check_equal(waiting(second), 0);
    crew_port_close(second);
    crew_port_close(first);
    assert_string_equal(message->bytes, "stays"); /* it outlives its hub */
    crew_message_free(message);
    check_equal(crew__census_live(0), live);
}

static crew_port *newcomer;

static void let_one_join(void *arg)
{
    (void)arg;
    newcomer = join_dropping(0, 0);
}

static void let_one_leave(void *arg)
{
    crew_port_close(arg);
}

/* The copies are made when nobody holds the hub. */
CREW_TEST(one_that_joins_while_copies_are_made_gets_one)
{
    crew_port *poster = join_dropping(0, 0);
    crew_port *member = join_dropping(0, 0);

    step_in_after(1, NULL, let_one_join, NULL);
    check_equal(post_tag(poster, 7), 0);
    assert_true(stepped_in());
    check_equal(receive_tag(member, 0), 7);
    check_equal(receive_tag(newcomer, 0), 7);
    check_equal(receive_tag(newcomer, 0), -ETIMEDOUT);
    crew_port_close(newcomer);
    crew_port_close(member);
    crew_port_close(poster);
}

CREW_TEST(the_copy_of_one_that_left_meanwhile_is_released)
{
    crew_port *poster = join_dropping(0, 0);
    crew_port *member = join_dropping(0, 0);
    crew_port *leaver = join_dropping(0, 0);
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);

    crew_buffer_retain(buffer);
    step_in_after(1, NULL, let_one_leave, leaver);
    check_equal(post_buffer(poster, buffer), 0);
    assert_true(stepped_in());
    check_equal(waiting(member), 1);
    crew_buffer_release(buffer);
    check_equal(releases, 0);
    check_equal(receive_tag(member, 0), 0);
    check_equal(releases, 1);
    crew_port_close(member);
    crew_port_close(poster);
}

/* A listener keeps the handle until its inbox is dispatched. */
CREW_TEST(a_post_of_one_that_leaves_meanwhile_is_refused)
{
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_port *poster = join_dropping(0, 0);
    crew_port *member = join_dropping(0, 0);

    check_equal(listen_with(poster, inbox, &heard), 0);
    step_in_after(1, NULL, let_one_leave, poster);
    check_equal(post_tag(poster, 1), -EPIPE);
    assert_true(stepped_in());
    check_equal(waiting(member), 0);
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    crew_port_close(member);
    end_all(NULL, NULL, inbox);
}
