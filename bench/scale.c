/*
 * From one worker to one per core of the machine that it runs on: how much
 * faster, how often workers took tasks from each other, and what a cache line
 * costs there.
 *
 *   bench_scale [TASKS [WORKERS]]     200000 tasks of about 1 us, and a tenth
 *                                     as many of ten; up to WORKERS workers
 *
 *   one      one thread submits all
 *   four     four threads submit a quarter each, at once
 *   inside   a task per worker submits its part, so that it lies where workers
 *            look already
 *
 * Speed-up is against one worker, the same way of submitting and the same
 * tasks. The submitting threads need CPU time too: with as many workers as
 * cores one worker shares its core.
 */
#include "support/lab.h"

#include <crew/crew.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SUBMITTERS 4u

static crew_pool *pool;
static crew_task *tasks;

static int work(crew_self *self, crew_task *task)
{
    (void)self;
    lab_work((uint64_t)(uintptr_t)task->data);
    return 0;
}

/* ---- ways of submitting -------------------------------------------------- */

struct part {
    crew_task task; /* of submit_inside */
    size_t first, count;
};

static void submit_part(const struct part *part)
{
    for (size_t i = part->first; i < part->first + part->count; i++)
        crew_submit(pool, &tasks[i], NULL);
}

static void *submit_on_thread(void *part)
{
    submit_part(part);
    return NULL;
}

static int submit_on_worker(crew_self *self, crew_task *task)
{
    (void)self;
    submit_part(task->data);
    return 0;
}

static void split(struct part *parts, unsigned n, size_t count)
{
    for (unsigned i = 0; i < n; i++) {
        parts[i].first = count * i / n;
        parts[i].count = count * (i + 1) / n - parts[i].first;
    }
}

static void submit_one(size_t count)
{
    submit_part(&(struct part){.first = 0, .count = count});
}

static void submit_four(size_t count)
{
    struct part parts[SUBMITTERS];
    pthread_t threads[SUBMITTERS];

    split(parts, SUBMITTERS, count);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        lab_must(
            -pthread_create(&threads[i], NULL, submit_on_thread, &parts[i]),
            "thread");
    for (unsigned i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
}

static void submit_inside(size_t count)
{
    unsigned workers = crew_pool_workers(pool);
    struct part *parts = lab_memory(workers * sizeof *parts);

    split(parts, workers, count);
    for (unsigned i = 0; i < workers; i++) {
        parts[i].task.run = submit_on_worker;
        parts[i].task.data = &parts[i];
        crew_submit(pool, &parts[i].task, NULL);
    }
    crew_pool_drain(pool, CREW_FOREVER);
    free(parts);
}

static const struct way {
    const char *name;
    void (*submit)(size_t count);
    uint64_t steps;
    size_t divisor;
} ways[] = {
    {"one, 1 us", submit_one, LAB_LONG, 1},
    {"four, 1 us", submit_four, LAB_LONG, 1},
    {"inside, 1 us", submit_inside, LAB_LONG, 1},
    {"one, 10 us", submit_one, LAB_TEN, 10},
    {"four, 10 us", submit_four, LAB_TEN, 10},
};
#define WAYS (sizeof ways / sizeof *ways)

/* ---- measuring ----------------------------------------------------------- */

struct result {
    double mtask_s;
    uint64_t steals, wakes;
};

static double time_way(const struct way *way, size_t count)
{
    int64_t begin;

    for (size_t i = 0; i < count; i++)
        tasks[i] = (crew_task){.run = work,
                               .data = (void *)(uintptr_t)way->steps};
    begin = lab_now();
    way->submit(count);
    crew_pool_drain(pool, CREW_FOREVER);
    return (double)(lab_now() - begin);
}

/* The best of five. */
static struct result measure(const struct way *way, size_t count)
{
    struct result best = {0};

    for (int i = 0; i < 5; i++) {
        crew_pool_stats before, after;
        double rate;

        crew_pool_get_stats(pool, &before, sizeof before);
        rate = 1e3 * (double)count / time_way(way, count);
        crew_pool_get_stats(pool, &after, sizeof after);
        if (rate > best.mtask_s)
            best = (struct result){rate, after.steals - before.steals,
                                   after.wakes - before.wakes};
    }
    return best;
}

static void measure_workers(unsigned workers, size_t count, double *alone)
{
    crew_pool_options options = {.workers = workers};

    lab_must(crew_pool_create(&pool, &options), "pool");
    for (size_t i = 0; i < WAYS; i++) {
        struct result r = measure(&ways[i], count / ways[i].divisor);

        if (workers == 1)
            alone[i] = r.mtask_s;
        printf("%7u  %-14s %9.3f %8.2fx %10llu %10llu\n", workers, ways[i].name,
               r.mtask_s, r.mtask_s / alone[i], (unsigned long long)r.steals,
               (unsigned long long)r.wakes);
        fflush(stdout);
    }
    crew_pool_destroy(pool);
}

/* From the first CPU to each of the others. */
static void tell_lines(unsigned cpus)
{
    double nearest = 0, farthest = 0;

    for (unsigned i = 1; i < cpus; i++) {
        double ns = lab_line_trip(0, i);

        nearest = i == 1 || ns < nearest ? ns : nearest;
        farthest = ns > farthest ? ns : farthest;
    }
    printf("cache line there and back: %.0f ns to the nearest CPU, %.0f ns to "
           "the farthest\n",
           nearest, farthest);
}

/* What a pool that may choose does. */
static unsigned tell_machine(void)
{
    char text[256] = "";
    unsigned workers;

    lab_must(crew_pool_create(&pool, NULL), "pool");
    crew_pool_describe(pool, text, sizeof text);
    workers = crew_pool_workers(pool);
    crew_pool_destroy(pool);
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = '\0';
    puts(text);
    return workers;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    unsigned most = tell_machine();
    double alone[WAYS] = {0};

    tell_lines(lab_cpus());
    if (argc > 2)
        most = (unsigned)strtoul(argv[2], NULL, 10);
    tasks = lab_memory(count * sizeof *tasks);
    printf("%7s  %-14s %9s %9s %10s %10s\n", "workers", "submitted by",
           "Mtask/s", "speed-up", "steals", "wakes");
    for (unsigned workers = 1; workers < most; workers *= 2)
        measure_workers(workers, count, alone);
    measure_workers(most, count, alone);
    free(tasks);
    return 0;
}
