/*
 * One process that stays alive while everything in it comes and goes: hands,
 * each a thread with an inbox, start, use, move and close channels, hubs,
 * workers, calls and buffers, all by chance. Meanwhile memory, descriptors and
 * threads are looked at, and have to stay flat.
 *
 * CREW_SOAK_SECONDS says for how long (./dev soak); else it is a stress test of
 * two seconds, in which memory has no time to tell anything.
 *
 * Ports lie in places, which a hand empties for as long as it uses what was
 * there. Ports of the first places, the ways, never travel; those of the others
 * travel through ways alone: so none waits in a queue that only it leads to.
 */
#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HANDS = 3,
    WAYS = 8,
    PLACES = 40, /* with the ways */
    WORKERS = 10,
    SAMPLES = 240,
    MAX_BYTES = 3000
};

struct hand {
    unsigned index;
    struct test_random random;
    crew_inbox *inbox;
    crew_listener listener;
    uint64_t messages, calls, results;
};

/* `busy` is who uses it. */
struct staff {
    int busy;
    crew_worker *worker;
    bool listens;
};

static struct {
    crew_port *places[PLACES];
    struct staff staff[WORKERS];
    struct hand hands[HANDS];
    crew_pool *pool;
    int64_t end;
    uint64_t made, released; /* counted buffers */
    uint64_t workers, exits;
    char bytes[MAX_BYTES];
} all;

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static uint64_t seen(uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static unsigned below(struct hand *hand, unsigned n)
{
    return (unsigned)test_random_below(&hand->random, n);
}

static bool one_in(struct hand *hand, unsigned n)
{
    return below(hand, n) == 0;
}

/* What the library may say when others close and fill at the same time. */
static void check_usual(int r)
{
    check(r == 0 || r == -EAGAIN || r == -EPIPE || r == -EBUSY ||
          r == -EINVAL || r == -ETIMEDOUT);
}

/* ---- buffers --------------------------------------------------------------- */

static void count_release(void *data, void *arg)
{
    (void)arg;
    free(data);
    count(&all.released);
}

static crew_buffer *make_buffer(struct hand *hand)
{
    crew_buffer_options options = {.shared = one_in(hand, 20),
                                   .max_size = 8192};
    size_t size = 1 + below(hand, 4096);
    crew_buffer *buffer = NULL;

    if (one_in(hand, 2)) {
        check_equal(crew_buffer_create(&buffer, size, &options), 0);
        if (one_in(hand, 4))
            check_equal(crew_buffer_grow(buffer, 8192), 0);
        return buffer;
    }
    check_equal(
        crew_buffer_wrap(&buffer, malloc(size), size, count_release, NULL), 0);
    count(&all.made);
    return buffer;
}

/* ---- places ---------------------------------------------------------------- */

static crew_port *take_port(unsigned place)
{
    return __atomic_exchange_n(&all.places[place], NULL, __ATOMIC_ACQ_REL);
}

static void put_port(unsigned place, crew_port *port)
{
    crew_port_close(
        __atomic_exchange_n(&all.places[place], port, __ATOMIC_ACQ_REL));
}

static unsigned any_way(struct hand *hand)
{
    return below(hand, WAYS);
}

static unsigned any_traveller(struct hand *hand)
{
    return WAYS + below(hand, PLACES - WAYS);
}

static unsigned any_place(struct hand *hand)
{
    return below(hand, PLACES);
}

/* ---- messages -------------------------------------------------------------- */

/* Keeps the ports of a message, and lets go of the rest. */
static void keep_ports(struct hand *hand, crew_message *message)
{
    for (size_t i = 0; i < message->port_count; i++) {
        put_port(any_traveller(hand), message->ports[i]);
        message->ports[i] = NULL;
    }
    hand->messages++;
}

static void on_message(crew_port *port, crew_message *message, void *arg)
{
    struct hand *hand = arg;

    keep_ports(hand, message);
    if (one_in(hand, 8)) {
        crew_message_keep(message);
        crew_message_free(message);
    } else if (one_in(hand, 8)) {
        check_usual(crew_post(port, &(crew_message){.tag = message->tag}));
    }
}

static void on_room(crew_port *port, void *arg)
{
    (void)arg;
    check_usual(crew_post(port, &(crew_message){.tag = 1}));
}

static void on_close(crew_port *port, int error, void *arg)
{
    (void)port;
    (void)arg;
    check_equal(error, 0);
}

/* Bytes, seldom many; now and then a buffer; through a way, a port. */
static void post_on(struct hand *hand, crew_port *port, bool is_way)
{
    crew_buffer *buffer = one_in(hand, 4) ? make_buffer(hand) : NULL;
    unsigned from = any_traveller(hand);
    crew_port *moved = is_way ? take_port(from) : NULL;
    crew_message message = {
        .bytes = all.bytes,
        .size = below(hand, one_in(hand, 16) ? MAX_BYTES : 150),
        .buffers = &buffer,
        .buffer_count = buffer != NULL,
        .ports = &moved,
        .port_count = moved != NULL,
        .tag = below(hand, 1000)};
    int r;

    if (buffer && one_in(hand, 4)) { /* one reference goes, one stays */
        crew_buffer_retain(buffer);
        r = crew_post(port, &message);
        crew_buffer_release(buffer);
    } else {
        r = crew_post(port, &message);
    }
    check_usual(r);
    if (r < 0) {
        crew_buffer_release(buffer);
        if (moved)
            put_port(from, moved);
    }
}

static void receive_on(struct hand *hand, crew_port *port)
{
    crew_ns timeout = one_in(hand, 50) ? 50 * CREW_US : 0;
    unsigned most = 1 + below(hand, 16);
    int r = 0;

    for (unsigned i = 0; i < most && r == 0; i++) {
        crew_message *message = NULL;

        r = crew_receive(port, &message, timeout);
        check_usual(r);
        if (r < 0)
            break;
        keep_ports(hand, message);
        crew_message_free(message);
    }
}

/* ---- ports ----------------------------------------------------------------- */

static void open_channel(struct hand *hand)
{
    crew_channel_options options = {.max_messages = 1 + below(hand, 32),
                                    .max_bytes = 1 + below(hand, 20000)};
    bool way = one_in(hand, 4);
    crew_port *a, *b;

    if (!check_equal(crew_channel_create(&a, &b, &options), 0))
        return;
    put_port(way ? any_way(hand) : any_traveller(hand), a);
    put_port(way ? any_way(hand) : any_traveller(hand), b);
}

static void join_hub(struct hand *hand)
{
    static const char *const names[] = {"soak/a", "soak/b", "soak/c"};
    crew_hub_options options = {.max_messages = 1 + below(hand, 16),
                                .when_full = one_in(hand, 4)
                                                 ? CREW_FULL_REFUSE
                                                 : CREW_FULL_DROP_OLDEST};
    crew_port *port;

    if (check_equal(crew_hub_join(&port, names[below(hand, 3)], &options), 0))
        put_port(any_traveller(hand), port);
}

static void use_port(struct hand *hand)
{
    unsigned place = any_place(hand);
    crew_port *port = take_port(place);

    if (!port)
        return;
    switch (below(hand, 16)) {
    case 0:
        crew_port_close(port);
        return;
    case 1:
        check_usual(crew_listen(port, hand->inbox, &hand->listener));
        break;
    case 2:
        crew_port_unref(port);
        crew_port_ref(port);
        break;
    case 3:
    case 4:
    case 5:
        receive_on(hand, port);
        break;
    default:
        post_on(hand, port, place < WAYS);
        break;
    }
    put_port(place, port);
}

/* ---- workers --------------------------------------------------------------- */

static int echo(crew_self *self)
{
    crew_port *port = crew_self_port(self);
    crew_message *message;
    int r;

    while ((r = crew_receive(port, &message, CREW_FOREVER)) == 0) {
        crew_post(port, message);
        crew_message_free(message);
    }
    return r;
}

static void answer(crew_port *port, crew_message *message, void *arg)
{
    (void)arg;
    crew_post(port, message);
}

static int listen_and_run(crew_self *self)
{
    crew_listener listener = {.on_message = answer};
    int r = crew_listen(crew_self_port(self), crew_self_inbox(self), &listener);

    return r < 0 ? r : crew_inbox_run(crew_self_inbox(self));
}

static int do_work(crew_self *self, crew_message *start);

static int leave_a_child(crew_self *self)
{
    crew_message start = {.tag = 0};
    crew_worker_options options = {.start = &start,
                                   .inbox = crew_self_inbox(self)};
    crew_worker *child = NULL;
    int r = crew_worker_start(&child, do_work, &options);

    return r < 0 ? r : crew_sleep(self, 50 * CREW_US);
}

static int do_work(crew_self *self, crew_message *start)
{
    switch (start->tag % 5) {
    case 0:
        return echo(self);
    case 1:
        return listen_and_run(self);
    case 2:
        return leave_a_child(self);
    case 3:
        return crew_self_fail(self, -EIO, "by chance");
    default:
        return crew_sleep(self, CREW_FOREVER);
    }
}

static void on_exit_(crew_worker *worker, const crew_exit *how, void *arg)
{
    (void)worker;
    (void)how;
    (void)arg;
    count(&all.exits);
}

static void start_worker(struct hand *hand, struct staff *staff)
{
    crew_buffer *buffer = make_buffer(hand);
    crew_message start = {.bytes = all.bytes,
                          .size = below(hand, 300),
                          .buffers = &buffer,
                          .buffer_count = 1,
                          .tag = below(hand, 5)};
    crew_worker_options options = {
        .start = &start,
        .stack_size = SCALED_STACK(64 * 1024),
        .inbox = one_in(hand, 4) ? NULL : hand->inbox,
        .placement_list = one_in(hand, 8) ? "0" : NULL};

    staff->listens = options.inbox && one_in(hand, 2);
    options.on_exit = options.inbox ? on_exit_ : NULL;
    options.listener = staff->listens ? &hand->listener : NULL;
    if (!check_equal(crew_worker_start(&staff->worker, do_work, &options), 0)) {
        crew_buffer_release(buffer);
        return;
    }
    count(&all.workers);
}

static void use_worker(struct hand *hand, struct staff *staff)
{
    crew_worker *worker = staff->worker;
    crew_usage usage;
    char text[100];

    switch (below(hand, 8)) {
    case 0:
        crew_worker_terminate(worker);
        break;
    case 1:
        crew_worker_finish(worker);
        break;
    case 2:
        check_equal(crew_worker_usage(worker, &usage), 0);
        check_at_least(crew_worker_describe(worker, text, sizeof text), 1);
        break;
    case 3:
        crew_worker_unref(worker);
        break;
    case 4:
        if (!staff->listens)
            receive_on(hand, crew_worker_port(worker));
        break;
    default:
        post_on(hand, crew_worker_port(worker), false);
        break;
    }
    if (crew_worker_wait(worker, NULL, 0) == 0) {
        check_equal(crew_worker_destroy(worker), 0);
        staff->worker = NULL;
    }
}

static void employ(struct hand *hand)
{
    struct staff *staff = &all.staff[below(hand, WORKERS)];

    if (__atomic_exchange_n(&staff->busy, 1, __ATOMIC_ACQUIRE))
        return;
    if (staff->worker)
        use_worker(hand, staff);
    else
        start_worker(hand, staff);
    __atomic_store_n(&staff->busy, 0, __ATOMIC_RELEASE);
}

/* ---- calls ----------------------------------------------------------------- */

static int turn_round(crew_self *self, crew_message *in, crew_message *out)
{
    int r = crew_message_set(out, in->bytes, in->size);

    if (r == 0 && in->buffer_count > 0) {
        r = crew_message_add_buffer(out, in->buffers[0]);
        if (r == 0)
            in->buffers[0] = NULL;
    }
    if (in->tag == 7)
        return crew_self_fail(self, -EDOM, "seven");
    return r;
}

static void on_result(const crew_result *result, void *arg)
{
    struct hand *hand = arg;

    check(result->status == 0 || result->status == -EDOM ||
          result->status == -ECANCELED);
    hand->results++;
}

static void make_call(struct hand *hand)
{
    static const crew_callable callable = {"soak/turn_round", turn_round};
    crew_buffer *buffer = make_buffer(hand);
    crew_message in = {.bytes = all.bytes,
                       .size = below(hand, 500),
                       .buffers = &buffer,
                       .buffer_count = 1,
                       .tag = below(hand, 20)};
    crew_call_handle *handle = NULL;
    int r = crew_call(one_in(hand, 4) ? &handle : NULL, all.pool, &callable,
                      &in, NULL, hand->inbox, on_result, hand);

    if (r < 0) {
        check_equal(r, -EAGAIN);
        crew_buffer_release(buffer);
        return;
    }
    hand->calls++;
    if (handle)
        crew_call_cancel(handle);
    crew_call_destroy(handle);
}

/* ---- the hands ------------------------------------------------------------- */

static void do_something(struct hand *hand)
{
    unsigned what = below(hand, 200);

    if (what < 3)
        employ(hand);
    else if (what < 15)
        open_channel(hand);
    else if (what < 20)
        join_hub(hand);
    else if (what < 30)
        make_call(hand);
    else
        use_port(hand);
}

static void work(struct hand *hand)
{
    while (test_now() < all.end) {
        for (unsigned i = 0; i < 50; i++)
            do_something(hand);
        check_at_least(crew_inbox_dispatch(hand->inbox, 64), 0);
    }
}

static void end_staff(struct staff *staff)
{
    if (!staff->worker)
        return;
    crew_worker_terminate(staff->worker);
    check_equal(crew_worker_wait(staff->worker, NULL, 30 * CREW_S), 0);
    check_equal(crew_worker_destroy(staff->worker), 0);
    staff->worker = NULL;
}

static void close_places(void)
{
    for (unsigned i = 0; i < PLACES; i++)
        put_port(i, NULL);
}

/* ---- looking --------------------------------------------------------------- */

struct sample {
    size_t resident; /* KiB */
    size_t descriptors, threads;
};

static struct sample samples[SAMPLES];

static void look(struct sample *sample, int64_t seconds)
{
    sample->resident = test_resident_bytes() / 1024;
    sample->descriptors = test_descriptor_count();
    sample->threads = test_thread_count();
    printf("%5lld s %8zu KiB %4zu descriptors %4zu threads %9llu workers\n",
           (long long)seconds, sample->resident, sample->descriptors,
           sample->threads, (unsigned long long)seen(&all.workers));
}

/* Until the end, each `step`. How many. */
static unsigned look_on(int64_t step)
{
    int64_t begin = test_now();
    unsigned n = 0;

    while (n < SAMPLES && test_now() < all.end) {
        int64_t next = begin + (n + 1) * step;

        /* A look each so often, which no answer depends on. */
        while (test_now() < next && test_now() < all.end)
            crew_atomic_wait(&(uint32_t){0}, 0, 20 * CREW_MS);
        look(&samples[n++], (test_now() - begin) / CREW_S);
    }
    return n;
}

static int compare(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static size_t median(unsigned from, unsigned to, size_t field)
{
    size_t values[SAMPLES];

    for (unsigned i = from; i < to; i++)
        values[i - from] = *(
            const size_t *)(const void *)((const char *)&samples[i] + field);
    qsort(values, to - from, sizeof *values, compare);
    return values[(to - from) / 2];
}

/*
 * The rule: the first quarter is for warming up. The median of the last one is
 * at most `part` percent and `more` above that of the second.
 */
static void check_flat(unsigned n, const char *what, size_t field, size_t part,
                       size_t more)
{
    size_t second = median(n / 4, n / 2, field);
    size_t last = median(n - n / 4, n, field);

    printf("%s: %zu in the second quarter, %zu in the last\n", what, second,
           last);
    check_at_most(last, second + second * part / 100 + more);
}

static void check_all_flat(unsigned n)
{
    if (n < 16) {
        printf("too short to tell whether memory is flat\n");
        return;
    }
    check_flat(n, "KiB", offsetof(struct sample, resident), 5, 1024);
    check_flat(n, "descriptors", offsetof(struct sample, descriptors), 0, 8);
    check_flat(n, "threads", offsetof(struct sample, threads), 0, 8);
}

/* ---- all of it ------------------------------------------------------------- */

static void *run_hand(void *arg)
{
    work(arg);
    return NULL;
}

static void begin(void)
{
    crew_pool_options options = {.workers = 2, .queue_limit = 100};

    check_equal(crew_pool_create(&all.pool, &options), 0);
    for (unsigned i = 0; i < HANDS; i++) {
        struct hand *hand = &all.hands[i];

        hand->index = i;
        hand->listener = (crew_listener){
            .on_message = on_message,
            .on_room = on_room,
            .on_close = on_close,
            .arg = hand,
        };
        test_random_init(&hand->random, i);
        check_equal(crew_inbox_create(&hand->inbox, NULL), 0);
    }
}

static void end(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        end_staff(&all.staff[i]);
    check_equal(crew_pool_drain(all.pool, 30 * CREW_S), 0);
    close_places();
    for (unsigned i = 0; i < HANDS; i++)
        crew_inbox_run(all.hands[i].inbox);
    close_places(); /* what listeners have put there meanwhile */
    for (unsigned i = 0; i < HANDS; i++) {
        struct hand *hand = &all.hands[i];

        crew_inbox_run(hand->inbox);
        check_equal(crew_inbox_destroy(hand->inbox), 0);
        check_equal(hand->results, hand->calls);
        check_at_least(hand->messages, 1);
    }
    check_equal(crew_pool_destroy(all.pool), 0);
    check_equal(all.released, all.made);
    check_at_least(all.workers, 1);
}

static int64_t seconds_to_run(void)
{
    const char *text = getenv("CREW_SOAK_SECONDS");

    return text ? strtoll(text, NULL, 10) : 2;
}

CREW_TEST(everything_comes_and_goes_and_memory_stays_flat)
{
    int64_t seconds = seconds_to_run();
    int64_t step = seconds < 60 ? CREW_S : seconds * CREW_S / (SAMPLES / 2);
    pthread_t threads[HANDS];
    unsigned n;

    memset(&all, 0, sizeof all);
    begin();
    all.end = test_now() + seconds * CREW_S;
    for (unsigned i = 0; i < HANDS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, run_hand, &all.hands[i]), 0);
    n = look_on(step);
    for (unsigned i = 0; i < HANDS; i++)
        pthread_join(threads[i], NULL);
    end();
    check_all_flat(n);
}
