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

static inline int check_pool(const crew_pool *pool, const crew_inbox *inbox)
{
    if (!pool)
        return -EINVAL;
    if (crew__pool_is_forked(pool) || (inbox && crew__inbox_is_forked(inbox)))
        return -EOWNERDEAD;
    if (crew__load_seq_cst((crew__a32 *)&pool->closing))
        return -ESHUTDOWN;
    return 0;
}

/* As most tasks are: one branch instead of five. */
static inline bool is_plain(const crew_task *task)
{
    return ((uint64_t)task->queue_timeout | (uint64_t)task->run_timeout |
            (uint64_t)task->priority | (uintptr_t)task->group) == 0;
}

static int check_fields(const crew_task *task)
{
    if ((unsigned)task->priority > CREW_LOW ||
        task->queue_timeout < CREW_FOREVER || task->run_timeout < CREW_FOREVER)
        return -EINVAL;
    if (task->group && crew__group_is_forked(task->group))
        return -EOWNERDEAD;
    return 0;
}

/* *before: its state word, which says that it may be submitted. */
static inline int check_task(crew_task *task, const crew_inbox *inbox,
                             uint64_t *before)
{
    uint64_t state;

    if (!task || !task->run || (task->done != NULL) != (inbox != NULL))
        return -EINVAL;
    if (!is_plain(task)) {
        int r = check_fields(task);

        if (r < 0)
            return r;
    }
    /* edge:task-end, acquire */
    *before = crew__load_acquire(&crew__task_private(task)->state);
    state = crew__task_state(*before);
    if (state == CREW__IDLE || state == CREW__ENDED)
        return 0;
    return state < CREW__ENDED ? -EBUSY : -EINVAL;
}

/* Fills the private words in; nobody else sees them yet. */
static inline void prepare(crew_pool *pool, crew_task *task, crew_inbox *inbox,
                           uint64_t state)
{
    struct crew__task_private *p = crew__task_private(task);

    p->inbox = inbox ? inbox : crew__task_waited(pool->generation);
    p->wished.next = NULL;
    crew__task_stamp(task, crew__thread_sample() || pool->measure_all);
    crew__store_relaxed(&p->where, 0);     /* published by the push */
    crew__store_relaxed(&p->state, state); /* published by the push */
}

static inline void note_submit(crew_pool *pool, const crew_task *task)
{
    crew__pool_note(pool, CREW__TRACE_OUTSIDE, CREW__EVENT_SUBMIT, task);
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

static inline void publish(crew_pool *pool)
{
    if (crew__idle_publish(&pool->idle))
        return;
    /* The pool has stopped since the check: no worker will ever come. */
    crew__mark(CREW__MARK_LATE_SWEEP);
    crew__stop_sweep(pool);
}

/* What can fail; the room is taken. */
static inline int begin(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    uint64_t before;
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = check_task(task, inbox, &before);
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, 1);
    return r;
}

static inline void finish(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    crew_group *group = task->group;

    if (group)
        crew__group_join(group, inbox != NULL, 1);
    if (inbox)
        crew__inbox_expect(inbox, 1);
    prepare(pool, task, inbox, CREW__QUEUED);
    note_submit(pool, task);
    crew__queue_push(&pool->queue, crew__level_of(task->priority), task, task);
    if (group)
        poke(pool, group);
    publish(pool);
}

int crew_submit(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    int r = begin(pool, task, inbox);

    if (r == 0)
        finish(pool, task, inbox);
    return r;
}

int crew__submit_begin(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    return begin(pool, task, inbox);
}

void crew__submit_finish(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    finish(pool, task, inbox);
}

int crew__submit_own(crew_pool *pool, crew_task *task)
{
    int r = pool->limit ? crew__counts_take_room(pool, 1) : 0;

    if (r < 0)
        return r;
    prepare(pool, task, CREW__NO_INBOX, CREW__QUEUED);
    note_submit(pool, task);
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
    uint64_t before;
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = worker < pool->workers ? check_task(task, inbox, &before) : -EINVAL;
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, 1);
    if (r < 0)
        return r;
    if (task->group)
        crew__group_join(task->group, inbox != NULL, 1);
    if (inbox)
        crew__inbox_expect(inbox, 1);
    prepare(pool, task, inbox, CREW__QUEUED);
    note_submit(pool, task);
    crew__queue_push(mailbox_of(pool, worker), crew__level_of(task->priority),
                     task, task);
    crew__idle_rouse(&pool->idle, worker);
    if (crew__idle_is_closed(&pool->idle))
        crew__stop_sweep(pool);
    return 0;
}

/* ---- several at once --------------------------------------------------- */

/* A chain per level, newest first. */
struct chains {
    crew_task *newest[CREW__LEVELS];
    crew_task *oldest[CREW__LEVELS];
    bool grouped; /* one of them has a group */
};

static inline void chain(struct chains *chains, crew_task *task)
{
    enum crew__level level = crew__level_of(task->priority);
    crew_task *newest = chains->newest[level];

    if (newest)
        crew__task_private(task)->item.node.next =
            &crew__task_private(newest)->item.node;
    else
        chains->oldest[level] = task;
    chains->newest[level] = task;
    chains->grouped |= task->group != NULL;
}

/* Nothing but the state has to be as it was: the rest is ours. */
static void unreserve(crew_task **tasks, size_t count)
{
    while (count--) {
        crew__a64 *state = &crew__task_private(tasks[count])->state;

        /* still the caller's */
        crew__store_relaxed(state,
                            crew__load_relaxed(state) >> CREW__RESERVED_SHIFT);
    }
}

/* All checked, prepared and reserved, and room taken; or nothing. */
static int reserve(crew_pool *pool, crew_task **tasks, size_t n,
                   crew_inbox *inbox, struct chains *chains)
{
    size_t count;
    int r = 0;

    for (count = 0; count < n; count++) {
        uint64_t before;

        r = check_task(tasks[count], inbox, &before);
        if (r < 0)
            break;
        prepare(pool, tasks[count], inbox,
                CREW__RESERVED | before << CREW__RESERVED_SHIFT);
        chain(chains, tasks[count]);
    }
    if (r == 0 && pool->limit)
        r = crew__counts_take_room(pool, n);
    if (r < 0)
        unreserve(tasks, count);
    return r;
}

/* From here on nothing fails. */
static void commit(crew_pool *pool, crew_task **tasks, size_t n,
                   crew_inbox *inbox, const struct chains *chains)
{
    if (inbox)
        crew__inbox_expect(inbox, n);
    for (size_t i = 0; chains->grouped && i < n; i++) {
        if (tasks[i]->group)
            crew__group_join(tasks[i]->group, inbox != NULL, 1);
    }
    for (size_t i = 0; i < n; i++) {
        /* published by the push */
        crew__store_relaxed(&crew__task_private(tasks[i])->state, CREW__QUEUED);
    }
    /* edge:trace-pool, acquire */
    for (size_t i = 0; crew__load_acquire(&pool->tracing) && i < n; i++)
        note_submit(pool, tasks[i]);
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
    struct chains chains = {.grouped = false};
    int r = check_pool(pool, inbox);

    if (r == 0 && n && !tasks)
        r = -EINVAL;
    if (r == 0 && n)
        r = reserve(pool, tasks, n, inbox, &chains);
    if (r < 0 || n == 0)
        return r;
    commit(pool, tasks, n, inbox, &chains);
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        if (chains.newest[level])
            crew__queue_push(&pool->queue, (enum crew__level)level,
                             chains.newest[level], chains.oldest[level]);
    }
    if (chains.grouped)
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
    struct chains chains = {.grouped = false}; /* not used */
    int r = check_pool(pool, inbox);

    if (r == 0)
        r = check_each(pool, tasks, n);
    if (r == 0 && n)
        r = reserve(pool, tasks, n, inbox, &chains);
    if (r < 0 || n == 0)
        return r;
    commit(pool, tasks, n, inbox, &chains);
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
