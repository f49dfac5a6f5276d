/* tiny.c asked of two threads over moodycamel's BlockingConcurrentQueue. */
#include "moody.h"
#include "tiny.h"

static struct moody *queue;
static struct moody_producer *producer;
static pthread_t threads[LAB_WORKERS];
static struct meeting meeting;
static struct job work;

static void start(const struct tiny_load *load)
{
    work = (struct job){job_work, (void *)(uintptr_t)load->steps};
    queue = moody_create(1 << 16);
    producer = moody_producer_create(queue);
    meeting_init(&meeting, LAB_WORKERS);
    job_start(threads, LAB_WORKERS, moody_serve, queue);
}

static void run(size_t tasks, void (*submitted)(void))
{
    for (size_t i = 0; i < tasks; i++)
        moody_put(producer, work);
    submitted();
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

static const struct tiny_contender moodycamel = {start, run, stop};

const crew_bench_case tiny_moody[] = {TINY_CASES(moodycamel, "", "moodycamel"),
                                      {.name = NULL}};
