#include "ring.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rounds of relax before a worker sleeps. */
#define SPIN 2000

void ring_init(struct ring *ring, unsigned size)
{
    atomic_init(&ring->taken, 0);
    atomic_init(&ring->put, 0);
    atomic_init(&ring->asleep, 0);
    ring->put_seen = 0;
    ring->taken_seen = 0;
    ring->size = size;
    ring->slots = lab_memory(size * sizeof *ring->slots);
}

void ring_fini(struct ring *ring)
{
    free(ring->slots);
}

void ring_wake(struct ring *ring)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&ring->asleep, memory_order_relaxed)) {
        atomic_store(&ring->asleep, 0);
        syscall(SYS_futex, &ring->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void wait_for_room(struct ring *ring, unsigned put)
{
    while (put - ring->taken_seen == ring->size) {
        ring->taken_seen = atomic_load_explicit(&ring->taken,
                                                memory_order_acquire);
        if (put - ring->taken_seen == ring->size)
            sched_yield();
    }
}

void ring_put(struct ring *ring, struct job job)
{
    unsigned put = atomic_load_explicit(&ring->put, memory_order_relaxed);

    wait_for_room(ring, put);
    ring->slots[put & (ring->size - 1)] = job;
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
    /* A fence each time would be a third of the price. */
    if (put % 32 == 31 || put - ring->taken_seen < 2)
        ring_wake(ring);
}

static void sleep_if_empty(struct ring *ring, unsigned taken)
{
    atomic_store(&ring->asleep, 1);
    if (atomic_load(&ring->put) == taken)
        syscall(SYS_futex, &ring->asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    atomic_store(&ring->asleep, 0);
}

static void wait_for_job(struct ring *ring, unsigned taken)
{
    for (unsigned spun = 0;; spun++) {
        ring->put_seen = atomic_load_explicit(&ring->put, memory_order_acquire);
        if (ring->put_seen != taken)
            return;
        if (spun < SPIN) {
            lab_relax();
        } else {
            sleep_if_empty(ring, taken);
            spun = 0;
        }
    }
}

void *ring_serve(void *arg)
{
    struct ring *ring = arg;

    for (unsigned taken = 0;; taken++) {
        struct job job;

        if (taken == ring->put_seen)
            wait_for_job(ring, taken);
        job = ring->slots[taken & (ring->size - 1)];
        atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
        if (!job.run)
            return NULL;
        job.run(job.arg);
    }
}
