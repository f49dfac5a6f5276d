/* Receiving, limits and room: M13, M15, M16. */
#include "mail.h"

CREW_TEST(M15_receive_with_and_without_waiting)
{
    struct pair pair = make_channel();
    int64_t begin = test_now();

    check_equal(receive_tag(pair.b, 0), -ETIMEDOUT);
    check_at_most(test_now() - begin, 500 * CREW_MS);
    begin = test_now();
    check_equal(receive_tag(pair.b, 20 * CREW_MS), -ETIMEDOUT);
    check_at_least(test_now() - begin, 20 * CREW_MS);
    check_equal(receive_tag(pair.b, INT64_MIN), -EINVAL);
    check_equal(post_tag(pair.a, 4), 0);
    check_equal(receive_tag(pair.b, INT64_MAX), 4);
    close_pair(pair);
}

/* ---- ping-pong -------------------------------------------------------------- */

struct game {
    struct pair pair;
    unsigned rounds;
    bool burn;
};

static void play(unsigned index, void *arg)
{
    struct game *game = arg;
    crew_port *port = index == 0 ? game->pair.a : game->pair.b;

    for (unsigned i = 0; i < game->rounds; i++) {
        if (index == 0)
            check_equal(post_tag(port, i), 0);
        if (!check_equal(receive_tag(port, LONG_WAIT), i))
            return;
        if (game->burn)
            test_burn(50 * CREW_US); /* so that the other sleeps */
        if (index == 1)
            check_equal(post_tag(port, i), 0);
    }
}

CREW_TEST(M15_receive_wakes_for_each_message)
{
    struct game game = {make_channel(), MANY(50000), false};

    test_threads(2, play, &game);
    game.rounds = 500;
    game.burn = true;
    test_threads(2, play, &game);
    close_pair(game.pair);
}

struct rivals {
    struct pair pair;
    unsigned busy, came;
};

static void rival(unsigned index, void *arg)
{
    struct rivals *rivals = arg;

    for (unsigned i = 0; i < 200; i++) {
        int64_t r;

        if (index == 0) {
            check_equal(post_tag(rivals->pair.a, 7), 0);
            test_burn(10 * CREW_US);
            continue;
        }
        r = receive_tag(rivals->pair.b, 100 * CREW_US);
        if (r == -EBUSY)
            __atomic_fetch_add(&rivals->busy, 1, __ATOMIC_RELAXED);
        else if (r == 7)
            __atomic_fetch_add(&rivals->came, 1, __ATOMIC_RELAXED);
        else
            check_equal(r, -ETIMEDOUT);
    }
}

CREW_TEST(a_second_receiver_is_told_that_it_is_one)
{
    struct rivals rivals = {make_channel(), 0, 0};

    test_threads(3, rival, &rivals);
    while (receive_tag(rivals.pair.b, 0) == 7)
        rivals.came++;
    check_equal(rivals.came, 200);
    close_pair(rivals.pair);
}

/* ---- limits: M13 ------------------------------------------------------------- */

CREW_TEST(M13_limits_are_exact)
{
    struct pair pair = make_pair_of(5, 0);
    char bytes[101] = {0};
    crew_message message = {.bytes = bytes, .size = 40};
    crew_buffer *buffer = NULL;

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++)
            check_equal(post_tag(pair.a, i), 0);
        check_equal(post_tag(pair.a, 5), -EAGAIN);
        check_equal(post_tag(pair.b, 0), 0); /* per direction */
        check_equal(receive_tag(pair.a, 0), 0);
        check_equal(receive_tag(pair.b, 0), 0);
        check_equal(post_tag(pair.a, 5), 0);
        check_equal(post_tag(pair.a, 6), -EAGAIN);
        for (unsigned i = 1; i < 6; i++)
            check_equal(receive_tag(pair.b, 0), i);
        check_equal(receive_tag(pair.b, 0), -ETIMEDOUT);
    }
    close_pair(pair);
    pair = make_pair_of(0, 100);
    check_equal(crew_post(pair.a, &message), 0);
    check_equal(crew_post(pair.a, &message), 0);
    check_equal(crew_post(pair.a, &message), -EAGAIN);
    message.size = 21;
    check_equal(crew_post(pair.a, &message), -EAGAIN);
    message.size = 20;
    check_equal(crew_post(pair.a, &message), 0);
    check_equal(post_tag(pair.a, 1), 0); /* no bytes */
    assert_int_equal(crew_buffer_create(&buffer, 1000, NULL), 0);
    check_equal(post_buffer(pair.a, buffer), 0); /* buffers do not count */
    message.size = 101;
    check_equal(crew_post(pair.a, &message), -EAGAIN);
    for (unsigned i = 0; i < 5; i++)
        check_at_least(receive_tag(pair.b, 0), 0);
    check_equal(crew_post(pair.a, &message), 0); /* alone it is taken */
    message.size = 1;
    check_equal(crew_post(pair.a, &message), -EAGAIN);
    check_equal(post_tag(pair.a, 1), -EAGAIN);
    check_equal(receive_tag(pair.b, 0), 0);
    close_pair(pair);
    pair = make_channel();
    for (unsigned i = 0; i < 1024; i++)
        check_equal(post_tag(pair.a, i), 0);
    check_equal(post_tag(pair.a, 0), -EAGAIN);
    close_pair(pair);
    pair = make_pair_of(SIZE_MAX, SIZE_MAX);
    for (unsigned i = 0; i < 5000; i++)
        check_equal(post_tag(pair.a, i), 0);
    close_pair(pair);
}

CREW_TEST(M13_a_refused_post_keeps_buffers_and_ports)
{
    struct pair pair = make_pair_of(1, 0);
    struct pair other = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &other.a,
                            .port_count = 1};

    check_equal(post_tag(pair.a, 0), 0);
    check_equal(crew_post(pair.a, &message), -EAGAIN);
    check_equal(crew_post_wait(pair.a, &message, 0), -ETIMEDOUT);
    check_equal(crew_post_wait(pair.a, &message, CREW_MS), -ETIMEDOUT);
    check_equal(post_tag(other.a, 1), 0);
    check_equal(receive_tag(other.b, 0), 1);
    check_equal(receive_tag(pair.b, 0), 0);
    check_equal(crew_post_wait(pair.a, &message, 0), 0);
    close_pair(pair);
    check_equal(releases, 1);
    check_equal(receive_tag(other.b, 0), -EPIPE);
    crew_port_close(other.b);
}

CREW_TEST(M13_on_room_comes_once_for_a_refusal)
{
    struct pair pair = make_pair_of(2, 0);
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.a, inbox, &heard), 0);
    for (unsigned i = 0; i < 3; i++) {
        check_equal(post_tag(pair.a, 0), 0);
        check_equal(post_tag(pair.a, 1), 0);
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        check_equal(receive_tag(pair.b, 0), 0); /* nothing was refused */
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        check_equal(heard.rooms, i);
        check_equal(post_tag(pair.a, 2), 0);
        check_equal(post_tag(pair.a, 3), -EAGAIN);
        check_equal(post_tag(pair.a, 3), -EAGAIN);
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        check_equal(receive_tag(pair.b, 0), 1);
        check_equal(receive_tag(pair.b, 0), 2);
        check_equal(heard.rooms, i);
        check_equal(crew_inbox_dispatch(inbox, 0), 1);
        check_equal(heard.rooms, i + 1);
    }
    close_pair(pair);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

struct flow {
    struct pair pair;
    crew_inbox *inbox;
    unsigned next, n, rooms;
};

/* Posts until it is refused, and goes on when there is room. */
static void pour(crew_port *port, void *arg)
{
    struct flow *flow = arg;

    flow->rooms++;
    while (flow->next < flow->n) {
        int r = post_tag(port, flow->next);

        if (r == -EAGAIN)
            return;
        check_equal(r, 0);
        flow->next++;
    }
    crew_port_close(port);
}

static void flow_along(unsigned index, void *arg)
{
    struct flow *flow = arg;

    if (index == 0) {
        crew_listener listener = {.on_room = pour, .arg = flow};

        check_equal(crew_listen(flow->pair.a, flow->inbox, &listener), 0);
        pour(flow->pair.a, flow);
        check_at_least(crew_inbox_run(flow->inbox), 0);
        return;
    }
    for (unsigned i = 0; i < flow->n; i++) {
        if (!check_equal(receive_tag(flow->pair.b, LONG_WAIT), i))
            return;
    }
    check_equal(receive_tag(flow->pair.b, LONG_WAIT), -EPIPE);
}

CREW_TEST(M13_no_room_is_ever_missed)
{
    for (unsigned limit = 1; limit < 40; limit += limit) {
        struct flow flow = {make_pair_of(limit, 0), make_inbox(), 0,
                            MANY(20000), 0};

        test_threads(2, flow_along, &flow);
        check_equal(flow.next, flow.n);
        crew_port_close(flow.pair.b);
        check_equal(crew_inbox_destroy(flow.inbox), 0);
    }
}

/* ---- post_wait ------------------------------------------------------------- */

struct waiting {
    struct pair pair;
    bool listens;
    unsigned posted, refused;
    struct test_gate full;
};

static void wait_for_room(unsigned index, void *arg)
{
    struct waiting *waiting = arg;
    crew_message message = {.tag = index};

    if (index > 0) {
        int r;

        test_gate_wait(&waiting->full);
        r = crew_post_wait(waiting->pair.a, &message, LONG_WAIT);
        if (r == 0)
            __atomic_fetch_add(&waiting->posted, 1, __ATOMIC_RELAXED);
        else if (check_equal(r, -EPIPE))
            __atomic_fetch_add(&waiting->refused, 1, __ATOMIC_RELAXED);
        return;
    }
    check_equal(post_tag(waiting->pair.a, 0), 0);
    test_gate_open(&waiting->full);
    check_at_least(receive_tag(waiting->pair.b, LONG_WAIT), 0);
    check_at_least(receive_tag(waiting->pair.b, LONG_WAIT), 1);
    crew_port_close(waiting->pair.b);
}

CREW_TEST(M13_post_wait_ends_by_room_or_close)
{
    for (unsigned i = 0; i < MANY(1000); i++) {
        struct waiting waiting = {.pair = make_pair_of(1, 0)};

        test_gate_init(&waiting.full);
        test_threads(4, wait_for_room, &waiting);
        check_equal(waiting.posted + waiting.refused, 3);
        check_at_least(waiting.posted, 1);
        crew_port_close(waiting.pair.a);
        test_gate_fini(&waiting.full);
    }
}

/* ---- several ports: M16 --------------------------------------------------- */

static int64_t receive_any_tag(crew_port **ports, size_t count, size_t *which,
                               crew_ns timeout)
{
    crew_message *message = NULL;
    int r = crew_receive_any(ports, count, which, &message, timeout);
    int64_t tag;

    if (r < 0)
        return r;
    tag = (int64_t)message->tag;
    crew_message_free(message);
    return tag;
}

CREW_TEST(M16_the_oldest_message_comes_first)
{
    enum { N = 64, EACH = 20 };
    struct pair pairs[N];
    crew_port *ports[N];
    struct test_random random;
    unsigned order[N * EACH];
    size_t which = 99;

    test_random_init(&random, 1);
    for (unsigned i = 0; i < N; i++) {
        pairs[i] = make_channel();
        ports[i] = pairs[i].b;
    }
    check_equal(receive_any_tag(ports, N, &which, 0), -ETIMEDOUT);
    check_equal(receive_any_tag(ports, N, &which, CREW_MS), -ETIMEDOUT);
    check_equal(which, 99);
    for (unsigned i = 0; i < N * EACH; i++) {
        order[i] = (unsigned)test_random_below(&random, N);
        check_equal(post_tag(pairs[order[i]].a, i), 0);
    }
    for (unsigned i = 0; i < N * EACH; i++) {
        if (!check_equal(receive_any_tag(ports, N, &which, LONG_WAIT), i) ||
            !check_equal(which, order[i]))
            break;
    }
    check_equal(receive_any_tag(ports, N, &which, 0), -ETIMEDOUT);
    check_equal(receive_any_tag(ports, 0, &which, 0), -EINVAL);
    check_equal(receive_any_tag(NULL, N, &which, 0), -EINVAL);
    ports[1] = ports[0];
    check_equal(receive_any_tag(ports, N, &which, 0), -EBUSY);
    for (unsigned i = 0; i < N; i++)
        close_pair(pairs[i]);
}

CREW_TEST(M16_a_closed_one_is_told_once_and_left_out)
{
    struct pair a = make_channel();
    struct pair b = make_channel();
    crew_port *ports[] = {a.b, NULL, b.b};
    size_t which = 9;

    check_equal(post_tag(a.a, 5), 0);
    crew_port_close(a.a);
    check_equal(receive_any_tag(ports, 3, &which, 0), 5);
    check_equal(which, 0);
    check_equal(receive_any_tag(ports, 3, &which, 0), -EPIPE);
    check_equal(which, 0);
    check_equal(receive_any_tag(ports, 3, &which, 0), -ETIMEDOUT);
    check_equal(post_tag(b.a, 6), 0);
    check_equal(receive_any_tag(ports, 3, &which, CREW_FOREVER), 6);
    check_equal(which, 2);
    crew_port_close(b.a);
    check_equal(receive_any_tag(ports, 3, &which, CREW_FOREVER), -EPIPE);
    check_equal(which, 2);
    check_equal(receive_any_tag(ports, 3, &which, CREW_FOREVER), -EPIPE);
    check_equal(which, 3); /* all are left out */
    crew_port_close(a.b);
    crew_port_close(b.b);
}

enum { SOURCES = 6 };

struct sources {
    struct pair pairs[SOURCES];
    unsigned each;
};

static void feed(unsigned index, void *arg)
{
    struct sources *sources = arg;
    crew_port *ports[SOURCES];
    unsigned next[SOURCES] = {0};
    unsigned over = 0;

    if (index < SOURCES) {
        for (unsigned i = 0; i < sources->each; i++) {
            crew_message message = {.tag = i};

            check_equal(
                crew_post_wait(sources->pairs[index].a, &message, LONG_WAIT),
                0);
        }
        crew_port_close(sources->pairs[index].a);
        return;
    }
    for (unsigned i = 0; i < SOURCES; i++)
        ports[i] = sources->pairs[i].b;
    while (over < SOURCES) {
        size_t which = SOURCES;
        int64_t r = receive_any_tag(ports, SOURCES, &which, LONG_WAIT);

        if (!check(which < SOURCES))
            return;
        if (r == -EPIPE) {
            check_equal(next[which], sources->each);
            over++;
        } else {
            check_equal(r, next[which]++);
        }
    }
}

CREW_TEST(M16_all_sources_come_in_their_order_until_they_close)
{
    struct sources sources = {.each = MANY(5000)};

    for (unsigned i = 0; i < SOURCES; i++)
        sources.pairs[i] = make_pair_of(16, 0);
    test_threads(SOURCES + 1, feed, &sources);
    for (unsigned i = 0; i < SOURCES; i++)
        crew_port_close(sources.pairs[i].b);
}
