/* submit.c asked of g_thread_pool_push. */
#include "job.h"
#include "submit.h"

#include <glib.h>

static GThreadPool *pool;
static struct meeting meeting;
static struct job work, last;

static void run(void *unused)
{
    (void)unused;
    submit_task();
}

static void run_job(gpointer data, gpointer unused)
{
    struct job *job = data;

    (void)unused;
    job->run(job->arg);
}

static void start(void)
{
    work = (struct job){run, NULL};
    last = (struct job){meet, &meeting};
    meeting_init(&meeting, LAB_WORKERS);
    pool = g_thread_pool_new(run_job, NULL, LAB_WORKERS, TRUE, NULL);
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        g_thread_pool_push(pool, &work, NULL);
}

static void wait_for_all(void)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        g_thread_pool_push(pool, &last, NULL);
    meet(&meeting);
}

static void stop(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
    meeting_fini(&meeting);
}

static const struct submit_contender glib = {start, NULL, put, wait_for_all,
                                             stop};

const crew_bench_case submit_glib[] = {SUBMIT_BUSY(glib, "busy", "GLib"),
                                       SUBMIT_LOOKING(glib, "looking", "GLib"),
                                       {.name = NULL}};
