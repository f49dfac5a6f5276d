/* Listening, taking turns, holding a run: M14, M17 to M20, NO4 to NO6, NP2,
 * NR1, NR4. */
#include "mail.h"

#include <stdlib.h>

CREW_TEST(M14_a_port_has_one_receiver)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    crew_inbox *other = make_inbox();
    struct heard heard = hear_from(0);
    crew_listener wrong = {.reserved = {0, 0, 0, 1}};

    check_equal(crew_listen(NULL, inbox, &wrong), -EINVAL);
    check_equal(crew_listen(pair.b, inbox, &wrong), -EINVAL);
    check_equal(crew_listen(pair.b, NULL, &(crew_listener){.arg = NULL}),
                -EINVAL);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(listen_with(pair.b, inbox, &heard), -EBUSY);
    check_equal(listen_with(pair.b, other, &heard), -EBUSY);
    check_equal(receive_tag(pair.b, 0), -EBUSY);
    check_equal(receive_tag(pair.b, CREW_S), -EBUSY);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(crew_inbox_destroy(inbox), -EBUSY); /* it is listened on */
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(receive_tag(pair.b, 0), 1); /* messages wait again */
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(listen_with(pair.b, other, &heard), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(dispatch_all(other), 1);
    check_equal(heard.messages, 2);
    close_pair(pair);
    dispatch_all(other);
    end_all(NULL, NULL, other);
}

CREW_TEST(M14_stopping_with_messages_on_their_way)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(crew_listen(pair.b, inbox, NULL), 0);
    check_equal(listen_with(pair.b, inbox, &heard), 0); /* and again */
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(crew_listen(pair.b, NULL, NULL), 0);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(receive_tag(pair.b, 0), 1);
    close_pair(pair);
    check_equal(heard.closes, 0);
    end_all(NULL, NULL, inbox);
}

/* ---- M17: what on_message may do -------------------------------------------- */

struct echo {
    crew_inbox *inbox;
    crew_port *first;
    unsigned left;
};

static void post_back(struct heard *heard, crew_port *port,
                      crew_message *message)
{
    struct echo *echo = heard->data;

    if (echo->left > 0 && --echo->left > 0)
        check_equal(post_tag(port, message->tag + (port == echo->first)), 0);
    else
        check_equal(crew_inbox_stop(echo->inbox), 0);
}

static void tick(void *arg)
{
    ++*(unsigned *)arg;
}

CREW_TEST(M17_NP2_callbacks_that_post_for_ever_hold_up_nobody)
{
    struct pair pair = make_channel();
    struct echo echo = {make_inbox(), pair.a, 100000};
    struct heard at_a = hear_from(0);
    struct heard at_b = hear_from(0);
    unsigned ticks = 0;

    at_a.also = at_b.also = post_back;
    at_a.data = at_b.data = &echo;
    check_equal(listen_with(pair.a, echo.inbox, &at_a), 0);
    check_equal(listen_with(pair.b, echo.inbox, &at_b), 0);
    check_equal(post_tag(pair.a, 0), 0);
    /* Each dispatch ends, and calls come through. */
    for (unsigned i = 1; i <= 100; i++) {
        check_equal(crew_inbox_call(echo.inbox, tick, &ticks), 0);
        check_at_least(crew_inbox_dispatch(echo.inbox, 0), 1);
        check_equal(ticks, i);
    }
    check_at_least(crew_inbox_run(echo.inbox), 1000);
    check_equal(at_a.messages + at_b.messages, 100000);
    close_pair(pair);
    dispatch_all(echo.inbox);
    end_all(NULL, NULL, echo.inbox);
}

static void close_all(struct heard *heard, crew_port *port,
                      crew_message *message)
{
    struct pair *pair = heard->data;

    (void)port;
    (void)message;
    close_pair(*pair);
}

CREW_TEST(M17_on_message_closes_both_ends)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    heard.also = close_all;
    heard.data = &pair;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(crew_inbox_run(inbox), 2);
    check_equal(heard.closes, 1);
    end_all(NULL, NULL, inbox);
}

static void keep_it(struct heard *heard, crew_port *port, crew_message *message)
{
    crew_message **kept = heard->data;

    (void)port;
    switch (message->tag % 4) {
    case 0:
        crew_message_keep(message);
        crew_message_keep(message);
        kept[message->tag] = message;
        break;
    case 1:
        crew_message_free(message); /* at once, and not once more */
        crew_message_keep(message);
        break;
    case 2:
        crew_message_keep(message);
        crew_message_free(message);
        break;
    default:
        break;
    }
}

CREW_TEST(messages_are_kept_or_freed_inside_their_callback)
{
    enum { N = 100 };
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    crew_message *kept[N] = {NULL};
    unsigned releases = 0;

    heard.also = keep_it;
    heard.data = kept;
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    for (unsigned i = 0; i < N; i++) {
        crew_buffer *buffer = make_counted(&releases);

        check_equal(crew_post(pair.a, &(crew_message){.bytes = &i,
                                                      .size = sizeof i,
                                                      .buffers = &buffer,
                                                      .buffer_count = 1,
                                                      .tag = i}),
                    0);
    }
    dispatch_all(inbox);
    check_equal(releases, N / 4 * 3);
    close_pair(pair);
    dispatch_all(inbox);
    for (unsigned i = 0; i < N; i += 4) {
        check_equal(*(const unsigned *)kept[i]->bytes, i);
        crew_message_free(kept[i]);
    }
    check_equal(releases, N);
    end_all(NULL, NULL, inbox);
}

/* ---- M18 ---------------------------------------------------------------- */

static int64_t time_of_rounds(struct pair *pair, crew_inbox *inbox, unsigned n)
{
    int64_t best = INT64_MAX;

    for (unsigned i = 0; i < 20; i++) {
        int64_t begin = test_now();

        for (unsigned j = 0; j < n; j++) {
            check_equal(post_tag(pair->a, 0), 0);
            check_equal(crew_inbox_dispatch(inbox, 0), 1);
        }
        if (test_now() - begin < best)
            best = test_now() - begin;
    }
    return best;
}

static void hear_nothing(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)message;
    (void)arg;
}

CREW_TEST(M18_ports_that_hear_nothing_cost_nothing)
{
    enum { N = 10000 };
    const crew_listener listener = {.on_message = hear_nothing};
    struct pair *pairs = calloc(N, sizeof *pairs);
    crew_inbox *inbox = make_inbox();
    unsigned descriptors = test_descriptor_count();
    int64_t alone;
    size_t bytes;

    assert_non_null(pairs);
    pairs[0] = make_channel();
    check_equal(crew_listen(pairs[0].b, inbox, &listener), 0);
    alone = time_of_rounds(&pairs[0], inbox, 1000);
    bytes = test_resident_bytes();
    for (unsigned i = 1; i < N; i++) {
        pairs[i] = make_channel();
        check_equal(crew_listen(pairs[i].b, inbox, &listener), 0);
    }
    /* Per port, of which each channel has two. */
    bytes = (test_resident_bytes() - bytes) / (2 * (N - 1));
    printf("%zu bytes a port\n", bytes);
    if (IS_RESIDENT_EXACT)
        check_at_most(bytes, 512);
    check_equal(test_descriptor_count(), descriptors);
    check_at_most(time_of_rounds(&pairs[N - 1], inbox, 1000), 3 * alone);
    for (unsigned i = 0; i < N; i++)
        close_pair(pairs[i]);
    dispatch_all(inbox);
    free(pairs);
    end_all(NULL, NULL, inbox);
}

/* ---- turns: M19, M20, NO4 to NO6 ------------------------------------------ */

/* Notes how many of the crowd had come by then. */
static void note_before(struct heard *heard, crew_port *port,
                        crew_message *message)
{
    unsigned *before = heard->data;

    (void)port;
    (void)message;
    before[0] = before[1];
}

static void count_crowd(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)message;
    ++((unsigned *)arg)[1];
}

static void take_turns(unsigned n, unsigned max)
{
    struct pair crowd = make_pair_of(n, 0);
    struct pair single = make_channel();
    crew_inbox *inbox = make_inbox();
    unsigned before[2] = {0, 0}; /* when the single came; so far */
    crew_listener listener = {.on_message = count_crowd, .arg = before};
    struct heard heard = hear_from(0);
    unsigned count = 0;
    int r;

    heard.also = note_before;
    heard.data = before;
    check_equal(crew_listen(crowd.b, inbox, &listener), 0);
    check_equal(listen_with(single.b, inbox, &heard), 0);
    for (unsigned i = 0; i < n; i++)
        check_equal(post_tag(crowd.a, i), 0);
    check_equal(post_tag(single.a, 0), 0);
    while ((r = crew_inbox_dispatch(inbox, max)) > 0) {
        if (max > 0)
            check_at_most(r, max);
        count += (unsigned)r;
    }
    check_equal(count, n + 1);
    check_equal(before[1], n);
    check_equal(heard.messages, 1);
    check_at_most(before[0], 64); /* the stated share */
    close_pair(crowd);
    close_pair(single);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(M19_NO5_a_crowd_at_one_port_holds_up_no_other)
{
    take_turns(100000, 0);
    take_turns(100000, 1);
    take_turns(10000, 7);
    take_turns(200000, 100);
}

/* Posted while the dispatch runs that empties the crowd. */
struct late {
    struct pair crowd, single;
    crew_inbox *inbox;
    unsigned came, when_posted, when_single, when_called;
};

static void note_call(void *arg)
{
    struct late *late = arg;

    late->when_called = late->came;
}

static void come_in_crowd(crew_port *port, crew_message *message, void *arg)
{
    struct late *late = arg;

    (void)port;
    (void)message;
    if (++late->came == 1000) {
        check_equal(post_tag(late->single.a, 0), 0);
        check_equal(crew_inbox_call(late->inbox, note_call, late), 0);
    }
}

static void come_late(crew_port *port, crew_message *message, void *arg)
{
    struct late *late = arg;

    (void)port;
    (void)message;
    late->when_single = late->came;
}

CREW_TEST(M19_NO6_what_comes_during_a_dispatch_has_its_turn_in_it)
{
    enum { N = 100000 };
    struct late late = {
        make_pair_of(N, 0), make_channel(), make_inbox(), 0, 0, 0, 0};
    crew_listener crowd = {.on_message = come_in_crowd, .arg = &late};
    crew_listener single = {.on_message = come_late, .arg = &late};

    check_equal(crew_listen(late.crowd.b, late.inbox, &crowd), 0);
    check_equal(crew_listen(late.single.b, late.inbox, &single), 0);
    for (unsigned i = 0; i < N; i++)
        check_equal(post_tag(late.crowd.a, i), 0);
    check_equal(crew_inbox_dispatch(late.inbox, 0), N + 2);
    check_at_most(late.when_single, 1000 + 64);
    check_at_most(late.when_called, 1000 + 64);
    close_pair(late.crowd);
    close_pair(late.single);
    dispatch_all(late.inbox);
    end_all(NULL, NULL, late.inbox);
}

static int post_from_task(crew_self *self, crew_task *task)
{
    (void)self;
    return post_tag(task->data, 0);
}

static void count_done(crew_task *task)
{
    check_equal(task->status, 0);
}

CREW_TEST(M20_NO6_completions_and_messages_share_an_inbox)
{
    enum { N = 1000 };
    static crew_task tasks[N];
    struct pair pair = make_pair_of(N, 0);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    unsigned came[2] = {0, 0};
    crew_listener listener = {.on_message = count_crowd, .arg = came};
    unsigned count = 0;

    check_equal(crew_listen(pair.b, inbox, &listener), 0);
    for (unsigned i = 0; i < N; i++) {
        tasks[i] = (crew_task){
            .run = post_from_task, .done = count_done, .data = pair.a};
        check_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    while (count < 2 * N) {
        int r = crew_inbox_wait(inbox, LONG_WAIT);

        if (!check_at_least(r, 1))
            break;
        count += (unsigned)r;
    }
    check_equal(came[1], N);
    close_pair(pair);
    dispatch_all(inbox);
    end_all(pool, NULL, inbox);
}

CREW_TEST(NO4_two_ports_of_one_inbox_keep_their_own_order)
{
    struct pair a = make_channel();
    struct pair b = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard at_a = hear_from(0);
    struct heard at_b = hear_from(0);

    check_equal(listen_with(a.b, inbox, &at_a), 0);
    check_equal(listen_with(b.b, inbox, &at_b), 0);
    for (unsigned i = 0; i < 500; i++) {
        check_equal(post_tag(a.a, i), 0);
        check_equal(post_tag(b.a, i), 0);
    }
    check_equal(crew_inbox_dispatch(inbox, 0), 1000);
    check_equal(at_a.next, 500);
    check_equal(at_b.next, 500);
    close_pair(a);
    close_pair(b);
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* ---- the fd ---------------------------------------------------------------- */

CREW_TEST(a_loop_is_told_by_the_descriptor)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);
    int fd = crew_inbox_fd(inbox);

    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(!is_readable(fd, 0));
    for (unsigned i = 0; i < 200; i++)
        check_equal(post_tag(pair.a, i), 0);
    for (unsigned i = 0; i < 200; i += 50) {
        check(is_readable(fd, 0));
        check_equal(crew_inbox_dispatch(inbox, 50), 50);
    }
    crew_inbox_dispatch(inbox, 0);
    check(!is_readable(fd, 0));
    close_pair(pair);
    check(is_readable(fd, 0));
    dispatch_all(inbox);
    end_all(NULL, NULL, inbox);
}

/* ---- what holds a run: NR1, NR4 --------------------------------------------- */

static void stop_listening(void *arg)
{
    check_equal(crew_listen(arg, NULL, NULL), 0);
}

static void let_go(void *arg)
{
    crew_port_unref(arg);
}

CREW_TEST(NR1_NR4_a_listening_port_holds_a_run_unless_unreferenced)
{
    struct pair pair = make_channel();
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check(!crew_port_has_ref(pair.b));
    check_equal(crew_inbox_run(inbox), 0); /* a new port holds nothing */
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check(crew_port_has_ref(pair.b));
    check_equal(crew_inbox_stop(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0); /* it ends by the stop alone */
    check_equal(crew_inbox_call(inbox, stop_listening, pair.b), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check(!crew_port_has_ref(pair.b));
    check_equal(listen_with(pair.b, inbox, &heard), 0);
    check_equal(crew_inbox_call(inbox, let_go, pair.b), 0);
    check_equal(crew_inbox_run(inbox), 1);
    crew_port_unref(pair.b);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(post_tag(pair.a, 0), 0); /* it hears nevertheless */
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    crew_port_ref(pair.b);
    crew_port_ref(pair.b);
    check(crew_port_has_ref(pair.b));
    check_equal(crew_inbox_call(inbox, let_go, pair.b), 0);
    check_equal(crew_inbox_run(inbox), 1);
    crew_port_ref(pair.b);
    crew_port_close(pair.a);
    check_equal(crew_inbox_run(inbox), 1); /* its on_close, and nothing more */
    check(!crew_port_has_ref(pair.b));
    crew_port_close(pair.b);
    end_all(NULL, NULL, inbox);
}

static void unref_beside_run(unsigned index, void *arg)
{
    struct running {
        crew_port *port;
        crew_inbox *inbox;
        bool close;
    } *running = arg;

    if (index == 0)
        check_at_least(crew_inbox_run(running->inbox), 0);
    else if (running->close)
        crew_port_close(running->port);
    else
        crew_port_unref(running->port);
}

CREW_TEST(NR1_a_run_ends_when_another_thread_lets_go)
{
    crew_inbox *inbox = make_inbox();

    for (unsigned i = 0; i < MANY(2000); i++) {
        struct pair pair = make_channel();
        struct {
            crew_port *port;
            crew_inbox *inbox;
            bool close;
        } running = {pair.b, inbox, i % 2};

        check_equal(
            crew_listen(pair.b, inbox, &(crew_listener){.on_message = NULL}),
            0);
        test_threads(2, unref_beside_run, &running);
        if (i % 2 == 0)
            crew_port_close(pair.b);
        crew_port_close(pair.a);
        dispatch_all(inbox);
    }
    end_all(NULL, NULL, inbox);
}
