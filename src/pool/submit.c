/*
 * How tasks get in. Everything that can fail comes first; then the task is
 * counted where it must be (room, inbox, group), becomes queued, and is
 * pushed: the push publishes all that was written before it, and after it
 * the task may be gone.
 *
 * Submitting allocates nothing, takes no lock (but submit_each) and makes no
 * system call, unless a sleeping worker has to be woken.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include <errno.h>

static int check_pool(const crew_pool *pool, const crew_inbox *inbox)
{
    if (!pool)
        return -EINVAL;
    if (crew__pool_is_forked(pool) || (inbox && crew__inbox_is_forked(inbox)))
        return -EOWNERDEAD;
    if (crew__load_seq_cst((crew__a32 *)&pool->closing))
        return -ESHUTDOWN;
    return 0;
}

static int check_task(crew_task *task, const crew_inbox *inbox)
{
    uint64_t state;

    if (!task || !task->run || (task->done != NULL) != (inbox != NULL) ||
        (unsigned)task->priority > CREW_LOW ||
        task->queue_timeout < CREW_FOREVER || task->run_timeout < CREW_FOREVER)
        return -EINVAL;
    if (task->group && crew__group_is_forked(task->group))
        return -EOWNERDEAD;
    /* edge:task-end, acquire */
    state = crew__task_state(
        crew__load_acquire(&crew__task_private(task)->state));
    if (state == CREW__IDLE || state == CREW__ENDED)
        return 0;
    return state < CREW__ENDED ? -EBUSY : -EINVAL;
}

/* Fills the private words in; nobody else sees them yet. */
static void prepare(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    struct crew__task_private *p = crew__task_private(task);

    p->inbox = inbox ? inbox : crew__task_waited(pool->generation);
    p->wished.next = NULL;
    crew__task_stamp(task, crew__thread_sample() || pool->measure_all);
    crew__pool_note(pool, CREW__TRACE_OUTSIDE, CREW__EVENT_SUBMIT, task);
    crew__store_relaxed(&p->where, 0);            /* published by the push */
    crew__store_relaxed(&p->state, CREW__QUEUED); /* published by the push */
}

/* Wakes the workers that wait for `group`: they run members. The pointer is
 * compared alone, as the group may be gone. */
static void poke(crew_pool *pool, const crew_group *group)
{
    if (!crew__load_seq_cst(&pool->helping)) /* edge:help, acquire */
        return;
    for (unsigned i = 0; i < pool->workers; i++) {
        if (crew__load_seq_cst(&pool->worker[i].waits_for) == group) {
            crew__mark(CREW__MARK_GROUP_POKED);
            crew__idle_rouse(&pool->idle, i);
        }
    }
}

static void publish(crew_pool *pool)
{
    if (crew__idle_publish(&pool->idle))
        return;
    /* The pool has stopped since the check: no worker will ever come. */
    crew__mark(CREW__MARK_LATE_SWEEP);
    crew__stop_sweep(pool);
}

int crew_submit(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    crew_group *group;
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = check_task(task, inbox);
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, 1);
    if (r < 0)
        return r;
    group = task->group;
    if (group)
        crew__group_join(group, inbox != NULL, 1);
    if (inbox)
        crew__inbox_expect(inbox, 1);
    prepare(pool, task, inbox);
    crew__queue_push(&pool->queue, crew__level_of(task->priority), task, task);
    if (group)
        poke(pool, group);
    publish(pool);
    return 0;
}

int crew__submit_own(crew_pool *pool, crew_task *task)
{
    int r = pool->limit ? crew__counts_take_room(pool, 1) : 0;

    if (r < 0)
        return r;
    prepare(pool, task, CREW__NO_INBOX);
    crew__queue_push(&pool->queue, CREW__NORMAL, task, task);
    publish(pool);
    return 0;
}

/* A pool of one has one queue, so that all that it is given starts in order. */
static struct crew__queue *mailbox_of(crew_pool *pool, unsigned worker)
{
    return pool->workers == 1 ? &pool->queue : &pool->worker[worker].mailbox;
}

int crew_submit_to(crew_pool *pool, unsigned worker, crew_task *task,
                   crew_inbox *inbox)
{
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = worker < pool->workers ? check_task(task, inbox) : -EINVAL;
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, 1);
    if (r < 0)
        return r;
    if (task->group)
        crew__group_join(task->group, inbox != NULL, 1);
    if (inbox)
        crew__inbox_expect(inbox, 1);
    prepare(pool, task, inbox);
    crew__queue_push(mailbox_of(pool, worker), crew__level_of(task->priority),
                     task, task);
    crew__idle_rouse(&pool->idle, worker);
    if (crew__idle_is_closed(&pool->idle))
        crew__stop_sweep(pool);
    return 0;
}

/* ---- several at once --------------------------------------------------- */

/* Marks a task as taken by this call, and keeps what it was. */
static void reserve(crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);

    /* still the caller's */
    p->times = (crew_ns)crew__load_relaxed(&p->state);
    crew__store_relaxed(&p->state, CREW__RESERVED); /* still the caller's */
}

static void unreserve(crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);
    uint64_t before = (uint64_t)p->times;

    crew__store_relaxed(&p->state, before); /* still the caller's */
}

/* All checked and reserved, and room taken, or nothing. */
static int reserve_all(crew_pool *pool, crew_task **tasks, size_t n,
                       crew_inbox *inbox)
{
    size_t count = 0;
    int r = 0;

    while (count < n && r == 0) {
        r = check_task(tasks[count], inbox);
        if (r == 0)
            reserve(tasks[count++]);
    }
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, n);
    if (r < 0) {
        while (count)
            unreserve(tasks[--count]);
    }
    return r;
}

static void join_groups(crew_task **tasks, size_t n, bool noted)
{
    for (size_t i = 0; i < n; i++) {
        if (tasks[i]->group)
            crew__group_join(tasks[i]->group, noted, 1);
    }
}

/* A chain per level, newest first. */
struct chains {
    crew_task *first[CREW__LEVELS];
    crew_task *last[CREW__LEVELS];
};

static void chain(struct chains *chains, crew_task *task)
{
    enum crew__level level = crew__level_of(task->priority);

    if (chains->first[level])
        crew__task_private(task)->item.node.next =
            &crew__task_private(chains->first[level])->item.node;
    else
        chains->last[level] = task;
    chains->first[level] = task;
}

/* Wakes who waits for a group of these. All of them may be gone, so whether
 * one has a group was noted before. */
static void poke_all(crew_pool *pool)
{
    if (!crew__load_seq_cst(&pool->helping))
        return;
    for (unsigned i = 0; i < pool->workers; i++) {
        if (crew__load_seq_cst(&pool->worker[i].waits_for))
            crew__idle_rouse(&pool->idle, i);
    }
}

int crew_submit_many(crew_pool *pool, crew_task **tasks, size_t n,
                     crew_inbox *inbox)
{
    struct chains chains = {{NULL}, {NULL}};
    bool grouped = false;
    int r = check_pool(pool, inbox);

    if (r == 0 && n && !tasks)
        r = -EINVAL;
    if (r == 0 && n)
        r = reserve_all(pool, tasks, n, inbox);
    if (r < 0 || n == 0)
        return r;
    if (inbox)
        crew__inbox_expect(inbox, n);
    for (size_t i = 0; i < n; i++) {
        if (tasks[i]->group) {
            crew__group_join(tasks[i]->group, inbox != NULL, 1);
            grouped = true;
        }
        prepare(pool, tasks[i], inbox);
        chain(&chains, tasks[i]);
    }
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        if (chains.first[level])
            crew__queue_push(&pool->queue, (enum crew__level)level,
                             chains.first[level], chains.last[level]);
    }
    if (grouped)
        poke_all(pool);
    publish(pool);
    return 0;
}

static int check_each(const crew_pool *pool, crew_task **tasks, size_t n)
{
    if (n > pool->workers || (n && !tasks))
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (!tasks[i] || tasks[i]->priority != CREW_NORMAL)
            return -EINVAL;
    }
    return 0;
}

int crew_submit_each(crew_pool *pool, crew_task **tasks, size_t n,
                     crew_inbox *inbox)
{
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = check_each(pool, tasks, n);
    if (r == 0 && n)
        r = reserve_all(pool, tasks, n, inbox);
    if (r < 0 || n == 0)
        return r;
    join_groups(tasks, n, inbox != NULL);
    if (inbox)
        crew__inbox_expect(inbox, n);
    for (size_t i = 0; i < n; i++)
        prepare(pool, tasks[i], inbox);
    /* One set after the other, so in the same order on every worker. */
    crew__lock(&pool->each_lock);
    for (unsigned i = 0; i < n; i++)
        crew__queue_push(mailbox_of(pool, i), CREW__NORMAL, tasks[i], tasks[i]);
    crew__unlock(&pool->each_lock);
    for (unsigned i = 0; i < n; i++)
        crew__idle_rouse(&pool->idle, i);
    if (crew__idle_is_closed(&pool->idle))
        crew__stop_sweep(pool);
    return 0;
}
