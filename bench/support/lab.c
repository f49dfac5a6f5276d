#include "lab.h"

#include <crew/trace.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void lab_work(uint64_t steps)
{
    uint64_t x = steps + 1;

    for (uint64_t i = 0; i < steps; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x)); /* or steps are folded */
    }
}

int64_t lab_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t lab_cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void lab_sleep(int64_t ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};

    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

/* ---- CPUs ---------------------------------------------------------------- */

/* What the process was started with. */
static cpu_set_t usable;

__attribute__((constructor)) static void read_usable(void)
{
    sched_getaffinity(0, sizeof usable, &usable);
}

unsigned lab_cpus(void)
{
    return (unsigned)CPU_COUNT(&usable);
}

int lab_cpu(unsigned index)
{
    unsigned last = 0;

    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &usable))
            continue;
        last = cpu;
        if (index-- == 0)
            break;
    }
    return (int)last;
}

void lab_pin(unsigned index)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((unsigned)lab_cpu(index), &one);
    sched_setaffinity(0, sizeof one, &one);
}

void lab_unpin(void)
{
    sched_setaffinity(0, sizeof usable, &usable);
}

/* ---- a cache line there and back ----------------------------------------- */

#define TRIPS 2000

static struct {
    _Alignas(LAB_APART) atomic_int there;
    _Alignas(LAB_APART) atomic_int back;
    unsigned cpu;
} line;

static void *answer(void *unused)
{
    lab_pin(line.cpu);
    for (int i = 1; i <= TRIPS; i++) {
        while (atomic_load_explicit(&line.there, memory_order_acquire) != i)
            ;
        atomic_store_explicit(&line.back, i, memory_order_release);
    }
    return unused;
}

static int in_order(const void *a, const void *b);

double lab_line_trip(unsigned here, unsigned there)
{
    int64_t ns[TRIPS];
    pthread_t thread;

    if (lab_cpu(here) == lab_cpu(there))
        return 0;
    atomic_store(&line.there, 0);
    atomic_store(&line.back, 0);
    line.cpu = there;
    lab_must(-pthread_create(&thread, NULL, answer, NULL), "thread");
    lab_pin(here);
    for (int i = 1; i <= TRIPS; i++) {
        ns[i - 1] = lab_now();
        atomic_store_explicit(&line.there, i, memory_order_release);
        while (atomic_load_explicit(&line.back, memory_order_acquire) != i)
            ;
        ns[i - 1] = lab_now() - ns[i - 1];
    }
    lab_unpin();
    pthread_join(thread, NULL);
    qsort(ns, TRIPS, sizeof *ns, in_order);
    return (double)ns[TRIPS / 2];
}

/* ---- loads, memory ------------------------------------------------------- */

size_t lab_scaled(size_t load, size_t least)
{
    if (!getenv("BENCH_SMOKE"))
        return load;
    return load / 1000 > least ? load / 1000 : least;
}

void *lab_memory(size_t size)
{
    void *memory;

    size = (size + LAB_APART - 1) / LAB_APART * LAB_APART;
    memory = aligned_alloc(LAB_APART, size);
    lab_must(memory ? 0 : -ENOMEM, "memory");
    memset(memory, 1, size); /* zeros might be had without touching it */
    memset(memory, 0, size);
    return memory;
}

void lab_must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(-result));
    exit(1);
}

crew_pool *lab_pool(const crew_pool_options *options)
{
    const char *path = getenv("BENCH_TRACE");
    crew_pool *pool = NULL;

    lab_must(crew_pool_create(&pool, options), "pool");
    if (path)
        lab_must(crew_trace_start(pool, path), path);
    return pool;
}

/* ---- times --------------------------------------------------------------- */

void lab_times_init(struct lab_times *times, size_t room)
{
    times->ns = lab_memory(room * sizeof *times->ns);
    times->room = room;
    times->count = 0;
}

void lab_times_fini(struct lab_times *times)
{
    free(times->ns);
}

static int in_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

void lab_times_report(struct lab_times *times, crew_bench *b, double unit_ns,
                      double each)
{
    size_t count = times->count;
    double scale = unit_ns * each;

    if (count == 0) {
        bench_skip(b, "no time was measured");
        return;
    }
    qsort(times->ns, count, sizeof *times->ns, in_order);
    bench_set(b, "p50", (double)times->ns[count / 2] / scale);
    bench_set(b, "p99", (double)times->ns[count * 99 / 100] / scale);
    bench_set(b, "p999", (double)times->ns[count * 999 / 1000] / scale);
    bench_time(b, (double)times->ns[count / 2] / each);
}
