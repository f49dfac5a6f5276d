/* wait.c asked of two spinning threads. */
#include "wait.h"

#include <pthread.h>
#include <stdatomic.h>

#define LAST UINT32_MAX

static _Alignas(LAB_APART) atomic_uint there;
static _Alignas(LAB_APART) atomic_uint back;
static _Alignas(LAB_APART) unsigned trip;
static pthread_t thread;

static void *worker(void *unused)
{
    unsigned seen = 0;

    lab_pin(1);
    while (seen != LAST) {
        unsigned now = atomic_load_explicit(&there, memory_order_acquire);

        if (now != seen)
            atomic_store_explicit(&back, now, memory_order_release);
        seen = now;
    }
    return unused;
}

static void start(void)
{
    trip = 0;
    atomic_store(&there, 0);
    atomic_store(&back, 0);
    lab_must(-pthread_create(&thread, NULL, worker, NULL), "thread");
    lab_pin(0);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        trip++;
        atomic_store_explicit(&there, trip, memory_order_release);
        while (atomic_load_explicit(&back, memory_order_acquire) != trip)
            ;
    }
}

static void stop(void)
{
    atomic_store(&there, LAST);
    pthread_join(thread, NULL);
    lab_unpin();
}

static const struct wait_contender pair = {start, run, stop};

const crew_bench_case wait_floor[] = {WAIT_CASE(pair, "floor"), {.name = NULL}};
