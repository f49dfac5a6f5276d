#include "uv.h"

#include <stdio.h>
#include <stdlib.h>

static uv_work_t first;

static void nothing(uv_work_t *request)
{
    (void)request;
}

uv_loop_t *uv_pool_loop(void)
{
    char threads[16];

    snprintf(threads, sizeof threads, "%d", LAB_WORKERS);
    setenv("UV_THREADPOOL_SIZE", threads, 1);
    lab_must(uv_queue_work(uv_default_loop(), &first, nothing, NULL), "libuv");
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_default_loop();
}
