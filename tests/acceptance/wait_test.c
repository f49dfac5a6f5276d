/* crew_task_wait from the caller's side: who may wait, and what it answers. */
#include "work.h"

static int wait_for_itself(crew_self *self, crew_task *task)
{
    (void)self;
    check_equal(crew_task_wait(task, 0), -EDEADLK);
    return crew_task_wait(task, CREW_FOREVER);
}

static void wait_for_holder(unsigned index, void *arg)
{
    struct holder *holder = arg;
    int r;

    if (index == 1) {
        test_gate_open(&holder->leave);
        return;
    }
    r = crew_task_wait(&holder->task, LONG_WAIT);
    check_equal(r, 0);
}

CREW_TEST(T9_waits_that_cannot_be_are_refused)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    crew_task never = {.run = return_zero};
    crew_task told = {.run = return_zero, .done = ignore_done};
    crew_task itself = {.run = wait_for_itself};

    check_equal(crew_task_wait(NULL, 0), -EINVAL);
    check_equal(crew_task_wait(&never, 0), -EINVAL);
    check_equal(crew_task_wait(&never, CREW_FOREVER), -EINVAL);
    check_equal(crew_submit(pool, &told, inbox), 0);
    check_equal(crew_task_wait(&told, CREW_FOREVER), -EINVAL);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_task_wait(&told, CREW_FOREVER), -EINVAL);
    check_equal(crew_submit(pool, &itself, NULL), 0);
    check_equal(crew_task_wait(&itself, -2), -EINVAL);
    check_equal(crew_task_wait(&itself, LONG_WAIT), 0);
    check_equal(itself.status, -EDEADLK);
    end_all(pool, NULL, inbox);
}

CREW_TEST(T9_a_wait_that_runs_out_of_time_may_be_repeated)
{
    crew_pool *pool = make_pool(1);
    struct holder holder;
    int64_t before;

    hold_worker(&holder, pool, 0);
    check_equal(crew_task_wait(&holder.task, 0), -ETIMEDOUT);
    for (int i = 0; i < 20; i++) {
        before = test_now();
        check_equal(crew_task_wait(&holder.task, CREW_MS), -ETIMEDOUT);
        check_at_least(test_now() - before, CREW_MS); /* never early */
    }
    test_threads(2, wait_for_holder, &holder);
    let_go_of_worker(&holder);
    check_equal(crew_pool_destroy(pool), 0);
}

/* Two threads wait for one task: one of them is told that it is busy. */
struct two {
    struct holder holder;
    unsigned busy;
    unsigned ended;
};

static void wait_and_count(unsigned index, void *arg)
{
    struct two *two = arg;
    int r = crew_task_wait(&two->holder.task, LONG_WAIT);

    (void)index;
    if (r == -EBUSY) {
        __atomic_fetch_add(&two->busy, 1, __ATOMIC_RELAXED);
        test_gate_open(&two->holder.leave);
    } else if (check_equal(r, 0)) {
        __atomic_fetch_add(&two->ended, 1, __ATOMIC_RELAXED);
    }
}

CREW_TEST(T9_a_second_waiter_is_busy)
{
    crew_pool *pool = make_pool(1);
    struct two two = {.busy = 0};

    hold_worker(&two.holder, pool, 0);
    test_threads(2, wait_and_count, &two);
    check_equal(two.busy, 1);
    check_equal(two.ended, 1);
    let_go_of_worker(&two.holder);
    check_equal(crew_pool_destroy(pool), 0);
}

/* Short timeouts that meet the end: each wait is told one or the other. */
CREW_TEST(T9_timeouts_that_race_with_the_end_lose_nothing)
{
    const unsigned n = MANY(20000);
    crew_pool *pool = make_pool(2);
    unsigned late = 0;

    for (unsigned i = 0; i < n; i++) {
        crew_task task = {.run = return_zero};
        int r;

        check_equal(crew_submit(pool, &task, NULL), 0);
        while ((r = crew_task_wait(&task, 1 + i % 20 * CREW_US)) == -ETIMEDOUT)
            late++;
        check_equal(r, 0);
    }
    printf("%u waits ran out of time\n", late);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- waits inside workers ------------------------------------------------ */

struct outer {
    crew_task task;
    crew_task inner;
    crew_task stranger;
    unsigned strangers_before; /* run when the wait had returned */
    unsigned strangers;
};

static int wait_for_inner(crew_self *self, crew_task *task)
{
    struct outer *outer = (struct outer *)(void *)task;
    crew_pool *pool = crew_self_pool(self);

    check_equal(crew_submit(pool, &outer->stranger, NULL), 0);
    check_equal(crew_submit(pool, &outer->inner, NULL), 0);
    check_equal(crew_task_wait(&outer->inner, LONG_WAIT), 0);
    outer->strangers_before = read_count(&outer->strangers);
    return outer->inner.status;
}

CREW_TEST(C10_a_waiting_worker_runs_what_it_waits_for_and_no_stranger)
{
    crew_pool *pool = make_pool(1);

    for (unsigned i = 0; i < MANY(1000); i++) {
        struct outer outer = {
            .task = {.run = wait_for_inner},
            .inner = {.run = return_data, .data = (void *)(intptr_t)9}};

        outer.stranger = (crew_task){.run = count_run,
                                     .data = &outer.strangers};
        check_equal(crew_submit(pool, &outer.task, NULL), 0);
        check_equal(crew_task_wait(&outer.task, LONG_WAIT), 0);
        check_equal(outer.task.status, 9);
        check_equal(outer.strangers_before, 0);
        check_equal(crew_task_wait(&outer.stranger, LONG_WAIT), 0);
        check_equal(outer.strangers, 1);
    }
    check_equal(crew_pool_destroy(pool), 0);
}
