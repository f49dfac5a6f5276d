/* How workers end by themselves, and what is told then: W3, W10, NW3 to NW5,
 * NW17. */
#include "workers.h"

CREW_TEST(W3_NW3_all_that_it_posts_comes_before_its_exit)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(posts_thousand, inbox, &heard, NULL);

    crew_inbox_run(inbox);
    check_text(heard.order, "omcx");
    check_equal(heard.messages, 1000);
    check(heard.in_order);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(W3_W10_NW3_NW5_a_failure_is_told_after_all_messages)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0, .destroys = true};

    start_heard(posts_and_fails, inbox, &heard, NULL);
    crew_inbox_run(inbox);
    check_text(heard.order, "omcex");
    check_equal(heard.messages, 1000);
    check_equal(heard.code, -EIO);
    check_text(heard.text, "the disk is gone");
    check_equal(heard.how.code, -EIO);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int returns_tag(crew_self *self, crew_message *start)
{
    (void)self;
    return (int)(int64_t)start->tag;
}

CREW_TEST(NW4_exit_codes_are_not_masked)
{
    static const int codes[] = {0, 9, 42, 256, -1, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        crew_message start = {.tag = (uint64_t)(int64_t)codes[i]};
        crew_exit how;

        end_worker(start_plain(returns_tag, &start), &how);
        check_equal(how.code, codes[i]);
    }
}

/* ---- finish -------------------------------------------------------------- */

CREW_TEST(finish_ends_what_comes_and_lets_out_what_goes)
{
    crew_worker *worker = start_plain(echoes, NULL);
    crew_port *port = crew_worker_port(worker);
    crew_message *message;
    crew_exit how;

    for (uint64_t i = 0; i < 100; i++)
        check_equal(post_tag(port, i), 0);
    check_equal(crew_worker_finish(worker), 0);
    check_equal(post_tag(port, 100), -EPIPE);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(crew_receive(port, &message, LONG_WAIT), 0);
        check_equal(message->tag, i);
        crew_message_free(message);
    }
    check_equal(crew_receive(port, &message, LONG_WAIT), -EPIPE);
    end_worker(worker, &how);
    check_equal(how.code, -EPIPE);
    check(!how.canceled);
    check_equal(how.usage.messages_in, 100);
    check_equal(how.usage.messages_out, 100);
}

/* ---- callbacks that misbehave -------------------------------------------- */

struct busy {
    crew_worker *worker;
    unsigned refused, came, exits;
};

static void tries_to_destroy(crew_port *port, crew_message *message, void *arg)
{
    struct busy *busy = arg;

    (void)message;
    busy->came++;
    busy->refused += crew_worker_destroy(busy->worker) == -EBUSY;
    check_equal(post_tag(port, 0), 0); /* now it may go */
}

static int posts_and_receives(crew_self *self, crew_message *start)
{
    (void)start;
    check_equal(post_tag(crew_self_port(self), 0), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return 0;
}

static void destroys_and_starts(crew_worker *worker, const crew_exit *how,
                                void *arg)
{
    struct busy *busy = arg;
    crew_worker *other = NULL;

    check_equal(how->code, 0);
    check_equal(how->usage.messages_out, 1);
    check_equal(how->error, 0);
    busy->exits++;
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_worker_start(&other, returns_seven, NULL), 0);
    end_worker(other, NULL);
}

CREW_TEST(M12_M17_NW17_destroyed_in_callbacks)
{
    crew_inbox *inbox = make_inbox();
    struct busy busy = {.refused = 0};
    crew_listener listener = {.on_message = tries_to_destroy, .arg = &busy};
    crew_worker_options options = {.inbox = inbox,
                                   .listener = &listener,
                                   .on_exit = destroys_and_starts,
                                   .arg = &busy};

    assert_int_equal(
        crew_worker_start(&busy.worker, posts_and_receives, &options), 0);
    crew_inbox_run(inbox);
    check_equal(busy.came, 1);
    check_equal(busy.refused, 1);
    check_equal(busy.exits, 1);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(no_callback_comes_after_a_destroy)
{
    for (unsigned i = 0; i < 50; i++) {
        crew_inbox *inbox = make_inbox();
        struct told heard = {.count = 0};
        crew_worker *worker = start_heard(posts_and_fails, inbox, &heard, NULL);

        check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
        crew_inbox_dispatch(inbox, i % 4 + 1); /* somewhere in between */
        check_equal(crew_worker_destroy(worker), 0);
        heard.count = 0;
        memset(heard.order, 0, sizeof heard.order);
        crew_inbox_run(inbox);
        check(strspn(heard.order, "mc") == heard.count);
        check_equal(crew_inbox_destroy(inbox), 0);
    }
}
