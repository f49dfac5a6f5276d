/* Posts to a worker by its id: W13, NM1 to NM3, NM5, NX8, NW20. */
#include "mail.h"

#include "../stress/scale.h"

#include <pthread.h>
#include <sched.h>

/* ---- a worker that handles ------------------------------------------------- */

struct desk {
    crew_post_fn *fn;
    void *arg;
    struct test_gate *opens; /* it dispatches from then on; NULL: at once */
};

/* Until it is finished. */
static int serves(crew_self *self, crew_message *start)
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

static crew_worker *start(crew_main_fn *main, const void *tag)
{
    crew_message message = {.tag = (uintptr_t)tag};
    crew_worker_options options = {.start = &message};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

/* One that is ready; *id is its id. */
static crew_worker *start_serving(const struct desk *desk, uint64_t *id)
{
    crew_worker *worker = start(serves, desk);

    *id = crew_worker_id(worker);
    check(*id > 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), *id);
    return worker;
}

static int end_worker(crew_worker *worker)
{
    crew_exit how = {.code = -1};

    check_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
    return how.code;
}

static void finish(crew_worker *worker)
{
    check_equal(crew_worker_finish(worker), 0);
    check_equal(end_worker(worker), 0);
}

static int ask_tag(uint64_t id, uint64_t tag, int *answer)
{
    return crew_worker_post(id, &(crew_message){.tag = tag}, answer, LONG_WAIT);
}

static int queue_tag(uint64_t id, uint64_t tag)
{
    return crew_worker_post(id, &(crew_message){.tag = tag}, NULL, 0);
}

/* ---- W13 ------------------------------------------------------------------- */

struct noted {
    uint64_t from;
    uint64_t next; /* tag */
    unsigned count;
    int answer;
};

static int notes(uint64_t from, crew_message *message, void *arg)
{
    struct noted *noted = arg;

    noted->from = from;
    check_equal(message->tag, noted->next);
    noted->next++;
    noted->count++;
    return noted->answer;
}

CREW_TEST(W13_a_post_by_id_arrives_in_the_workers_inbox)
{
    struct noted noted = {.answer = 77};
    struct desk desk = {notes, &noted, NULL};
    crew_worker *worker;
    int answer = 0;
    uint64_t id;

    worker = start_serving(&desk, &id);
    for (uint64_t i = 0; i < 100; i++)
        check_equal(queue_tag(id, i), 0);
    check_equal(ask_tag(id, 100, &answer), 0); /* after all of them */
    check_equal(answer, 77);
    check_equal(noted.count, 101);
    check_equal(
        crew_worker_post(id, &(crew_message){.tag = 101}, NULL, CREW_FOREVER),
        0);
    check_equal(noted.count, 102);
    finish(worker);
    check_equal(ask_tag(id, 0, &answer), -ESRCH);
}

static int looks_at_content(uint64_t from, crew_message *message, void *arg)
{
    (void)from;
    (void)arg;
    check_equal((uintptr_t)message->bytes % 16, 0);
    check_equal(message->size, 1000);
    check_equal(((const char *)message->bytes)[999], 'x');
    check_equal(((const char *)message->bytes)[1000], '\0');
    check_equal(message->tag, 5);
    check_equal(message->buffer_count, 1);
    check_equal(message->port_count, 1);
    check_equal(post_tag(message->ports[0], 6), 0);
    return 0;
}

static void post_content(uint64_t id, crew_ns timeout, unsigned *releases)
{
    char bytes[1000];
    struct pair pair = make_channel();
    crew_buffer *buffer = make_counted(releases);
    crew_message message = {.bytes = bytes,
                            .size = sizeof bytes,
                            .buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &pair.a,
                            .port_count = 1,
                            .tag = 5};

    memset(bytes, 'x', sizeof bytes);
    check_equal(crew_worker_post(id, &message, NULL, timeout), 0);
    check_equal(receive_tag(pair.b, LONG_WAIT), 6);
    /* The message goes after the handler, with all that is in it. */
    check_equal(receive_tag(pair.b, LONG_WAIT), -EPIPE);
    crew_port_close(pair.b);
}

CREW_TEST(W13_bytes_buffers_and_ports_go_along)
{
    struct desk desk = {looks_at_content, NULL, NULL};
    unsigned releases = 0;
    uint64_t id;
    crew_worker *worker = start_serving(&desk, &id);

    post_content(id, 0, &releases);
    post_content(id, LONG_WAIT, &releases);
    finish(worker);
    check_equal(releases, 2);
}

static int keeps(uint64_t from, crew_message *message, void *arg)
{
    (void)from;
    crew_message_keep(message);
    *(crew_message **)arg = message;
    return 0;
}

CREW_TEST(W13_a_handler_may_keep_its_message)
{
    crew_message *kept[2] = {NULL, NULL};
    struct desk desk = {keeps, &kept[0], NULL};
    crew_worker *worker;
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {
        .bytes = "hello", .size = 5, .buffers = &buffer, .buffer_count = 1};
    uint64_t id;

    worker = start_serving(&desk, &id);
    check_equal(crew_worker_post(id, &message, NULL, LONG_WAIT), 0);
    finish(worker);
    check_equal(strcmp(kept[0]->bytes, "hello"), 0);
    /* What was received may be posted on as it is. */
    desk.arg = &kept[1];
    worker = start_serving(&desk, &id);
    check_equal(crew_worker_post(0, kept[0], NULL, LONG_WAIT), -ESRCH);
    check(kept[0]->buffers[0] == buffer);
    check_equal(crew_worker_post(id, kept[0], NULL, LONG_WAIT), 0);
    check(kept[0]->buffers[0] == NULL);
    crew_message_free(kept[0]);
    check_equal(releases, 0);
    finish(worker);
    check_equal(strcmp(kept[1]->bytes, "hello"), 0);
    crew_message_free(kept[1]);
    check_equal(releases, 1);
}

/* ---- ids ------------------------------------------------------------------- */

static int returns_nothing(crew_self *self, crew_message *message)
{
    (void)self;
    (void)message;
    return 0;
}

CREW_TEST(W13_an_id_is_never_given_again)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < 200; i++) {
        crew_worker *worker = start(returns_nothing, NULL);
        uint64_t id = crew_worker_id(worker);

        check(id > last);
        last = id;
        check_equal(end_worker(worker), 0);
        check_equal(queue_tag(id, 0), -ESRCH);
    }
    check_equal(queue_tag(last + 1, 0), -ESRCH);
    check_equal(queue_tag(0, 0), -ESRCH);
    check_equal(queue_tag(UINT64_MAX, 0), -ESRCH);
    check_equal(crew_worker_id(NULL), 0);
    check_equal(crew_self_id(NULL), 0);
}

static int asks_in_a_pool(crew_self *self, crew_task *task)
{
    (void)task;
    check_equal(crew_self_id(self), 0);
    return crew_self_on_post(self, notes, NULL);
}

CREW_TEST(tasks_have_no_id_and_no_handler)
{
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = asks_in_a_pool};

    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(task.status, -EINVAL);
    check_equal(crew_self_on_post(NULL, notes, NULL), -EINVAL);
    check_equal(crew_pool_destroy(pool), 0);
}

struct hook {
    crew_worker *worker;
    uint64_t id;
};

static void sees_id(crew_worker *worker, void *arg)
{
    struct hook *hook = arg;

    hook->worker = worker;
    hook->id = crew_worker_id(worker);
}

static int posts_its_id(crew_self *self, crew_message *message)
{
    (void)message;
    return post_tag(crew_self_port(self), crew_self_id(self));
}

CREW_TEST(NW20_on_online_sees_the_id)
{
    crew_inbox *inbox = make_inbox();
    struct hook hook = {NULL, 0};
    crew_worker_options options = {
        .inbox = inbox, .on_online = sees_id, .arg = &hook};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, posts_its_id, &options), 0);
    check(crew_inbox_run(inbox) > 0);
    check(hook.worker == worker);
    check(hook.id > 0);
    check_equal(receive_tag(crew_worker_port(worker), 0), hook.id);
    check_equal(end_worker(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NM1, NM2 -------------------------------------------------------------- */

static int posts_to_itself(crew_self *self, crew_message *message)
{
    int answer = 5;

    (void)message;
    check_equal(queue_tag(crew_self_id(self), 0), -EINVAL);
    check_equal(ask_tag(crew_self_id(self), 0, &answer), -EINVAL);
    check_equal(crew_self_on_post(self, notes, NULL), 0);
    check_equal(ask_tag(crew_self_id(self), 0, &answer), -EINVAL);
    check_equal(answer, 5);
    return 0;
}

CREW_TEST(NM1_a_post_to_ones_own_id_is_refused)
{
    check_equal(end_worker(start(posts_to_itself, NULL)), 0);
}

static int waits_without_handler(crew_self *self, crew_message *message)
{
    (void)message;
    check_equal(post_tag(crew_self_port(self), 0), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return 0;
}

CREW_TEST(NM2_who_has_no_handler_or_is_gone_is_told_apart)
{
    crew_worker *worker = start(waits_without_handler, NULL);
    uint64_t id = crew_worker_id(worker);
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer, .buffer_count = 1};

    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 0);
    check_equal(crew_worker_post(id, &message, NULL, 0), -ENOTCONN);
    check_equal(crew_worker_post(id, &message, NULL, LONG_WAIT), -ENOTCONN);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(crew_worker_post(id, &message, NULL, 0), -ESRCH);
    check_equal(crew_worker_post(id, &message, NULL, LONG_WAIT), -ESRCH);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_worker_post(id, &message, NULL, LONG_WAIT), -ESRCH);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
}

/* ---- NM3 ------------------------------------------------------------------- */

CREW_TEST(NM3_the_handlers_result_is_the_answer)
{
    static const int answers[] = {0, 1, -EIO, -ESRCH, INT32_MIN, INT32_MAX};
    struct noted noted = {.answer = 0};
    struct desk desk = {notes, &noted, NULL};
    unsigned releases = 0;
    uint64_t id;
    crew_worker *worker = start_serving(&desk, &id);

    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        crew_buffer *buffer = make_counted(&releases);
        crew_message message = {
            .buffers = &buffer, .buffer_count = 1, .tag = i};
        int answer = 99;

        noted.answer = answers[i]; /* it waits for us */
        check_equal(crew_worker_post(id, &message, &answer, LONG_WAIT), 0);
        check_equal(answer, answers[i]);
    }
    finish(worker);
    /* Whatever the answer: it was handled, so the buffers have moved. */
    check_equal(releases, 6);
}

/* ---- NM5 ------------------------------------------------------------------- */

static int asks_another(crew_self *self, crew_message *start)
{
    check_equal(ask_tag(start->tag, 1, NULL), 0);
    return post_tag(crew_self_port(self), crew_self_id(self));
}

CREW_TEST(NM5_the_handler_is_given_the_senders_id)
{
    struct noted noted = {.from = 99};
    struct desk desk = {notes, &noted, NULL};
    uint64_t id;
    crew_worker *worker = start_serving(&desk, &id);
    crew_worker *other;

    check_equal(ask_tag(id, 0, NULL), 0);
    check_equal(noted.from, 0); /* not from a worker */
    other = start(asks_another, (void *)(uintptr_t)id);
    check_equal(receive_tag(crew_worker_port(other), LONG_WAIT),
                crew_worker_id(other));
    check_equal(noted.from, crew_worker_id(other));
    check_equal(end_worker(other), 0);
    finish(worker);
}

/* ---- NX8 ------------------------------------------------------------------- */

struct player {
    uint64_t last;
    crew_inbox *inbox;
    unsigned played;
};

static void plays(crew_port *port, crew_message *message, void *arg)
{
    struct player *player = arg;

    player->played++;
    if (message->tag < player->last)
        check_equal(post_tag(port, message->tag + 1), 0);
    if (message->tag + 1 >= player->last)
        crew_port_close(port);
}

/* Listens on the port that it is given; who gets the tag 1 serves. */
static int is_given_port(uint64_t from, crew_message *message, void *arg)
{
    struct player *player = arg;
    crew_listener listener = {.on_message = plays, .arg = player};
    crew_port *port = message->ports[0];

    (void)from;
    message->ports[0] = NULL;
    check_equal(crew_listen(port, player->inbox, &listener), 0);
    if (message->tag == 1)
        check_equal(post_tag(port, 1), 0);
    return 0;
}

static int plays_ping_pong(crew_self *self, crew_message *start)
{
    struct player *player = (struct player *)(uintptr_t)start->tag;
    crew_port *port = crew_self_port(self);

    player->inbox = crew_self_inbox(self);
    check_equal(crew_self_on_post(self, is_given_port, player), 0);
    check_equal(post_tag(port, 0), 0);
    while (player->played < player->last / 2)
        check(crew_inbox_wait(player->inbox, LONG_WAIT) > 0);
    return 0;
}

CREW_TEST(NX8_a_port_posted_by_id_joins_any_two_workers)
{
    struct pair pair = make_channel();
    crew_port *ports[2] = {pair.a, pair.b};
    struct player players[2] = {{.last = 1000}, {.last = 1000}};
    crew_worker *workers[2];

    for (unsigned i = 0; i < 2; i++) {
        workers[i] = start(plays_ping_pong, &players[i]);
        check_equal(receive_tag(crew_worker_port(workers[i]), LONG_WAIT), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        crew_message message = {.ports = &ports[i], .port_count = 1, .tag = i};

        check_equal(crew_worker_post(crew_worker_id(workers[i]), &message, NULL,
                                     i ? LONG_WAIT : 0),
                    0);
    }
    for (unsigned i = 0; i < 2; i++) {
        check_equal(end_worker(workers[i]), 0);
        check_equal(players[i].played, 500);
    }
}

/* ---- timeouts -------------------------------------------------------------- */

CREW_TEST(NM3_what_timed_out_is_never_delivered)
{
    struct test_gate gate;
    struct noted noted = {.next = 1};
    struct desk desk = {notes, &noted, &gate};
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &pair.b,
                            .port_count = 1};
    int answer = 5;
    crew_worker *worker;
    uint64_t id;

    test_gate_init(&gate);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    worker = start_serving(&desk, &id);
    check_equal(crew_worker_post(id, &message, &answer, CREW_MS), -ETIMEDOUT);
    check_equal(answer, 5);
    check_equal(queue_tag(id, 1), 0);
    /* The port listens as before, and all is ours. */
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.messages, 1);
    close_pair(pair);
    dispatch_all(inbox);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 1);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
    check_equal(releases, 1);
    end_all(NULL, NULL, inbox);
    test_gate_fini(&gate);
}

struct slow {
    struct test_gate entered, leave;
};

static int handles_slowly(uint64_t from, crew_message *message, void *arg)
{
    struct slow *slow = arg;

    (void)from;
    check_equal(message->buffer_count + message->port_count, 1);
    test_gate_open(&slow->entered);
    test_gate_wait(&slow->leave);
    return 3;
}

static void slow_init(struct slow *slow)
{
    test_gate_init(&slow->entered);
    test_gate_init(&slow->leave);
}

static void slow_fini(struct slow *slow)
{
    test_gate_fini(&slow->entered);
    test_gate_fini(&slow->leave);
}

/* Either the handler has it, and it has moved, or it has not begun. */
CREW_TEST(NM3_a_timeout_while_it_is_handled_is_told_apart)
{
    struct slow slow;
    struct desk desk = {handles_slowly, &slow, NULL};
    unsigned releases = 0;
    int r = -ETIMEDOUT;
    crew_worker *worker;
    uint64_t id;

    slow_init(&slow);
    worker = start_serving(&desk, &id);
    while (r == -ETIMEDOUT) {
        crew_buffer *buffer = make_counted(&releases);
        crew_message message = {.buffers = &buffer, .buffer_count = 1};
        int answer = 5;

        r = crew_worker_post(id, &message, &answer, 20 * CREW_MS);
        check_equal(answer, 5);
        if (r < 0)
            crew_buffer_release(buffer);
        releases -= r < 0;
    }
    check_equal(r, 1);
    check(test_gate_is_open(&slow.entered));
    check_equal(releases, 0);
    test_gate_open(&slow.leave);
    finish(worker);
    check_equal(releases, 1);
    slow_fini(&slow);
}

/* ---- terminate ------------------------------------------------------------- */

struct asker {
    uint64_t id;
    int result;
    unsigned releases;
};

static int asks_until_terminated(crew_self *self, crew_message *start)
{
    struct asker *asker = (struct asker *)(uintptr_t)start->tag;
    crew_buffer *buffer = make_counted(&asker->releases);
    crew_message message = {.buffers = &buffer, .buffer_count = 1};

    check_equal(post_tag(crew_self_port(self), 0), 0);
    asker->result = crew_worker_post(asker->id, &message, NULL, CREW_FOREVER);
    if (asker->result < 0)
        crew_buffer_release(buffer);
    /* Nor does it wait again. */
    check_equal(crew_worker_post(asker->id, &message, NULL, CREW_FOREVER),
                -ECANCELED);
    return 0;
}

CREW_TEST(NM3_NT1_terminate_ends_the_wait_for_an_answer)
{
    struct test_gate gate;
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, &gate};
    struct asker asker = {.result = 99};
    crew_worker *worker;
    crew_worker *other;

    test_gate_init(&gate);
    worker = start_serving(&desk, &asker.id);
    other = start(asks_until_terminated, &asker);
    check_equal(receive_tag(crew_worker_port(other), LONG_WAIT), 0);
    check_equal(crew_worker_terminate(other), 0);
    check_equal(end_worker(other), 0);
    check_equal(asker.result, -ECANCELED);
    check_equal(asker.releases, 1);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 0);
    check_equal(asker.releases, 1);
    test_gate_fini(&gate);
}

CREW_TEST(NM3_NT1_terminate_ends_the_wait_while_it_is_handled)
{
    struct slow slow;
    struct desk desk = {handles_slowly, &slow, NULL};
    struct asker asker = {.result = 99};
    crew_worker *worker;
    crew_worker *other;

    slow_init(&slow);
    worker = start_serving(&desk, &asker.id);
    other = start(asks_until_terminated, &asker);
    check(test_gate_wait(&slow.entered));
    check_equal(crew_worker_terminate(other), 0);
    check_equal(end_worker(other), 0);
    check_equal(asker.result, 1);
    check_equal(asker.releases, 0);
    test_gate_open(&slow.leave);
    finish(worker);
    check_equal(asker.releases, 1);
    slow_fini(&slow);
}

/* ---- the receiver ends, or does not want any more -------------------------- */

static int opens_and_ends(crew_self *self, crew_message *message)
{
    (void)message;
    check_equal(crew_self_on_post(self, notes, NULL), 0);
    check_equal(post_tag(crew_self_port(self), crew_self_id(self)), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return 0;
}

static int opens_and_refuses(crew_self *self, crew_message *message)
{
    opens_and_ends(self, message);
    check_equal(crew_self_on_post(self, NULL, NULL), 0);
    check_equal(post_tag(crew_self_port(self), 0), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return 0;
}

struct waiting {
    uint64_t id;
    crew_port *port; /* goes along; nobody's to use while it waits */
    int result;
};

static void *wait_for_answer(void *arg)
{
    struct waiting *waiting = arg;
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &waiting->port,
                            .port_count = 1};

    waiting->result = crew_worker_post(waiting->id, &message, NULL,
                                       CREW_FOREVER);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
    check_equal(post_tag(waiting->port, 8), 0);
    return NULL;
}

static bool is_under_way(void *arg)
{
    crew_message *message = NULL;

    return crew_receive(arg, &message, 0) == -EBUSY;
}

/* What it is told when `main`, which dispatches nothing, goes on. A thousand
 * posts that nobody waits for lie before it. */
static int wait_while(crew_main_fn *main, unsigned *releases)
{
    struct pair pair = make_channel();
    crew_worker *worker = start(main, NULL);
    crew_port *port = crew_worker_port(worker);
    struct waiting waiting = {crew_worker_id(worker), pair.a, 99};
    pthread_t thread;

    check_equal(receive_tag(port, LONG_WAIT), waiting.id);
    for (unsigned i = 0; i < 1000; i++) {
        crew_buffer *buffer = make_counted(releases);
        crew_message message = {.buffers = &buffer, .buffer_count = 1};

        check_equal(crew_worker_post(waiting.id, &message, NULL, 0), 0);
    }
    assert_int_equal(pthread_create(&thread, NULL, wait_for_answer, &waiting),
                     0);
    test_poll(is_under_way, pair.a, LONG_WAIT);
    check_equal(post_tag(port, 0), 0);
    pthread_join(thread, NULL);
    check_equal(receive_tag(pair.b, 0), 8);
    close_pair(pair);
    if (waiting.result == -ENOTCONN)
        check_equal(post_tag(port, 0), 0);
    check_equal(end_worker(worker), 0);
    return waiting.result;
}

CREW_TEST(NM2_who_waits_for_one_that_ends_is_told)
{
    unsigned releases = 0;

    check_equal(wait_while(opens_and_ends, &releases), -ESRCH);
    check_equal(releases, 1000);
}

CREW_TEST(NM2_who_waits_for_one_that_refuses_is_told)
{
    unsigned releases = 0;

    check_equal(wait_while(opens_and_refuses, &releases), -ENOTCONN);
    check_equal(releases, 1000);
}

/* ---- the handler ----------------------------------------------------------- */

static int holds_nothing(crew_self *self, crew_message *message)
{
    (void)message;
    check_equal(crew_self_on_post(self, notes, NULL), 0);
    check_equal(crew_inbox_pending(crew_self_inbox(self)), 0);
    check(!crew_inbox_is_alive(crew_self_inbox(self)));
    return crew_inbox_run(crew_self_inbox(self));
}

CREW_TEST(a_handler_of_posts_holds_no_loop)
{
    check_equal(end_worker(start(holds_nothing, NULL)), 0);
}

struct changing {
    crew_self *self;
    unsigned first, second;
};

static int is_second(uint64_t from, crew_message *message, void *arg)
{
    struct changing *changing = arg;

    (void)from;
    (void)message;
    changing->second++;
    /* Refuses from within, and opens again: what came before is released. */
    if (changing->second == 2)
        check_equal(crew_self_on_post(changing->self, NULL, NULL), 0);
    if (changing->second == 2)
        check_equal(crew_self_on_post(changing->self, is_second, arg), 0);
    return 2;
}

static int is_first(uint64_t from, crew_message *message, void *arg)
{
    struct changing *changing = arg;

    (void)from;
    (void)message;
    changing->first++;
    check_equal(crew_self_on_post(changing->self, is_second, arg), 0);
    return 1;
}

static int changes_handlers(crew_self *self, crew_message *start)
{
    struct changing *changing = (struct changing *)(uintptr_t)start->tag;
    crew_inbox *inbox = crew_self_inbox(self);

    changing->self = self;
    check_equal(crew_self_on_post(self, is_first, changing), 0);
    check_equal(post_tag(crew_self_port(self), 0), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    crew_inbox_dispatch(inbox, 0);
    check_equal(post_tag(crew_self_port(self), 0), 0);
    while (changing->second < 4)
        check(crew_inbox_wait(inbox, LONG_WAIT) > 0);
    return 0;
}

CREW_TEST(a_handler_may_be_changed_by_itself)
{
    struct changing changing = {.first = 0};
    crew_worker *worker = start(changes_handlers, &changing);
    crew_port *port = crew_worker_port(worker);
    uint64_t id = crew_worker_id(worker);
    int answer = 0;

    check_equal(receive_tag(port, LONG_WAIT), 0);
    for (uint64_t i = 0; i < 5; i++)
        check_equal(queue_tag(id, i), 0);
    check_equal(post_tag(port, 0), 0);
    check_equal(receive_tag(port, LONG_WAIT), 0);
    check_equal(changing.first, 1);
    check_equal(changing.second, 2);
    check_equal(ask_tag(id, 0, &answer), 0);
    check_equal(answer, 2);
    check_equal(ask_tag(id, 0, &answer), 0);
    check_equal(end_worker(worker), 0);
}

static int asks_back(uint64_t from, crew_message *message, void *arg)
{
    (void)arg;
    check_equal(queue_tag(from, message->tag + 1), 0);
    return 0;
}

static int asks_and_is_asked(crew_self *self, crew_message *start)
{
    struct noted noted = {.next = 8};

    check_equal(crew_self_on_post(self, notes, &noted), 0);
    check_equal(ask_tag(start->tag, 7, NULL), 0);
    check_equal(crew_inbox_wait(crew_self_inbox(self), LONG_WAIT), 1);
    check_equal(noted.count, 1);
    check(noted.from == start->tag);
    return 0;
}

CREW_TEST(a_handler_may_post_back)
{
    struct desk desk = {asks_back, NULL, NULL};
    uint64_t id;
    crew_worker *worker = start_serving(&desk, &id);

    check_equal(end_worker(start(asks_and_is_asked, (void *)(uintptr_t)id)), 0);
    finish(worker);
}

/* ---- limits ---------------------------------------------------------------- */

CREW_TEST(posts_by_id_are_bounded)
{
    struct test_gate gate;
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, &gate};
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer, .buffer_count = 1};
    crew_worker *worker;
    uint64_t id;

    test_gate_init(&gate);
    worker = start_serving(&desk, &id);
    for (uint64_t i = 0; i < 1024; i++)
        check_equal(queue_tag(id, i), 0);
    check_equal(crew_worker_post(id, &message, NULL, 0), -EAGAIN);
    check_equal(crew_worker_post(id, &message, NULL, LONG_WAIT), -EAGAIN);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 1024);
    test_gate_fini(&gate);
}

CREW_TEST(posts_by_id_that_make_no_sense)
{
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, NULL};
    struct pair pair = make_channel();
    crew_port *twice[] = {pair.a, pair.a};
    crew_message without_bytes = {.size = 1};
    crew_message with_port_twice = {.ports = twice, .port_count = 2};
    crew_message empty = {.size = 0};
    crew_worker *worker;
    int answer = 5;
    uint64_t id;

    worker = start_serving(&desk, &id);
    check_equal(crew_worker_post(id, NULL, NULL, 0), -EINVAL);
    check_equal(crew_worker_post(id, &without_bytes, NULL, 0), -EINVAL);
    check_equal(crew_worker_post(id, &with_port_twice, NULL, 0), -EINVAL);
    check_equal(crew_worker_post(id, &empty, NULL, -2), -EINVAL);
    check_equal(crew_worker_post(id, &empty, &answer, 0), -EINVAL);
    check_equal(answer, 5);
    close_pair(pair);
    finish(worker);
    check_equal(noted.count, 0);
}

/* ---- a port that goes from its own callback -------------------------------- */

struct own {
    uint64_t id;
    crew_ns timeout;
    int result;
    unsigned count;
};

static void moves_itself(crew_port *port, crew_message *message, void *arg)
{
    struct own *own = arg;
    crew_message moved = {.ports = &port, .port_count = 1};

    (void)message;
    own->count++;
    own->result = crew_worker_post(own->id, &moved, NULL, own->timeout);
}

/* Each time two messages wait, and it is posted by the first. */
static void move_from_callback(struct own *own, crew_inbox *inbox, int expected)
{
    crew_listener listener = {.on_message = moves_itself, .arg = own};
    struct pair pair = make_channel();

    own->count = 0;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(crew_listen(pair.b, inbox, &listener), 0);
    dispatch_all(inbox);
    check_equal(own->result, expected);
    check_equal(own->count, expected < 0 ? 2 : 1);
    crew_port_close(pair.a);
    if (expected < 0)
        crew_port_close(pair.b);
    dispatch_all(inbox);
}

CREW_TEST(a_port_may_be_posted_by_id_from_its_own_callback)
{
    struct test_gate gate;
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, NULL};
    struct own own = {.timeout = 0};
    crew_inbox *inbox = make_inbox();
    crew_worker *worker;

    test_gate_init(&gate);
    worker = start_serving(&desk, &own.id);
    move_from_callback(&own, inbox, 0);
    check_equal(ask_tag(own.id, 1, NULL), 0);
    noted.next = 0;
    own.timeout = LONG_WAIT;
    move_from_callback(&own, inbox, 0);
    finish(worker);
    check_equal(noted.count, 3);

    desk.opens = &gate;
    noted.next = 0;
    worker = start_serving(&desk, &own.id);
    own.timeout = CREW_MS;
    move_from_callback(&own, inbox, -ETIMEDOUT);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 3);
    check_equal(crew_inbox_destroy(inbox), 0);
    test_gate_fini(&gate);
}

static int moves_and_is_terminated(crew_self *self, crew_message *start)
{
    struct own *own = (struct own *)(uintptr_t)start->tag;
    crew_listener listener = {.on_message = moves_itself, .arg = own};
    crew_port *port = start->ports[0];

    start->ports[0] = NULL;
    check_equal(crew_listen(port, crew_self_inbox(self), &listener), 0);
    check_equal(crew_inbox_dispatch(crew_self_inbox(self), 0), 1);
    check_equal(crew_inbox_dispatch(crew_self_inbox(self), 0), 0);
    return 0;
}

/* It has moved before its callback goes on, though the handler is not done. */
CREW_TEST(NM3_a_port_has_moved_when_its_own_callback_gives_up)
{
    struct slow slow;
    struct desk desk = {handles_slowly, &slow, NULL};
    struct own own = {.timeout = CREW_FOREVER};
    struct pair pair = make_channel();
    crew_message message = {
        .ports = &pair.b, .port_count = 1, .tag = (uintptr_t)&own};
    crew_worker_options options = {.start = &message};
    crew_worker *worker;
    crew_worker *mover = NULL;

    slow_init(&slow);
    worker = start_serving(&desk, &own.id);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0); /* not for its callback any more */
    assert_int_equal(
        crew_worker_start(&mover, moves_and_is_terminated, &options), 0);
    check(test_gate_wait(&slow.entered));
    check_equal(crew_worker_terminate(mover), 0);
    check_equal(end_worker(mover), 0);
    check_equal(own.result, 1);
    check_equal(own.count, 1);
    test_gate_open(&slow.leave);
    finish(worker);
    check_equal(receive_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
    slow_fini(&slow);
}

/* ---- fork ------------------------------------------------------------------ */

static int posts_in_child(void *arg)
{
    crew_worker *worker = arg;
    uint64_t id = crew_worker_id(worker);

    check_equal(queue_tag(id, 0), -ESRCH);
    check_equal(ask_tag(id, 0, NULL), -ESRCH);
    check_equal(crew_worker_destroy(worker), 0);
    return 0;
}

static int tries_in_child(void *arg)
{
    crew_self *self = arg;

    check_equal(crew_self_on_post(self, notes, NULL), -EOWNERDEAD);
    check_equal(queue_tag(crew_self_id(self), 0), -EINVAL);
#if !defined(UNDER_TSAN) /* which wants no threads there */
    {
        struct noted noted = {.count = 0};
        struct desk desk = {notes, &noted, NULL};
        crew_worker *worker;
        uint64_t id;

        worker = start_serving(&desk, &id);
        check(id > crew_self_id(self));
        check_equal(ask_tag(id, 0, NULL), 0);
        finish(worker);
    }
#endif
    return 0;
}

static int forks(crew_self *self, crew_message *message)
{
    (void)message;
    check_equal(crew_self_on_post(self, notes, NULL), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return test_in_child(tries_in_child, self);
}

CREW_TEST(posts_by_id_in_a_forked_child)
{
    struct test_gate gate;
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, &gate};
    crew_worker *worker;
    uint64_t id;

    test_gate_init(&gate);
    worker = start_serving(&desk, &id);
    check_equal(queue_tag(id, 0), 0);
    check_equal(test_in_child(posts_in_child, worker), 0);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 1);
    test_gate_fini(&gate);
    worker = start(forks, NULL);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(end_worker(worker), 0);
}
