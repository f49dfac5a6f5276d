/* crowd.c asked of oneTBB's task_arena::enqueue. */
#include "crowd.h"
#include "tbb.h"

#include <stdatomic.h>

static _Alignas(LAB_APART) atomic_size_t ended;
static atomic_size_t put_so_far;

static void run(void *unused)
{
    (void)unused;
    lab_work(LAB_LONG);
    atomic_fetch_add_explicit(&ended, 1, memory_order_release);
}

static void start(size_t tasks)
{
    (void)tasks;
    tbb_start(LAB_WORKERS);
}

static void put(unsigned thread, size_t first, size_t count)
{
    (void)thread;
    for (size_t i = first; i < first + count; i++)
        tbb_put((struct job){run, NULL});
    atomic_fetch_add(&put_so_far, count);
}

static void wait_for_all(void)
{
    while (atomic_load_explicit(&ended, memory_order_acquire) !=
           atomic_load(&put_so_far))
        lab_sleep(50000);
}

static const struct crowd_contender tbb = {start, put, wait_for_all, tbb_stop};

const crew_bench_case crowd_tbb[] = {CROWD_CASE(tbb, CROWD_MOST, "oneTBB"),
                                     {.name = NULL}};
