/*
 * Waits for a task and for a group.
 *
 * A thread from outside registers a waiter and sleeps. A worker of a pool
 * registers too, and until its token comes it runs what it waits for, where
 * that waits in its own pool: found through a wish (see queue.h), in the rings
 * of all workers, which it gives back to the lists for that, and in its own
 * mailbox. It never runs a stranger, so a task that holds a lock while it waits
 * cannot meet itself.
 *
 * Edges
 *   help   begin_help -> crew_submit   seq_cst: of  announce the wait; look at
 *          the queue || push a member; look for waits  at least one sees the
 *          other.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include <errno.h>

/* One wait: for a task or a group. */
struct wait {
    crew_task *task;
    crew_group *group;
    struct crew__waiter waiter;
};

/* ---- registering with a task ------------------------------------------- */

/* 0: registered; -EALREADY: it has ended; -EBUSY, -EINVAL, -EOWNERDEAD. */
static int register_with_task(crew_task *task, struct crew__waiter *waiter)
{
    struct crew__task_private *p = crew__task_private(task);
    uint64_t word = crew__load_acquire(&p->state); /* edge:task-end, acquire */

    for (;;) {
        uint64_t state = crew__task_state(word);

        if (state == CREW__ENDED)
            return -EALREADY;
        if (state == CREW__IDLE || state == CREW__RESERVED ||
            state == CREW__FINISHED || state > CREW__ENDED)
            return -EINVAL;
        if (crew__task_is_forked(p))
            return -EOWNERDEAD;
        if (crew__task_waiter(word))
            return -EBUSY;
        if (!waiter)
            return 0;
        /* edge:task-waiter, release */
        if (crew__cas_acq_rel(&p->state, &word, word | (uintptr_t)waiter))
            return 0;
    }
}

/* false: its token is on the way. */
static bool unregister_from_task(crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);
    uint64_t word = crew__load_acquire(&p->state); /* edge:task-end, acquire */

    while (crew__task_state(word) != CREW__ENDED) {
        /* edge:task-end, acquire */
        if (crew__cas_acquire(&p->state, &word, word & ~CREW__WAITER_MASK)) {
            crew__mark(CREW__MARK_WAITER_TOOK_BACK);
            return true;
        }
    }
    crew__mark(CREW__MARK_WAITER_TOO_LATE);
    return false;
}

static bool unregister(struct wait *wait)
{
    if (wait->task)
        return unregister_from_task(wait->task);
    return crew__group_unregister(wait->group, &wait->waiter);
}

/* ---- a worker that waits ----------------------------------------------- */

struct help {
    struct crew__worker *worker;
    struct crew__wish wish;
    void *outer_wait;
    uint32_t outer_kind;
};

static void begin_help(struct help *help, struct crew__worker *worker,
                       const struct wait *wait)
{
    struct crew__queue *queue = &worker->pool->queue;

    help->worker = worker;
    help->wish.task = wait->task;
    help->wish.group = wait->group;
    help->wish.parker = &worker->pool->idle.parkers[worker->index];
    help->outer_wait = crew__load_relaxed(&worker->waits_for); /* own word */
    help->outer_kind = crew__load_relaxed(&worker->wait_kind); /* own word */
    /* for descriptions */
    crew__store_relaxed(
        &worker->wait_kind,
        (uint32_t)(wait->task ? CREW__WAIT_TASK : CREW__WAIT_GROUP));
    crew__store_seq_cst(&worker->waits_for, (void *)wait->group);
    crew__add_seq_cst(&worker->pool->helping, 1); /* edge:help, release */
    crew__lock(&queue->lock);
    crew__queue_wish(queue, &help->wish);
    crew__queue_collect(queue); /* edge:help, acquire */
    crew__unlock(&queue->lock);
}

static void end_help(struct help *help)
{
    struct crew__worker *worker = help->worker;
    struct crew__queue *queue = &worker->pool->queue;

    crew__lock(&queue->lock);
    crew__queue_unwish(queue, &help->wish);
    crew__unlock(&queue->lock);
    crew__add_seq_cst(&worker->pool->helping, (uint32_t)-1);
    crew__store_seq_cst(&worker->waits_for, help->outer_wait);
    /* for descriptions */
    crew__store_relaxed(&worker->wait_kind, help->outer_kind);
}

static void give_rings_back(crew_pool *pool)
{
    for (unsigned i = 0; i < pool->workers; i++) {
        if (!crew__ring_is_empty(&pool->worker[i].ring))
            crew__queue_give_back(&pool->queue, &pool->worker[i].ring);
    }
}

static crew_task *find_mail(struct crew__worker *worker,
                            const struct crew__wish *wish)
{
    struct crew__queue *mailbox = &worker->mailbox;
    crew_task *task;

    crew__lock(&mailbox->lock);
    crew__queue_collect(mailbox);
    task = crew__queue_search(mailbox, wish);
    crew__unlock(&mailbox->lock);
    return task;
}

/* Something that it waits for, unlinked, or NULL. */
static crew_task *find_wished(struct help *help)
{
    crew_pool *pool = help->worker->pool;
    struct crew__queue *queue = &pool->queue;
    crew_task *task;

    crew__lock(&queue->lock);
    crew__queue_collect(queue);
    task = crew__queue_take_wished(queue, &help->wish);
    if (!task) {
        give_rings_back(pool);
        task = crew__queue_take_wished(queue, &help->wish);
    }
    crew__unlock(&queue->lock);
    if (!task)
        task = find_mail(help->worker, &help->wish);
    return task;
}

static void fall_asleep(struct wait *wait, struct crew__worker *worker,
                        crew_ns deadline)
{
    crew_pool *pool = worker->pool;

    crew__pool_note(pool, worker->index, CREW__EVENT_PARK, NULL);
    crew__waiter_park(&wait->waiter, deadline);
    crew__pool_note(pool, worker->index, CREW__EVENT_WAKE, NULL);
}

/* Whether the token came before the deadline. */
static bool wait_helping(struct wait *wait, struct crew__worker *worker,
                         crew_ns deadline)
{
    struct help help;
    bool told = false;

    begin_help(&help, worker, wait);
    while (!(told = crew__waiter_told(&wait->waiter))) {
        crew_task *task;

        if (deadline != CREW__NEVER && crew__clock_now() >= deadline)
            break;
        task = find_wished(&help);
        if (task) {
            crew__mark(wait->task ? CREW__MARK_TASK_RUN_BY_WAITER
                                  : CREW__MARK_GROUP_MEMBER_RUN);
            crew__run_task(worker, task);
        } else {
            fall_asleep(wait, worker, deadline);
        }
    }
    end_help(&help);
    return told;
}

/* ---- both kinds -------------------------------------------------------- */

static struct crew__worker *this_worker(void)
{
    struct crew__activation *a = crew__thread_get();

    return a && a->worker->pool ? a->worker : NULL;
}

static void init_waiter(struct crew__waiter *waiter,
                        struct crew__worker *worker)
{
    if (worker)
        crew__waiter_init_worker(waiter,
                                 &worker->pool->idle.parkers[worker->index],
                                 &worker->tellers);
    else
        crew__waiter_init(waiter);
}

/* It is registered. */
static int wait_registered(struct wait *wait, struct crew__worker *worker,
                           crew_ns deadline)
{
    bool told = worker ? wait_helping(wait, worker, deadline)
                       : crew__waiter_park(&wait->waiter, deadline);

    if (told)
        return 0;
    if (unregister(wait))
        return -ETIMEDOUT;
    /* a worker may be roused for another reason first */
    while (!crew__waiter_park(&wait->waiter, CREW__NEVER))
        ;
    return 0;
}

static bool is_inside_task(const crew_task *task)
{
    struct crew__activation *a = crew__thread_get();

    while (a && a->task != task)
        a = a->parent;
    return a != NULL;
}

static bool is_inside_group(const crew_group *group)
{
    struct crew__activation *a = crew__thread_get();

    while (a && a->group != group)
        a = a->parent;
    return a != NULL;
}

int crew_task_wait(crew_task *task, crew_ns timeout)
{
    struct crew__worker *worker = this_worker();
    struct wait wait = {.task = task};
    int r;

    if (!task || timeout < CREW_FOREVER || task->done)
        return -EINVAL;
    if (is_inside_task(task))
        return -EDEADLK;
    r = register_with_task(task, NULL);
    if (r == -EALREADY)
        return 0;
    if (r < 0)
        return r;
    if (timeout == 0)
        return -ETIMEDOUT;
    init_waiter(&wait.waiter, worker);
    r = register_with_task(task, &wait.waiter);
    if (r == -EALREADY)
        return 0;
    if (r < 0)
        return r;
    return wait_registered(&wait, worker,
                           crew__clock_deadline(crew__clock_now(), timeout));
}

int crew_group_wait(crew_group *group, crew_ns timeout)
{
    struct crew__worker *worker = this_worker();
    struct wait wait = {.group = group};

    if (!group || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__group_is_forked(group))
        return -EOWNERDEAD;
    if (is_inside_group(group))
        return -EDEADLK;
    if (crew__group_has_noted(group))
        return -EINVAL;
    crew__group_settle(group);
    init_waiter(&wait.waiter, worker);
    if (!crew__group_register(group, &wait.waiter))
        return 0;
    return wait_registered(&wait, worker,
                           crew__clock_deadline(crew__clock_now(), timeout));
}
