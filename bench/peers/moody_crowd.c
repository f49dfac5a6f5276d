/* crowd.c asked of moodycamel's queue; each submitter has a token. */
#include "crowd.h"
#include "moody.h"

static struct moody *queue;
static struct moody_producer *producers[CROWD_MOST];
static pthread_t threads[LAB_WORKERS];

static void start(size_t tasks)
{
    (void)tasks;
    queue = moody_create(1 << 16);
    for (unsigned i = 0; i < CROWD_MOST; i++)
        producers[i] = moody_producer_create(queue);
    job_start(threads, LAB_WORKERS, moody_serve, queue);
}

static void put(unsigned thread, size_t first, size_t count)
{
    struct job work = {job_work, (void *)(uintptr_t)LAB_LONG};

    for (size_t i = first; i < first + count; i++)
        moody_put(producers[thread], work);
}

/* Between producers there is no order: the queue is looked at. */
static void wait_for_all(void)
{
    struct meeting meeting;

    while (moody_waiting(queue))
        lab_sleep(50000);
    meeting_init(&meeting, LAB_WORKERS);
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producers[0], (struct job){meet, &meeting});
    meet(&meeting);
    meeting_fini(&meeting);
}

static void stop(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producers[0], (struct job){NULL, NULL});
    job_join(threads, LAB_WORKERS);
    for (unsigned i = 0; i < CROWD_MOST; i++)
        moody_producer_destroy(producers[i]);
    moody_destroy(queue);
}

static const struct crowd_contender moodycamel = {start, put, wait_for_all,
                                                  stop};

const crew_bench_case crowd_moody[] = {
    CROWD_CASE(moodycamel, CROWD_MOST, "moodycamel"), {.name = NULL}};
