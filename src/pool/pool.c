/*
 * Creating and destroying a pool.
 */
#include "pool/pool.h"

#include <crew/trace.h>

#include "base/mark.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- options ----------------------------------------------------------- */

static int check_options(const crew_pool_options *options)
{
    if ((unsigned)options->placement > CREW_PLACE_NONE ||
        (unsigned)options->idle > CREW_IDLE_POWER ||
        options->guests > CREW__WORKERS_MAX ||
        options->workers > CREW__WORKERS_MAX)
        return -EINVAL;
    if (options->stack_size && options->stack_size < crew__thread_stack_min())
        return -EINVAL;
    for (unsigned i = 0; i < 8; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    return 0;
}

static unsigned spin_of(crew_idle idle)
{
    switch (idle) {
    case CREW_IDLE_LATENCY:
        return CREW__SPIN_LATENCY;
    case CREW_IDLE_POWER:
        return 0;
    default:
        return CREW__SPIN_BALANCED;
    }
}

static void read_options(crew_pool *pool, const crew_pool_options *options)
{
    pool->limit = options->queue_limit;
    pool->guests = options->guests ? options->guests : CREW__GUESTS;
    pool->spin = spin_of(options->idle);
    pool->measure_all = options->measure_all;
    pool->on_worker_start = options->on_worker_start;
    pool->on_worker_stop = options->on_worker_stop;
    pool->hook_arg = options->arg;
    snprintf(pool->name, sizeof pool->name, "%s",
             options->name ? options->name : "crew");
}

/* The mask of this thread; but a pinned worker's says nothing of what the
 * process may use. */
int crew__pool_usable(struct crew__cpuset *set)
{
    const struct crew__activation *a = crew__thread_get();

    if (!a || a->worker->cpu < 0 || !a->worker->pool->plan.masked)
        return crew__affinity_get(0, set);
    *set = a->worker->pool->usable;
    return 0;
}

static int plan_placement(crew_pool *pool, const crew_pool_options *options)
{
    struct crew__placement_request request = {
        .workers = options->workers,
        .placement = options->placement,
        .list = options->placement_list,
        .reserve_caller_core = options->reserve_caller_core,
        .caller_cpu = crew__thread_cpu(),
    };
    int r = crew__topology_retain(&pool->topology);

    if (r < 0)
        return r;
    request.quota_cpus = crew__topology_quota(pool->topology);
    if (crew__pool_usable(&pool->usable) == 0)
        request.usable = &pool->usable;
    r = crew__placement_make(&pool->plan, pool->topology, &request);
    if (r < 0)
        return r;
    pool->wanted = pool->plan.workers;
    pool->workers = pool->plan.workers;
    return 0;
}

/* ---- workers ----------------------------------------------------------- */

static int make_workers(crew_pool *pool)
{
    pool->worker = crew__memory_aligned(CREW__APART,
                                        pool->workers * sizeof *pool->worker);
    if (!pool->worker)
        return -ENOMEM;
    for (unsigned i = 0; i < pool->workers; i++) {
        struct crew__worker *worker = &pool->worker[i];
        const struct crew__seat *seat = &pool->plan.seats[i];

        crew__ring_init(&worker->ring);
        crew__queue_init(&worker->mailbox);
        worker->pool = pool;
        worker->index = i;
        worker->cpu = seat->pinned ? (int)seat->cpu.os : -1;
        worker->victims = crew__memory_zero(pool->workers *
                                            sizeof *worker->victims);
        if (!worker->victims)
            return -ENOMEM;
    }
    return crew__idle_init(&pool->idle, pool->workers);
}

static int start_worker(crew_pool *pool, unsigned index, size_t stack_bytes)
{
    char name[CREW__NAME_BYTES + 16];
    struct crew__thread_options options = {.stack_bytes = stack_bytes,
                                           .name = name};

    snprintf(name, sizeof name, "%s/%u", pool->name, index);
    return crew__thread_start(&pool->worker[index].thread, &options,
                              crew__worker_main, &pool->worker[index]);
}

/* Starts as many as it can; how many, and why no more in *error. */
static unsigned start_workers(crew_pool *pool, size_t stack_bytes, int *error)
{
    unsigned count = 0;

    *error = 0;
    while (count < pool->plan.workers) {
        *error = start_worker(pool, count, stack_bytes);
        if (*error < 0)
            break;
        count++;
    }
    return count;
}

/* Until the first `count` workers have run their start hooks. */
static int await_start(crew_pool *pool, unsigned count)
{
    for (;;) {
        struct crew__waiter waiter;
        bool all;

        crew__waiter_init(&waiter);
        crew__lock(&pool->queue.lock);
        all = pool->started == count;
        pool->awaited = count;
        if (!all)
            pool->attendant = &waiter;
        crew__unlock(&pool->queue.lock);
        if (all)
            return pool->start_error;
        crew__waiter_park(&waiter, CREW__NEVER);
    }
}

static void go(crew_pool *pool, enum crew__go stage)
{
    crew__store_release(&pool->go, stage); /* edge:pool-go, release */
    for (unsigned i = 0; i < pool->workers; i++)
        crew__idle_rouse(&pool->idle, i);
}

/* They have reported, and most sleep, or will at once: one that sleeps is pinned
 * for little, one that runs is carried over. */
static void pin_workers(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->workers; i++) {
        struct crew__worker *worker = &pool->worker[i];

        /* it has reported */
        crew__worker_pin(worker, (pid_t)crew__load_relaxed(&worker->tid));
    }
}

static int start(crew_pool *pool, const crew_pool_options *options)
{
    int refused;
    int r;

    pool->workers = start_workers(pool, options->stack_size, &refused);
    pool->plan.workers = pool->workers;
    pool->idle.workers = pool->workers;
    for (unsigned i = 0; i < pool->workers; i++)
        crew__placement_steal_order(&pool->plan, i, pool->worker[i].victims);
    if (pool->on_worker_start)
        go(pool, CREW__GO_HOOKS);
    r = await_start(pool, pool->workers);
    if (r == 0 && refused < 0 && !(options->allow_fewer && pool->workers))
        r = refused;
    if (!pool->on_worker_start)
        pin_workers(pool);
    /* Nobody waits for a worker whose CPU is taken. */
    go(pool, CREW__GO_WORK);
    return r;
}

/* ---- create and destroy ------------------------------------------------ */

/* What tells of tellers and others that are still on their last step. */
static void await_tellers(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->wanted && pool->worker; i++) {
        /* edge:tellers, acquire */
        while (crew__load_acquire(&pool->worker[i].tellers))
            crew__yield();
    }
}

/* Copes with half-built pools; no thread is left. */
static void free_pool(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->wanted && pool->worker; i++)
        crew__memory_free(pool->worker[i].victims);
    crew__memory_free(pool->worker);
    crew__idle_fini(&pool->idle);
    crew__placement_fini(&pool->plan);
    if (pool->topology)
        crew__topology_release(pool->topology);
    crew__call_free_nodes(pool);
    crew__trace_release(pool->trace);
    crew__census_died(CREW__CENSUS_POOL, pool);
    crew__memory_free(pool);
}

static int build(crew_pool *pool, const crew_pool_options *options)
{
    int r;

    read_options(pool, options);
    r = plan_placement(pool, options);
    if (r == 0)
        r = make_workers(pool);
    return r;
}

int crew_pool_create(crew_pool **out, const crew_pool_options *options)
{
    static const crew_pool_options defaults;
    crew_pool *pool;
    int r;

    if (!options)
        options = &defaults;
    if (!out || check_options(options) < 0)
        return -EINVAL;
    pool = crew__memory_aligned(CREW__APART, sizeof *pool);
    if (!pool)
        return -ENOMEM;
    crew__census_born(CREW__CENSUS_POOL, pool);
    pool->generation = crew__fork_generation(&pool->fork_word);
    crew__queue_init(&pool->queue);
    crew__list_init(&pool->all_calls);
    r = build(pool, options);
    if (r < 0) {
        free_pool(pool);
        return r;
    }
    r = start(pool, options);
    if (r < 0) {
        crew_pool_destroy(pool);
        return r;
    }
    *out = pool;
    return 0;
}

int crew_pool_destroy(crew_pool *pool)
{
    bool forked;
    int r;

    if (!pool)
        return 0;
    forked = crew__pool_is_forked(pool);
    if (!forked) {
        r = crew__stop_begin(pool);
        if (r < 0)
            return r;
        crew__stop_forever(pool);
        await_tellers(pool);
    }
    crew__counts_withdraw_rooms(pool);
    if (!forked)
        crew_trace_stop(pool);
    free_pool(pool);
    return 0;
}

unsigned crew_pool_workers(const crew_pool *pool)
{
    return pool ? pool->workers : 0;
}

unsigned crew_pool_slots(const crew_pool *pool)
{
    return pool ? pool->workers + pool->guests : 0;
}
