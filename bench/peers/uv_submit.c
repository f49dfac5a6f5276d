/* submit.c asked of uv_queue_work. */
#include "submit.h"
#include "uv.h"

#include <stdlib.h>

static uv_loop_t *loop;
static uv_work_t *requests;

static void work(uv_work_t *request)
{
    (void)request;
    submit_task();
}

static void start(void)
{
    loop = uv_pool_loop();
    requests = lab_memory(SUBMIT_TASKS * sizeof *requests);
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        uv_queue_work(loop, &requests[i], work, NULL);
}

static void wait_for_all(void)
{
    uv_run(loop, UV_RUN_DEFAULT);
}

static void stop(void)
{
    free(requests);
}

static const struct submit_contender libuv = {start, NULL, put, wait_for_all,
                                              stop};

const crew_bench_case submit_uv[] = {SUBMIT_BUSY(libuv, "busy", "libuv"),
                                     SUBMIT_LOOKING(libuv, "looking", "libuv"),
                                     {.name = NULL}};
