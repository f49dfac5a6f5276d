/* A channel: what a post leaves where it fails, its two steps, its lane, and
 * how long its memory stays. */
#include "../acceptance/mail.h"
#include "unlock.h"

#include "base/census.h"
#include "base/fault.h"
#include "base/tunables.h"
#include "port/pipe.h"
#include "port/port.h"

CREW_TEST(a_channel_that_there_is_no_memory_for_is_not_made)
{
    struct pair pair = {NULL, NULL};

    crew__fault_arm(1, false);
    check_equal(crew_channel_create(&pair.a, &pair.b, NULL), -ENOMEM);
    check_equal(crew__fault_failed(), 1);
    crew__fault_arm(0, false);
    check(!pair.a && !pair.b);
}

CREW_TEST(each_reserved_word_is_looked_at)
{
    struct pair pair = {NULL, NULL};

    for (unsigned i = 0; i < 6; i++) {
        crew_channel_options options = {.max_messages = 1};

        options.reserved[i] = 1;
        check_equal(crew_channel_create(&pair.a, &pair.b, &options), -EINVAL);
    }
    check(!pair.a && !pair.b);
}

static bool is_free(crew_port *port)
{
    return crew__load_relaxed(port->token) == 0;
}

CREW_TEST(a_post_without_memory_moves_nothing)
{
    struct pair pair = make_channel();
    struct pair moved = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &moved.a,
                            .port_count = 1,
                            .tag = 8};

    crew__fault_arm(1, false);
    check_equal(crew_post(pair.a, &message), -ENOMEM);
    crew__fault_arm(0, false);
    check(is_free(moved.a));
    check_equal(pair.b->transport->waiting(pair.b), 0);
    check_equal(releases, 0);
    check_equal(crew_post(pair.a, &message), 0);
    check_equal(receive_tag(pair.b, 0), 8); /* and frees it */
    check_equal(releases, 1);
    check_equal(post_tag(moved.b, 0), -EPIPE);
    crew_port_close(moved.b);
    close_pair(pair);
}

static void fill_up(void *arg)
{
    check_equal(post_tag(arg, 1), 0);
}

/* There was room when it asked, and none at the gate. */
CREW_TEST(who_finds_the_gate_shut_gives_back_what_it_held)
{
    struct pair pair = make_pair_of(1, 0);
    struct pair moved = make_channel();
    size_t live = crew__census_live(0);

    /* When the port in it is held, under its lock. */
    step_in_after(1, NULL, fill_up, pair.a);
    check_equal(post_port(pair.a, moved.a, 2), -EAGAIN);
    assert_true(stepped_in());
    check(is_free(moved.a));
    check_equal(receive_tag(pair.b, 0), 1);
    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT);
    check_equal(post_tag(moved.a, 3), 0);
    check_equal(receive_tag(moved.b, 0), 3);
    /* Its messages lie on the shelves. */
    check_at_most(crew__census_live(0), live + 3);
    close_pair(pair);
    close_pair(moved);
}

/* ---- in two steps ---------------------------------------------------------- */

static struct crew__message *make_tagged(uint64_t tag)
{
    crew_message message = {.bytes = "12345", .size = 5, .tag = tag};
    struct crew__message *made = crew__message_make_led(16, &message);

    assert_non_null(made);
    return made;
}

CREW_TEST(what_has_entered_counts_before_it_is_pushed)
{
    struct pair pair = make_pair_of(1, 0);
    uint64_t ticket = 0;

    check_equal(crew__channel_enter(pair.a, 5, &ticket), 0);
    check_equal(post_tag(pair.a, 9), -EAGAIN);
    check_equal(crew__channel_enter(pair.a, 5, &ticket), -EAGAIN);
    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT); /* it is not there yet */
    crew_port_close(pair.a);
    check(!pair.b->transport->is_over(pair.b));
    crew__channel_push(pair.a, make_tagged(4), ticket);
    check_equal(receive_tag(pair.b, 0), 4);
    check_equal(receive_tag(pair.b, CREW_FOREVER), -EPIPE);
    crew_port_close(pair.b);
}

CREW_TEST(what_enters_a_closed_channel_is_refused_and_what_is_late_released)
{
    struct pair pair = make_channel();
    uint64_t ticket = 0;

    check_equal(crew__channel_enter(pair.a, CREW__PIPE_BYTES + 1, &ticket),
                -ENOMEM);
    check_equal(crew__channel_enter(pair.a, 5, &ticket), 0);
    crew_port_close(pair.b);
    crew__channel_push(pair.a, make_tagged(4), ticket); /* nobody takes it */
    check_equal(crew__channel_enter(pair.a, 5, &ticket), -EPIPE);
    crew_port_close(pair.a);
}

CREW_TEST(a_push_tells_who_listens)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(4);
    uint64_t ticket = 0;

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(crew__channel_enter(pair.a, 5, &ticket), 0);
    check_equal(crew_inbox_pending(inbox), 0);
    crew__channel_push(pair.a, make_tagged(4), ticket);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.messages, 1);
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* ---- figures --------------------------------------------------------------- */

CREW_TEST(counts_are_of_what_came_and_of_what_waits)
{
    struct pair pair = make_channel();
    struct crew__port_counts counts;
    char bytes[200] = "";
    crew_message large = {.bytes = bytes, .size = sizeof bytes};

    for (unsigned i = 0; i < 2 * CREW__LANE_AFTER; i++) { /* both ways */
        check_equal(crew_post(pair.a, &large), 0);
        check_equal(post_text(pair.a, "four"), 0);
    }
    crew__port_count(pair.b, &counts);
    check_equal(counts.received, 0);
    check_equal(counts.queued_bytes, 2 * CREW__LANE_AFTER * 204);
    check_equal(receive_tag(pair.b, 0), 0);
    crew__port_count(pair.b, &counts);
    check_equal(counts.received, 1);
    check_equal(counts.queued_bytes, 2 * CREW__LANE_AFTER * 204 - 200);
    crew__port_count(pair.a, &counts);
    check_equal(counts.received, 0);
    check_equal(counts.queued_bytes, 0);
    close_pair(pair);
}

/* ---- the lane -------------------------------------------------------------- */

/* Post and take: with a message on the shelf that needs no memory. */
static void play_one(struct pair pair, uint64_t tag)
{
    check_equal(post_tag(pair.a, tag), 0);
    check_equal(receive_tag(pair.b, 0), tag);
}

CREW_TEST(a_lane_without_memory_is_made_some_time_later)
{
    struct pair pair = make_channel();
    unsigned posts = 1;

    play_one(pair, 0);
    crew__fault_arm(1, true);
    for (; posts < 5 * CREW__LANE_AFTER; posts++) {
        play_one(pair, posts);
        check_equal(crew__fault_failed(), (posts + 1) / CREW__LANE_AFTER);
    }
    crew__fault_arm(0, false);
    for (unsigned i = 0; i < CREW__LANE_AFTER + CREW__LANE_SPARES; i++)
        play_one(pair, i);
    check_at_least(crew__fault_met(), 1); /* that is the lane */
    crew__fault_arm(1, true);
    for (unsigned i = 0; i < CREW__LANE_AFTER; i++)
        play_one(pair, i);
    check_equal(crew__fault_met(), 0);
    crew__fault_arm(0, false);
    close_pair(pair);
}

/* Small ones from the lane's spare ones, large ones, and through the stack. */
CREW_TEST(the_memory_stays_as_long_as_a_message)
{
    size_t before = crew__census_live(0);
    struct pair pair = make_channel();
    crew_message *kept[2 * CREW__LANE_AFTER];
    enum { COUNT = sizeof kept / sizeof *kept };
    size_t live;

    for (unsigned i = 0; i < COUNT; i++)
        check_equal(post_tag(pair.a, i), 0);
    for (unsigned i = 0; i < COUNT; i++)
        check_equal(crew_receive(pair.b, &kept[i], 0), 0);
    close_pair(pair);
    for (unsigned i = 0; i < COUNT; i++) {
        live = crew__census_live(0);
        check_at_least(live, before + 1); /* the channel at least */
        check_equal(kept[i]->tag, i);
        crew_message_free(kept[i]);
        check_at_most(crew__census_live(0), live - 1);
    }
    check_equal(crew__census_live(0), before);
}
