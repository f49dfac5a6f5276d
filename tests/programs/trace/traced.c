/*
 * A program that is traced: tasks with and without names, with odd names, in
 * groups that workers wait for, canceled ones, from several threads and from
 * tasks, with and without `done`. Writes FILE; with "full" more than a trace
 * keeps.
 *
 *   traced FILE [full]
 */
#include <crew/crew.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 200

static crew_pool *pool;
static const char *const names[] = {
    NULL,
    "plain",
    "quote \" and \\ back",
    "line\nbreak",
    "gr\xc3\xbc\xc3\x9f",
    "not UTF-8: \xff\xc3",
    "much longer than the 23 bytes that are kept"};

static int work(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    for (volatile unsigned i = 0; i < 1000; i++)
        ;
    return 0;
}

static void done(crew_task *task)
{
    (void)task;
}

static int fan_out(crew_self *self, crew_task *task)
{
    crew_task members[8];
    crew_group *group;
    int r = crew_group_create(&group, NULL);

    (void)self;
    (void)task;
    if (r < 0)
        return r;
    for (unsigned i = 0; i < 8; i++) {
        members[i] = (crew_task){.run = work, .group = group, .name = "member"};
        r = r ? r : crew_submit(pool, &members[i], NULL);
    }
    crew_group_wait(group, CREW_FOREVER);
    crew_group_destroy(group);
    return r;
}

static int follow(crew_self *self, crew_task *task)
{
    (void)self;
    return crew_submit(pool, task->data, NULL);
}

/* Tasks whose last deed is a submit. */
static int submit_chains(void)
{
    static crew_task tasks[TASKS];
    static crew_task followers[TASKS];

    for (unsigned i = 0; i < TASKS; i++) {
        followers[i] = (crew_task){.run = work, .name = "follower"};
        tasks[i] = (crew_task){
            .run = follow, .data = &followers[i], .name = "leader"};
        if (crew_submit(pool, &tasks[i], NULL))
            return -1;
    }
    return crew_pool_drain(pool, CREW_FOREVER);
}

/* With an inbox of its own; NULL: all went well. */
static void *submit_some(void *arg)
{
    crew_task tasks[TASKS];
    crew_task waited = {.run = fan_out, .name = "fan out"};
    crew_inbox *inbox;

    if (crew_inbox_create(&inbox, NULL))
        return arg;
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = (crew_task){.run = work, .done = done};
        tasks[i].name = names[i % (sizeof names / sizeof names[0])];
        if (crew_submit(pool, &tasks[i], inbox))
            return arg;
        if (i % 10 == 0)
            crew_task_cancel(&tasks[i]);
    }
    if (crew_submit(pool, &waited, NULL) ||
        crew_task_wait(&waited, CREW_FOREVER))
        return arg;
    if (crew_inbox_run(inbox) != TASKS || crew_inbox_destroy(inbox))
        return arg;
    return NULL;
}

static int fill(void)
{
    enum { MANY = 300000 };
    crew_task *tasks = calloc(MANY, sizeof *tasks);
    int r = tasks ? 0 : -1;

    for (unsigned i = 0; i < MANY && r == 0; i++) {
        tasks[i].run = work;
        r = crew_submit(pool, &tasks[i], NULL);
    }
    crew_pool_drain(pool, CREW_FOREVER);
    free(tasks);
    return r;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    void *failed = NULL;
    int bad = 0;

    if (argc < 2 || crew_pool_create(&pool, NULL))
        return 2;
    if (crew_trace_start(pool, argv[1]))
        return 3;
    for (unsigned i = 0; i < 3; i++)
        bad |= pthread_create(&threads[i], NULL, submit_some, argv);
    for (unsigned i = 0; i < 3 && !bad; i++) {
        pthread_join(threads[i], &failed);
        bad = failed != NULL;
    }
    bad = bad || submit_chains();
    if (argc > 2 && !bad)
        bad = fill();
    /* The second file is written by destroy. */
    if (bad || (argc > 2 && crew_trace_stop(pool)))
        return 1;
    return crew_pool_destroy(pool) != 0;
}
