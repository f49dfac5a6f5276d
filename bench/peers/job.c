#include "job.h"

void job_work(void *arg)
{
    lab_work((uint64_t)(uintptr_t)arg);
}

void meeting_init(struct meeting *meeting, unsigned workers)
{
    lab_must(-pthread_barrier_init(&meeting->barrier, NULL, workers + 1),
             "barrier");
}

void meeting_fini(struct meeting *meeting)
{
    pthread_barrier_destroy(&meeting->barrier);
}

void meet(void *meeting)
{
    struct meeting *at = meeting;

    pthread_barrier_wait(&at->barrier);
}

void job_start(pthread_t *threads, unsigned count, void *(*main)(void *),
               void *arg)
{
    for (unsigned i = 0; i < count; i++)
        lab_must(-pthread_create(&threads[i], NULL, main, arg), "thread");
}

void job_join(pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}
