/* Posts to a worker by its id: W13, NM1, NM2, NM3, NM5, NW20. */
#include "desk.h"

#include "../stress/scale.h"

/* ---- W13 ------------------------------------------------------------------- */

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
