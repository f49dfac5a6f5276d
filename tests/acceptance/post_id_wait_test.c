/* Who waits for the answer of a post by id, and gives up or is refused: NM2,
 * NM3, NT1. */
#include "desk.h"

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

    do { /* who looks whether this is under way has the port for a moment */
        waiting->result = crew_worker_post(waiting->id, &message, NULL,
                                           CREW_FOREVER);
    } while (waiting->result == -EBUSY);
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
