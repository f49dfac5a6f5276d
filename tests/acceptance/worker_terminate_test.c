/* How workers are ended: W4 to W6, M21, NT. */
#include "workers.h"

#include <semaphore.h>

/* ---- what terminate ends ------------------------------------------------- */

static uint32_t word;

static int in_receive(crew_self *self)
{
    crew_message *message;

    return crew_receive(crew_self_port(self), &message, CREW_FOREVER);
}

static int in_receive_any(crew_self *self)
{
    crew_port *port = crew_self_port(self);
    crew_message *message;
    size_t which;

    return crew_receive_any(&port, 1, &which, &message, CREW_FOREVER);
}

static int in_post_wait(crew_self *self)
{
    crew_message message = {.tag = 1};
    int r;

    do
        r = crew_post_wait(crew_self_port(self), &message, CREW_FOREVER);
    while (r == 0);
    return r;
}

static int in_inbox_wait(crew_self *self)
{
    return crew_inbox_wait(crew_self_inbox(self), CREW_FOREVER);
}

static int in_inbox_run(crew_self *self)
{
    crew_listener listener = {.on_message = NULL};

    check_equal(
        crew_listen(crew_self_port(self), crew_self_inbox(self), &listener), 0);
    return crew_inbox_run(crew_self_inbox(self));
}

static int in_atomic_wait(crew_self *self)
{
    int r;

    (void)self;
    do
        r = crew_atomic_wait(&word, 0, CREW_FOREVER);
    while (r == 0);
    return r;
}

static int in_sleep(crew_self *self)
{
    return crew_sleep(self, CREW_FOREVER);
}

static int in_worker_wait(crew_self *self)
{
    crew_worker *child = start_plain(waits_for_terminate, NULL);

    (void)self;
    return crew_worker_wait(child, NULL, CREW_FOREVER);
}

/* Of two requests in one worker the second waits for ever. */
static int in_lock_request(crew_self *self)
{
    crew_lock *lock = NULL;

    (void)self;
    check_equal(crew_lock_request(&lock, "test/W4", NULL), 0);
    return crew_lock_request(&lock, "test/W4", NULL);
}

static int (*const waits[])(crew_self *) = {
    in_receive,    in_receive_any, in_post_wait,
    in_inbox_wait, in_inbox_run,   in_atomic_wait,
    in_sleep,      in_worker_wait, in_lock_request};

/* Says that it is about to wait, then waits; its result is the code. */
static int waits_somewhere(crew_self *self, crew_message *start)
{
    post_tag(start->ports[0], 1);
    return waits[start->tag](self);
}

static void terminate_in(size_t which)
{
    struct pair pair = make_channel();
    crew_message start = {.tag = which, .ports = &pair.b, .port_count = 1};
    crew_worker *worker = start_plain(waits_somewhere, &start);
    crew_message *message;
    crew_exit how;

    assert_int_equal(crew_receive(pair.a, &message, LONG_WAIT), 0);
    crew_message_free(message);
    check_equal(crew_worker_destroy(worker), -EBUSY);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, &how);
    check_equal(how.code, -ECANCELED);
    check(how.canceled);
    crew_port_close(pair.a);
}

CREW_TEST(W4_NT1_M13_M15_terminate_ends_whatever_it_waits_in)
{
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        for (unsigned round = 0; round < 50; round++)
            terminate_in(i);
    }
}

CREW_TEST(W5_NT10_one_that_polls_ends_when_it_looks)
{
    crew_worker *worker = start_plain(polls, NULL);
    crew_message *message;
    crew_exit how;

    assert_int_equal(
        crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
    crew_message_free(message);
    check_equal(crew_worker_wait(worker, NULL, 0), -ETIMEDOUT);
    check_equal(crew_worker_destroy(worker), -EBUSY);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, &how);
    check_equal(how.code, -ECANCELED);
    check(how.canceled);
}

static sem_t leave;

static int never_looks(crew_self *self, crew_message *start)
{
    (void)start;
    post_tag(crew_self_port(self), 1);
    sem_wait(&leave);
    return 5;
}

CREW_TEST(W5_NT2_NT3_one_that_never_looks_is_told_as_stuck)
{
    crew_worker *worker;
    crew_message *message;
    crew_exit how;

    sem_init(&leave, 0, 0);
    worker = start_plain(never_looks, NULL);
    assert_int_equal(
        crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
    crew_message_free(message);
    check_equal(crew_worker_terminate(worker), 0);
    check_equal(crew_worker_wait(worker, NULL, CREW_MS), -ETIMEDOUT);
    check_equal(crew_worker_destroy(worker), -EBUSY);
    sem_post(&leave);
    end_worker(worker, &how);
    check_equal(how.code, 5);
    check(how.canceled);
    sem_destroy(&leave);
}

/* ---- at odd times -------------------------------------------------------- */

static int terminates_itself(crew_self *self, crew_message *start)
{
    crew_worker *me = (crew_worker *)(uintptr_t)start->tag;
    crew_message *message;

    /* who it is comes by its port */
    if (!me) {
        check_equal(crew_receive(crew_self_port(self), &message, LONG_WAIT), 0);
        me = (crew_worker *)(uintptr_t)message->tag;
        crew_message_free(message);
    }
    check_equal(crew_worker_wait(me, NULL, 0), -EDEADLK);
    check_equal(crew_worker_terminate(me), 0);
    check_equal(crew_self_canceled(self), -ECANCELED);
    return crew_sleep(self, CREW_FOREVER);
}

CREW_TEST(W6_NT5_terminate_at_odd_times_is_defined)
{
    crew_message start = {.tag = 0};
    crew_inbox *inbox = make_inbox();

    for (unsigned round = 0; round < 200; round++) {
        struct told heard = {.count = 0};
        crew_worker *worker = start_heard(waits_for_terminate, inbox, &heard,
                                          NULL);

        check_equal(crew_worker_terminate(worker), 0); /* perhaps too early */
        crew_worker_terminate(worker);                 /* twice */
        crew_inbox_run(inbox);
        check(strcmp(heard.order, "ocx") == 0 ||
              strcmp(heard.order, "cx") == 0);
        check(heard.how.canceled);
        check_equal(crew_worker_terminate(worker), -EALREADY);
        check_equal(crew_worker_finish(worker), -EALREADY);
        check_equal(crew_worker_destroy(worker), 0);
    }
    {
        crew_worker *worker = start_plain(terminates_itself, &start);
        crew_exit how;

        check_equal(
            post_tag(crew_worker_port(worker), (uint64_t)(uintptr_t)worker), 0);
        end_worker(worker, &how);
        check_equal(how.code, -ECANCELED);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void terminates_too(unsigned index, void *arg)
{
    int r = crew_worker_terminate(arg);

    (void)index;
    check(r == 0 || r == -EALREADY);
}

static int ends_soon(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    return 0;
}

CREW_TEST(NT5_two_threads_terminate_one_worker_at_once)
{
    crew_inbox *inbox = make_inbox();

    for (unsigned i = 0; i < MANY(300); i++) {
        struct told heard = {.count = 0};
        crew_worker *worker = start_heard(
            i % 2 ? waits_for_terminate : ends_soon, inbox, &heard, NULL);

        test_threads(2, terminates_too, worker);
        crew_inbox_run(inbox);
        check_equal(strchr(heard.order, 'x') - heard.order, heard.count - 1);
        check_equal(crew_worker_terminate(worker), -EALREADY);
        check_equal(crew_worker_destroy(worker), 0);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* Its sibling's handle comes as the tag. */
static int terminates_sibling(crew_self *self, crew_message *start)
{
    (void)self;
    check_equal(crew_worker_terminate((crew_worker *)(uintptr_t)start->tag), 0);
    return 0;
}

CREW_TEST(W6_terminated_by_another_worker)
{
    crew_inbox *inbox = make_inbox();

    for (unsigned i = 0; i < MANY(100); i++) {
        struct told heard = {.count = 0};
        crew_worker *worker = start_heard(waits_for_terminate, inbox, &heard,
                                          NULL);
        crew_message start = {.tag = (uint64_t)(uintptr_t)worker};
        crew_worker *other = start_plain(terminates_sibling, &start);

        crew_inbox_run(inbox);
        check(heard.how.canceled);
        check_equal(heard.order[heard.count - 1], 'x');
        check_equal(crew_worker_destroy(worker), 0);
        end_worker(other, NULL);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- at most what was posted before --------------------------------------- */

static struct test_gate terminated;

static int posts_too_late(crew_self *self, crew_message *start)
{
    crew_port *port = crew_self_port(self);
    crew_message late = {.tag = 2};

    (void)start;
    check_equal(post_tag(port, 0), 0);
    check_equal(post_tag(port, 1), 0);
    test_gate_wait(&terminated);
    check_equal(post_tag(port, 2), -EPIPE);
    check_equal(crew_post_wait(port, &late, 0), -EPIPE);
    check_equal(crew_post_wait(port, &late, CREW_FOREVER), -ECANCELED);
    return 6;
}

CREW_TEST(M21_after_terminate_what_was_posted_before_comes_and_no_more)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker;

    test_gate_init(&terminated);
    worker = start_heard(posts_too_late, inbox, &heard, NULL);
    while (heard.messages < 2)
        check(crew_inbox_wait(inbox, LONG_WAIT) > 0);
    check_equal(crew_worker_terminate(worker), 0);
    test_gate_open(&terminated);
    crew_inbox_run(inbox);
    check_text(heard.order, "omcx");
    check_equal(heard.messages, 2);
    check_equal(heard.how.code, 6);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    test_gate_fini(&terminated);
}

static int waits_then_posts(crew_self *self, crew_message *start)
{
    (void)start;
    test_gate_wait(&terminated);
    return post_tag(crew_self_port(self), 0);
}

/* Where it is terminated while it begins, its posts are ended by itself. The
 * delay closes in on that moment. */
CREW_TEST(M21_terminated_while_it_comes_online_it_posts_no_more)
{
    int64_t delay = 20 * CREW_US;

    for (unsigned i = 0; i < MANY(4000); i++) {
        crew_inbox *inbox = make_inbox();
        struct told heard = {.count = 0};
        crew_worker *worker;

        test_gate_init(&terminated);
        worker = start_heard(waits_then_posts, inbox, &heard, NULL);
        test_burn(delay);
        check_equal(crew_worker_terminate(worker), 0);
        test_gate_open(&terminated);
        crew_inbox_run(inbox);
        check(strcmp(heard.order, "ocx") == 0 ||
              strcmp(heard.order, "cx") == 0);
        check_equal(heard.how.code, heard.order[0] == 'o' ? -EPIPE : -1);
        test_gate_fini(&terminated);
        delay += heard.order[0] == 'o' ? -CREW_US / 4 : CREW_US / 4;
        check_equal(crew_worker_destroy(worker), 0);
        check_equal(crew_inbox_destroy(inbox), 0);
    }
}

/* ---- a flood ------------------------------------------------------------- */

static int floods(crew_self *self, crew_message *start)
{
    uint64_t i = 0;

    (void)start;
    while (crew_self_canceled(self) == 0)
        i += post_tag(crew_self_port(self), i) == 0;
    return -1;
}

CREW_TEST(M21_NT6_a_flood_ends_with_what_was_posted)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(floods, inbox, &heard, NULL);

    while (heard.messages == 0)
        check(crew_inbox_wait(inbox, LONG_WAIT) > 0);
    check_equal(crew_worker_terminate(worker), 0);
    crew_inbox_run(inbox);
    check_text(heard.order, "omcx");
    check(heard.in_order);
    check_equal(heard.how.usage.messages_out, heard.messages);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* Of a port that listens in a worker's inbox. */
struct flood {
    crew_port *port;       /* the other end */
    crew_port *listens;    /* the worker's */
    struct test_gate some; /* have come */
    unsigned came;
    bool over;
};

static void open_when_some_came(crew_port *port, crew_message *message,
                                void *arg)
{
    struct flood *flood = arg;

    (void)port;
    (void)message;
    if (++flood->came == 1000)
        test_gate_open(&flood->some);
}

static void post_until_over(unsigned index, void *arg)
{
    struct flood *flood = arg;

    (void)index;
    while (!__atomic_load_n(&flood->over, __ATOMIC_RELAXED))
        post_tag(flood->port, 0);
}

static int listens_to_flood(crew_self *self, crew_message *start)
{
    crew_listener listener = {.on_message = open_when_some_came};
    struct flood *flood = *(struct flood *const *)start->bytes;

    flood->listens = start->ports[0];
    start->ports[0] = NULL;
    listener.arg = flood;
    check_equal(crew_listen(flood->listens, crew_self_inbox(self), &listener),
                0);
    return crew_inbox_run(crew_self_inbox(self));
}

/* Its thread delivers what had come by its end, and no more. */
static void end_under_flood(unsigned index, void *arg)
{
    struct flood *flood = arg;
    crew_message start = {.bytes = &flood, .size = sizeof flood};
    crew_worker *worker;
    unsigned came;
    crew_exit how;

    if (index > 0) {
        post_until_over(index, flood);
        return;
    }
    start.ports = &flood->listens;
    start.port_count = 1;
    worker = start_plain(listens_to_flood, &start);
    assert_true(test_gate_wait(&flood->some));
    check_equal(crew_worker_terminate(worker), 0);
    check_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(how.code, -ECANCELED);
    came = flood->came;
    __atomic_store_n(&flood->over, true, __ATOMIC_RELAXED);
    crew_port_close(flood->listens);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(flood->came, came); /* not here, in another's thread */
}

CREW_TEST(NT6_a_worker_ends_while_another_port_of_its_is_flooded)
{
    struct flood flood = {.over = false};
    crew_channel_options options = {.max_messages = 64};

    test_gate_init(&flood.some);
    assert_int_equal(crew_channel_create(&flood.port, &flood.listens, &options),
                     0);
    test_threads(3, end_under_flood, &flood);
    crew_port_close(flood.port);
    test_gate_fini(&flood.some);
}
