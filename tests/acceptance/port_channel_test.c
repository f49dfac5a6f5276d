/* Channels: what is posted arrives, once and in order: M1 to M6, M22, NP, NO1,
 * NP9, NX1 to NX6. */
#include "mail.h"

#include <stdlib.h>

CREW_TEST(M1_messages_that_nobody_awaits_wait)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(3);

    for (unsigned i = 0; i < 1000; i++)
        check_equal(post_tag(pair.a, i), 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal(receive_tag(pair.b, 0), i);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(heard.messages, 0); /* never from inside the call */
    check_equal(crew_inbox_dispatch(inbox, 0), 997);
    check_equal(heard.next, 1000);
    close_pair(pair);
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    end_all(NULL, NULL, inbox);
}

struct both {
    struct pair pair;
    unsigned n;
};

static void post_and_receive(unsigned index, void *arg)
{
    struct both *both = arg;
    crew_port *port = index == 0 ? both->pair.a : both->pair.b;
    unsigned came = 0;

    for (unsigned sent = 0; sent < both->n;) {
        int r = post_tag(port, sent);

        if (r == 0)
            sent++;
        else if (!check_equal(r, -EAGAIN))
            return;
        while (receive_tag(port, 0) == (int64_t)came)
            came++;
    }
    for (; came < both->n; came++) {
        if (!check_equal(receive_tag(port, LONG_WAIT), came))
            return;
    }
    check_equal(receive_tag(port, 0), -ETIMEDOUT);
}

CREW_TEST(M2_both_ends_post_at_once)
{
    struct both both = {make_channel(), 10000};

    test_threads(2, post_and_receive, &both);
    close_pair(both.pair);
    both = (struct both){make_pair_of(3, 0), 10000};
    test_threads(2, post_and_receive, &both);
    close_pair(both.pair);
}

static void check_bytes(size_t size)
{
    struct pair pair = make_pair_of(0, (size_t)64 << 20);
    char *bytes = malloc(size + 1);
    crew_message *message = NULL;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + 1);
    check_equal(
        crew_post(pair.a,
                  &(crew_message){.bytes = bytes, .size = size, .tag = size}),
        0);
    memset(bytes, 0, size); /* NP1 */
    check_equal(crew_receive(pair.b, &message, 0), 0);
    check_equal(message->size, size);
    check_equal(message->tag, size);
    check_equal((uintptr_t)message->bytes % 16, 0);
    check_equal(((const char *)message->bytes)[size], 0);
    for (size_t i = 0; i < size; i++) {
        if (((const char *)message->bytes)[i] != (char)(i * 7 + 1)) {
            check_equal(i, size);
            break;
        }
    }
    check(message->buffers == NULL && message->buffer_count == 0);
    check(message->ports == NULL && message->port_count == 0);
    crew_message_free(message);
    free(bytes);
    close_pair(pair);
}

CREW_TEST(M3_NP1_bytes_are_copied_when_they_are_posted)
{
    for (size_t size = 0; size < 300; size++)
        check_bytes(size);
    check_bytes(4096);
    check_bytes((size_t)64 << 20);
}

CREW_TEST(NP4_messages_of_nothing_arrive)
{
    struct pair pair = make_channel();
    crew_message *message = NULL;

    check_equal(crew_post(pair.a, &(crew_message){.tag = 0}), 0);
    check_equal(crew_post(pair.a, &(crew_message){.bytes = "", .size = 0}), 0);
    for (unsigned i = 0; i < 2; i++) {
        check_equal(crew_receive(pair.b, &message, 0), 0);
        check_equal(message->size, 0);
        check_equal(message->tag, 0);
        check_equal(*(const char *)message->bytes, 0);
        crew_message_free(message);
    }
    check_equal(crew_receive(pair.b, &message, 0), -ETIMEDOUT);
    close_pair(pair);
}

static void check_refused(crew_port *port, crew_message message, int error)
{
    check_equal(crew_post(port, &message), error);
    check_equal(crew_post_wait(port, &message, CREW_FOREVER), error);
}

CREW_TEST(M4_NP3_NP5_NX2_NX3_NX4_a_bad_message_changes_nothing)
{
    struct pair pair = make_channel();
    struct pair other = make_channel();
    unsigned releases = 0;
    crew_buffer *good = make_counted(&releases);
    crew_buffer *twice[] = {good, good};
    crew_buffer *hole[] = {good, NULL};
    crew_port *self[] = {other.a, pair.a};
    crew_port *far[] = {other.a, pair.b};
    crew_port *double_port[] = {other.a, other.a};
    crew_port *no_port[] = {NULL};
    crew_message fine = {.tag = 1};

    check_equal(crew_post(NULL, &fine), -EINVAL);
    check_equal(crew_post(pair.a, NULL), -EINVAL);
    check_equal(crew_post_wait(pair.a, &fine, -2), -EINVAL);
    check_refused(pair.a, (crew_message){.size = 1}, -EINVAL);
    check_refused(pair.a, (crew_message){.buffer_count = 1}, -EINVAL);
    check_refused(pair.a, (crew_message){.port_count = 1}, -EINVAL);
    check_refused(pair.a, (crew_message){.reserved = {1}}, -EINVAL);
    check_refused(pair.a, (crew_message){.buffers = twice, .buffer_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.buffers = hole, .buffer_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.ports = double_port, .port_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.ports = no_port, .port_count = 1},
                  -EINVAL);
    check_refused(pair.a,
                  (crew_message){.buffers = &good,
                                 .buffer_count = 1,
                                 .ports = self,
                                 .port_count = 2},
                  -EINVAL);
    check_refused(
        pair.a,
        (crew_message){
            .buffers = &good, .buffer_count = 1, .ports = far, .port_count = 2},
        -EINVAL);
    check_equal(crew_receive(pair.b, NULL, 0), -EINVAL);
    check_equal(crew_receive(NULL, NULL, 0), -EINVAL);
    check_equal(receive_tag(pair.b, -2), -EINVAL);
    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT); /* nothing was sent */
    check_equal(
        crew_post(pair.a,
                  &(crew_message){.ports = NULL, .buffers = twice, .tag = 5}),
        0);
    check_equal(receive_tag(pair.b, 0), 5);
    check_equal(post_tag(other.a, 9), 0); /* nothing was moved */
    check_equal(receive_tag(other.b, 0), 9);
    check_equal(releases, 0);
    crew_buffer_release(good);
    check_equal(releases, 1);
    close_pair(pair);
    close_pair(other);
    check_equal(crew_channel_create(&pair.a, NULL, NULL), -EINVAL);
    check_equal(crew_channel_create(&pair.a, &pair.a, NULL), -EINVAL);
    check_equal(crew_channel_create(
                    &pair.a, &pair.b,
                    &(crew_channel_options){.reserved = {0, 0, 0, 0, 0, 1}}),
                -EINVAL);
}

CREW_TEST(NX4_M4_what_is_wrong_is_told_before_what_is_full)
{
    struct pair pair = make_pair_of(1, 0);
    struct pair other = make_channel();
    unsigned releases = 0;
    crew_buffer *good = make_counted(&releases);
    crew_buffer *twice[] = {good, good};
    crew_port *far[] = {other.a, pair.b};
    crew_port *own[] = {other.a, pair.a};
    crew_port *bad[] = {other.a, other.a};

    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_port(pair.a, other.a, 0), -EAGAIN);
    check_refused(pair.a, (crew_message){.size = 1}, -EINVAL);
    check_refused(pair.a, (crew_message){.buffers = twice, .buffer_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.ports = far, .port_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.ports = own, .port_count = 2},
                  -EINVAL);
    check_refused(pair.a, (crew_message){.ports = bad, .port_count = 2},
                  -EINVAL);
    crew_port_close(pair.b); /* and closed before both */
    check_refused(pair.a, (crew_message){.ports = own, .port_count = 2},
                  -EPIPE);
    check_equal(post_tag(other.a, 3), 0); /* nothing was moved */
    check_equal(receive_tag(other.b, 0), 3);
    crew_buffer_release(good);
    check_equal(releases, 1);
    crew_port_close(pair.a);
    close_pair(other);
}

CREW_TEST(NP9_what_cannot_be_built_is_told_and_the_port_goes_on)
{
    struct pair pair = make_channel();
    crew_message huge = {.bytes = "", .size = SIZE_MAX / 2};

    /* By its sender, as it is he who builds it. */
    check_equal(crew_post(pair.a, &huge), -ENOMEM);
    check_equal(crew_post_wait(pair.a, &huge, CREW_FOREVER), -ENOMEM);
    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT);
    check_equal(post_tag(pair.a, 4), 0);
    check_equal(receive_tag(pair.b, 0), 4);
    close_pair(pair);
}

CREW_TEST(M5_NX1_a_buffer_moves_or_is_shared)
{
    struct pair pair = make_channel();
    crew_buffer *buffer = NULL;
    crew_buffer *shared;
    crew_message *message = NULL;
    char *data;

    assert_int_equal(crew_buffer_create(&buffer, 100, NULL), 0);
    data = crew_buffer_data(buffer);
    strcpy(data, "moved");
    check_equal(post_buffer(pair.a, buffer), 0);
    check_equal(crew_receive(pair.b, &message, 0), 0);
    check_equal(message->buffer_count, 1);
    check(message->buffers[0] == buffer);
    check(crew_buffer_data(message->buffers[0]) == data);
    assert_string_equal(data, "moved");
    /* It is taken out, and so outlives the message. */
    buffer = message->buffers[0];
    message->buffers[0] = NULL;
    crew_message_free(message);
    shared = crew_buffer_retain(buffer);
    check_equal(post_buffer(pair.a, shared), 0);
    check_equal(crew_receive(pair.b, &message, 0), 0);
    strcpy(crew_buffer_data(message->buffers[0]), "shared");
    assert_string_equal(data, "shared");
    crew_message_free(message);
    crew_buffer_release(buffer);
    close_pair(pair);
}

CREW_TEST(NP10_buffers_come_in_their_order)
{
    struct pair pair = make_channel();
    crew_buffer *buffers[40];
    crew_message *message = NULL;

    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(crew_buffer_create(&buffers[i], i + 1, NULL), 0);
    check_equal(crew_post(pair.a, &(crew_message){.bytes = "forty",
                                                  .size = 5,
                                                  .buffers = buffers,
                                                  .buffer_count = 40}),
                0);
    memset(buffers, 0, sizeof buffers); /* the list was copied */
    check_equal(crew_receive(pair.b, &message, 0), 0);
    check_equal(message->buffer_count, 40);
    assert_string_equal(message->bytes, "forty");
    for (unsigned i = 0; i < 40; i++)
        check_equal(crew_buffer_size(message->buffers[i]), i + 1);
    crew_message_free(message);
    close_pair(pair);
}

CREW_TEST(M6_what_is_never_received_is_released)
{
    struct pair pair = make_channel();
    struct pair other = make_channel();
    unsigned releases = 0;

    for (unsigned i = 0; i < 10; i++)
        check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    check_equal(post_port(pair.a, other.a, 0), 0);
    check_equal(releases, 0);
    crew_port_close(pair.b);
    check_equal(releases, 10);
    check_equal(post_tag(other.b, 0), -EPIPE);
    check_equal(receive_tag(other.b, CREW_FOREVER), -EPIPE);
    crew_port_close(pair.a);
    crew_port_close(other.b);
    /* Closed by its sender first. */
    pair = make_channel();
    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    crew_port_close(pair.a);
    check_equal(releases, 10);
    crew_port_close(pair.b);
    check_equal(releases, 11);
    /* Received, and freed with all that is in it. */
    pair = make_channel();
    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    check_equal(receive_tag(pair.b, 0), 0);
    check_equal(releases, 12);
    close_pair(pair);
}

CREW_TEST(M6_ports_within_ports_are_released_however_deep)
{
    const unsigned n = MANY(100000);
    struct pair pair = make_channel();
    crew_port *at = pair.b;
    unsigned releases = 0;

    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    for (unsigned i = 0; i < n; i++) {
        struct pair next = make_channel();

        check_equal(post_port(next.a, at, 0), 0);
        crew_port_close(next.a);
        at = next.b;
    }
    check_equal(post_tag(pair.a, 0), 0);
    crew_port_close(at);
    check_equal(releases, 1);
    check_equal(post_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
}

CREW_TEST(M22_NP6_a_post_to_a_closed_port_keeps_everything)
{
    struct pair pair = make_channel();
    struct pair other = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &other.a,
                            .port_count = 1};

    crew_port_close(pair.b);
    check_equal(crew_post(pair.a, &message), -EPIPE);
    check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER), -EPIPE);
    check_equal(post_tag(other.a, 3), 0);
    check_equal(receive_tag(other.b, 0), 3);
    check_equal(releases, 0);
    crew_buffer_release(buffer);
    crew_port_close(pair.a);
    close_pair(other);
}

CREW_TEST(a_received_message_is_posted_on_as_it_is)
{
    struct pair pair = make_channel();
    struct pair next = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message *message = NULL;
    crew_message own = {.tag = 1};

    check_equal(crew_post(pair.a, &(crew_message){.bytes = "on",
                                                  .size = 2,
                                                  .buffers = &buffer,
                                                  .buffer_count = 1,
                                                  .tag = 7}),
                0);
    check_equal(crew_receive(pair.b, &message, 0), 0);
    check_equal(crew_post(next.a, message), 0);
    check(message->buffers[0] == NULL);
    /* With a hole it is no proper message any more. */
    check_equal(crew_post(next.a, message), -EINVAL);
    crew_message_free(message);
    check_equal(releases, 0);
    check_equal(crew_receive(next.b, &message, 0), 0);
    assert_string_equal(message->bytes, "on");
    check_equal(message->tag, 7);
    check(message->buffers[0] == buffer);
    crew_message_free(message);
    check_equal(releases, 1);
    crew_message_free(NULL);
    crew_message_free(&own); /* left alone */
    crew_message_keep(&own);
    crew_message_keep(NULL);
    check_equal(own.tag, 1);
    close_pair(pair);
    close_pair(next);
}

CREW_TEST(a_message_outlives_its_ports)
{
    struct pair pair = make_channel();
    crew_message *messages[3] = {NULL};

    check_equal(post_text(pair.a, "one"), 0);
    check_equal(post_text(pair.a, "two"), 0);
    check_equal(post_text(pair.b, "three"), 0);
    check_equal(crew_receive(pair.b, &messages[0], 0), 0);
    check_equal(crew_receive(pair.b, &messages[1], 0), 0);
    check_equal(crew_receive(pair.a, &messages[2], 0), 0);
    crew_message_free(messages[0]);
    close_pair(pair);
    assert_string_equal(messages[1]->bytes, "two");
    assert_string_equal(messages[2]->bytes, "three");
    crew_message_free(messages[1]);
    crew_message_free(messages[2]);
}

/* ---- many posters --------------------------------------------------------- */

enum { POSTERS = 8 };

struct many {
    struct pair pair;
    unsigned each;
};

static void post_many(unsigned index, void *arg)
{
    struct many *many = arg;
    unsigned next[POSTERS] = {0};

    if (index < POSTERS) {
        for (unsigned i = 0; i < many->each; i++) {
            crew_message message = {.tag = (uint64_t)index << 32 | i};

            check_equal(crew_post_wait(many->pair.a, &message, LONG_WAIT), 0);
        }
        return;
    }
    for (unsigned i = 0; i < POSTERS * many->each; i++) {
        int64_t tag = receive_tag(many->pair.b, LONG_WAIT);

        if (!check(tag >= 0) || !check(tag >> 32 < POSTERS))
            return;
        check_equal(tag & UINT32_MAX, next[tag >> 32]++);
    }
    check_equal(receive_tag(many->pair.b, 0), -ETIMEDOUT);
}

CREW_TEST(NP8_M2_eight_threads_post_to_one_port)
{
    struct many many = {make_channel(), MANY(20000)};

    test_threads(POSTERS + 1, post_many, &many);
    close_pair(many.pair);
    many = (struct many){make_pair_of(2, 0), MANY(5000)};
    test_threads(POSTERS + 1, post_many, &many);
    close_pair(many.pair);
}

/* ---- NO1 ------------------------------------------------------------------- */

static void stop_at(struct heard *heard, crew_port *port, crew_message *message)
{
    if (message->tag % 10 == 9)
        check_equal(crew_listen(port, NULL, NULL), 0);
    (void)heard;
}

CREW_TEST(NO1_listening_and_receiving_by_turns_keeps_the_order)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    heard.also = stop_at;
    for (unsigned i = 0; i < 100; i++)
        check_equal(post_tag(pair.a, i), 0);
    while (heard.next < 100) {
        check_equal(listen_with(pair.b, inbox, &heard), 0);
        dispatch_all(inbox);
        if (heard.next == 100)
            break;
        check_equal(receive_tag(pair.b, 0), heard.next);
        heard.next++;
    }
    check_equal(heard.messages, 91);
    close_pair(pair);
    end_all(NULL, NULL, inbox);
}
