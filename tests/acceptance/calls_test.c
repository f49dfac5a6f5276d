/* Calls that come to their end: R1, R2, R4. */
#include "calls.h"

/* ---- R1 ------------------------------------------------------------------ */

/* Gives everything back: the bytes reversed, buffers and ports as they are. */
static int turn_round(crew_self *self, crew_message *in, crew_message *out)
{
    const char *bytes = in->bytes;
    char reversed[64];

    (void)self;
    check(in->size < sizeof reversed);
    check_equal((uintptr_t)bytes % 16, 0);
    check_equal(bytes[in->size], 0);
    for (size_t i = 0; i < in->size; i++)
        reversed[i] = bytes[in->size - 1 - i];
    check_equal(crew_message_set(out, reversed, in->size), 0);
    for (size_t i = 0; i < in->buffer_count; i++) {
        check_equal(crew_message_add_buffer(out, in->buffers[i]), 0);
        in->buffers[i] = NULL;
    }
    for (size_t i = 0; i < in->port_count; i++) {
        check_equal(crew_message_add_port(out, in->ports[i]), 0);
        in->ports[i] = NULL;
    }
    out->tag = in->tag + 1;
    return (int)in->size;
}

struct parts {
    crew_buffer *buffer;
    crew_port *port;
};

static void take_parts(struct told *told, const crew_result *result)
{
    struct parts *parts = told->data;

    parts->buffer = result->out->buffers[0];
    parts->port = result->out->ports[0];
    result->out->buffers[0] = NULL;
    result->out->ports[0] = NULL;
}

CREW_TEST(R1_a_result_arrives_in_the_loop)
{
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    char bytes[] = "abcdef";
    crew_message in = {bytes, 6, &buffer, 1, &pair.b, 1, 41, {0}};
    struct parts parts = {NULL, NULL};
    struct told told = await_end();

    told.also = take_parts;
    told.data = &parts;
    check_equal(post_tag(pair.a, 7), 0); /* what waits goes along */
    call_and_wait(turn_round, &in, &told);
    check_equal(told.status, 6);
    check_equal(strcmp(told.bytes, "fedcba"), 0);
    check_equal(told.tag, 42);
    check(!told.has_text);
    check(parts.buffer == buffer);
    check(parts.port == pair.b);
    check_equal(releases, 0);
    check_equal(receive_tag(parts.port, 0), 7);
    crew_buffer_release(parts.buffer);
    check_equal(releases, 1);
    close_pair(pair);
}

CREW_TEST(R1_bytes_are_copied_and_nothing_need_be_given)
{
    const crew_callable callable = {NULL, turn_round};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct holder holder;
    struct told with = await_end();
    struct told without = await_end();
    char bytes[] = "one";
    crew_message in = text_message(bytes);

    hold_worker(&holder, pool, 0);
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &with), 0);
    check_equal(
        crew_call(NULL, pool, &callable, NULL, NULL, inbox, note_end, &without),
        0);
    check_equal(crew_inbox_pending(inbox), 2);
    memset(bytes, 'x', 3);
    let_go_of_worker(&holder);
    check_equal(loop_until_quiet(inbox), 2);
    check_equal(strcmp(with.bytes, "eno"), 0);
    check_equal(with.tag, 1);
    check_equal(without.status, 0);
    check_equal(without.size, 0);
    end_all(pool, NULL, inbox);
}

static int add_up(crew_self *self, crew_message *in, crew_message *out)
{
    const unsigned *numbers = in->bytes;
    unsigned sum = numbers[0] + numbers[1];

    (void)self;
    return crew_message_set(out, &sum, sizeof sum);
}

static void note_sum(const crew_result *result, void *arg)
{
    unsigned sum;

    check_equal(result->status, 0);
    check_equal(result->out->size, sizeof sum);
    memcpy(&sum, result->out->bytes, sizeof sum);
    check_equal(sum, 2 * *(unsigned *)arg + 1);
    ++*(unsigned *)arg;
}

CREW_TEST(R1_a_pool_of_one_calls_in_order)
{
    static const crew_callable callable = {"test/add", add_up};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;

    for (unsigned i = 0; i < MANY(20000); i++) {
        unsigned numbers[] = {i, i + 1};
        crew_message in = {.bytes = numbers, .size = sizeof numbers};

        check_equal(crew_call(NULL, pool, &callable, &in, NULL, inbox, note_sum,
                              &count),
                    0);
    }
    check_equal(loop_until_quiet(inbox), MANY(20000));
    check_equal(count, MANY(20000));
    end_all(pool, NULL, inbox);
}

static int call_again(crew_self *self, crew_message *in, crew_message *out)
{
    static const crew_callable next = {"test/next", call_again};
    struct told *told = (struct told *)(uintptr_t)in->tag;

    (void)out;
    if (in->size == 0)
        return 0;
    in->size--; /* one's own copy, and passed on as it is */
    check_equal(crew_call(NULL, crew_self_pool(self), &next, in, NULL,
                          told->data, note_end, told),
                0);
    check(!in->buffers || !in->buffers[0]);
    return 1;
}

CREW_TEST(R1_calls_are_made_by_calls)
{
    const crew_callable callable = {"test/next", call_again};
    crew_pool *pool = make_pool(2);
    crew_inbox *inbox = make_inbox();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    struct told told = await_end();
    crew_message in = {"abc", 3, &buffer, 1, NULL, 0, (uintptr_t)&told, {0}};

    told.data = inbox;
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told), 0);
    check_equal(loop_until_quiet(inbox), 4);
    check_equal(told.dones, 4);
    check_equal(releases, 1);
    end_all(pool, NULL, inbox);
}

/* ---- R2 ------------------------------------------------------------------ */

CREW_TEST(R2_what_is_refused_changes_nothing)
{
    const crew_callable good = {"test/good", turn_round};
    const crew_callable no_run = {"test/none", NULL};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_buffer *twice[] = {buffer, buffer};
    crew_port *closed = NULL;
    crew_message in = {"x", 1, &buffer, 1, &pair.b, 1, 0, {0}};
    crew_message bad_bytes = {.size = 1};
    crew_message bad_list = {.buffer_count = 1};
    crew_message bad_entry = {.ports = &closed, .port_count = 1};
    crew_message bad_twice = {.buffers = twice, .buffer_count = 2};
    crew_message bad_reserved = {.reserved = {1}};
    crew_call_options priority = {.priority = (crew_priority)3};
    crew_call_options wait = {.queue_timeout = -2};
    crew_call_options run = {.run_timeout = INT64_MIN};
    crew_call_options reserved = {.reserved = {[7] = 1}};
    struct told told = await_end();
    crew_call_handle *handle = (crew_call_handle *)&told;

#define REFUSED(pool, callable, in, options, inbox, done) \
    check_equal( \
        crew_call(&handle, pool, callable, in, options, inbox, done, &told), \
        -EINVAL)
    REFUSED(NULL, &good, &in, NULL, inbox, note_end);
    REFUSED(pool, NULL, &in, NULL, inbox, note_end);
    REFUSED(pool, &no_run, &in, NULL, inbox, note_end);
    REFUSED(pool, &good, &in, NULL, NULL, note_end);
    REFUSED(pool, &good, &in, NULL, inbox, NULL);
    REFUSED(pool, &good, &in, NULL, NULL, NULL);
    REFUSED(pool, &good, &in, &priority, inbox, note_end);
    REFUSED(pool, &good, &in, &wait, inbox, note_end);
    REFUSED(pool, &good, &in, &run, inbox, note_end);
    REFUSED(pool, &good, &in, &reserved, inbox, note_end);
    REFUSED(pool, &good, &bad_bytes, NULL, inbox, note_end);
    REFUSED(pool, &good, &bad_list, NULL, inbox, note_end);
    REFUSED(pool, &good, &bad_entry, NULL, inbox, note_end);
    REFUSED(pool, &good, &bad_twice, NULL, inbox, note_end);
    REFUSED(pool, &good, &bad_reserved, NULL, inbox, note_end);
#undef REFUSED
    check(handle == (crew_call_handle *)&told);
    check_equal(crew_call_cancel(NULL), -EINVAL);
    crew_call_destroy(NULL);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(told.dones, 0);
    check_equal(releases, 0);
    /* The port is as it was. */
    check_equal(post_tag(pair.a, 3), 0);
    check_equal(receive_tag(pair.b, 0), 3);
    crew_buffer_release(buffer);
    close_pair(pair);
    end_all(pool, NULL, inbox);
}

CREW_TEST(R2_a_message_is_the_callers_where_there_is_no_room)
{
    const crew_callable callable = {"test/round", turn_round};
    crew_pool_options options = {.workers = 1, .queue_limit = 1};
    crew_pool *pool = NULL;
    crew_inbox *inbox = make_inbox();
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message in = {"x", 1, &buffer, 1, &pair.b, 1, 0, {0}};
    struct heard heard = hear_from(3);
    struct told told = await_end();
    struct holder holder;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    hold_worker(&holder, pool, 0);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(
        crew_call(NULL, pool, &callable, NULL, NULL, inbox, note_end, &told),
        0);
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told),
        -EAGAIN);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(told.dones, 1);
    check_equal(crew_pool_stop(pool, LONG_WAIT), 0);
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told),
        -ESHUTDOWN);
    /* It even listens still. */
    check_equal(post_tag(pair.a, 3), 0);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(heard.messages, 1);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
    close_pair(pair);
    dispatch_all(inbox);
    check_equal(told.dones, 1);
    end_all(pool, NULL, inbox);
}

static int say_one(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    (void)in;
    return crew_message_set(out, "one", 3);
}

static int say_two(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    (void)in;
    return crew_message_set(out, "two", 3);
}

CREW_TEST(R2_callables_of_one_name_run_their_own)
{
    const crew_callable one = {"test/same", say_one};
    const crew_callable two = {"test/same", say_two};
    crew_pool *pool = make_pool(2);
    crew_inbox *inbox = make_inbox();
    struct told first = await_end();
    struct told second = await_end();

    check_equal(
        crew_call(NULL, pool, &one, NULL, NULL, inbox, note_end, &first), 0);
    check_equal(
        crew_call(NULL, pool, &two, NULL, NULL, inbox, note_end, &second), 0);
    check_equal(loop_until_quiet(inbox), 2);
    check_equal(strcmp(first.bytes, "one"), 0);
    check_equal(strcmp(second.bytes, "two"), 0);
    end_all(pool, NULL, inbox);
}

/* ---- R4 ------------------------------------------------------------------ */

static int do_nothing(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    (void)in;
    check_equal(out->size, 0);
    check_equal(*(const char *)out->bytes, 0);
    return 0;
}

/* In the order of their releases: what was in `in` goes before the end. */
static void expect_released(struct told *told, const crew_result *result)
{
    (void)result;
    check_equal(*(unsigned *)told->data, 1);
}

CREW_TEST(R4_what_is_left_in_is_released_before_the_end)
{
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message in = {"x", 1, &buffer, 1, &pair.b, 1, 0, {0}};
    struct told told = await_end();

    told.also = expect_released;
    told.data = &releases;
    call_and_wait(do_nothing, &in, &told);
    check_equal(told.status, 0);
    check_equal(told.size, 0);
    check_equal(told.buffers, 0);
    check_equal(releases, 1);
    check_equal(receive_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
}

enum { MANY_PARTS = 100 };

/* More than lies in the result itself, several times over; then it fails. */
static int fill_and_fail(crew_self *self, crew_message *in, crew_message *out)
{
    unsigned *releases = (unsigned *)(uintptr_t)in->tag;
    size_t size = 100000;
    char *bytes = crew_self_scratch(self, size);

    if (!check(bytes != NULL))
        return 0;
    memset(bytes, 'a', size);
    check_equal(crew_message_set(out, bytes, size), 0);
    check_equal(out->size, size);
    /* By a part of itself. */
    check_equal(crew_message_set(out, (const char *)out->bytes + 10, size - 10),
                0);
    check_equal(crew_message_set(out, (const char *)out->bytes + 90, 5), 0);
    for (unsigned i = 0; i < MANY_PARTS; i++) {
        crew_buffer *buffer = make_counted(releases);
        struct pair pair = make_channel();

        check_equal(crew_message_add_buffer(out, buffer), 0);
        check_equal(crew_message_add_buffer(out, buffer), -EINVAL);
        check_equal(crew_message_add_port(out, pair.a), 0);
        check_equal(crew_message_add_port(out, pair.a), -EINVAL);
        check_equal(post_tag(pair.b, i), 0);
        crew_port_close(pair.b);
    }
    return -EIO;
}

CREW_TEST(R4_a_result_that_fails_after_it_was_filled_leaks_nothing)
{
    unsigned releases = 0;
    crew_message in = {.tag = (uintptr_t)&releases};
    struct told told = await_end();

    call_and_wait(fill_and_fail, &in, &told);
    check_equal(told.status, -EIO);
    check_equal(told.size, 5);
    check_equal(strcmp(told.bytes, "aaaaa"), 0);
    check_equal(told.buffers, MANY_PARTS);
    check_equal(told.ports, MANY_PARTS);
    check_equal(releases, MANY_PARTS);
}

static void take_odd_ones(struct told *told, const crew_result *result)
{
    struct parts *parts = told->data;

    for (unsigned i = 0; i < MANY_PARTS; i++) {
        check(result->out->ports[i] != NULL);
        if (i != 33)
            continue;
        parts->port = result->out->ports[i];
        result->out->ports[i] = NULL;
    }
    crew_message_keep(result->out); /* cannot be */
    check_equal(crew_message_set(result->out, "late", 4), -EINVAL);
    check_equal(crew_message_add_port(result->out, parts->port), -EINVAL);
}

CREW_TEST(R4_a_port_is_taken_from_a_result)
{
    unsigned releases = 0;
    crew_message in = {.tag = (uintptr_t)&releases};
    struct parts parts = {NULL, NULL};
    struct told told = await_end();

    told.also = take_odd_ones;
    told.data = &parts;
    call_and_wait(fill_and_fail, &in, &told);
    check_equal(releases, MANY_PARTS);
    check_equal(receive_tag(parts.port, 0), 33);
    check_equal(receive_tag(parts.port, 0), -EPIPE);
    crew_port_close(parts.port);
}

/* What it was given, a program may free, post, keep: it is lent. */
static int misuse(crew_self *self, crew_message *in, crew_message *out)
{
    crew_message own = {.size = 0};
    crew_buffer *buffer = in->buffers[0];

    (void)self;
    crew_message_keep(in);
    check_equal(crew_message_set(in, "x", 1), -EINVAL);
    check_equal(crew_message_set(&own, "x", 1), -EINVAL);
    check_equal(crew_message_set(NULL, "x", 1), -EINVAL);
    check_equal(crew_message_set(out, NULL, 1), -EINVAL);
    check_equal(crew_message_set(out, "x", SIZE_MAX), -ENOMEM);
    check_equal(crew_message_add_buffer(in, buffer), -EINVAL);
    check_equal(crew_message_add_buffer(&own, buffer), -EINVAL);
    check_equal(crew_message_add_buffer(NULL, buffer), -EINVAL);
    check_equal(crew_message_add_buffer(out, NULL), -EINVAL);
    check_equal(crew_message_add_port(out, NULL), -EINVAL);
    check_equal(crew_message_add_port(NULL, NULL), -EINVAL);
    check_equal(crew_message_add_buffer(out, crew_buffer_retain(buffer)), 0);
    crew_message_free(out);
    check_equal(out->buffer_count, 0);
    check_equal(crew_message_add_buffer(out, crew_buffer_retain(buffer)), 0);
    check_equal(crew_message_set(out, "again", 5), 0);
    crew_message_free(in);
    check_equal(in->buffer_count, 0);
    return 0;
}

static void free_it(struct told *told, const crew_result *result)
{
    crew_message_free(result->out);
    check_equal(*(unsigned *)told->data, 1);
    crew_message_free(result->out);
}

CREW_TEST(R4_messages_of_a_call_are_lent)
{
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message in = {.buffers = &buffer, .buffer_count = 1};
    struct told told = await_end();

    told.also = free_it;
    told.data = &releases;
    call_and_wait(misuse, &in, &told);
    check_equal(told.size, 5);
    check_equal(told.buffers, 1);
    check_equal(releases, 1);
}

/* A listening port that is moved is heard no more. */
static int pass_on(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    check_equal(crew_message_add_port(out, in->ports[0]), 0);
    in->ports[0] = NULL;
    return crew_message_set(out, in->bytes, in->size);
}

static void post_on(struct told *told, const crew_result *result)
{
    check_equal(crew_post(told->data, result->out), 0);
    check(result->out->ports[0] == NULL);
}

CREW_TEST(R4_a_listening_port_goes_through_and_a_result_is_posted_on)
{
    const crew_callable callable = {"test/pass", pass_on};
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    struct pair way = make_channel();
    struct pair pair = make_channel();
    crew_message in = {"abc", 3, NULL, 0, &pair.b, 1, 0, {0}};
    struct heard heard = hear_from(0);
    struct told told = await_end();
    crew_port *moved;

    told.also = post_on;
    told.data = way.a;
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told), 0);
    check_equal(post_tag(pair.a, 9), 0);
    check_equal(crew_inbox_run(inbox), 1);
    moved = receive_port(way.b, 0);
    check(moved == pair.b);
    check_equal(receive_tag(moved, 0), 9);
    check_equal(heard.messages, 0);
    close_pair(pair);
    close_pair(way);
    end_all(pool, NULL, inbox);
}
