/* tiny.c asked of a GThreadPool with threads of its own. */
#include "job.h"
#include "tiny.h"

#include <glib.h>

static GThreadPool *pool;
static struct meeting meeting;
static struct job work, last;

static void run_job(gpointer data, gpointer unused)
{
    struct job *job = data;

    (void)unused;
    job->run(job->arg);
}

static void start(const struct tiny_load *load)
{
    work = (struct job){job_work, (void *)(uintptr_t)load->steps};
    last = (struct job){meet, &meeting};
    meeting_init(&meeting, LAB_WORKERS);
    pool = g_thread_pool_new(run_job, NULL, LAB_WORKERS, TRUE, NULL);
}

static void run(size_t tasks, void (*submitted)(void))
{
    for (size_t i = 0; i < tasks; i++)
        g_thread_pool_push(pool, &work, NULL);
    submitted();
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        g_thread_pool_push(pool, &last, NULL);
    meet(&meeting);
}

static void stop(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
    meeting_fini(&meeting);
}

static const struct tiny_contender glib = {start, run, stop};

const crew_bench_case tiny_glib[] = {TINY_CASES(glib, "", "GLib"),
                                     {.name = NULL}};
