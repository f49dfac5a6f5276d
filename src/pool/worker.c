/*
 * The loop of a worker: take, run, rest.
 *
 * Resting follows the wake protocol of runtime/idle.h. What was found empty
 * by hints is looked at once more under the lock before sleeping: tasks on
 * their way from a stack to a list or from a list to a ring are never between
 * two places while the lock is free.
 */
#include "pool/pool.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

/* Rounds of looking between looks at the rings of the others. */
#define RING_ROUNDS 16u

/* ---- looking ----------------------------------------------------------- */

static bool queue_seems_empty(struct crew__queue *queue)
{
    return crew__queue_seems_empty(queue, CREW__NORMAL) &&
           crew__queue_seems_empty(queue, CREW__HIGH) &&
           crew__queue_seems_empty(queue, CREW__LOW);
}

static bool is_any_ring_filled(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->workers; i++) {
        if (!crew__ring_is_empty(&pool->worker[i].ring))
            return true;
    }
    return false;
}

/* A hint: something that this worker may take. */
static bool seems_busy(struct crew__worker *worker, bool rings)
{
    return !queue_seems_empty(&worker->pool->queue) ||
           !queue_seems_empty(&worker->mailbox) ||
           crew__load_seq_cst(&worker->pool->closing) ||
           (rings && is_any_ring_filled(worker->pool));
}

/* Exact: something waits that any worker may take. */
static bool is_work_waiting(crew_pool *pool)
{
    bool waiting;

    crew__lock(&pool->queue.lock);
    waiting = !crew__queue_is_empty(&pool->queue) || is_any_ring_filled(pool);
    crew__unlock(&pool->queue.lock);
    return waiting;
}

static bool look_for_a_moment(struct crew__worker *worker)
{
    for (unsigned i = 0; i < worker->pool->spin; i++) {
        if (seems_busy(worker, i % RING_ROUNDS == 0))
            return true;
        crew__relax();
    }
    return false;
}

/* ---- in and out -------------------------------------------------------- */

static bool is_nothing_waiting(crew_pool *pool)
{
    if (!crew__queue_is_empty(&pool->queue))
        return false;
    for (unsigned i = 0; i < pool->workers; i++) {
        struct crew__queue *mailbox = &pool->worker[i].mailbox;
        bool empty;

        crew__lock(&mailbox->lock);
        empty = crew__queue_is_empty(mailbox);
        crew__unlock(&mailbox->lock);
        if (!empty)
            return false;
    }
    return !is_any_ring_filled(pool);
}

/* The sum of all holds; false: somebody holds a task. */
static bool sum_holds(crew_pool *pool, uint64_t *sum)
{
    *sum = 0;
    for (unsigned i = 0; i < pool->workers; i++) {
        /* edge:holds, acquire */
        uint32_t holds = crew__load_acquire(&pool->worker[i].holds);

        if (holds % 2)
            return false;
        *sum += holds;
    }
    return true;
}

bool crew__worker_all_idle(crew_pool *pool)
{
    uint64_t before;
    uint64_t after;

    return !pool->sweepers && sum_holds(pool, &before) &&
           is_nothing_waiting(pool) && sum_holds(pool, &after) &&
           before == after;
}

static void stamp(struct crew__worker *worker, bool busy)
{
    uint64_t since = crew__load_relaxed(&worker->since); /* own word */
    uint64_t now = (uint64_t)crew__clock_now();
    crew__a64 *sum = since & 1 ? &worker->busy_ns : &worker->idle_ns;
    uint64_t before = crew__load_relaxed(sum); /* own word */

    /* own word */
    crew__store_relaxed(sum,
                        before + (now & ~UINT64_C(1)) - (since & ~UINT64_C(1)));
    /* own word */
    crew__store_relaxed(&worker->since, (now & ~UINT64_C(1)) | (busy ? 1 : 0));
}

void crew__worker_tell(struct crew__waiter *waiters)
{
    while (waiters) {
        struct crew__waiter *next = waiters->next;

        crew__waiter_tell(waiters);
        waiters = next;
    }
}

struct crew__waiter *crew__worker_take_drainers(crew_pool *pool)
{
    struct crew__waiter *drainers = NULL;

    if (pool->drainers && crew__worker_all_idle(pool)) {
        drainers = pool->drainers;
        pool->drainers = NULL;
        crew__mark(CREW__MARK_DRAIN_SEEN);
    }
    return drainers;
}

static void go_in(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;
    struct crew__waiter *drainers;

    stamp(worker, false);
    crew__lock(&pool->queue.lock);
    drainers = crew__worker_take_drainers(pool);
    crew__unlock(&pool->queue.lock);
    crew__worker_tell(drainers);
}

/* ---- resting ----------------------------------------------------------- */

/* What a second look before sleeping finds; exact for what any may take, and
 * the mailbox's hint is exact for what was pushed before. */
static bool look_again(struct crew__worker *worker)
{
    bool found = is_work_waiting(worker->pool) || seems_busy(worker, false);

    if (found)
        crew__mark(CREW__MARK_LOOK_FOUND);
    return found;
}

static void fall_asleep(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;

    crew__pool_note(pool, worker->index, CREW__EVENT_PARK, NULL);
    crew__idle_park(&pool->idle, worker->index);
    crew__pool_note(pool, worker->index, CREW__EVENT_WAKE, NULL);
}

static void rest(struct crew__worker *worker)
{
    struct crew__idle *idle = &worker->pool->idle;
    unsigned me = worker->index;

    go_in(worker);
    for (;;) {
        worker->searching = worker->searching ||
                            crew__idle_search_begin(idle, me);
        if (worker->searching && look_for_a_moment(worker))
            break;
        crew__idle_announce(idle, me);
        worker->searching = false;
        if (!look_again(worker))
            fall_asleep(worker);
        worker->searching = crew__idle_leave(idle, me);
        if (seems_busy(worker, true)) {
            /* It has a right to look; so it passes on what it leaves. */
            worker->searching = worker->searching ||
                                crew__idle_search_begin(idle, me);
            break;
        }
    }
    stamp(worker, true);
}

/* Gives the search back before running; what waits wakes the next. */
static void pass_on(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;

    if (!worker->searching)
        return;
    worker->searching = false;
    crew__idle_search_end(&pool->idle, worker->index);
    if (is_work_waiting(pool)) {
        crew__mark(CREW__MARK_BATON_PASSED);
        crew__idle_publish(&pool->idle);
    }
}

/* ---- the life of a worker ---------------------------------------------- */

void crew__worker_pin(struct crew__worker *worker, pid_t tid)
{
    struct crew__cpuset one = {{0}};
    struct crew__cpuset seen = {{0}};
    int r;

    if (worker->cpu < 0)
        return;
    crew__cpuset_add(&one, (unsigned)worker->cpu);
    r = crew__affinity_set(tid, &one);
    if (r == 0)
        r = crew__affinity_get(tid, &seen);
    if (r == 0 && (crew__cpuset_count(&seen) != 1 ||
                   !crew__cpuset_has(&seen, (unsigned)worker->cpu)))
        r = -EPERM; /* accepted, but not done */
    worker->pin_error = r;
}

static int run_start_hook(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;
    struct crew__activation a;
    int error;
    int r = 0;

    crew__run_open(&a, worker, NULL);
    if (pool->on_worker_start)
        r = pool->on_worker_start(&a.self, pool->hook_arg);
    error = crew__run_close(&a);
    r = error ? error : r;
    worker->hooked = r >= 0;
    return r < 0 ? r : 0;
}

static void run_stop_hook(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;
    struct crew__activation a;

    if (!worker->hooked || !pool->on_worker_stop)
        return;
    crew__run_open(&a, worker, NULL);
    pool->on_worker_stop(&a.self, pool->hook_arg);
    crew__run_close(&a);
}

static void report_start(struct crew__worker *worker, int r)
{
    crew_pool *pool = worker->pool;
    struct crew__waiter *attendant = NULL;

    crew__lock(&pool->queue.lock);
    pool->started++;
    if (r < 0 && pool->start_error == 0)
        pool->start_error = r;
    if (pool->started == pool->awaited) {
        attendant = pool->attendant;
        pool->attendant = NULL;
    }
    crew__unlock(&pool->queue.lock);
    crew__worker_tell(attendant);
}

static void report_exit(struct crew__worker *worker)
{
    crew_pool *pool = worker->pool;
    struct crew__waiter *drainers;
    struct crew__waiter *attendant = NULL;
    uint32_t left;

    stamp(worker, false);
    /* own word: it stands still from now on */
    crew__store_relaxed(&worker->since, 0);
    crew__lock(&pool->queue.lock);
    left = crew__add_release(&pool->exited, 1) +
           1; /* edge:pool-exit, release */
    drainers = crew__worker_take_drainers(pool);
    if (left == pool->workers) {
        attendant = pool->attendant;
        pool->attendant = NULL;
    }
    crew__unlock(&pool->queue.lock);
    crew__worker_tell(drainers);
    crew__worker_tell(attendant);
}

static void work(struct crew__worker *worker)
{
    stamp(worker, true);
    for (;;) {
        crew_task *task = crew__take_next(worker);

        if (task) {
            pass_on(worker);
            crew__run_task(worker, task);
            crew__take_end(worker);
        } else if (crew__load_seq_cst(&worker->pool->closing)) {
            return;
        } else {
            rest(worker);
        }
    }
}

static void free_scratch(struct crew__worker *worker)
{
    while (worker->scratch) {
        struct crew__block *block = worker->scratch;

        worker->scratch = block->previous;
        crew__memory_free(block);
    }
}

static void await_go(struct crew__worker *worker, uint32_t stage)
{
    crew_pool *pool = worker->pool;

    /* edge:pool-go, acquire */
    while (crew__load_acquire(&pool->go) < stage)
        crew__idle_park(&pool->idle, worker->index);
}

void crew__worker_main(void *arg)
{
    struct crew__worker *worker = arg;
    crew_pool *pool = worker->pool;

    /* read after the start */
    crew__store_relaxed(&worker->tid, (uint32_t)crew__thread_id());
    worker->nice = crew__thread_nice();
    /* A hook touches memory where the worker will sit. Without one the creator
     * pins it: it must not wait for a worker whose CPU is taken. */
    if (pool->on_worker_start) {
        crew__worker_pin(worker, 0);
        await_go(worker, CREW__GO_HOOKS);
    }
    /* own word */
    crew__store_relaxed(&worker->since,
                        (uint64_t)crew__clock_now() & ~UINT64_C(1));
    report_start(worker, run_start_hook(worker));
    await_go(worker, CREW__GO_WORK);
    work(worker);
    crew__idle_search_end(&pool->idle, worker->index);
    run_stop_hook(worker);
    free_scratch(worker);
    report_exit(worker);
}
