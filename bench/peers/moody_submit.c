/* submit.c asked of moodycamel's queue, by a producer with a token. */
#include "moody.h"
#include "submit.h"

static struct moody *queue;
static struct moody_producer *producer;
static pthread_t threads[LAB_WORKERS];
static struct meeting meeting;
static struct job jobs[SUBMIT_TASKS];

static void run(void *unused)
{
    (void)unused;
    submit_task();
}

static void start(void)
{
    queue = moody_create(1 << 16);
    producer = moody_producer_create(queue);
    meeting_init(&meeting, LAB_WORKERS);
    job_start(threads, LAB_WORKERS, moody_serve, queue);
    for (size_t i = 0; i < SUBMIT_TASKS; i++)
        jobs[i] = (struct job){run, NULL};
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        moody_put(producer, jobs[i]);
}

static void put_many(size_t first, size_t count)
{
    moody_put_many(producer, jobs + first, count);
}

static void wait_for_all(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producer, (struct job){meet, &meeting});
    meet(&meeting);
}

static void stop(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producer, (struct job){NULL, NULL});
    job_join(threads, LAB_WORKERS);
    meeting_fini(&meeting);
    moody_producer_destroy(producer);
    moody_destroy(queue);
}

static const struct submit_contender one = {start, NULL, put, wait_for_all,
                                            stop};
static const struct submit_contender many = {start, NULL, put_many,
                                             wait_for_all, stop};

const crew_bench_case submit_moody[] = {
    SUBMIT_BUSY(one, "busy", "moodycamel"),
    SUBMIT_LOOKING(one, "looking", "moodycamel"),
    SUBMIT_BUSY(many, "many", "moodycamel"),
    {.name = NULL}};
