/*
 * What the acceptance tests of workers share: starting and ending them with all
 * checks, a starter that notes what it hears, and main functions.
 */
#ifndef CREW_TESTS_WORKERS_H
#define CREW_TESTS_WORKERS_H

#include "mail.h"

#include <sched.h>

static inline void check_text(const char *is, const char *expected)
{
    if (!check(strcmp(is, expected) == 0))
        printf("\"%s\", not \"%s\"\n", is, expected);
}

/* ---- what is heard ------------------------------------------------------- */

struct told {
    char order[64]; /* a letter per callback */
    size_t count;
    unsigned messages;
    uint64_t next_tag;
    bool in_order;
    int code;
    char text[64];
    crew_exit how;
    crew_worker *worker;
    bool destroys; /* in on_exit */
};

static inline void note(struct told *heard, char what)
{
    if (heard->count + 1 < sizeof heard->order)
        heard->order[heard->count++] = what;
}

static inline void on_online(crew_worker *worker, void *arg)
{
    struct told *heard = arg;

    heard->worker = worker;
    note(heard, 'o');
}

static inline void on_error(crew_worker *worker, int code, const char *text,
                            void *arg)
{
    struct told *heard = arg;

    (void)worker;
    heard->code = code;
    snprintf(heard->text, sizeof heard->text, "%s", text);
    note(heard, 'e');
}

static inline void on_exit_(crew_worker *worker, const crew_exit *how,
                            void *arg)
{
    struct told *heard = arg;

    heard->how = *how;
    note(heard, 'x');
    if (heard->destroys)
        check_equal(crew_worker_destroy(worker), 0);
}

static inline void on_message(crew_port *port, crew_message *message, void *arg)
{
    struct told *heard = arg;

    (void)port;
    if (heard->messages == 0)
        note(heard, 'm');
    heard->in_order = heard->in_order && message->tag == heard->next_tag;
    heard->next_tag++;
    heard->messages++;
}

static inline void on_close(crew_port *port, int error, void *arg)
{
    (void)port;
    check_equal(error, 0);
    note(arg, 'c');
}

static inline crew_worker *start_heard(crew_main_fn *main, crew_inbox *inbox,
                                       struct told *heard,
                                       const crew_message *start)
{
    crew_listener listener = {on_message, NULL, on_close, heard, {0}};
    crew_worker_options options = {.start = start,
                                   .inbox = inbox,
                                   .listener = &listener,
                                   .on_online = on_online,
                                   .on_error = on_error,
                                   .on_exit = on_exit_,
                                   .arg = heard};
    crew_worker *worker = NULL;

    heard->in_order = true;
    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

static inline crew_worker *start_plain(crew_main_fn *main,
                                       const crew_message *start)
{
    crew_worker_options options = {.start = start};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

static inline void end_worker(crew_worker *worker, crew_exit *how)
{
    assert_int_equal(crew_worker_wait(worker, how, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
}

/* ---- mains --------------------------------------------------------------- */

static inline int returns_seven(crew_self *self, crew_message *start)
{
    check(crew_self_pool(self) == NULL);
    check(crew_self_port(self) != NULL);
    check(crew_self_inbox(self) != NULL);
    check(start == NULL);
    check_equal(crew_self_canceled(self), 0);
    check(crew_self_scratch(self, 10000) != NULL);
    return 7;
}

static inline int posts_thousand(crew_self *self, crew_message *start)
{
    (void)start;
    for (uint64_t i = 0; i < 1000; i++)
        check_equal(post_tag(crew_self_port(self), i), 0);
    return 0;
}

static inline int posts_and_fails(crew_self *self, crew_message *start)
{
    posts_thousand(self, start);
    return crew_self_fail(self, -EIO, "the disk is gone");
}

static inline int echoes(crew_self *self, crew_message *start)
{
    crew_port *port = crew_self_port(self);
    crew_message *message;
    int r;

    (void)start;
    while ((r = crew_receive(port, &message, CREW_FOREVER)) == 0) {
        check_equal(crew_post_wait(port, message, CREW_FOREVER), 0);
        crew_message_free(message);
    }
    return r;
}

static inline int polls(crew_self *self, crew_message *start)
{
    (void)start;
    check_equal(post_tag(crew_self_port(self), 1), 0);
    while (crew_self_canceled(self) == 0)
        sched_yield();
    return crew_self_canceled(self);
}

static inline int waits_for_terminate(crew_self *self, crew_message *start)
{
    (void)start;
    while (crew_self_canceled(self) == 0)
        crew_sleep(self, CREW_FOREVER);
    return 3;
}

#endif
