/*
 * Turning the trace of a pool on and off. What is noted, and where, stands in
 * runtime/trace.h; the rest of this layer calls crew__pool_note.
 */
#include "pool/pool.h"

#include <crew/trace.h>

#include <errno.h>

/* False: another thread is inside start or stop. */
static bool enter(crew_pool *pool)
{
    uint32_t free = 0;

    /* edge:trace-turn, acquire */
    return crew__cas_acquire(&pool->trace_busy, &free, 1);
}

static void leave(crew_pool *pool)
{
    /* edge:trace-turn, release */
    crew__store_release(&pool->trace_busy, 0);
}

static int make_trace(crew_pool *pool)
{
    struct crew__trace *trace;
    int r = crew__trace_create(&trace, pool->workers, pool->name);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < pool->workers; i++)
        /* written before create returned */
        trace->rings[i].thread = crew__load_relaxed(&pool->worker[i].tid);
    pool->trace = trace;
    return 0;
}

static int start(crew_pool *pool, const char *path)
{
    int fd = -1;
    int r;

    /* changes inside alone */
    if (crew__load_relaxed(&pool->tracing))
        return -EALREADY;
    r = pool->trace ? 0 : make_trace(pool);
    if (r == 0)
        r = crew__file_create(path, &fd);
    if (r < 0)
        return r;
    crew__trace_begin(pool->trace, fd);
    /* edge:trace-pool, release */
    crew__store_release(&pool->tracing, pool->trace);
    return 0;
}

int crew_trace_start(crew_pool *pool, const char *path)
{
    int r;

    if (!pool || !path)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    if (crew__load_seq_cst(&pool->closing))
        return -ESHUTDOWN;
    if (!enter(pool))
        return -EBUSY;
    r = start(pool, path);
    leave(pool);
    return r;
}

int crew_trace_stop(crew_pool *pool)
{
    int r = -EALREADY;

    if (!pool)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    if (!enter(pool))
        return -EBUSY;
    /* changes inside alone */
    if (crew__load_relaxed(&pool->tracing)) {
        crew__store_relaxed(&pool->tracing, NULL); /* late notes do no harm */
        r = crew__trace_finish(pool->trace);
    }
    leave(pool);
    return r;
}
