/* Workers from the starter's side: W1 to W10, W14 to W16 and what Node's own
 * tests pin, NW, NT, NR. */
#include "mail.h"

#include "../stress/scale.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

static void check_text(const char *is, const char *expected)
{
    if (!check(strcmp(is, expected) == 0))
        printf("\"%s\", not \"%s\"\n", is, expected);
}

/* ---- what is heard --------------------------------------------------------- */

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

static void note(struct told *heard, char what)
{
    if (heard->count + 1 < sizeof heard->order)
        heard->order[heard->count++] = what;
}

static void on_online(crew_worker *worker, void *arg)
{
    struct told *heard = arg;

    heard->worker = worker;
    note(heard, 'o');
}

static void on_error(crew_worker *worker, int code, const char *text, void *arg)
{
    struct told *heard = arg;

    (void)worker;
    heard->code = code;
    snprintf(heard->text, sizeof heard->text, "%s", text);
    note(heard, 'e');
}

static void on_exit_(crew_worker *worker, const crew_exit *how, void *arg)
{
    struct told *heard = arg;

    heard->how = *how;
    note(heard, 'x');
    if (heard->destroys)
        check_equal(crew_worker_destroy(worker), 0);
}

static void on_message(crew_port *port, crew_message *message, void *arg)
{
    struct told *heard = arg;

    (void)port;
    if (heard->messages == 0)
        note(heard, 'm');
    heard->in_order = heard->in_order && message->tag == heard->next_tag;
    heard->next_tag++;
    heard->messages++;
}

static void on_close(crew_port *port, int error, void *arg)
{
    (void)port;
    check_equal(error, 0);
    note(arg, 'c');
}

static crew_worker *start_heard(crew_main_fn *main, crew_inbox *inbox,
                                struct told *heard, const crew_message *start)
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

static crew_worker *start_plain(crew_main_fn *main, const crew_message *start)
{
    crew_worker_options options = {.start = start};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

static void end_worker(crew_worker *worker, crew_exit *how)
{
    assert_int_equal(crew_worker_wait(worker, how, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
}

/* ---- mains ----------------------------------------------------------------- */

static int returns_seven(crew_self *self, crew_message *start)
{
    check(crew_self_pool(self) == NULL);
    check(crew_self_port(self) != NULL);
    check(crew_self_inbox(self) != NULL);
    check(start == NULL);
    check_equal(crew_self_canceled(self), 0);
    check(crew_self_scratch(self, 10000) != NULL);
    return 7;
}

static int posts_thousand(crew_self *self, crew_message *start)
{
    (void)start;
    for (uint64_t i = 0; i < 1000; i++)
        check_equal(post_tag(crew_self_port(self), i), 0);
    return 0;
}

static int posts_and_fails(crew_self *self, crew_message *start)
{
    posts_thousand(self, start);
    return crew_self_fail(self, -EIO, "the disk is gone");
}

static int echoes(crew_self *self, crew_message *start)
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

static int polls(crew_self *self, crew_message *start)
{
    (void)start;
    check_equal(post_tag(crew_self_port(self), 1), 0);
    while (crew_self_canceled(self) == 0)
        sched_yield();
    return crew_self_canceled(self);
}

/* ---- W1, W2, W3 ------------------------------------------------------------ */

CREW_TEST(W1_NW1_online_then_exit_with_the_result)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(returns_seven, inbox, &heard, NULL);

    check(crew_inbox_run(inbox) > 0);
    check_text(heard.order, "ocx");
    check(heard.worker == worker);
    check_equal(heard.how.code, 7);
    check(!heard.how.canceled);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int takes_start(crew_self *self, crew_message *start)
{
    crew_port *port = start->ports[0];
    crew_message *message;

    check_equal(start->size, 5);
    check_equal(memcmp(start->bytes, "hello", 5), 0);
    check_equal(start->tag, 42);
    check_equal(*(char *)crew_buffer_data(start->buffers[0]), 'b');
    check_equal(post_text(port, "from the worker"), 0);
    check_equal(crew_receive(crew_self_port(self), &message, LONG_WAIT), 0);
    check_equal(message->tag, 77);
    crew_message_free(message);
    return 0;
}

CREW_TEST(W2_NW2_NW11_a_start_message_and_early_posts_arrive)
{
    struct pair pair = make_channel();
    crew_buffer *buffer = NULL;
    crew_message start = {.bytes = "hello",
                          .size = 5,
                          .tag = 42,
                          .buffers = &buffer,
                          .buffer_count = 1,
                          .ports = &pair.b,
                          .port_count = 1};
    crew_message *message;
    crew_worker *worker;
    crew_exit how;

    assert_int_equal(crew_buffer_create(&buffer, 100, NULL), 0);
    *(char *)crew_buffer_data(buffer) = 'b';
    worker = start_plain(takes_start, &start);
    check_equal(post_tag(crew_worker_port(worker), 77), 0);
    assert_int_equal(crew_receive(pair.a, &message, LONG_WAIT), 0);
    check_text(message->bytes, "from the worker");
    crew_message_free(message);
    end_worker(worker, &how);
    check_equal(how.code, 0);
    check_equal(how.usage.messages_in, 2);
    check_equal(crew_receive(pair.a, &message, LONG_WAIT), -EPIPE);
    crew_port_close(pair.a);
}

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

/* ---- W4: what terminate ends ----------------------------------------------- */

static uint32_t word;
static crew_pool *shared_pool;

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

static int waits_for_terminate(crew_self *self, crew_message *start)
{
    (void)start;
    while (crew_self_canceled(self) == 0)
        crew_sleep(self, CREW_FOREVER);
    return 3;
}

static int in_worker_wait(crew_self *self)
{
    crew_worker *child = start_plain(waits_for_terminate, NULL);

    (void)self;
    return crew_worker_wait(child, NULL, CREW_FOREVER);
}

static int (*const waits[])(crew_self *) = {
    in_receive,   in_receive_any, in_post_wait, in_inbox_wait,
    in_inbox_run, in_atomic_wait, in_sleep,     in_worker_wait};

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

/* ---- W6 -------------------------------------------------------------------- */

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

/* ---- W7 -------------------------------------------------------------------- */

CREW_TEST(W7_NW9_a_start_that_fails_says_so_and_keeps_nothing)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_buffer *buffer = NULL;
    crew_buffer *twice[2];
    crew_message start = {.buffers = twice, .buffer_count = 2};
    crew_listener listener = {.on_message = NULL};
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .on_online = on_online,
                                   .on_exit = on_exit_,
                                   .arg = &heard};
    crew_worker *worker = NULL;

    assert_int_equal(crew_buffer_create(&buffer, 8, NULL), 0);
    twice[0] = twice[1] = buffer;
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check_equal(crew_worker_start(NULL, returns_seven, NULL), -EINVAL);
    check_equal(crew_worker_start(&worker, NULL, NULL), -EINVAL);
    options = (crew_worker_options){.listener = &listener};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.isolation = CREW_PROCESS};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -ENOTSUP);
    options = (crew_worker_options){.stack_size = 1};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.placement_list = "x"};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.placement_list = "0",
                                    .placement = CREW_PLACE_NONE};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.reserved = {1}};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check(worker == NULL);
    check_equal(heard.count, 0);
    check_equal(crew_buffer_size(buffer), 8);
    crew_buffer_release(buffer);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- W8 -------------------------------------------------------------------- */

static int starts_another(crew_self *self, crew_message *start)
{
    crew_message deeper = {.tag = start->tag - 1};
    crew_port *port = crew_self_port(self);
    crew_worker *child;
    crew_message *message;

    if (start->tag == 0) {
        post_tag(port, 1);
        return waits_for_terminate(self, NULL);
    }
    child = start_plain(starts_another, &deeper);
    check_equal(crew_receive(crew_worker_port(child), &message, LONG_WAIT), 0);
    crew_message_free(message);
    post_tag(port, 1);
    return 1; /* its child ends with it */
}

CREW_TEST(W8_NW15_NT8_NT9_what_a_worker_started_ends_with_it)
{
    crew_message start = {.tag = 3};
    crew_worker *worker = start_plain(starts_another, &start);
    crew_exit how;

    end_worker(worker, &how);
    check_equal(how.code, 1);
}

/* ---- W9 -------------------------------------------------------------------- */

static int tells_where(crew_self *self, crew_message *start)
{
    char name[32] = "";
    cpu_set_t set;
    pthread_attr_t attributes;
    void *stack;
    size_t size = 0;
    crew_message message = {.bytes = name};

    (void)start;
    pthread_getname_np(pthread_self(), name, sizeof name);
    message.size = strlen(name);
    sched_getaffinity(0, sizeof set, &set);
    message.tag = (uint64_t)CPU_COUNT(&set) << 32 |
                  (uint64_t)(CPU_ISSET(0, &set) != 0);
    check_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_destroy(&attributes);
#if defined(UNDER_TSAN)
    check(size >= 256 * 1024); /* and what its run-time library needs */
#else
    check_equal(size, 256 * 1024);
#endif
    return crew_post(crew_self_port(self), &message);
}

CREW_TEST(W9_NW19_NZ3_name_mask_and_stack_are_obeyed)
{
    crew_worker_options options = {.name = "a name that is far too long",
                                   .placement_list = "0",
                                   .stack_size = 256 * 1024};
    crew_worker *worker = NULL;
    crew_message *message;

    assert_int_equal(crew_worker_start(&worker, tells_where, &options), 0);
    assert_int_equal(
        crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
    check_text(message->bytes, "a name that is ");
    check_equal(message->tag, UINT64_C(1) << 32 | 1);
    crew_message_free(message);
    end_worker(worker, NULL);
}

/* ---- finish ---------------------------------------------------------------- */

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

/* ---- W14 ------------------------------------------------------------------- */

static int computes_a_third(crew_self *self, crew_message *start)
{
    struct timespec begin;
    struct timespec now;
    int64_t ns;

    (void)start;
    crew_sleep(self, 70 * CREW_MS);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = (now.tv_sec - begin.tv_sec) * CREW_S + now.tv_nsec - begin.tv_nsec;
    } while (ns < 30 * CREW_MS);
    return 0;
}

CREW_TEST(W14_NZ4_what_is_busy_and_idle_adds_up)
{
    crew_worker *worker = start_plain(waits_for_terminate, NULL);
    crew_usage usage;
    crew_exit how;

    check_equal(crew_worker_usage(worker, &usage), 0);
    check_equal(crew_worker_usage(NULL, &usage), -EINVAL);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
    worker = start_plain(computes_a_third, NULL);
    end_worker(worker, &how);
    printf("busy %.1f ms, idle %.1f ms of 30 and 70\n",
           (double)how.usage.busy / 1e6, (double)how.usage.idle / 1e6);
    check(how.usage.idle >= 70 * CREW_MS);
    check(how.usage.busy >= 30 * CREW_MS);
}

/* ---- W15 ------------------------------------------------------------------- */

CREW_TEST_LIMIT(W15_NW14_many_are_started_and_terminated, 120)
{
    enum { ALIVE = 16 };
    crew_worker *alive[ALIVE] = {NULL};
    unsigned seed = 1;

    for (unsigned i = 0; i < MANY(500); i++) {
        crew_worker **slot = &alive[rand_r(&seed) % ALIVE];

        if (*slot) {
            crew_worker_terminate(*slot);
            end_worker(*slot, NULL);
        }
        *slot = start_plain(rand_r(&seed) % 2 ? waits_for_terminate : echoes,
                            NULL);
    }
    for (unsigned i = 0; i < ALIVE; i++) {
        if (alive[i]) {
            crew_worker_terminate(alive[i]);
            end_worker(alive[i], NULL);
        }
    }
}

/* ---- W16 ------------------------------------------------------------------- */

static void answers(crew_port *port, crew_message *message, void *arg)
{
    (void)arg;
    check_equal(crew_post(port, message), 0);
    if (message->tag == 9)
        crew_port_unref(port);
}

static int listens(crew_self *self, crew_message *start)
{
    crew_listener listener = {.on_message = answers};

    (void)start;
    check_equal(
        crew_listen(crew_self_port(self), crew_self_inbox(self), &listener), 0);
    return crew_inbox_run(crew_self_inbox(self)) >= 0 ? 0 : -1;
}

CREW_TEST(W16_NR4_a_loop_ends_when_nothing_holds_it)
{
    crew_worker *worker = start_plain(listens, NULL);
    crew_message *message;
    crew_exit how;

    for (uint64_t i = 0; i < 10; i++) {
        check_equal(post_tag(crew_worker_port(worker), i), 0);
        assert_int_equal(
            crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
        check_equal(message->tag, i);
        crew_message_free(message);
    }
    end_worker(worker, &how);
    check_equal(how.code, 0);
    worker = start_plain(listens, NULL);
    check_equal(crew_worker_finish(worker), 0);
    end_worker(worker, &how); /* its port was over, and held nothing */
    check_equal(how.code, 0);
}

/* ---- tasks from a worker --------------------------------------------------- */

static int task_run(crew_self *self, crew_task *task)
{
    (void)self;
    *(int *)task->data += 1;
    return 0;
}

static void task_done(crew_task *task)
{
    *(int *)task->data += 10;
}

static int uses_a_pool(crew_self *self, crew_message *start)
{
    int sum = 0;
    crew_task noticed = {.run = task_run, .done = task_done, .data = &sum};
    crew_task waited = {.run = task_run, .data = &sum};

    (void)start;
    check_equal(crew_submit(shared_pool, &waited, NULL), 0);
    check_equal(crew_task_wait(&waited, LONG_WAIT), 0);
    check_equal(crew_submit(shared_pool, &noticed, crew_self_inbox(self)), 0);
    check(crew_inbox_run(crew_self_inbox(self)) > 0);
    return sum;
}

CREW_TEST(a_worker_gives_tasks_to_a_pool)
{
    crew_exit how;

    shared_pool = make_pool(2);
    end_worker(start_plain(uses_a_pool, NULL), &how);
    check_equal(how.code, 12);
    check_equal(crew_pool_destroy(shared_pool), 0);
}

/* ---- callbacks that misbehave ---------------------------------------------- */

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

/* ---- a flood, and what comes after a destroy ------------------------------- */

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

/* ---- shared buffers -------------------------------------------------------- */

static int fills_second_half(crew_self *self, crew_message *start)
{
    (void)self;
    memset((char *)crew_buffer_data(start->buffers[0]) + 500, 'w', 500);
    return 0;
}

CREW_TEST(NW12_both_write_halves_of_one_buffer)
{
    crew_buffer *buffer = NULL;
    crew_message start = {.buffers = &buffer, .buffer_count = 1};
    crew_worker *worker;

    assert_int_equal(crew_buffer_create(&buffer, 1000, NULL), 0);
    crew_buffer_retain(buffer);
    worker = start_plain(fills_second_half, &start);
    memset(crew_buffer_data(buffer), 's', 500);
    end_worker(worker, NULL);
    for (size_t i = 0; i < 1000; i++)
        check(((char *)crew_buffer_data(buffer))[i] == (i < 500 ? 's' : 'w'));
    crew_buffer_release(buffer);
}

/* ---- a start message that is refused --------------------------------------- */

CREW_TEST(W7_a_refused_start_message_calls_nobody)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_listener listener = {on_message, NULL, on_close, &heard, {0}};
    crew_message start = {.size = 3}; /* without bytes */
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .listener = &listener,
                                   .on_exit = on_exit_,
                                   .arg = &heard};
    crew_worker *worker = NULL;

    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check(worker == NULL);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(heard.count, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- a family across inboxes ----------------------------------------------- */

static crew_inbox *grandparents;

static void destroys(crew_worker *worker, const crew_exit *how, void *arg)
{
    (void)how;
    (void)arg;
    crew_worker_destroy(worker); /* its parent may have been first */
}

/* It may have been terminated already. */
static int returns_at_once(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    return 7;
}

static int leaves_children(crew_self *self, crew_message *start)
{
    crew_worker_options options = {.inbox = grandparents, .on_exit = destroys};
    crew_worker *child = NULL;

    (void)self;
    (void)start;
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew_worker_start(&child,
                                      i ? waits_for_terminate : returns_at_once,
                                      &options),
                    0);
    return 0;
}

CREW_TEST(W8_a_child_is_given_back_by_parent_or_callback)
{
    grandparents = make_inbox();
    for (unsigned i = 0; i < 100; i++) {
        crew_worker *worker = start_plain(leaves_children, NULL);

        while (crew_worker_wait(worker, NULL, 0) == -ETIMEDOUT)
            crew_inbox_dispatch(grandparents, 0);
        check_equal(crew_worker_destroy(worker), 0);
        crew_inbox_run(grandparents);
    }
    check_equal(crew_inbox_destroy(grandparents), 0);
}

/* ---- usage, at any time ---------------------------------------------------- */

CREW_TEST(usage_may_be_asked_while_it_ends)
{
    for (unsigned i = 0; i < 20; i++) {
        crew_worker *worker = start_plain(posts_thousand, NULL);
        crew_usage usage;
        crew_usage later;

        do
            check_equal(crew_worker_usage(worker, &usage), 0);
        while (crew_worker_wait(worker, NULL, 0) == -ETIMEDOUT);
        check_equal(crew_worker_usage(worker, &usage), 0);
        check_equal(crew_worker_usage(worker, &later), 0);
        check_equal(usage.busy, later.busy);
        check_equal(usage.idle, later.idle);
        end_worker(worker, NULL);
    }
}

/* ---- in a forked child ----------------------------------------------------- */

static int starts_forked(void *arg)
{
    (void)arg;
#if !defined(UNDER_TSAN) /* which wants no threads there */
    crew_worker *own = NULL;
    crew_exit how;

    check_equal(crew_worker_start(&own, returns_seven, NULL), 0);
    end_worker(own, &how);
    check_equal(how.code, 7);
#endif
    return 0;
}

static int asks_forked(void *arg)
{
    crew_worker *worker = arg;
    crew_usage usage;
    crew_exit how;

    check_equal(crew_worker_finish(worker), -EOWNERDEAD);
    check_equal(crew_worker_terminate(worker), -EOWNERDEAD);
    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_worker_usage(worker, &usage), -EOWNERDEAD);
    check_equal(post_tag(crew_worker_port(worker), 0), -EOWNERDEAD);
    check_equal(crew_worker_destroy(worker), 0);
    return starts_forked(NULL);
}

static int forks(crew_self *self, crew_message *start)
{
    (void)start;
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return test_in_child(starts_forked, NULL);
}

/* No thread allocates while another forks: allocators do not all survive it. */
CREW_TEST(workers_in_a_forked_child)
{
    crew_worker *worker = start_plain(polls, NULL);
    crew_exit how;

    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 1);
    check_equal(test_in_child(asks_forked, worker), 0);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
    worker = start_plain(forks, NULL);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    end_worker(worker, &how);
    check_equal(how.code, 0);
}
