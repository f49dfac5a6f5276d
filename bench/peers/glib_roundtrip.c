/* roundtrip.c and asleep.c asked of a GThreadPool whose function adds an idle
 * source to the main context. */
#include "roundtrip.h"

#include <glib.h>

static GThreadPool *pool;
static GMainLoop *loop;
static uint64_t steps;

static const struct trips *trips;
static struct lab_times *times;
static size_t left;
static int64_t begin;

static gboolean done(gpointer unused)
{
    (void)unused;
    lab_times_add(times, lab_now() - begin);
    if (--left) {
        begin = trip_begin(trips);
        g_thread_pool_push(pool, &steps, NULL);
    } else {
        g_main_loop_quit(loop);
    }
    return G_SOURCE_REMOVE;
}

static void work(gpointer data, gpointer unused)
{
    (void)data;
    (void)unused;
    lab_work(steps);
    g_idle_add_full(G_PRIORITY_DEFAULT, done, NULL, NULL);
}

static void start(const struct trips *load)
{
    steps = load->steps;
    pool = g_thread_pool_new(work, NULL, LAB_WORKERS, TRUE, NULL);
    loop = g_main_loop_new(NULL, FALSE);
}

static void run(const struct trips *load, struct lab_times *into)
{
    trips = load;
    times = into;
    left = load->count;
    if (!left)
        return;
    begin = trip_begin(trips);
    g_thread_pool_push(pool, &steps, NULL);
    g_main_loop_run(loop);
}

static void stop(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
    g_main_loop_unref(loop);
}

static const struct trip_contender glib = {start, run, stop};

const crew_bench_case roundtrip_glib[] = {
    TRIP_WARM(glib, "roundtrip/fd", "GLib"),
    TRIP_TEN(glib, "roundtrip/ten", "GLib"),
    {.name = NULL}};
const crew_bench_case asleep_glib[] = {TRIP_ASLEEP(glib, "asleep/free", "GLib"),
                                       {.name = NULL}};
