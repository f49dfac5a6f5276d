/* create.c asked of threads alone. */
#include "create.h"
#include "job.h"

static void *nothing(void *unused)
{
    return unused;
}

static void create_and_destroy(void)
{
    pthread_t threads[LAB_WORKERS];

    job_start(threads, LAB_WORKERS, nothing, NULL);
    job_join(threads, LAB_WORKERS);
}

static void do_nothing(void)
{
}

static const struct create_contender threads_alone = {
    do_nothing, create_and_destroy, do_nothing};

const crew_bench_case create_floor[] = {CREATE_CASE(threads_alone, "floor"),
                                        {.name = NULL}};
