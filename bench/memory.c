/*
 * Memory, in KiB and bytes.
 *
 *   pool   resident because of an idle pool of two workers, beside the stacks
 *          of its threads; mean of eight that are made while another is alive,
 *          so what the process needs once, or has kept, does not count
 *   task   bytes of a task that waits: the task's own, and what the process
 *          has grown by while a hundred thousand wait
 *
 * What is resident is read from /proc/self/smaps, anonymous memory alone. A
 * stack is the mapping that holds a local variable of its thread.
 */
#include "support/lab.h"

#include <crew/crew.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TASKS 100000
#define POOLS 8

/* ---- what is resident ---------------------------------------------------- */

static uintptr_t stacks[LAB_WORKERS * (POOLS + 1)]; /* an address in each */
static atomic_uint stacks_noted;

static int note_stack(crew_self *self, void *unused)
{
    (void)unused;
    stacks[atomic_fetch_add(&stacks_noted, 1)] = (uintptr_t)&self;
    return 0;
}

static bool is_stack(uintptr_t from, uintptr_t to)
{
    for (unsigned i = 0; i < stacks_noted; i++) {
        if (stacks[i] >= from && stacks[i] < to)
            return true;
    }
    return false;
}

/* KiB of anonymous memory outside the workers' stacks. */
static int64_t resident(void)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool counts = true;
    int64_t sum = 0;

    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        long kib;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            counts = !is_stack(from, to);
        else if (sscanf(line, "Anonymous: %ld kB", &kib) == 1 && counts)
            sum += kib;
    }
    if (maps)
        fclose(maps);
    return sum;
}

/* ---- the pool ------------------------------------------------------------ */

static crew_pool *create(void)
{
    crew_pool_options options = {.workers = LAB_WORKERS,
                                 .on_worker_start = note_stack};
    crew_pool *pool;

    lab_must(crew_pool_create(&pool, &options), "pool");
    return pool;
}

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

/* As a pool is after work. */
static void use(crew_pool *pool)
{
    crew_task task = {.run = nothing};

    for (int i = 0; i < 1000; i++) {
        crew_submit(pool, &task, NULL);
        crew_task_wait(&task, CREW_FOREVER);
    }
}

static double grown_by_pools(void)
{
    crew_pool *pools[POOLS];
    int64_t kib = resident();

    for (unsigned i = 0; i < POOLS; i++) {
        pools[i] = create();
        use(pools[i]);
    }
    kib = resident() - kib;
    for (unsigned i = 0; i < POOLS; i++)
        crew_pool_destroy(pools[i]);
    return (double)kib / POOLS;
}

static void measure_pool(crew_bench *b)
{
    double kib = 0;
    crew_pool *another;

    stacks_noted = 0;
    another = create();
    resident(); /* stdio has its buffer now */
    for (int64_t n = bench_count(b); n; n--)
        kib = grown_by_pools();
    bench_end(b);
    crew_pool_destroy(another);
    bench_set(b, "KiB", kib);
    bench_time(b, 1);
}

/* ---- a task -------------------------------------------------------------- */

static sem_t held, freed;

static int hold_worker(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    sem_post(&held);
    while (sem_wait(&freed))
        ;
    return 0;
}

static void hold(crew_pool *pool, crew_task *holders)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        holders[i] = (crew_task){.run = hold_worker};
        crew_submit(pool, &holders[i], NULL);
        while (sem_wait(&held))
            ;
    }
}

/* How much the process has grown while all wait, in bytes. */
static double grown_by(crew_pool *pool, crew_task *tasks, size_t count)
{
    crew_task holders[LAB_WORKERS];
    int64_t kib;

    hold(pool, holders);
    kib = resident();
    for (size_t i = 0; i < count; i++)
        crew_submit(pool, &tasks[i], NULL);
    kib = resident() - kib;
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        sem_post(&freed);
    crew_pool_drain(pool, CREW_FOREVER);
    return (double)kib * 1024;
}

static void measure_task(crew_bench *b)
{
    size_t count = lab_scaled(TASKS, 100);
    crew_task *tasks = lab_memory(count * sizeof *tasks);
    crew_pool *pool;
    double bytes = 0;

    stacks_noted = 0;
    pool = create();
    sem_init(&held, 0, 0);
    sem_init(&freed, 0, 0);
    for (size_t i = 0; i < count; i++)
        tasks[i].run = nothing;
    resident();
    for (int64_t n = bench_count(b); n; n--)
        bytes = grown_by(pool, tasks, count);
    bench_end(b);
    bench_set(b, "bytes", sizeof *tasks + bytes / (double)count);
    bench_time(b, 1);
    crew_pool_destroy(pool);
    sem_destroy(&held);
    sem_destroy(&freed);
    free(tasks);
}

const crew_bench_case memory_crew[] = {{.name = "memory/pool/crew",
                                        .run = measure_pool,
                                        .clock = CREW_BENCH_MANUAL,
                                        .iterations = 1},
                                       {.name = "memory/task/crew",
                                        .run = measure_task,
                                        .clock = CREW_BENCH_MANUAL,
                                        .iterations = 1},
                                       {.name = NULL}};
