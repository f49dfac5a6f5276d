/* worker.c asked of a thread and a semaphore. */
#include "job.h"
#include "worker.h"

#include <semaphore.h>

static struct {
    pthread_t thread;
    sem_t said;
    uint64_t word;
} one;

static void *say_word(void *unused)
{
    one.word = WORKER_WORD;
    sem_post(&one.said);
    return unused;
}

static uint64_t first(void)
{
    sem_init(&one.said, 0, 0);
    job_start(&one.thread, 1, say_word, NULL);
    while (sem_wait(&one.said))
        ;
    return one.word;
}

static void end(void)
{
    job_join(&one.thread, 1);
    sem_destroy(&one.said);
}

static const struct worker_contender thread_alone = {first, end};

const crew_bench_case worker_floor[] = {WORKER_CASE(thread_alone, "floor"),
                                        {.name = NULL}};
