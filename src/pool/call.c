/*
 * crew_pool_call: a task of the library's own. Its nodes come from a free list
 * of the pool; the lock around that list is the price for not making the
 * caller keep anything, and is held for a few instructions.
 */
#include "pool/pool.h"

#include <errno.h>

struct crew__call {
    crew_task task;          /* first: a task is its call */
    struct crew__call *next; /* of the free ones */
    struct crew__link link;  /* in the pool's list of all */
    crew_pool *pool;
    void (*fn)(crew_self *, void *);
    void *arg;
};

static struct crew__call *make_node(crew_pool *pool)
{
    struct crew__call *call = crew__memory_aligned(64, sizeof *call);

    if (!call)
        return NULL;
    call->pool = pool;
    crew__lock(&pool->calls_lock);
    crew__list_push_last(&pool->all_calls, &call->link);
    crew__unlock(&pool->calls_lock);
    return call;
}

static struct crew__call *take_node(crew_pool *pool)
{
    struct crew__call *call;

    crew__lock(&pool->calls_lock);
    call = pool->calls;
    if (call) {
        pool->calls = call->next;
        pool->calls_kept--;
    }
    crew__unlock(&pool->calls_lock);
    return call ? call : make_node(pool);
}

static void keep_node(struct crew__call *call)
{
    crew_pool *pool = call->pool;
    bool kept;

    crew__lock(&pool->calls_lock);
    kept = pool->calls_kept < CREW__CALLS_KEPT;
    if (kept) {
        call->next = pool->calls;
        pool->calls = call;
        pool->calls_kept++;
    } else {
        crew__list_unlink(&call->link);
    }
    crew__unlock(&pool->calls_lock);
    if (!kept)
        crew__memory_free(call);
}

static int run_call(crew_self *self, crew_task *task)
{
    struct crew__call *call = (struct crew__call *)(void *)task;

    call->fn(self, call->arg);
    return 0;
}

static void call_ended(crew_task *task)
{
    keep_node((struct crew__call *)(void *)task);
}

/* In a forked child also those that were on their way. */
void crew__call_free_nodes(crew_pool *pool)
{
    pool->calls = NULL;
    while (!crew__list_is_empty(&pool->all_calls)) {
        struct crew__link *link = pool->all_calls.next;

        crew__list_unlink(link);
        crew__memory_free((char *)link - offsetof(struct crew__call, link));
    }
}

int crew_pool_call(crew_pool *pool, void (*fn)(crew_self *, void *), void *arg)
{
    struct crew__call *call;
    int r;

    if (!pool || !fn)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    if (crew__load_seq_cst(&pool->closing))
        return -ESHUTDOWN;
    call = take_node(pool);
    if (!call)
        return -ENOMEM;
    call->task = (crew_task){.run = run_call, .done = call_ended};
    call->fn = fn;
    call->arg = arg;
    r = crew__submit_own(pool, &call->task);
    if (r < 0)
        keep_node(call);
    return r;
}
