/* ports.c asked of a GAsyncQueue: a word travels as the pointer itself. */
#include "ports.h"

#include <glib.h>
#include <pthread.h>

static GAsyncQueue *queue, *replies;

static void start(void)
{
    queue = g_async_queue_new();
}

static void put(unsigned index, uint64_t count)
{
    (void)index;
    for (uint64_t word = 1; word <= count; word++)
        g_async_queue_push(queue, GSIZE_TO_POINTER(word));
}

static uint64_t take(uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += GPOINTER_TO_SIZE(g_async_queue_pop(queue));
    return sum;
}

static void stop(void)
{
    g_async_queue_unref(queue);
}

/* ---- there and back ------------------------------------------------------ */

#define WORD GSIZE_TO_POINTER(1)
#define LAST GSIZE_TO_POINTER(2)

static pthread_t thread;

static void *echo(void *unused)
{
    lab_pin(1);
    while (g_async_queue_pop(queue) != LAST)
        g_async_queue_push(replies, WORD);
    return unused;
}

static void start_pair(void)
{
    start();
    replies = g_async_queue_new();
    lab_must(-pthread_create(&thread, NULL, echo, NULL), "thread");
    lab_pin(0);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_async_queue_push(queue, WORD);
        g_async_queue_pop(replies);
    }
}

static void stop_pair(void)
{
    g_async_queue_push(queue, LAST);
    pthread_join(thread, NULL);
    g_async_queue_unref(replies);
    stop();
    lab_unpin();
}

static const struct flow_contender flow = {start, put, take, stop};
static const struct wait_contender pair = {start_pair, run, stop_pair};

const crew_bench_case ports_glib[] = {FLOW_CASES(flow, "GLib"),
                                      PING_CASE(pair, "pingpong", "GLib"),
                                      {.name = NULL}};
