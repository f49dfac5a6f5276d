/* What a user's first program does, in C without extensions. */
#include <crew/crew.h>

#include <stdio.h>
#include <string.h>

static int answer(crew_self *self, crew_task *task)
{
    (void)self;
    *(int *)task->data = 42;
    return 0;
}

int main(void)
{
    int result = 0;
    crew_pool *pool = NULL;
    crew_task task = {0};

    task.run = answer;
    task.data = &result;
    if (crew_pool_create(&pool, NULL) < 0 ||
        crew_submit(pool, &task, NULL) < 0 ||
        crew_task_wait(&task, CREW_FOREVER) < 0 || crew_pool_destroy(pool) < 0)
        return 1;
    printf("crew %s: %d\n", crew_version(), result);
    return result != 42;
}
