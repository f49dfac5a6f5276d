/*
 * What the acceptance tests of posts by id share: a worker that serves, and a
 * handler that notes what comes.
 */
#ifndef CREW_TESTS_DESK_H
#define CREW_TESTS_DESK_H

#include "mail.h"

/* ---- a worker that handles ------------------------------------------------- */

struct desk {
    crew_post_fn *fn;
    void *arg;
    struct test_gate *opens; /* it dispatches from then on; NULL: at once */
};

/* Until it is finished. */
static inline int serves(crew_self *self, crew_message *start)
{
    const struct desk *desk = (const struct desk *)(uintptr_t)start->tag;
    crew_listener listener = {.on_message = NULL};
    crew_inbox *inbox = crew_self_inbox(self);

    check_equal(crew_self_on_post(self, desk->fn, desk->arg), 0);
    check_equal(crew_listen(crew_self_port(self), inbox, &listener), 0);
    check_equal(post_tag(crew_self_port(self), crew_self_id(self)), 0);
    if (desk->opens)
        test_gate_wait(desk->opens);
    return crew_inbox_run(inbox) < 0 ? -1 : 0;
}

static inline crew_worker *start(crew_main_fn *main, const void *tag)
{
    crew_message message = {.tag = (uintptr_t)tag};
    crew_worker_options options = {.start = &message};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

/* One that is ready; *id is its id. */
static inline crew_worker *start_serving(const struct desk *desk, uint64_t *id)
{
    crew_worker *worker = start(serves, desk);

    *id = crew_worker_id(worker);
    check(*id > 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), *id);
    return worker;
}

static inline int end_worker(crew_worker *worker)
{
    crew_exit how = {.code = -1};

    check_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
    return how.code;
}

static inline void finish(crew_worker *worker)
{
    check_equal(crew_worker_finish(worker), 0);
    check_equal(end_worker(worker), 0);
}

static inline int ask_tag(uint64_t id, uint64_t tag, int *answer)
{
    return crew_worker_post(id, &(crew_message){.tag = tag}, answer, LONG_WAIT);
}

static inline int queue_tag(uint64_t id, uint64_t tag)
{
    return crew_worker_post(id, &(crew_message){.tag = tag}, NULL, 0);
}

/* ---- a handler that notes --------------------------------------------------- */

struct noted {
    uint64_t from;
    uint64_t next; /* tag */
    unsigned count;
    int answer;
};

static inline int notes(uint64_t from, crew_message *message, void *arg)
{
    struct noted *noted = arg;

    noted->from = from;
    check_equal(message->tag, noted->next);
    noted->next++;
    noted->count++;
    return noted->answer;
}

/* ---- a handler that is held until it is let go ------------------------------ */

struct slow {
    struct test_gate entered, leave;
};

static inline int handles_slowly(uint64_t from, crew_message *message,
                                 void *arg)
{
    struct slow *slow = arg;

    (void)from;
    check_equal(message->buffer_count + message->port_count, 1);
    test_gate_open(&slow->entered);
    test_gate_wait(&slow->leave);
    return 3;
}

static inline void slow_init(struct slow *slow)
{
    test_gate_init(&slow->entered);
    test_gate_init(&slow->leave);
}

static inline void slow_fini(struct slow *slow)
{
    test_gate_fini(&slow->entered);
    test_gate_fini(&slow->leave);
}

#endif
