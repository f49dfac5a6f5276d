/* A plugin that uses crew and leaves nothing behind. */
#include "plugin.h"

#include <crew/crew.h>

#include <stdlib.h>

static int return_four(crew_self *self, crew_task *task)
{
    (void)task;
    return crew_self_scratch(self, 10000) ? 4 : -1;
}

static void count_done(crew_task *task)
{
    ++*(unsigned *)task->data;
}

static int run_tasks(crew_pool *pool, crew_inbox *inbox, crew_group *group,
                     unsigned count)
{
    crew_task *tasks = calloc(count, sizeof *tasks);
    unsigned done = 0;
    int r = tasks ? 0 : 1;

    for (unsigned i = 0; r == 0 && i < count; i++) {
        tasks[i] = (crew_task){.run = return_four,
                               .done = count_done,
                               .data = &done,
                               .group = group};
        r = crew_submit(pool, &tasks[i], inbox);
    }
    if (r == 0)
        r = crew_inbox_run(inbox) == (int)count ? 0 : 2;
    free(tasks);
    return r == 0 && done != count ? 3 : r;
}

int plugin_use_crew(unsigned tasks)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = NULL;
    crew_inbox *inbox = NULL;
    crew_group *group = NULL;
    crew_buffer *buffer = NULL;
    int r;

    r = crew_pool_create(&pool, &options);
    if (r == 0)
        r = crew_inbox_create(&inbox, NULL);
    if (r == 0)
        r = crew_group_create(&group, NULL);
    if (r == 0)
        r = crew_buffer_create(&buffer, 4096, NULL);
    if (r == 0)
        r = run_tasks(pool, inbox, group, tasks);
    crew_buffer_release(buffer);
    if (crew_group_destroy(group) < 0 || crew_pool_destroy(pool) < 0 ||
        crew_inbox_destroy(inbox) < 0)
        r = 4;
    return r;
}
