/*
 * Sweeping, draining and stopping. Where nothing has to run the pool has no
 * threads: its workers are structures, one of them out or in by hand.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

enum { WORKERS = 2, TASKS = 12 };

static crew_pool pool;
static struct crew__worker workers[WORKERS];
static crew_task tasks[TASKS];
static unsigned char ended[TASKS + 1];
static unsigned ends;

static void begin(void)
{
    memset(&pool, 0, sizeof pool);
    memset(workers, 0, sizeof workers);
    memset(tasks, 0, sizeof tasks);
    ends = 0;
    crew__queue_init(&pool.queue);
    assert_int_equal(crew__idle_init(&pool.idle, WORKERS), 0);
    pool.generation = crew__fork_generation(&pool.fork_word);
    pool.worker = workers;
    pool.workers = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        crew__queue_init(&workers[i].mailbox);
        crew__ring_init(&workers[i].ring);
        workers[i].pool = &pool;
        workers[i].index = i;
    }
}

static void end(void)
{
    crew__idle_fini(&pool.idle);
}

/* The pool is being swept: that counts as out. */
static void note_end(crew_task *task)
{
    check_equal(pool.sweepers, 1);
    check_equal(task->status, -ECANCELED);
    ended[ends++] = (unsigned char)(task - tasks);
}

static crew_task *make_task(unsigned i, crew_priority priority)
{
    struct crew__task_private *p = crew__task_private(&tasks[i]);

    tasks[i].run = return_zero;
    tasks[i].done = note_end;
    tasks[i].priority = priority;
    p->inbox = CREW__NO_INBOX;
    p->times = CREW__NEVER;
    crew__store_relaxed(&p->state, CREW__QUEUED);
    return &tasks[i];
}

static void queue_task(struct crew__queue *queue, unsigned i,
                       crew_priority priority)
{
    crew_task *task = make_task(i, priority);

    crew__queue_push(queue, crew__level_of(priority), task, task);
}

/* In the order in which a sweep meets them; one is listed already. */
static void fill_all(void)
{
    queue_task(&pool.queue, 3, CREW_LOW);
    queue_task(&pool.queue, 1, CREW_NORMAL);
    crew__queue_collect(&pool.queue);
    queue_task(&pool.queue, 0, CREW_HIGH);
    queue_task(&pool.queue, 2, CREW_NORMAL);
    for (unsigned i = 0; i < WORKERS; i++) {
        unsigned first = 4 + 4 * i;

        queue_task(&workers[i].mailbox, first + 3, CREW_LOW);
        queue_task(&workers[i].mailbox, first + 2, CREW_HIGH);
        crew__ring_fill_owner(&workers[i].ring, make_task(first, CREW_NORMAL));
        crew__ring_fill_owner(&workers[i].ring,
                              make_task(first + 1, CREW_NORMAL));
    }
}

static void expect_all_ended(void)
{
    check_equal(ends, TASKS);
    for (unsigned i = 0; i < ends; i++)
        check_equal(ended[i], i);
    check_equal(crew__load_relaxed(&pool.swept.canceled), TASKS);
}

/* ---- sweeping ------------------------------------------------------------- */

CREW_TEST(a_sweep_ends_all_that_waits_wherever_it_is)
{
    begin();
    fill_all();
    crew__store_seq_cst(&pool.closing, 1);
    crew__stop_sweep(&pool);
    expect_all_ended();
    check_equal(pool.sweepers, 0);
    check(crew__worker_all_idle(&pool));
    crew__stop_sweep(&pool); /* of nothing */
    check_equal(ends, TASKS);
    end();
}

CREW_TEST(a_sweep_tells_drainers_where_nothing_runs_besides)
{
    struct crew__waiter waiters[2];

    begin();
    crew__store_seq_cst(&pool.closing, 1);
    for (unsigned i = 0; i < 2; i++) {
        crew__waiter_init(&waiters[i]);
        waiters[i].next = pool.drainers;
        pool.drainers = &waiters[i];
    }
    crew__store_relaxed(&workers[0].holds, 1);
    crew__stop_sweep(&pool);
    check(pool.drainers == &waiters[1]);
    crew__store_relaxed(&workers[0].holds, 0);
    crew__stop_sweep(&pool);
    check(pool.drainers == NULL);
    check(crew__waiter_park(&waiters[0], 1));
    check(crew__waiter_park(&waiters[1], 1));
    end();
}

/* ---- draining ------------------------------------------------------------- */

CREW_TEST(a_drain_waits_for_what_waits_anywhere_and_for_who_is_out)
{
    begin();
    check_equal(crew_pool_drain(&pool, 0), 0);
    crew__store_relaxed(&workers[0].holds, 1);
    check_equal(crew_pool_drain(&pool, 0), -ETIMEDOUT);
    check_equal(crew_pool_drain(&pool, 1), -ETIMEDOUT);
    check(pool.drainers == NULL); /* taken back */
    crew__store_relaxed(&workers[0].holds, 0);
    queue_task(&pool.queue, 0, CREW_LOW);
    check_equal(crew_pool_drain(&pool, 0), -ETIMEDOUT);
    crew__store_seq_cst(&pool.closing, 1);
    crew__stop_sweep(&pool);
    check_equal(crew_pool_drain(&pool, 0), 0);
    queue_task(&workers[1].mailbox, 1, CREW_HIGH);
    check_equal(crew_pool_drain(&pool, 1), -ETIMEDOUT);
    crew__stop_sweep(&pool);
    check_equal(crew_pool_drain(&pool, CREW_FOREVER), 0);
    check_equal(crew_pool_drain(&pool, -2), -EINVAL);
    check_equal(crew_pool_drain(NULL, 0), -EINVAL);
    end();
}

static bool is_drained_for(void *count)
{
    unsigned n = 0;

    crew__lock(&pool.queue.lock);
    for (struct crew__waiter *w = pool.drainers; w; w = w->next)
        n++;
    crew__unlock(&pool.queue.lock);
    return n == *(unsigned *)count;
}

static void drain_or_sweep(unsigned index, void *arg)
{
    unsigned drainers = 2;

    (void)arg;
    if (index < drainers) {
        check_equal(crew_pool_drain(&pool, LONG_WAIT), 0);
        return;
    }
    check(test_poll(is_drained_for, &drainers, LONG_WAIT));
    crew__store_seq_cst(&pool.closing, 1);
    crew__stop_sweep(&pool);
}

CREW_TEST(drains_that_wait_are_told_by_a_sweep)
{
    begin();
    queue_task(&workers[0].mailbox, 0, CREW_NORMAL);
    test_threads(3, drain_or_sweep, NULL);
    check_equal(ends, 1);
    check(pool.drainers == NULL);
    end();
}

/* ---- stopping ------------------------------------------------------------- */

CREW_TEST(a_stop_closes_wakes_and_sweeps_before_it_waits)
{
    crew_task asleep = {.run = return_zero};
    crew__a64 *word = &crew__task_private(&asleep)->state;

    begin();
    fill_all();
    crew__store_relaxed(word, CREW__RUNNING | CREW__SLEEPING);
    workers[1].sleeping = &asleep;
    check_equal(crew_pool_stop(&pool, 0), -ETIMEDOUT); /* no worker leaves */
    check(crew__load_seq_cst(&pool.closing));
    expect_all_ended();
    check_equal(crew__load_relaxed(word), CREW__RUNNING);
    for (unsigned i = 0; i < WORKERS; i++)
        check(crew__park(&pool.idle.parkers[i], 1));
    check_equal(crew__load_seq_cst(&pool.stopping), 0);
    check(!crew__idle_is_closed(&pool.idle));
    queue_task(&pool.queue, 0, CREW_NORMAL); /* by a submit that came late */
    check_equal(crew_pool_stop(&pool, 1), -ETIMEDOUT);
    check_equal(ends, TASKS); /* the second leaves it to the workers */
    check(pool.attendant == NULL);
    crew__stop_sweep(&pool);
    end();
}

CREW_TEST(one_thread_stops_at_a_time)
{
    begin();
    check_equal(crew__stop_begin(&pool), 0);
    check_equal(crew__stop_begin(&pool), -EBUSY);
    check_equal(crew_pool_stop(&pool, 0), -EBUSY);
    check_equal(crew_pool_destroy(&pool), -EBUSY);
    check(!crew__load_seq_cst(&pool.closing));
    end();
}

CREW_TEST(code_of_a_pool_does_not_wait_for_its_end)
{
    struct crew__activation inside;

    begin();
    crew__run_open(&inside, &workers[0], NULL); /* a hook */
    check_equal(crew_pool_drain(&pool, 0), -EDEADLK);
    check_equal(crew__stop_begin(&pool), -EDEADLK);
    check_equal(crew_pool_stop(&pool, 0), -EDEADLK);
    check_equal(crew_pool_destroy(&pool), -EDEADLK);
    check_equal(crew__run_close(&inside), 0);
    check(!crew__load_seq_cst(&pool.closing));
    check_equal(crew__load_seq_cst(&pool.stopping), 0);
    check_equal(crew_pool_stop(&pool, -2), -EINVAL);
    check_equal(crew_pool_stop(NULL, 0), -EINVAL);
    end();
}

CREW_TEST(a_pool_that_has_stopped_may_be_stopped_again)
{
    crew_pool *real = make_pool(2);

    for (unsigned i = 0; i < 3; i++) {
        check_equal(crew_pool_stop(real, i == 1 ? 0 : LONG_WAIT), 0);
        check(real->joined);
        check(crew__idle_is_closed(&real->idle));
        check_equal(crew__load_acquire(&real->exited), 2);
        check(crew__worker_all_idle(real));
        check(real->attendant == NULL);
    }
    check_equal(crew_pool_drain(real, 0), 0);
    check_equal(crew_pool_destroy(real), 0);
}
