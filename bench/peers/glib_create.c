/* create.c asked of a GThreadPool with threads of its own. Threads that are no
 * longer wanted are kept by GLib for its next pool, unless told not to. */
#include "create.h"

#include <glib.h>

static GThreadPool *another;

static void nothing(gpointer data, gpointer unused)
{
    (void)data;
    (void)unused;
}

static void start(void)
{
    g_thread_pool_set_max_unused_threads(0);
    another = g_thread_pool_new(nothing, NULL, LAB_WORKERS, TRUE, NULL);
}

static void create_and_destroy(void)
{
    GThreadPool *pool = g_thread_pool_new(nothing, NULL, LAB_WORKERS, TRUE,
                                          NULL);

    g_thread_pool_free(pool, FALSE, TRUE);
}

static void stop(void)
{
    g_thread_pool_free(another, FALSE, TRUE);
}

static const struct create_contender glib = {start, create_and_destroy, stop};

const crew_bench_case create_glib[] = {CREATE_CASE(glib, "GLib"),
                                       {.name = NULL}};
