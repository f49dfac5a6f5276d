/*
 * What is counted by cost.sh: COUNT tasks with a completion each, submitted
 * while the one worker is held, then run, then dispatched, so that no
 * instruction depends on who is faster.
 *
 *   cost COUNT
 */
#include <crew/crew.h>

#include <semaphore.h>
#include <stdlib.h>

static sem_t entered, leave;

static int hold(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    sem_post(&entered);
    sem_wait(&leave);
    return 0;
}

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void done(crew_task *task)
{
    (void)task;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    crew_task *tasks = calloc(count + 1, sizeof *tasks);
    crew_task **many = calloc(count + 1, sizeof *many);
    crew_task holder = {.run = hold};
    crew_pool_options options = {.workers = 1};
    crew_pool *pool;
    crew_inbox *inbox;

    if (!tasks || !many || sem_init(&entered, 0, 0) || sem_init(&leave, 0, 0))
        return 1;
    if (crew_inbox_create(&inbox, NULL) || crew_pool_create(&pool, &options) ||
        crew_submit(pool, &holder, NULL) || sem_wait(&entered))
        return 1;
    for (size_t i = 0; i < count; i++) {
        tasks[i].run = nothing;
        tasks[i].done = done;
        many[i] = &tasks[i];
    }
    for (size_t i = 0; i < count / 2; i++) {
        if (crew_submit(pool, &tasks[i], inbox))
            return 1;
    }
    if (crew_submit_many(pool, many + count / 2, count - count / 2, inbox))
        return 1;
    sem_post(&leave);
    if (crew_pool_drain(pool, CREW_FOREVER) ||
        crew_inbox_dispatch(inbox, 0) != (int)count)
        return 1;
    crew_pool_destroy(pool);
    crew_inbox_destroy(inbox);
    free(tasks);
    free(many);
    return 0;
}
