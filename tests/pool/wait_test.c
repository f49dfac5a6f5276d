/*
 * Waits from outside with the task's word set by hand, and what a worker that
 * waits leaves in its pool while it does and afterwards.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include "../acceptance/work.h"

static crew__a64 *word_of(crew_task *task)
{
    return &crew__task_private(task)->state;
}

/* ---- from outside --------------------------------------------------------- */

CREW_TEST(what_a_wait_says_of_each_state)
{
    static const struct {
        uint64_t word;
        int result;
    } states[] = {
        {CREW__IDLE, -EINVAL},
        {CREW__RESERVED, -EINVAL},
        {CREW__QUEUED, -ETIMEDOUT},
        {CREW__CLAIMED, -ETIMEDOUT},
        {CREW__RUNNING, -ETIMEDOUT},
        {CREW__RUNNING | CREW__CANCEL, -ETIMEDOUT},
        {CREW__RUNNING | CREW__SLEEPING, -ETIMEDOUT},
        {CREW__FINISHED | CREW__RAN, -EINVAL}, /* it has a done */
        {CREW__ENDED, 0},
        {CREW__ENDED | CREW__RAN, 0},
        {7, -EINVAL},
    };
    static struct crew__waiter other;
    crew_task task = {.run = return_zero};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        uint64_t waited = states[i].word | (uintptr_t)&other;

        crew__store_relaxed(word_of(&task), states[i].word);
        check_equal(crew_task_wait(&task, 0), states[i].result);
        check_equal(crew_task_wait(&task, 1), states[i].result);
        check_equal(crew__load_relaxed(word_of(&task)), states[i].word);
        if (states[i].result != -ETIMEDOUT)
            continue;
        crew__store_relaxed(word_of(&task), waited); /* it has a waiter */
        check_equal(crew_task_wait(&task, 0), -EBUSY);
        check_equal(crew_task_wait(&task, 1), -EBUSY);
        check_equal(crew__load_relaxed(word_of(&task)), waited);
    }
    check_marked(CREW__MARK_WAITER_TOOK_BACK);
}

static bool is_waited_for(void *task)
{
    return crew__task_waiter(crew__load_acquire(word_of(task))) != NULL;
}

static void *wait_long(void *task)
{
    check_equal(crew_task_wait(task, LONG_WAIT), 0);
    return NULL;
}

/* Cancel and start leave the waiter in the word; the end takes it. */
CREW_TEST(a_waiter_stays_registered_until_the_end)
{
    crew_task task = {.run = return_zero};
    pthread_t thread;

    crew__task_private(&task)->inbox = crew__task_waited(crew__fork_current());
    crew__store_relaxed(word_of(&task), CREW__QUEUED);
    check_equal(pthread_create(&thread, NULL, wait_long, &task), 0);
    check(test_poll(is_waited_for, &task, LONG_WAIT));
    check_equal(crew_task_cancel(&task), 0);
    check(is_waited_for(&task));
    crew__task_tell_end(&task, -ECANCELED, 0, NULL);
    pthread_join(thread, NULL);
    check_equal(crew__load_acquire(word_of(&task)), CREW__ENDED);
}

/* ---- a worker that runs out of time --------------------------------------- */

struct hasty {
    crew_task task; /* waits for `other` */
    crew_task *other;
    crew_ns timeout;
    struct test_gate begin;
    struct test_gate entered;
};

static int wait_hastily(crew_self *self, crew_task *task)
{
    struct hasty *hasty = (struct hasty *)(void *)task;

    (void)self;
    test_gate_open(&hasty->entered);
    test_gate_wait(&hasty->begin);
    return crew_task_wait(hasty->other, hasty->timeout);
}

static void start_hasty(struct hasty *hasty, crew_pool *pool, crew_task *other,
                        crew_ns timeout)
{
    hasty->task = (crew_task){.run = wait_hastily};
    hasty->other = other;
    hasty->timeout = timeout;
    test_gate_init(&hasty->begin);
    test_gate_init(&hasty->entered);
    assert_int_equal(crew_submit_to(pool, 0, &hasty->task, NULL), 0);
    test_gate_wait(&hasty->entered);
}

static int end_hasty(struct hasty *hasty)
{
    check_equal(crew_task_wait(&hasty->task, LONG_WAIT), 0);
    test_gate_fini(&hasty->begin);
    test_gate_fini(&hasty->entered);
    return hasty->task.status;
}

static void expect_nobody_waits(crew_pool *pool)
{
    check_equal(crew__load_seq_cst(&pool->helping), 0);
    check(crew__list_is_empty(&pool->queue.wishes));
    for (unsigned i = 0; i < pool->workers; i++) {
        struct crew__worker *worker = &pool->worker[i];

        check(crew__load_seq_cst(&worker->waits_for) == NULL);
        check_equal(crew__load_relaxed(&worker->wait_kind), CREW__WAIT_NONE);
        check_equal(crew__load_acquire(&worker->tellers), 0);
    }
}

CREW_TEST(a_worker_that_runs_out_of_time_withdraws)
{
    crew_pool *pool = make_pool(2);
    struct holder holder;
    struct hasty hasty;

    hold_worker(&holder, pool, 1);
    start_hasty(&hasty, pool, &holder.task, 1);
    test_gate_open(&hasty.begin);
    check_equal(end_hasty(&hasty), -ETIMEDOUT);
    check_equal(crew__load_acquire(word_of(&holder.task)), CREW__RUNNING);
    expect_nobody_waits(pool);
    let_go_of_worker(&holder);
    check_equal(crew_pool_destroy(pool), 0);
}

static bool has_lock_slept(void *before)
{
    return crew__mark_count(CREW__MARK_LOCK_SLEPT) > *(uint64_t *)before;
}

static bool has_ran(void *task)
{
    return crew_task_ran(task);
}

static bool has_come(void *time)
{
    return test_now() > *(int64_t *)time;
}

/* The worker has seen no token, is held up at its mailbox until its time has
 * passed, and then on the way to its withdrawal; the end is told meanwhile. */
CREW_TEST(a_worker_that_withdraws_too_late_has_waited)
{
    const crew_ns timeout = 400 * CREW_MS;
    crew_pool *pool = make_pool(2);
    struct crew__lock *lock = &pool->worker[0].mailbox.lock;
    struct holder holder;
    struct hasty hasty;
    int64_t passed;
    uint64_t slept;

    hold_worker(&holder, pool, 1);
    start_hasty(&hasty, pool, &holder.task, timeout);
    slept = crew__mark_count(CREW__MARK_LOCK_SLEPT);
    crew__lock(lock);
    test_gate_open(&hasty.begin);
    check(test_poll(has_lock_slept, &slept, LONG_WAIT));
    check(is_waited_for(&holder.task));
    passed = test_now() + timeout;
    crew__lock(&pool->queue.lock);
    check(test_poll(has_come, &passed, LONG_WAIT));
    slept = crew__mark_count(CREW__MARK_LOCK_SLEPT);
    crew__unlock(lock);
    check(test_poll(has_lock_slept, &slept, LONG_WAIT));
    test_gate_open(&holder.leave);
    check(test_poll(has_ran, &holder.task, LONG_WAIT));
    crew__unlock(&pool->queue.lock);
    check_equal(end_hasty(&hasty), 0);
    check_marked(CREW__MARK_WAITER_TOO_LATE);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    expect_nobody_waits(pool);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- waits that nest ------------------------------------------------------ */

static void expect_wait(crew_self *self, enum crew__wait_kind kind,
                        const crew_group *group)
{
    struct crew__worker *worker = self->activation->worker;

    check_equal(crew__load_relaxed(&worker->wait_kind), kind);
    check(crew__load_seq_cst(&worker->waits_for) == group);
}

static crew_group *nested;

static int look_inside(crew_self *self, crew_task *task)
{
    (void)task;
    expect_wait(self, CREW__WAIT_TASK, NULL);
    check_equal(crew__load_seq_cst(&crew_self_pool(self)->helping), 2);
    return 0;
}

static int wait_for_task(crew_self *self, crew_task *task)
{
    crew_task inner = {.run = look_inside};

    expect_wait(self, CREW__WAIT_GROUP, nested);
    check_equal(crew_submit(crew_self_pool(self), &inner, NULL), 0);
    check_equal(crew_task_wait(&inner, CREW_FOREVER), 0);
    expect_wait(self, CREW__WAIT_GROUP, nested);
    check_equal(crew_task_wait(task, 0), -EDEADLK);
    check_equal(crew_task_wait(task->data, 0), -EDEADLK);
    check_equal(crew_group_wait(nested, 0), -EDEADLK);
    return 0;
}

static int wait_for_group(crew_self *self, crew_task *task)
{
    crew_task member = {.run = wait_for_task, .data = task, .group = nested};

    expect_wait(self, CREW__WAIT_NONE, NULL);
    check_equal(crew_submit(crew_self_pool(self), &member, NULL), 0);
    check_equal(crew_group_wait(nested, CREW_FOREVER), 0);
    expect_wait(self, CREW__WAIT_NONE, NULL);
    return 0;
}

CREW_TEST(an_inner_wait_hides_the_outer_one_and_gives_it_back)
{
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = wait_for_group};

    nested = make_group(false);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    expect_nobody_waits(pool);
    end_all(pool, nested, NULL);
}

/* ---- where a worker finds what it waits for ------------------------------- */

enum { QUEUED = 12, WISHED = 4 };

static crew_task line[QUEUED]; /* line[0] waits for line[WISHED] */
static unsigned char started[QUEUED];
static unsigned starts;

static int note_start(crew_self *self, crew_task *task)
{
    (void)self;
    started[starts++] = (unsigned char)(task - line);
    return 0;
}

static int wait_for_wished(crew_self *self, crew_task *task)
{
    struct crew__worker *worker = self->activation->worker;

    note_start(self, task);
    check_equal(crew__ring_count(&worker->ring), QUEUED / 2 - 1);
    check_equal(crew_task_wait(&line[WISHED], CREW_FOREVER), 0);
    check_equal(starts, 2);
    check(crew__ring_is_empty(&worker->ring)); /* all back in the list */
    return 0;
}

CREW_TEST(a_ring_goes_back_to_the_list_in_its_order)
{
    crew_pool *pool = make_pool(1);
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (unsigned i = 0; i < QUEUED; i++) {
        line[i] = (crew_task){.run = i == 0 ? wait_for_wished : note_start};
        check_equal(crew_submit(pool, &line[i], NULL), 0);
    }
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(starts, QUEUED);
    check_equal(started[0], 0);
    check_equal(started[1], WISHED);
    for (unsigned i = 2; i < QUEUED; i++)
        check_equal(started[i], i <= WISHED ? i - 1 : i);
    check_equal(crew_pool_destroy(pool), 0);
}

static int wait_for_mail(crew_self *self, crew_task *task)
{
    (void)task;
    for (unsigned i = 1; i <= 2; i++) {
        line[i] = (crew_task){.run = note_start};
        check_equal(crew_submit_to(crew_self_pool(self), 0, &line[i], NULL), 0);
    }
    check_equal(crew_task_wait(&line[2], CREW_FOREVER), 0);
    check_equal(starts, 1); /* and not the stranger before it */
    return 0;
}

CREW_TEST(a_worker_finds_what_it_waits_for_in_its_mailbox)
{
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = wait_for_mail};

    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(starts, 2);
    check_equal(started[0], 2);
    check_marked(CREW__MARK_TASK_RUN_BY_WAITER);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- time comes before help ---------------------------------------------- */

static int note_run(crew_self *self, crew_task *task)
{
    (void)self;
    *(bool *)task->data = true; /* on the pool's one worker alone */
    return 0;
}

static int wait_for_no_time(crew_self *self, crew_task *task)
{
    bool ran = false;
    crew_task member = {.run = note_run, .data = &ran};
    crew_group *group = NULL;

    (void)task;
    check_equal(crew_group_create(&group, NULL), 0);
    member.group = group;
    check_equal(crew_submit(crew_self_pool(self), &member, NULL), 0);
    check_equal(crew_group_wait(group, 0), -ETIMEDOUT);
    check(!ran);
    check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    check(ran);
    check_equal(crew_group_destroy(group), 0);
    return 0;
}

CREW_TEST(a_worker_that_waits_for_no_time_runs_nothing)
{
    crew_pool_options options = {.workers = 1};
    crew_task task = {.run = wait_for_no_time};
    crew_pool *one = NULL;

    assert_int_equal(crew_pool_create(&one, &options), 0);
    check_equal(crew_submit(one, &task, NULL), 0);
    check_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    check_equal(crew_pool_destroy(one), 0);
}
