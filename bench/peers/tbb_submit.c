/* submit.c asked of oneTBB's task_arena::enqueue. */
#include "submit.h"
#include "tbb.h"

#include <sched.h>
#include <stdatomic.h>

static _Alignas(LAB_APART) atomic_size_t ended;
static size_t put_so_far;

static void run(void *unused)
{
    (void)unused;
    submit_task();
    atomic_fetch_add_explicit(&ended, 1, memory_order_release);
}

static void start(void)
{
    tbb_start(LAB_WORKERS);
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        tbb_put((struct job){run, NULL});
    put_so_far += count;
}

static void wait_for_all(void)
{
    while (atomic_load_explicit(&ended, memory_order_acquire) != put_so_far)
        sched_yield();
}

static const struct submit_contender tbb = {start, NULL, put, wait_for_all,
                                            tbb_stop};

const crew_bench_case submit_tbb[] = {SUBMIT_BUSY(tbb, "busy", "oneTBB"),
                                      SUBMIT_LOOKING(tbb, "looking", "oneTBB"),
                                      {.name = NULL}};
