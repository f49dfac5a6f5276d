/* wait.c asked of oneTBB's task_arena::enqueue and a semaphore, as a future
 * would be. */
#include "tbb.h"
#include "wait.h"

#include <semaphore.h>

static sem_t ended;

static void tell(void *unused)
{
    (void)unused;
    sem_post(&ended);
}

static void start(void)
{
    sem_init(&ended, 0, 0);
    tbb_start(LAB_WORKERS);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tbb_put((struct job){tell, NULL});
        while (sem_wait(&ended))
            ;
    }
}

static void stop(void)
{
    tbb_stop();
    sem_destroy(&ended);
}

static const struct wait_contender tbb = {start, run, stop};

const crew_bench_case wait_tbb[] = {WAIT_CASE(tbb, "oneTBB"), {.name = NULL}};
