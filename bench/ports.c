/*
 * Messages from thread to thread.
 *
 *   one_way    8 bytes each, one thread posts, another receives
 *   many       likewise, four threads post to one port
 *   pingpong   8 bytes there and back between two threads that are awake: us
 *   hand_over  as pingpong, with a buffer of 1 MiB; crew.empty: with nothing
 *   asleep     there and back between two threads that sleep in epoll: us
 *   free       likewise, where the kernel likes, as Node.js's are
 *   idle       bytes of a port that listens and hears nothing
 *   broadcast  one post to 64 members of a hub, 8 bytes: ns. crew.posts: 64
 *              posts of nothing to as many channels, crew.same: to one
 *
 * The first two count from the moment that the producers are let go until the
 * last word has been taken. Who takes does so on the first CPU; one producer
 * is on the second, several are where they like. crew's channels have the
 * default limits, so a producer that is far ahead waits; crew.wide lets 65536
 * messages wait. libck's ring and the floor of pingpong never sleep and never
 * free: they are what the way of the data itself costs.
 */
#include "ports.h"

#include <crew/crew.h>

#include <errno.h>
#include <pthread.h>

/* ---- what is measured ---------------------------------------------------- */

static struct {
    const struct flow_contender *who;
    pthread_barrier_t start;
    unsigned producers;
    uint64_t each;
} flow;

static void *producer(void *index)
{
    if (flow.producers == 1)
        lab_pin(1);
    pthread_barrier_wait(&flow.start);
    flow.who->put((unsigned)(uintptr_t)index, flow.each);
    return NULL;
}

static double measure_once(uint64_t each)
{
    pthread_t threads[FLOW_MOST];
    uint64_t sum;
    int64_t ns;

    flow.each = each;
    pthread_barrier_init(&flow.start, NULL, flow.producers + 1);
    for (uintptr_t i = 0; i < flow.producers; i++)
        lab_must(-pthread_create(&threads[i], NULL, producer, (void *)i),
                 "thread");
    ns = lab_now();
    pthread_barrier_wait(&flow.start);
    sum = flow.who->take(each * flow.producers);
    ns = lab_now() - ns;
    for (unsigned i = 0; i < flow.producers; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&flow.start);
    lab_must(sum == flow.producers * (each * (each + 1) / 2) ? 0 : -EBADMSG,
             "sum");
    return (double)ns;
}

void flow_measure(crew_bench *b)
{
    const struct flow_case *it = bench_data(b);
    uint64_t each = lab_scaled(1000000, 800) / it->producers;

    flow.who = it->who;
    flow.producers = it->producers;
    it->who->start();
    lab_pin(0);
    measure_once(each / 10);
    for (int64_t n = bench_count(b); n; n--) {
        double ns = measure_once(each);

        bench_time(b, ns);
        bench_set(b, "Mmsg_s", 1e3 * (double)(each * it->producers) / ns);
    }
    bench_end(b);
    lab_unpin();
    it->who->stop();
}

/* ---- crew ---------------------------------------------------------------- */

static crew_port *here, *there;

static void start(void)
{
    lab_must(crew_channel_create(&here, &there, NULL), "channel");
}

static void start_wide(void)
{
    crew_channel_options options = {.max_messages = 65536};

    lab_must(crew_channel_create(&here, &there, &options), "channel");
}

static void put(unsigned index, uint64_t count)
{
    (void)index;
    for (uint64_t word = 1; word <= count; word++) {
        crew_message message = {.bytes = &word, .size = sizeof word};

        lab_must(crew_post_wait(there, &message, CREW_FOREVER), "post");
    }
}

static uint64_t take(uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        crew_message *message;

        lab_must(crew_receive(here, &message, CREW_FOREVER), "receive");
        sum += *(const uint64_t *)message->bytes;
        crew_message_free(message);
    }
    return sum;
}

static void stop(void)
{
    crew_port_close(here);
    crew_port_close(there);
}

static const struct flow_contender crew = {start, put, take, stop};
static const struct flow_contender wide = {start_wide, put, take, stop};

#define COST_CASE(row, function, of_unit) \
    { \
        .name = "ports/" row, .run = function, .clock = CREW_BENCH_MANUAL, \
        .iterations = 1, .unit = of_unit \
    }

const crew_bench_case ports_crew[] = {
    FLOW_CASES(crew, "crew"),
    FLOW_CASES(wide, "crew.wide"),
    PING_CASE(ping_crew, "pingpong", "crew"),
    PING_CASE(ping_buffer, "hand_over", "crew"),
    PING_CASE(ping_empty, "hand_over", "crew.empty"),
    PING_ASLEEP(ping_loops, "asleep", "crew"),
    PING_ASLEEP(ping_free, "free", "crew"),
    COST_CASE("idle/crew", ports_measure_idle, CREW_BENCH_NS),
    COST_CASE("broadcast/crew", ports_measure_hub, CREW_BENCH_NS),
    COST_CASE("broadcast/crew.posts", ports_measure_posts, CREW_BENCH_NS),
    COST_CASE("broadcast/crew.same", ports_measure_same, CREW_BENCH_NS),
    {.name = NULL}};
