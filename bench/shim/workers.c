/*
 * A benchmark on workers: a pool of crew is made for the run, and each of its
 * pinned workers runs the benchmark's function once. crew_submit_each promises
 * that the tasks of a set may wait for each other, so the workers start
 * together.
 */
#include "run.h"

#include <crew/crew.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Looks before a waiting worker gives its CPU to another: several may have to
 * share one. */
#define LOOKS 10000

struct party {
    atomic_uint missing; /* workers that are not at the start yet */
    pthread_mutex_t mutex;
    atomic_llong started; /* the earliest start and the latest end, in ns */
    atomic_llong ended;
};

struct guest {
    crew_task task;
    crew_bench bench;
};

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void arrive(struct party *party)
{
    atomic_fetch_sub_explicit(&party->missing, 1, memory_order_acq_rel);
}

void crew_bench_party_start(crew_bench *b)
{
    struct party *party = b->party;
    long long now, before = 0;

    arrive(party);
    for (unsigned looks = 0;
         atomic_load_explicit(&party->missing, memory_order_acquire); looks++) {
        if (looks >= LOOKS)
            sched_yield();
    }
    now = now_ns();
    /* The first to go sets the start. */
    atomic_compare_exchange_strong_explicit(&party->started, &before, now,
                                            memory_order_relaxed,
                                            memory_order_relaxed);
}

void crew_bench_party_end(crew_bench *b)
{
    long long now = now_ns();
    long long last;

    if (!b->counted) { /* it never came to the start: the others go without */
        arrive(b->party);
        return;
    }
    last = atomic_load_explicit(&b->party->ended, memory_order_relaxed);
    while (last < now && !atomic_compare_exchange_weak_explicit(
                             &b->party->ended, &last, now, memory_order_relaxed,
                             memory_order_relaxed))
        ;
}

void crew_bench_party_lock(const crew_bench *b)
{
    if (b->party)
        pthread_mutex_lock(&b->party->mutex);
}

void crew_bench_party_unlock(const crew_bench *b)
{
    if (b->party)
        pthread_mutex_unlock(&b->party->mutex);
}

static int run_guest(crew_self *self, crew_task *task)
{
    crew_bench *b = task->data;

    (void)self;
    b->of->run(b);
    crew_bench_end(b);
    return 0;
}

static int invite(crew_pool *pool, const crew_bench *host, struct guest *guests,
                  crew_task **tasks)
{
    int r;

    for (unsigned i = 0; i < host->threads; i++) {
        guests[i].bench = *host;
        guests[i].bench.index = i;
        guests[i].task.run = run_guest;
        guests[i].task.data = &guests[i].bench;
        tasks[i] = &guests[i].task;
    }
    r = crew_submit_each(pool, tasks, host->threads, NULL);
    for (unsigned i = 0; r == 0 && i < host->threads; i++)
        r = crew_task_wait(tasks[i], CREW_FOREVER);
    return r;
}

int64_t crew_bench_party_run(crew_bench *b)
{
    struct party party = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    crew_pool_options options = {.workers = b->threads};
    struct guest *guests = NULL;
    crew_task **tasks = NULL;
    crew_pool *pool = NULL;
    int64_t r;

    atomic_init(&party.missing, b->threads);
    r = crew_pool_create(&pool, &options);
    if (r < 0)
        return r;
    guests = calloc(b->threads, sizeof *guests);
    tasks = calloc(b->threads, sizeof *tasks);
    r = -ENOMEM;
    if (guests && tasks) {
        crew_bench host = *b;

        host.party = &party;
        r = invite(pool, &host, guests, tasks);
    }
    crew_pool_destroy(pool);
    free(guests);
    free(tasks);
    if (r == 0)
        r = party.ended - party.started;
    return r;
}

unsigned crew_bench_party_most(void)
{
    crew_pool *pool;
    unsigned workers = 1;

    if (crew_pool_create(&pool, NULL) == 0) {
        workers = crew_pool_workers(pool);
        crew_pool_destroy(pool);
    }
    return workers;
}
