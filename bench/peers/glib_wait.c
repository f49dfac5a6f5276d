/* wait.c asked of a GThreadPool that replies through a GAsyncQueue. */
#include "wait.h"

#include <glib.h>

static GThreadPool *pool;
static GAsyncQueue *replies;

static void reply(gpointer data, gpointer unused)
{
    (void)unused;
    g_async_queue_push(replies, data);
}

static void start(void)
{
    replies = g_async_queue_new();
    pool = g_thread_pool_new(reply, NULL, LAB_WORKERS, TRUE, NULL);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_thread_pool_push(pool, pool, NULL);
        g_async_queue_pop(replies);
    }
}

static void stop(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
    g_async_queue_unref(replies);
}

static const struct wait_contender glib = {start, run, stop};

const crew_bench_case wait_glib[] = {WAIT_CASE(glib, "GLib"), {.name = NULL}};
