/*
 * What the acceptance tests of ports share: channels with all checks, numbered
 * messages, and a listener that notes what it hears.
 */
#ifndef CREW_TESTS_MAIL_H
#define CREW_TESTS_MAIL_H

#include "work.h"

struct pair {
    crew_port *a, *b;
};

static inline struct pair make_pair_of(size_t max_messages, size_t max_bytes)
{
    crew_channel_options options = {.max_messages = max_messages,
                                    .max_bytes = max_bytes};
    struct pair pair = {NULL, NULL};

    assert_int_equal(crew_channel_create(&pair.a, &pair.b, &options), 0);
    assert_non_null(pair.a);
    assert_non_null(pair.b);
    return pair;
}

static inline struct pair make_channel(void)
{
    return make_pair_of(0, 0);
}

static inline void close_pair(struct pair pair)
{
    crew_port_close(pair.a);
    crew_port_close(pair.b);
}

/* A message that is a number. */
static inline int post_tag(crew_port *port, uint64_t tag)
{
    crew_message message = {.tag = tag};

    return crew_post(port, &message);
}

static inline int post_text(crew_port *port, const char *text)
{
    crew_message message = {.bytes = text, .size = strlen(text)};

    return crew_post(port, &message);
}

static inline int post_buffer(crew_port *port, crew_buffer *buffer)
{
    crew_message message = {.buffers = &buffer, .buffer_count = 1};

    return crew_post(port, &message);
}

static inline int post_port(crew_port *port, crew_port *moved, uint64_t tag)
{
    crew_message message = {.ports = &moved, .port_count = 1, .tag = tag};

    return crew_post(port, &message);
}

/* The next one's tag, or the error. */
static inline int64_t receive_tag(crew_port *port, crew_ns timeout)
{
    crew_message *message = NULL;
    int r = crew_receive(port, &message, timeout);
    int64_t tag;

    if (r < 0)
        return r;
    tag = (int64_t)message->tag;
    crew_message_free(message);
    return tag;
}

/* The port in the next message, or NULL. */
static inline crew_port *receive_port(crew_port *port, crew_ns timeout)
{
    crew_message *message = NULL;
    crew_port *moved;

    if (!check_equal(crew_receive(port, &message, timeout), 0) ||
        !check_equal(message->port_count, 1))
        return NULL;
    moved = message->ports[0];
    message->ports[0] = NULL;
    crew_message_free(message);
    return moved;
}

/* Counts its own release. */
static inline void count_release(void *data, void *arg)
{
    (void)data;
    ++*(unsigned *)arg;
}

static inline crew_buffer *make_counted(unsigned *releases)
{
    static char bytes[64];
    crew_buffer *buffer = NULL;

    assert_int_equal(
        crew_buffer_wrap(&buffer, bytes, sizeof bytes, count_release, releases),
        0);
    return buffer;
}

/* What a listener heard; `next` is the tag that it waits for. */
struct heard {
    pthread_t thread;
    uint64_t next;
    unsigned messages, rooms, closes;
    int error;
    crew_port *close_at; /* closed when `close_when` messages have come */
    uint64_t close_when;
    void (*also)(struct heard *, crew_port *, crew_message *);
    void *data;
};

static inline void hear_message(crew_port *port, crew_message *message,
                                void *arg)
{
    struct heard *heard = arg;

    check(pthread_equal(pthread_self(), heard->thread));
    check_equal(heard->closes, 0);
    check_equal(message->tag, heard->next);
    heard->next++;
    heard->messages++;
    if (heard->also)
        heard->also(heard, port, message);
    if (heard->close_at && heard->messages == heard->close_when)
        crew_port_close(heard->close_at);
}

static inline void hear_room(crew_port *port, void *arg)
{
    (void)port;
    ((struct heard *)arg)->rooms++;
}

static inline void hear_close(crew_port *port, int error, void *arg)
{
    struct heard *heard = arg;

    (void)port;
    check(pthread_equal(pthread_self(), heard->thread));
    heard->error = error;
    heard->closes++;
}

static inline struct heard hear_from(uint64_t first)
{
    return (struct heard){.thread = pthread_self(), .next = first};
}

static inline int listen_with(crew_port *port, crew_inbox *inbox,
                              struct heard *heard)
{
    crew_listener listener = {.on_message = hear_message,
                              .on_room = hear_room,
                              .on_close = hear_close,
                              .arg = heard};

    return crew_listen(port, inbox, &listener);
}

/* Dispatches until nothing waits. */
static inline unsigned dispatch_all(crew_inbox *inbox)
{
    unsigned count = 0;
    int n;

    while ((n = crew_inbox_dispatch(inbox, 0)) > 0)
        count += (unsigned)n;
    check_equal(n, 0);
    check_equal(crew_inbox_pending(inbox), 0);
    return count;
}

#endif
