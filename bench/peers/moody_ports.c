/* ports.c asked of moodycamel's blocking queue; producers and the consumer
 * have tokens. */
#include "moody.h"
#include "ports.h"

static struct moody *queue;
static struct moody_producer *producers[FLOW_MOST];
static struct moody_consumer *consumer;

static struct job job_of(uint64_t word)
{
    return (struct job){NULL, (void *)(uintptr_t)word};
}

static void start(void)
{
    queue = moody_create(1 << 16);
    for (unsigned i = 0; i < FLOW_MOST; i++)
        producers[i] = moody_producer_create(queue);
    consumer = moody_consumer_create(queue);
}

static void put(unsigned index, uint64_t count)
{
    for (uint64_t word = 1; word <= count; word++)
        moody_put(producers[index], job_of(word));
}

static uint64_t take(uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += (uintptr_t)moody_take_next(consumer).arg;
    return sum;
}

static void stop(void)
{
    moody_consumer_destroy(consumer);
    for (unsigned i = 0; i < FLOW_MOST; i++)
        moody_producer_destroy(producers[i]);
    moody_destroy(queue);
}

/* ---- there and back ------------------------------------------------------ */

/* One way, with a token at each end. */
struct way {
    struct moody *queue;
    struct moody_producer *in;
    struct moody_consumer *out;
};

static struct way there, back;
static pthread_t thread;

static void way_init(struct way *way)
{
    way->queue = moody_create(64);
    way->in = moody_producer_create(way->queue);
    way->out = moody_consumer_create(way->queue);
}

static void way_fini(struct way *way)
{
    moody_consumer_destroy(way->out);
    moody_producer_destroy(way->in);
    moody_destroy(way->queue);
}

static void *echo(void *unused)
{
    struct job next;

    lab_pin(1);
    while ((next = moody_take_next(there.out)).arg)
        moody_put(back.in, next);
    return unused;
}

static void start_pair(void)
{
    way_init(&there);
    way_init(&back);
    lab_must(-pthread_create(&thread, NULL, echo, NULL), "thread");
    lab_pin(0);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        moody_put(there.in, job_of(1));
        moody_take_next(back.out);
    }
}

static void stop_pair(void)
{
    moody_put(there.in, job_of(0));
    pthread_join(thread, NULL);
    way_fini(&there);
    way_fini(&back);
    lab_unpin();
}

static const struct flow_contender flow = {start, put, take, stop};
static const struct wait_contender pair = {start_pair, run, stop_pair};

const crew_bench_case ports_moody[] = {
    FLOW_CASES(flow, "moodycamel"),
    PING_CASE(pair, "pingpong", "moodycamel"),
    {.name = NULL}};
