/* Calls that end early: R3, and what a stop and a fork make of them. */
#include "calls.h"

#include <unistd.h>

/* Runs until it is told to end, from `entered` on. */
static int run_until_canceled(crew_self *self, crew_message *in,
                              crew_message *out)
{
    struct test_gate *entered = (struct test_gate *)(uintptr_t)in->tag;
    int r;

    check_equal(crew_message_set(out, "partly", 6), 0);
    if (entered)
        test_gate_open(entered);
    while ((r = crew_self_canceled(self)) == 0)
        r = crew_sleep(self, LONG_WAIT);
    return r;
}

static const crew_callable until_canceled = {"test/long", run_until_canceled};
static const crew_callable noting = {"test/note", note_run};

CREW_TEST(R3_cancel_queued_running_over)
{
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    struct test_gate entered;
    crew_message running = {.tag = (uintptr_t)&entered};
    crew_message queued = {.buffers = &buffer, .buffer_count = 1};
    struct told first = await_end();
    struct told second = await_end();
    crew_call_handle *runs = NULL;
    crew_call_handle *waits = NULL;

    test_gate_init(&entered);
    check_equal(crew_call(&runs, pool, &until_canceled, &running, NULL, inbox,
                          note_end, &first),
                0);
    check_equal(crew_call(&waits, pool, &noting, &queued, NULL, inbox, note_end,
                          &second),
                0);
    test_gate_wait(&entered);
    check_equal(crew_call_cancel(waits), 0);
    check_equal(crew_call_cancel(waits), -EALREADY);
    check_equal(crew_call_cancel(runs), 1);
    check_equal(crew_inbox_run(inbox), 2);
    check_equal(first.status, -ECANCELED);
    check_equal(strcmp(first.bytes, "partly"), 0);
    check_equal(second.status, -ECANCELED);
    check_equal(second.size, 0);
    check_equal(releases, 1);
    check_equal(crew_call_cancel(runs), -EALREADY);
    check_equal(crew_call_cancel(waits), -EALREADY);
    end_all(pool, NULL, inbox);
    /* The handle outlives pool and inbox. */
    check_equal(crew_call_cancel(runs), -EALREADY);
    crew_call_destroy(runs);
    crew_call_destroy(waits);
    test_gate_fini(&entered);
}

static void destroy_inside(struct told *told, const crew_result *result)
{
    crew_call_handle **handle = told->data;

    check_equal(crew_call_cancel(*handle), -EALREADY);
    crew_call_destroy(*handle);
    check_equal(result->status, 0);
    check_equal(result->out->size, 0);
}

CREW_TEST(R3_a_handle_goes_at_any_time)
{
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct told told[3] = {await_end(), await_end(), await_end()};
    crew_call_handle *handles[3];
    struct order order = {0, ""};
    crew_message in = {.bytes = "x", .size = 1, .tag = (uintptr_t)&order};
    struct holder holder;

    hold_worker(&holder, pool, 0);
    told[1].also = destroy_inside;
    told[1].data = &handles[1];
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew_call(&handles[i], pool, &noting, &in, NULL, inbox,
                              note_end, &told[i]),
                    0);
    crew_call_destroy(handles[0]);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), 3);
    crew_call_destroy(handles[2]);
    for (unsigned i = 0; i < 3; i++) {
        check_equal(told[i].dones, 1);
        check_equal(told[i].status, 0);
    }
    check_equal(order.runs, 3);
    end_all(pool, NULL, inbox);
}

CREW_TEST(R3_deadlines_are_those_of_tasks)
{
    crew_call_options wait = {.queue_timeout = CREW_MS};
    crew_call_options run = {.run_timeout = CREW_MS, .idempotent = true};
    crew_call_options for_ever = {.queue_timeout = CREW_FOREVER,
                                  .run_timeout = CREW_FOREVER};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct told too_late = await_end();
    struct told too_long = await_end();
    struct told in_time = await_end();
    struct holder holder;
    int64_t begin;

    hold_worker(&holder, pool, 0);
    check_equal(
        crew_call(NULL, pool, &noting, NULL, &wait, inbox, note_end, &too_late),
        0);
    check_equal(crew_call(NULL, pool, &until_canceled, NULL, &run, inbox,
                          note_end, &too_long),
                0);
    check_equal(crew_call(NULL, pool, &noting, NULL, &for_ever, inbox, note_end,
                          &in_time),
                0);
    begin = test_now(); /* all are queued */
    while (test_now() - begin < 3 * CREW_MS)
        ;
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), 3);
    check_equal(too_late.status, -ETIMEDOUT);
    check_equal(too_late.size, 0);
    check_equal(too_long.status, -ETIMEDOUT);
    check_equal(too_long.size, 6);
    check_equal(in_time.status, 0);
    end_all(pool, NULL, inbox);
}

CREW_TEST(R3_priorities_are_those_of_tasks)
{
    static const crew_priority priorities[] = {CREW_LOW, CREW_NORMAL, CREW_HIGH,
                                               CREW_LOW, CREW_HIGH};
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct told told = await_end();
    struct order order = {0, ""};
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (unsigned i = 0; i < 5; i++) {
        crew_call_options options = {.priority = priorities[i]};
        crew_message in = {
            .bytes = names[i], .size = 1, .tag = (uintptr_t)&order};

        check_equal(crew_call(NULL, pool, &noting, &in, &options, inbox,
                              note_end, &told),
                    0);
    }
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), 5);
    check_equal(strcmp(order.marks, "cebad"), 0);
    end_all(pool, NULL, inbox);
}

CREW_TEST(a_stopped_pool_ends_its_calls)
{
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    struct test_gate entered;
    crew_message running = {.tag = (uintptr_t)&entered};
    crew_message queued = {.buffers = &buffer, .buffer_count = 1};
    struct told first = await_end();
    struct told second = await_end();

    test_gate_init(&entered);
    check_equal(crew_call(NULL, pool, &until_canceled, &running, NULL, inbox,
                          note_end, &first),
                0);
    check_equal(
        crew_call(NULL, pool, &noting, &queued, NULL, inbox, note_end, &second),
        0);
    test_gate_wait(&entered);
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_inbox_run(inbox), 2);
    check_equal(first.status, -ECANCELED);
    check_equal(second.status, -ECANCELED);
    check_equal(releases, 1);
    end_all(NULL, NULL, inbox);
    test_gate_fini(&entered);
}

struct inherited {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_call_handle *handle;
    crew_buffer *buffer;
};

static int in_child(void *arg)
{
    struct inherited *it = arg;
    crew_message in = {.buffers = &it->buffer, .buffer_count = 1};
    crew_inbox *inbox = make_inbox();
    struct told told = await_end();

    check_equal(crew_call(NULL, it->pool, &noting, &in, NULL, it->inbox,
                          note_end, &told),
                -EOWNERDEAD);
    check_equal(
        crew_call(NULL, it->pool, &noting, &in, NULL, inbox, note_end, &told),
        -EOWNERDEAD);
    check_equal(crew_call_cancel(it->handle), -EOWNERDEAD);
    crew_call_destroy(it->handle);
    check_equal(crew_inbox_pending(inbox), 0);
#if !defined(__SANITIZE_THREAD__) /* it starts no thread after such a fork */
    crew_pool *pool = make_pool(1);

    check_equal(
        crew_call(NULL, pool, &noting, &in, NULL, inbox, note_end, &told), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(told.status, 0);
    end_all(pool, NULL, NULL);
#endif
    end_all(NULL, NULL, inbox);
    return 0;
}

CREW_TEST(a_forked_child_makes_calls_of_its_own)
{
    struct inherited it = {.pool = make_pool(1), .inbox = make_inbox()};
    unsigned releases = 0;
    struct told told = await_end();
    struct holder holder;

    it.buffer = make_counted(&releases);
    hold_worker(&holder, it.pool, 0);
    check_equal(crew_call(&it.handle, it.pool, &noting, NULL, NULL, it.inbox,
                          note_end, &told),
                0);
    check_equal(test_in_child(in_child, &it), 0);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(it.inbox), 1);
    check_equal(told.status, 0);
    check_equal(releases, 0);
    crew_call_destroy(it.handle);
    crew_buffer_release(it.buffer);
    end_all(it.pool, NULL, it.inbox);
}
