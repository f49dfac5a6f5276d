/*
 * What the jobs tell about who waits and who is busy, and what must hold of
 * it: nobody sleeps while he could run something, a worker that waits runs
 * what it waits for alone and nests no deeper than the program does, and the
 * bounds of priorities.
 */
#include "job.h"

#include "base/tunables.h"
#include "pool/pool.h"

void watch_begin(void)
{
    memset(&load, 0, sizeof load);
    crew__list_init(&load.waiting);
}

void watch_submit(struct job *job, unsigned to)
{
    job->to = to;
    crew__list_push_last(&load.waiting, &job->link);
}

void watch_forget(struct job *job)
{
    if (crew__list_is_linked(&job->link))
        crew__list_unlink(&job->link);
}

/* ---- waits ----------------------------------------------------------------- */

/* The caller's notes, where it is a worker of the pool. */
static struct busy_worker *this_worker(void)
{
    struct crew__activation *a = crew__thread_get();

    if (!a || a->worker->pool != load.pool)
        return NULL;
    return &load.worker[a->worker->index];
}

static int wait_noted(crew_task *task, crew_group *group, crew_ns timeout)
{
    struct busy_worker *me = this_worker();
    struct busy_worker outer = {.jobs = 0};
    int r;

    if (me) {
        outer = *me;
        me->waits++;
        me->task = task;
        me->group = group;
    }
    r = task ? crew_task_wait(task, timeout) : crew_group_wait(group, timeout);
    if (me) {
        sim_check_equal(me->jobs, outer.jobs);
        me->waits = outer.waits;
        me->task = outer.task;
        me->group = outer.group;
    }
    return r;
}

int job_wait(struct job *job, crew_ns timeout)
{
    return wait_noted(&job->task, NULL, timeout);
}

int job_wait_group(crew_group *group, crew_ns timeout)
{
    return wait_noted(NULL, group, timeout);
}

/* ---- starts ---------------------------------------------------------------- */

static bool is_waited_for(const struct busy_worker *worker,
                          const struct job *job)
{
    if (worker->task)
        return worker->task == &job->task;
    return worker->group && worker->group == job->task.group;
}

/* The oldest that is listed: the same as before has waited all the time. */
static const void *oldest(unsigned level)
{
    struct crew__link *head = &load.pool->queue.lists[level];

    return head->next == head ? NULL : head->next;
}

/* At most so many higher ones in a row go before a lower one that waits where
 * this worker looks; and as many that were sent to it by name. */
static void check_bounds(struct busy_worker *worker, const struct job *job)
{
    unsigned level = (unsigned)crew__level_of(job->task.priority);

    for (unsigned lower = CREW__NORMAL; lower <= CREW__LOW; lower++) {
        const void *first = oldest(lower);
        unsigned *above = &worker->above[lower - CREW__NORMAL];

        if (worker->lower[lower - CREW__NORMAL] != first || level == lower)
            *above = 0;
        if (lower == CREW__NORMAL &&
            (worker->lower[0] != first || job->to == ANYONE))
            worker->by_name = 0;
        worker->lower[lower - CREW__NORMAL] = first;
        if (first && level < lower)
            sim_check(++*above <= CREW__BOUND);
    }
    if (level == CREW__NORMAL && worker->lower[0] && job->to != ANYONE)
        sim_check(++worker->by_name <= CREW__BOUND);
}

void watch_start(struct job *job, crew_self *self)
{
    struct busy_worker *worker = &load.worker[crew_self_index(self)];

    watch_forget(job);
    if (crew_self_pool(self) != load.pool)
        return;
    sim_check_equal(worker->jobs, worker->waits);
    if (worker->waits)
        sim_check(is_waited_for(worker, job));
    else if (!load.closing)
        check_bounds(worker, job);
    sim_check(job->to == ANYONE || job->to == crew_self_index(self));
    worker->jobs++;
}

void watch_end(crew_self *self)
{
    if (crew_self_pool(self) == load.pool)
        load.worker[crew_self_index(self)].jobs--;
}

/* ---- nobody sleeps while work for him waits ---------------------------------- */

/* Whether that worker could start the job now. */
static bool can_start(const struct busy_worker *worker, const struct job *job)
{
    return worker->jobs == 0 ||
           (worker->jobs == worker->waits && is_waited_for(worker, job));
}

static void check_that_all_are_busy(const struct job *job)
{
    for (unsigned i = 0; i < load.workers; i++) {
        if ((job->to == ANYONE || job->to == i) &&
            can_start(&load.worker[i], job))
            sim_fail("a task waits, worker %u sleeps and could start it", i);
    }
}

/* Nobody is awake: what waits must wait for workers that compute or wait for
 * something else. */
void watch_when_idle(void *arg)
{
    struct crew__link *next;

    (void)arg;
    if (!load.pool || load.closing)
        return;
    for (struct crew__link *at = load.waiting.next; at != &load.waiting;
         at = next) {
        struct job *job = (struct job *)(void *)((char *)at -
                                                 offsetof(struct job, link));
        uint64_t state = crew__task_state(
            crew__task_private(&job->task)->state.raw);

        next = at->next;
        /* One without `done` that was refused has ended without a word. */
        if (state == CREW__FINISHED || state == CREW__ENDED)
            watch_forget(job);
        else
            check_that_all_are_busy(job);
    }
}
