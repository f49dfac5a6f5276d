/*
 * tiny.c asked of oneTBB's task_arena::enqueue. It keeps no order, so the end
 * of all is counted; the last one tells.
 */
#include "tbb.h"
#include "tiny.h"

#include <semaphore.h>
#include <stdatomic.h>

static _Alignas(LAB_APART) atomic_size_t left;
static sem_t all_ended;

static void work(void *arg)
{
    lab_work((uint64_t)(uintptr_t)arg);
    if (atomic_fetch_sub_explicit(&left, 1, memory_order_acq_rel) == 1)
        sem_post(&all_ended);
}

static void *steps;

static void start(const struct tiny_load *load)
{
    steps = (void *)(uintptr_t)load->steps;
    sem_init(&all_ended, 0, 0);
    tbb_start(LAB_WORKERS);
}

static void run(size_t tasks, void (*submitted)(void))
{
    atomic_store(&left, tasks);
    for (size_t i = 0; i < tasks; i++)
        tbb_put((struct job){work, steps});
    submitted();
    while (sem_wait(&all_ended))
        ;
}

static void stop(void)
{
    tbb_stop();
    sem_destroy(&all_ended);
}

static const struct tiny_contender tbb = {start, run, stop};

const crew_bench_case tiny_tbb[] = {TINY_CASES(tbb, "", "oneTBB"),
                                    {.name = NULL}};
const crew_bench_case idle_tbb[] = {IDLE_CASE(tbb, "oneTBB"), {.name = NULL}};
