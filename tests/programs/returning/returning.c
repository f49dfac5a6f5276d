/*
 * E6: main returns while the pool works, an inbox holds completions and a group
 * is waited for by nobody. It exits with 0 and prints nothing.
 */
#include <crew/crew.h>

#include <stdbool.h>
#include <stddef.h>

static crew_pool *pool;
static crew_inbox *inbox;
static crew_group *group;
static crew_task tasks[1000];
static crew_task endless;

static int run_on(crew_self *self, crew_task *task)
{
    (void)task;
    while (!crew_self_canceled(self))
        ;
    return 0;
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void nothing_to_do(crew_task *task)
{
    (void)task;
}

int main(void)
{
    if (crew_pool_create(&pool, NULL) < 0 ||
        crew_inbox_create(&inbox, NULL) < 0 ||
        crew_group_create(&group, NULL) < 0)
        return 1;
    endless.run = run_on;
    if (crew_submit(pool, &endless, NULL) < 0)
        return 2;
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        tasks[i].run = return_zero;
        tasks[i].done = nothing_to_do;
        tasks[i].group = group;
        if (crew_submit(pool, &tasks[i], inbox) < 0)
            return 3;
    }
    return 0;
}
