/* tiny.c asked of uv_queue_work: its after_work_cb is the completion. */
#include "tiny.h"
#include "uv.h"

#include <stdlib.h>

static uv_loop_t *loop;
static uv_work_t *requests;
static uint64_t steps;

static void work(uv_work_t *request)
{
    (void)request;
    lab_work(steps);
}

static void done(uv_work_t *request, int status)
{
    (void)request;
    (void)status;
}

static void start(const struct tiny_load *load)
{
    steps = load->steps;
    loop = uv_pool_loop();
    requests = lab_memory(load->tasks * sizeof *requests);
}

static void run(size_t tasks, void (*submitted)(void))
{
    for (size_t i = 0; i < tasks; i++)
        uv_queue_work(loop, &requests[i], work, done);
    submitted();
    uv_run(loop, UV_RUN_DEFAULT);
}

static void stop(void)
{
    free(requests);
}

static const struct tiny_contender libuv = {start, run, stop};

const crew_bench_case tiny_uv[] = {TINY_CASES(libuv, "_done", "libuv"),
                                   {.name = NULL}};
const crew_bench_case idle_uv[] = {IDLE_CASE(libuv, "libuv"), {.name = NULL}};
