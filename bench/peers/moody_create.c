/* create.c asked of two threads over moodycamel's queue. */
#include "create.h"
#include "moody.h"

static void create_and_destroy(void)
{
    struct moody *queue = moody_create(1024);
    struct moody_producer *producer = moody_producer_create(queue);
    pthread_t threads[LAB_WORKERS];

    job_start(threads, LAB_WORKERS, moody_serve, queue);
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        moody_put(producer, (struct job){NULL, NULL});
    job_join(threads, LAB_WORKERS);
    moody_producer_destroy(producer);
    moody_destroy(queue);
}

static void do_nothing(void)
{
}

static const struct create_contender moodycamel = {
    do_nothing, create_and_destroy, do_nothing};

const crew_bench_case create_moody[] = {CREATE_CASE(moodycamel, "moodycamel"),
                                        {.name = NULL}};
