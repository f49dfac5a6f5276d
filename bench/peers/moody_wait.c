/* wait.c asked of two of moodycamel's queues, one each way. */
#include "moody.h"
#include "wait.h"

static struct moody *requests, *replies;
static struct moody_producer *producer;
static pthread_t threads[LAB_WORKERS];

static void reply(void *unused)
{
    (void)unused;
    moody_reply(replies, (struct job){reply, NULL});
}

static void start(void)
{
    requests = moody_create(64);
    replies = moody_create(64);
    producer = moody_producer_create(requests);
    job_start(threads, LAB_WORKERS, moody_serve, requests);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        moody_put(producer, (struct job){reply, NULL});
        moody_take(replies);
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producer, (struct job){NULL, NULL});
    job_join(threads, LAB_WORKERS);
    moody_producer_destroy(producer);
    moody_destroy(requests);
    moody_destroy(replies);
}

static const struct wait_contender moodycamel = {start, run, stop};

const crew_bench_case wait_moody[] = {WAIT_CASE(moodycamel, "moodycamel"),
                                      {.name = NULL}};
