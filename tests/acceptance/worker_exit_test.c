/* How workers end by themselves, and what is told then: W3, W10, NW3 to NW5,
 * NW6, NW7, NW16, NW17. */
#include "workers.h"

#include "../stress/scale.h"

#include <stdio.h>
#include <unistd.h>

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

/* ---- what it owns -------------------------------------------------------- */

struct owned {
    unsigned before, at_exit;
    int raw; /* the program's own */
};

static int owns_descriptors(crew_self *self, crew_message *start)
{
    struct owned *owned = (struct owned *)(uintptr_t)start->tag;
    crew_inbox *inbox = NULL;
    crew_buffer *shared = NULL;

    check_at_least(crew_inbox_fd(crew_self_inbox(self)), 0);
    check_equal(crew_inbox_create(&inbox, NULL), 0);
    check_at_least(crew_inbox_fd(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(crew_buffer_create(&shared, 100,
                                   &(crew_buffer_options){.shared = true}),
                0);
    check_equal(post_buffer(crew_self_port(self), shared), 0);
    check_equal(crew_buffer_create(&shared, 100,
                                   &(crew_buffer_options){.shared = true}),
                0);
    owned->raw = dup(0);
    check_at_least(owned->raw, 0);
    check_at_least(test_descriptor_count(), owned->before + 3);
    crew_buffer_release(shared);
    return 0;
}

static void count_at_exit(crew_worker *worker, const crew_exit *how, void *arg)
{
    struct owned *owned = arg;

    (void)worker;
    check_equal(how->code, 0);
    owned->at_exit = test_descriptor_count();
}

CREW_TEST(NW16_descriptors_are_closed_before_the_exit_is_told)
{
    crew_inbox *inbox = make_inbox();
    struct owned owned = {.before = test_descriptor_count()};
    crew_message start = {.tag = (uint64_t)(uintptr_t)&owned};
    crew_listener listener = {.on_message = NULL};
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .listener = &listener,
                                   .on_exit = count_at_exit,
                                   .arg = &owned};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, owns_descriptors, &options), 0);
    crew_inbox_run(inbox);
    check_equal(owned.at_exit, owned.before + 1);
    check_equal(close(owned.raw), 0); /* which the worker left */
    check_equal(test_descriptor_count(), owned.before);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- failures that nobody handles ---------------------------------------- */

static int fails_deep(crew_self *self, crew_message *start)
{
    (void)start;
    return crew_self_fail(self, -EDOM, "nobody reads this");
}

static void note_code(crew_worker *worker, const crew_exit *how, void *arg)
{
    (void)worker;
    *(int *)arg = how->code;
}

static crew_worker *start_unheeded(crew_main_fn *main, crew_inbox *inbox,
                                   int *code)
{
    crew_worker_options options = {
        .inbox = inbox, .on_exit = note_code, .arg = code};
    crew_worker *worker = NULL;

    check_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

/* Runs with both streams in a file, and ends with its size. */
static int fails_unheeded(void *arg)
{
    FILE *file = tmpfile();
    crew_inbox *inbox = make_inbox();
    crew_worker *worker;
    int code = 0;

    (void)arg;
    if (!check(file != NULL))
        return 99;
    dup2(fileno(file), 1);
    dup2(fileno(file), 2);
    worker = start_unheeded(fails_deep, inbox, &code);
    check_at_least(crew_inbox_run(inbox), 1);
    check_equal(code, -EDOM);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    return (int)lseek(fileno(file), 0, SEEK_END);
}

CREW_TEST(NW6_a_failure_without_a_handler_ends_and_prints_nothing)
{
#if defined(UNDER_TSAN)
    skip_test("no threads in a forked child under TSan");
#endif
    check_equal(test_in_child(fails_unheeded, NULL), 0);
}

static int starts_one_that_fails(crew_self *self, crew_message *start)
{
    crew_inbox *inbox = crew_self_inbox(self);
    int code = 0;
    crew_worker *child = start_unheeded(fails_deep, inbox, &code);

    (void)start;
    check_at_least(crew_inbox_run(inbox), 1);
    check_equal(code, -EDOM);
    check_equal(crew_worker_destroy(child), 0);
    return crew_self_canceled(self);
}

CREW_TEST(NW7_a_childs_failure_is_told_to_its_parent_alone)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(starts_one_that_fails, inbox, &heard,
                                      NULL);

    crew_inbox_run(inbox);
    check_text(heard.order, "ocx"); /* no error */
    check_equal(heard.how.code, 0);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}
