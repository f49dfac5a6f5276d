/*
 * 250 000 tasks of about 1 us, submitted by eight threads at once to two
 * workers; crew.one is the same from one thread. From the moment that the
 * submitters are let go until all tasks have ended.
 */
#include "crowd.h"

#include <crew/crew.h>

#include <pthread.h>
#include <stdlib.h>

/* ---- what is measured ---------------------------------------------------- */

static struct {
    const struct crowd_contender *who;
    pthread_barrier_t start;
    size_t each;
} crowd;

static void *submitter(void *index)
{
    unsigned i = (unsigned)(uintptr_t)index;

    pthread_barrier_wait(&crowd.start);
    crowd.who->put(i, i * crowd.each, crowd.each);
    return NULL;
}

static int64_t measure_once(unsigned threads)
{
    pthread_t thread[CROWD_MOST];
    int64_t begin;

    pthread_barrier_init(&crowd.start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++)
        lab_must(
            -pthread_create(&thread[i], NULL, submitter, (void *)(uintptr_t)i),
            "thread");
    begin = lab_now();
    pthread_barrier_wait(&crowd.start);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    crowd.who->wait();
    pthread_barrier_destroy(&crowd.start);
    return lab_now() - begin;
}

void crowd_measure(crew_bench *b)
{
    const struct crowd_case *it = bench_data(b);
    size_t tasks = lab_scaled(250000, 800);

    crowd.who = it->who;
    it->who->start(tasks);
    crowd.each = tasks / 10 / it->threads;
    measure_once(it->threads);
    crowd.each = tasks / it->threads;
    for (int64_t n = bench_count(b); n; n--) {
        double ns = (double)measure_once(it->threads);

        bench_time(b, ns);
        bench_set(b, "Mtask_s", 1e3 * (double)tasks / ns);
    }
    bench_end(b);
    it->who->stop();
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;
static crew_task *tasks;

static int run(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    lab_work(LAB_LONG);
    return 0;
}

static void start(size_t count)
{
    crew_pool_options options = {.workers = LAB_WORKERS};

    pool = lab_pool(&options);
    tasks = lab_memory(count * sizeof *tasks);
    for (size_t i = 0; i < count; i++)
        tasks[i].run = run;
}

static void put(unsigned thread, size_t first, size_t count)
{
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        crew_submit(pool, &tasks[i], NULL);
}

static void wait_for_all(void)
{
    crew_pool_drain(pool, CREW_FOREVER);
}

static void stop(void)
{
    crew_pool_destroy(pool);
    free(tasks);
}

static const struct crowd_contender crew = {start, put, wait_for_all, stop};

const crew_bench_case crowd_crew[] = {CROWD_CASE(crew, CROWD_MOST, "crew"),
                                      CROWD_CASE(crew, 1, "crew.one"),
                                      {.name = NULL}};
