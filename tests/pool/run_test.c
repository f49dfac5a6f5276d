/*
 * One task on one worker, by hand: the worker is no thread but a structure,
 * and the test's own thread runs in its place.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

#include <signal.h>

static crew_pool pools[2];
static struct crew__worker workers[2];

static void begin(void)
{
    memset(pools, 0, sizeof pools);
    memset(workers, 0, sizeof workers);
    for (unsigned i = 0; i < 2; i++) {
        workers[i].pool = &pools[i];
        pools[i].worker = &workers[i];
        pools[i].workers = 1;
    }
}

static crew_task queued(int (*run)(crew_self *, crew_task *), void *data)
{
    crew_task task = {.run = run, .data = data};
    struct crew__task_private *p = crew__task_private(&task);

    p->times = CREW__NEVER;
    p->inbox = crew__task_waited(crew__fork_current());
    crew__store_relaxed(&p->state, CREW__QUEUED);
    return task;
}

static uint64_t word_of(crew_task *task)
{
    return crew__load_acquire(&crew__task_private(task)->state);
}

static uint64_t figure(const crew__a64 *figure)
{
    return crew__load_relaxed(figure);
}

/* ---- activations ---------------------------------------------------------- */

CREW_TEST(activations_nest_across_pools)
{
    crew_task task = queued(return_zero, NULL);
    struct crew__activation outer;
    struct crew__activation middle;
    struct crew__activation inner;

    begin();
    check(crew__run_inside(&pools[0]) == NULL);
    crew__run_open(&outer, &workers[0], &task);
    crew__run_open(&middle, &workers[1], NULL);
    check(crew__run_inside(&pools[0]) == &outer);
    check(crew__run_inside(&pools[1]) == &middle);
    crew__run_open(&inner, &workers[0], NULL);
    check(crew__run_inside(&pools[0]) == &inner);
    check(inner.parent == &middle && middle.parent == &outer && !outer.parent);
    check(outer.task == &task && inner.task == NULL);
    check(crew_self_pool(&middle.self) == &pools[1]);
    check_equal(crew__run_close(&inner), 0);
    check(crew__run_inside(&pools[0]) == &outer);
    check_equal(crew__run_close(&middle), 0);
    check(crew__run_inside(&pools[1]) == NULL);
    check_equal(crew__run_close(&outer), 0);
    check(crew__thread_get() == NULL);
}

static int close_outer_first(void *arg)
{
    struct crew__activation outer;
    struct crew__activation inner;

    (void)arg;
    crew__run_open(&outer, &workers[0], NULL);
    crew__run_open(&inner, &workers[0], NULL);
    crew__run_close(&outer);
    return 0;
}

CREW_TEST(only_the_innermost_activation_is_closed)
{
    begin();
    check_at_least(test_in_child(close_outer_first, NULL), 256);
}

/* ---- scratch -------------------------------------------------------------- */

static void open_and_take(struct crew__activation *a, size_t bytes)
{
    crew__run_open(a, &workers[0], NULL);
    check(crew_self_scratch(&a->self, bytes) != NULL);
}

CREW_TEST(scratch_goes_back_to_its_marks)
{
    struct crew__activation outer;
    struct crew__activation inner;
    struct crew__block *block;

    begin();
    open_and_take(&outer, 100);
    block = workers[0].scratch;
    check_equal(block->used, 128);
    open_and_take(&inner, 64);
    check_equal(block->used, 192);
    check(crew_self_scratch(&inner.self, 3 * CREW__SCRATCH_BLOCK) != NULL);
    check(crew_self_scratch(&inner.self, 64) != NULL);
    check(workers[0].scratch != block);
    check_equal(crew__run_close(&inner), 0);
    check(workers[0].scratch == block);
    check_equal(block->used, 128);
    open_and_take(&inner, CREW__SCRATCH_BLOCK); /* does not fit in the rest */
    check(workers[0].scratch->previous == block);
    check_equal(crew__run_close(&inner), 0);
    check_equal(block->used, 128);
    check_equal(crew__run_close(&outer), 0);
    check(workers[0].scratch == block); /* kept for the next task */
    check_equal(block->used, 0);
    crew__memory_free(block);
    workers[0].scratch = NULL;
    open_and_take(&outer, CREW__SCRATCH_BLOCK + 1);
    check_equal(crew__run_close(&outer), 0);
    check(workers[0].scratch == NULL); /* large: not kept */
}

/* ---- a task that runs ----------------------------------------------------- */

static int fail_twice(crew_self *self, crew_task *task)
{
    (void)task;
    check_equal(crew_self_fail(self, -ENOSPC, NULL), -ENOSPC);
    check_equal(crew_self_fail(self, -EIO, NULL), -EIO);
    return -EPERM;
}

CREW_TEST(the_first_error_is_the_status)
{
    crew_group *group = make_group(false);
    crew_task task = queued(fail_twice, NULL);

    begin();
    task.group = group;
    crew__group_join(group, false, 1);
    crew__run_task(&workers[0], &task);
    check_equal(task.status, -ENOSPC);
    check_equal(crew_group_error(group), -ENOSPC);
    check_equal(crew_group_pending(group), 0);
    check_equal(word_of(&task), CREW__ENDED | CREW__RAN);
    check_equal(figure(&workers[0].counts.done), 1);
    check_equal(crew_group_destroy(group), 0);
}

/* As deep as `data` says; each level is counted while it runs. */
static int run_another(crew_self *self, crew_task *task)
{
    struct crew__worker *worker = self->activation->worker;
    intptr_t depth = (intptr_t)task->data;

    check_equal(word_of(task), CREW__RUNNING);
    check_equal(crew__load_relaxed(&worker->running), depth);
    if (depth < 3) {
        crew_task next = queued(run_another, (void *)(depth + 1));

        crew__run_task(worker, &next);
        check_equal(next.status, depth + 1);
        check_equal(crew__load_relaxed(&worker->running), depth);
    }
    return (int)depth;
}

CREW_TEST(tasks_nest_and_are_counted_while_they_run)
{
    crew_task task = queued(run_another, (void *)1);

    begin();
    crew__run_task(&workers[0], &task);
    check_equal(task.status, 1);
    check_equal(crew__load_relaxed(&workers[0].running), 0);
    check_equal(figure(&workers[0].counts.done), 3);
}

static int look_for_room(crew_self *self, crew_task *task)
{
    (void)task;
    return (int)crew__load_relaxed(&crew_self_pool(self)->waiting);
}

CREW_TEST(a_task_that_starts_waits_no_longer)
{
    crew_task task = queued(look_for_room, NULL);

    begin();
    pools[0].limit = 3;
    check_equal(crew__counts_take_room(&pools[0], 3), 0);
    crew__run_task(&workers[0], &task);
    check_equal(task.status, 2);
}

/* ---- a task that does not run --------------------------------------------- */

enum reason {
    CANCELED = 1,
    CLOSING = 2,
    GROUP_CANCELED = 4,
    EXPIRED = 8,
};

static int must_not_run(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    check(false);
    return 0;
}

static void give_reasons(crew_task *task, unsigned reasons)
{
    if (reasons & EXPIRED)
        crew__task_private(task)->times = 1;
    if (reasons & CANCELED)
        check_equal(crew_task_cancel(task), 0);
    if (reasons & CLOSING)
        crew__store_seq_cst(&pools[0].closing, 1);
    if (reasons & GROUP_CANCELED)
        check_equal(crew_group_cancel(task->group), 0);
}

static crew_task unwanted(crew_group *group, unsigned reasons)
{
    crew_task task = queued(must_not_run, NULL);

    begin();
    pools[0].limit = 1;
    check_equal(crew__counts_take_room(&pools[0], 1), 0);
    task.group = group;
    crew__group_join(group, false, 1);
    give_reasons(&task, reasons);
    return task;
}

static void expect_ended(crew_task *task, unsigned reasons,
                         const struct crew__counts *counts)
{
    bool expired = reasons == EXPIRED; /* whatever else there is goes first */

    check_equal(task->status, expired ? -ETIMEDOUT : -ECANCELED);
    check_equal(word_of(task), CREW__ENDED);
    check_equal(crew_group_error(task->group), task->status);
    check_equal(crew_group_pending(task->group), 0);
    check_equal(figure(&counts->canceled), !expired);
    check_equal(figure(&counts->timed_out), expired);
    check_equal(figure(&counts->done), 0);
    check_equal(figure(&pools[0].waiting), 0);
}

CREW_TEST(any_reason_not_to_run_is_enough)
{
    for (unsigned reasons = 1; reasons < 16; reasons++) {
        crew_group *group = make_group(false);
        crew_group *swept = make_group(false);
        crew_task task = unwanted(group, reasons);

        crew__run_task(&workers[0], &task);
        expect_ended(&task, reasons, &workers[0].counts);
        task = unwanted(swept, reasons);
        crew__run_refuse(&pools[0], &task);
        expect_ended(&task, reasons, &pools[0].swept);
        end_all(NULL, group, NULL);
        end_all(NULL, swept, NULL);
    }
}

static int claim_wrongly(void *arg)
{
    crew_task task = queued(return_zero, NULL);

    signal(SIGILL, SIG_DFL); /* cmocka would report a guard as a failure */
    crew__store_relaxed(&crew__task_private(&task)->state, *(uint64_t *)arg);
    crew__run_task(&workers[0], &task);
    return 0;
}

CREW_TEST(what_is_not_queued_is_never_run)
{
    static const uint64_t states[] = {CREW__IDLE, CREW__RESERVED, CREW__RUNNING,
                                      CREW__FINISHED, CREW__ENDED};

    begin();
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        uint64_t state = states[i];

        check_at_least(test_in_child(claim_wrongly, &state), 256);
    }
}
