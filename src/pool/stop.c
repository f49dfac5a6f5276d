/*
 * Drain and stop.
 *
 * Stop closes the pool (no new work), wakes everybody, and ends what waits
 * itself rather than leave it to workers that may be stuck; workers that meet
 * a task meanwhile refuse it likewise. A worker leaves when it finds nothing.
 * When the last has left, the idle word says closed: a submit that passed the
 * check before sees that after its push, and sweeps what it has pushed.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include <errno.h>

/* ---- sweeping ---------------------------------------------------------- */

static crew_task *take_any(struct crew__queue *queue)
{
    crew_task *task = NULL;

    crew__lock(&queue->lock);
    crew__queue_collect(queue);
    for (unsigned level = 0; !task && level < CREW__LEVELS; level++)
        task = crew__queue_take(queue, (enum crew__level)level);
    crew__unlock(&queue->lock);
    return task;
}

static void sweep_queue(crew_pool *pool, struct crew__queue *queue)
{
    crew_task *task;

    while ((task = take_any(queue)))
        crew__run_refuse(pool, task);
}

static void sweep_ring(crew_pool *pool, struct crew__ring *ring)
{
    unsigned lost = 0;
    crew_task *task;

    while ((task = crew__ring_take_any(ring, &lost)))
        crew__run_refuse(pool, task);
}

/* Counted meanwhile, so that a drain does not end between a task's
 * unlinking and its end. */
void crew__stop_sweep(crew_pool *pool)
{
    struct crew__waiter *drainers;

    crew__lock(&pool->queue.lock);
    pool->sweepers++;
    crew__unlock(&pool->queue.lock);
    sweep_queue(pool, &pool->queue);
    for (unsigned i = 0; i < pool->workers; i++) {
        sweep_ring(pool, &pool->worker[i].ring);
        sweep_queue(pool, &pool->worker[i].mailbox);
    }
    crew__lock(&pool->queue.lock);
    pool->sweepers--;
    drainers = crew__worker_take_drainers(pool);
    crew__unlock(&pool->queue.lock);
    crew__worker_tell(drainers);
}

/* ---- drain ------------------------------------------------------------- */

static bool take_drainer_back(crew_pool *pool, struct crew__waiter *waiter)
{
    struct crew__waiter **at = &pool->drainers;
    bool found;

    crew__lock(&pool->queue.lock);
    while (*at && *at != waiter)
        at = &(*at)->next;
    found = *at != NULL;
    if (found)
        *at = waiter->next;
    crew__unlock(&pool->queue.lock);
    return found;
}

int crew_pool_drain(crew_pool *pool, crew_ns timeout)
{
    struct crew__waiter waiter;
    crew_ns deadline;
    bool idle;

    if (!pool || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    if (crew__run_inside(pool))
        return -EDEADLK;
    deadline = crew__clock_deadline(crew__clock_now(), timeout);
    crew__waiter_init(&waiter);
    crew__lock(&pool->queue.lock);
    idle = crew__worker_all_idle(pool);
    if (!idle && timeout != 0) {
        waiter.next = pool->drainers;
        pool->drainers = &waiter;
    }
    crew__unlock(&pool->queue.lock);
    if (idle)
        return 0;
    if (timeout == 0)
        return -ETIMEDOUT;
    if (crew__waiter_park(&waiter, deadline))
        return 0;
    if (take_drainer_back(pool, &waiter))
        return -ETIMEDOUT;
    crew__waiter_park(&waiter, CREW__NEVER);
    return 0;
}

/* ---- stop -------------------------------------------------------------- */

static void wake_sleeping_task(struct crew__worker *worker)
{
    crew__lock(&worker->sleep_lock);
    if (worker->sleeping)
        crew__task_wake_sleeper(worker->sleeping);
    crew__unlock(&worker->sleep_lock);
}

static void wake_all(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->workers; i++) {
        wake_sleeping_task(&pool->worker[i]);
        crew__idle_rouse(&pool->idle, i);
    }
}

static bool have_all_left(crew_pool *pool)
{
    /* edge:pool-exit, acquire */
    return crew__load_acquire(&pool->exited) == pool->workers;
}

/* Waits for the last worker to leave. Who polls does not take the lock that
 * the workers need in order to leave. */
static bool await_exit(crew_pool *pool, crew_ns timeout, crew_ns deadline)
{
    struct crew__waiter waiter;
    bool all = have_all_left(pool);

    if (all || timeout == 0)
        return all;
    crew__waiter_init(&waiter);
    crew__lock(&pool->queue.lock);
    all = have_all_left(pool);
    if (!all)
        pool->attendant = &waiter;
    crew__unlock(&pool->queue.lock);
    if (all || crew__waiter_park(&waiter, deadline))
        return true;
    crew__lock(&pool->queue.lock);
    all = pool->attendant == NULL; /* its token is on the way */
    pool->attendant = NULL;
    crew__unlock(&pool->queue.lock);
    if (all)
        crew__waiter_park(&waiter, CREW__NEVER);
    return all;
}

/* The caller holds `stopping`. Only the first stop sweeps: nothing comes
 * after it but what a submit has begun before, and a worker meets that. */
static int stop(crew_pool *pool, crew_ns timeout)
{
    crew_ns deadline = crew__clock_deadline(crew__clock_now(), timeout);

    if (pool->joined)
        return 0;
    if (!crew__exchange_seq_cst(&pool->closing, 1)) {
        wake_all(pool);
        crew__stop_sweep(pool);
    }
    if (!await_exit(pool, timeout, deadline))
        return -ETIMEDOUT;
    for (unsigned i = 0; i < pool->workers; i++)
        crew__thread_join(&pool->worker[i].thread);
    pool->joined = true;
    crew__idle_close(&pool->idle);
    crew__stop_sweep(pool);
    return 0;
}

/* Takes `stopping`, or says why not. */
int crew__stop_begin(crew_pool *pool)
{
    uint32_t free = 0;

    if (crew__run_inside(pool))
        return -EDEADLK;
    /* edge:pool-stopping, acquire */
    if (!crew__cas_acquire(&pool->stopping, &free, 1))
        return -EBUSY;
    return 0;
}

int crew__stop_forever(crew_pool *pool)
{
    return stop(pool, CREW_FOREVER);
}

int crew_pool_stop(crew_pool *pool, crew_ns timeout)
{
    int r;

    if (!pool || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    r = crew__stop_begin(pool);
    if (r < 0)
        return r;
    r = stop(pool, timeout);
    crew__store_release(&pool->stopping, 0); /* edge:pool-stopping, release */
    return r;
}
