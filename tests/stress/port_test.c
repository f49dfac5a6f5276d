/*
 * Ports under stress: eight threads throw ports to each other while they post
 * through them, listen, receive, wait for room and close. Each message carries
 * a number, of its channel's posts in one direction, and a buffer that counts
 * its release: nothing is lost before a close, doubled, reordered or leaked.
 */
#include "base/mark.h"

#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, CHANNELS = 24 };

/* One direction of a channel: who holds the posting end alone writes `sent`,
 * the receiving end `came`. */
struct lane {
    uint64_t sent, came;
};

struct end {
    crew_port *port;
    struct lane *out, *in;
};

/* Where ends wait for the next thread: a channel to each thread's desk. */
struct desk {
    crew_port *in, *out;
};

static struct {
    struct desk desks[THREADS];
    struct lane lanes[2 * CHANNELS];
    uint64_t made, released;
    unsigned alive; /* ends */
} all;

static char bytes[1];

static void count_release(void *data, void *arg)
{
    (void)data;
    (void)arg;
    __atomic_fetch_add(&all.released, 1, __ATOMIC_RELAXED);
}

static crew_buffer *make_counted(void)
{
    crew_buffer *buffer = NULL;

    if (!check_equal(crew_buffer_wrap(&buffer, bytes, 1, count_release, NULL),
                     0))
        abort();
    __atomic_fetch_add(&all.made, 1, __ATOMIC_RELAXED);
    return buffer;
}

/* ---- what is done with an end ---------------------------------------------- */

static bool post_some(struct end *end, struct test_random *random)
{
    unsigned n = (unsigned)test_random_below(random, 8);

    for (unsigned i = 0; i < n; i++) {
        char text[300] = {0};
        crew_buffer *buffer = make_counted();
        crew_message message = {.bytes = text,
                                .size = test_random_below(random, 200),
                                .buffers = &buffer,
                                .buffer_count = 1,
                                .tag = end->out->sent};
        int r = test_random_below(random, 4)
                    ? crew_post(end->port, &message)
                    : crew_post_wait(end->port, &message,
                                     (crew_ns)test_random_below(random, 50000));

        if (r == 0) {
            end->out->sent++;
            continue;
        }
        crew_buffer_release(buffer);
        if (r == -EPIPE)
            return false;
        check(r == -EAGAIN || r == -ETIMEDOUT);
    }
    return true;
}

static void note(struct end *end, const crew_message *message)
{
    check_equal(message->tag, end->in->came);
    check_equal(message->buffer_count, 1);
    end->in->came++;
}

static bool receive_some(struct end *end, struct test_random *random)
{
    unsigned n = (unsigned)test_random_below(random, 8);

    for (unsigned i = 0; i < n; i++) {
        crew_message *message = NULL;
        size_t which;
        crew_ns timeout = (crew_ns)test_random_below(random, 20000);
        int r = test_random_below(random, 2)
                    ? crew_receive(end->port, &message, timeout)
                    : crew_receive_any(&end->port, 1, &which, &message,
                                       timeout);

        if (r == -EPIPE) { /* the other side closed: nothing is lost */
            check_equal(end->in->came, end->in->sent);
            return false;
        }
        if (!r) {
            note(end, message);
            crew_message_free(message);
        } else {
            check_equal(r, -ETIMEDOUT);
        }
    }
    return true;
}

static void hear(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    note(arg, message);
}

/* Leaves it listening: it may be moved so. */
static bool listen_some(struct end *end, crew_inbox *inbox,
                        struct test_random *random)
{
    crew_listener listener = {.on_message = hear, .arg = end};
    int r = crew_listen(end->port, inbox, &listener);

    if (r == -EPIPE)
        return false;
    check_equal(r, 0);
    for (unsigned i = 0; i < 3; i++)
        crew_inbox_dispatch(inbox, (unsigned)test_random_below(random, 4));
    if (test_random_below(random, 2)) {
        r = crew_listen(end->port, NULL, NULL);
        return r != -EPIPE;
    }
    return true;
}

static bool use(struct end *end, crew_inbox *inbox, struct test_random *random)
{
    switch (test_random_below(random, 3)) {
    case 0:
        return receive_some(end, random);
    case 1:
        return post_some(end, random);
    default:
        return listen_some(end, inbox, random);
    }
}

/* ---- the threads ------------------------------------------------------------ */

/* Ends travel with a pointer to what they have come to. */
static bool throw_end(unsigned to, struct end *end)
{
    crew_message message = {
        .ports = &end->port, .port_count = 1, .tag = (uint64_t)(uintptr_t)end};

    return crew_post_wait(all.desks[to].out, &message, CREW_FOREVER) == 0;
}

static void tell_all_that_it_is_over(void)
{
    for (unsigned i = 0; i < THREADS; i++)
        check_equal(crew_post(all.desks[i].out, &(crew_message){.tag = 0}), 0);
}

static void close_end(struct end *end)
{
    crew_port_close(end->port);
    free(end);
    if (__atomic_sub_fetch(&all.alive, 1, __ATOMIC_ACQ_REL) == 0)
        tell_all_that_it_is_over();
}

/* NULL: all is over. */
static struct end *catch_end(unsigned index)
{
    crew_message *message = NULL;
    struct end *end = NULL;

    if (!check_equal(crew_receive(all.desks[index].in, &message, CREW_FOREVER),
                     0))
        return NULL;
    if (message->port_count > 0) {
        end = (struct end *)(uintptr_t)message->tag;
        check(end->port == message->ports[0]);
        message->ports[0] = NULL;
    }
    crew_message_free(message);
    return end;
}

static void work(unsigned index, void *arg)
{
    const unsigned turns = *(const unsigned *)arg;
    struct test_random random;
    crew_inbox *inbox = NULL;
    struct end *end;

    test_random_init(&random, index);
    check_equal(crew_inbox_create(&inbox, NULL), 0);
    while ((end = catch_end(index))) {
        bool open = true;

        for (unsigned i = 0; i < 4 && open; i++) {
            int r = crew_listen(end->port, NULL, NULL);

            check(r == 0 || r == -EPIPE);
            open = r == 0 && use(end, inbox, &random);
        }
        if (open && test_random_below(&random, turns) > 0)
            check(
                throw_end((unsigned)test_random_below(&random, THREADS), end));
        else
            close_end(end);
    }
    while (crew_inbox_pending(inbox) > 0)
        crew_inbox_dispatch(inbox, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static struct end *make_end(crew_port *port, struct lane *out, struct lane *in)
{
    struct end *end = malloc(sizeof *end);

    assert_non_null(end);
    *end = (struct end){port, out, in};
    all.alive++;
    return end;
}

static void begin(void)
{
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(
            crew_channel_create(&all.desks[i].out, &all.desks[i].in, NULL), 0);
    for (unsigned i = 0; i < CHANNELS; i++) {
        crew_channel_options options = {.max_messages = i % 3 ? 1 + i : 0,
                                        .max_bytes = i % 2 ? 1000 : 0};
        struct lane *lanes = &all.lanes[2 * i];
        crew_port *a, *b;

        assert_int_equal(crew_channel_create(&a, &b, &options), 0);
        lanes[0] = lanes[1] = (struct lane){0, 0};
        check(throw_end(i % THREADS, make_end(a, &lanes[0], &lanes[1])));
        check(throw_end(i * 3 % THREADS, make_end(b, &lanes[1], &lanes[0])));
    }
}

CREW_TEST_LIMIT(ports_are_thrown_about_while_they_are_used, 300)
{
    unsigned turns = SCALED(1000);
    uint64_t came = 0;

    all.made = all.released = 0;
    for (unsigned round = 0; round < 3; round++) {
        begin();
        test_threads(THREADS, work, &turns);
        for (unsigned i = 0; i < THREADS; i++) {
            crew_port_close(all.desks[i].in);
            crew_port_close(all.desks[i].out);
        }
        for (unsigned i = 0; i < 2 * CHANNELS; i++)
            came += all.lanes[i].came;
    }
    printf("%llu messages\n", (unsigned long long)came);
    check_at_least(came, 100);
    check_equal(all.released, all.made);
    check_marked(CREW__MARK_PORT_ROOM);
    check_marked(CREW__MARK_PORT_ORPHAN);
}
