/* cancel.c asked of uv_cancel. */
#include "cancel.h"
#include "uv.h"

#include <semaphore.h>

static uv_loop_t *loop;
static uv_work_t holders[LAB_WORKERS];
static uv_work_t requests[CANCEL_BURST];
static sem_t held, freed;

static void hold_thread(uv_work_t *request)
{
    (void)request;
    sem_post(&held);
    while (sem_wait(&freed))
        ;
}

static void nothing(uv_work_t *request)
{
    (void)request;
}

static void start(void)
{
    loop = uv_pool_loop();
    sem_init(&held, 0, 0);
    sem_init(&freed, 0, 0);
}

static void hold(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        uv_queue_work(loop, &holders[i], hold_thread, NULL);
        while (sem_wait(&held))
            ;
    }
}

static void submit(void)
{
    for (size_t i = 0; i < CANCEL_BURST; i++)
        uv_queue_work(loop, &requests[i], nothing, NULL);
}

static void cancel(void)
{
    for (size_t i = 0; i < CANCEL_BURST; i++)
        uv_cancel((uv_req_t *)&requests[i]);
}

static int64_t let_go(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        sem_post(&freed);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}

static void stop(void)
{
    sem_destroy(&held);
    sem_destroy(&freed);
}

static const struct cancel_contender libuv = {start,  hold,   submit,
                                              cancel, let_go, stop};

const crew_bench_case cancel_uv[] = {
    CANCEL_CASE(libuv, CANCEL_CALL, "call/libuv"), {.name = NULL}};
