#include "pool/pool.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

struct crew__activation *crew__run_inside(const crew_pool *pool)
{
    struct crew__activation *a = crew__thread_get();

    while (a && a->worker->pool != pool)
        a = a->parent;
    return a;
}

/* ---- activations ------------------------------------------------------- */

static inline void open_for(struct crew__activation *a,
                            struct crew__worker *worker, crew_task *task)
{
    a->self.activation = a;
    a->parent = crew__thread_get();
    a->worker = worker;
    a->thread = crew__thread_identity();
    a->task = task;
    a->group = task ? task->group : NULL;
    a->run_deadline = CREW__NEVER;
    crew__store_relaxed(&a->error, 0); /* not shared yet */
    a->unpinned = false;
    a->texts = NULL;
    a->block = worker->scratch;
    a->used = worker->scratch ? worker->scratch->used : 0;
    /* The coarse clock, which is compared with it, is never ahead of this one:
     * so never early, however far it is behind (7 ms were seen on a busy
     * virtual machine with steps of 4). */
    if (task && task->run_timeout > 0)
        a->run_deadline = crew__clock_deadline(crew__clock_now(),
                                               task->run_timeout);
    crew__thread_set(a);
}

void crew__run_open(struct crew__activation *a, struct crew__worker *worker,
                    crew_task *task)
{
    open_for(a, worker, task);
}

/* Scratch memory as it was; of the first blocks a small one is kept. */
static void release_scratch(struct crew__activation *a)
{
    struct crew__worker *worker = a->worker;

    while (worker->scratch && worker->scratch != a->block) {
        struct crew__block *block = worker->scratch;

        if (!block->previous && block->size <= CREW__SCRATCH_BLOCK) {
            block->used = 0;
            return;
        }
        worker->scratch = block->previous;
        crew__memory_free(block);
    }
    if (worker->scratch)
        worker->scratch->used = a->used;
}

static inline int close_for(struct crew__activation *a)
{
    if (a->unpinned)
        crew_self_repin(&a->self);
    if (a->worker->scratch) /* some task has asked for some */
        release_scratch(a);
    crew__assert(crew__thread_get() == a);
    crew__thread_set(a->parent);
    return (int)crew__load_acquire(&a->error); /* edge:self-fail, acquire */
}

int crew__run_close(struct crew__activation *a)
{
    return close_for(a);
}

/* ---- one task ---------------------------------------------------------- */

/* Why it is not to be run, or 0. */
static inline int refusal(const crew_pool *pool, const crew_task *task)
{
    const struct crew__task_private *p =
        (const struct crew__task_private *)(const void *)task->reserved;
    crew_ns deadline;

    if (crew__load_seq_cst(&pool->closing))
        return -ECANCELED;
    if (task->group && crew__group_is_canceled(task->group))
        return -ECANCELED;
    deadline = crew__task_deadline(p->times);
    if (deadline != CREW__NEVER && crew__clock_now() > deadline)
        return -ETIMEDOUT;
    return 0;
}

/* Decides, once: 0 to run it, or the status it ends with. */
static inline int claim(const crew_pool *pool, crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);
    uint64_t word = CREW__QUEUED; /* nearly always; the CAS decides */

    for (;;) {
        uint64_t next;
        int status;

        if (crew__task_state(word) == CREW__CLAIMED)
            return -ECANCELED;
        crew__guard(crew__task_state(word) == CREW__QUEUED);
        status = refusal(pool, task);
        next = word - CREW__QUEUED + (status ? CREW__CLAIMED : CREW__RUNNING);
        /* edge:task-cancel, acquire */
        if (crew__cas_acquire(&p->state, &word, next))
            return status;
        crew__mark(CREW__MARK_CANCEL_RACE);
    }
}

static struct crew__trace *traced(crew_pool *pool)
{
    return crew__load_acquire(&pool->tracing); /* edge:trace-pool, acquire */
}

static inline void count(crew__a64 *figure)
{
    /* One writer, so no read-modify-write is needed. */
    crew__store_relaxed(figure, crew__load_relaxed(figure) + 1); /* a figure */
}

static inline int run(struct crew__worker *worker, crew_task *task)
{
    uint32_t inside = crew__load_relaxed(&worker->running); /* own word */
    struct crew__activation a;
    int status;
    int error;

    crew__store_relaxed(&worker->running, inside + 1); /* own word */
    open_for(&a, worker, task);
    crew__pool_note(worker->pool, worker->index, CREW__EVENT_START, task);
    status = task->run(&a.self, task);
    crew__pool_note(worker->pool, worker->index, CREW__EVENT_END, task);
    error = close_for(&a);
    crew__store_relaxed(&worker->running, inside); /* own word */
    return error ? error : status;
}

/* The same with its times noted. */
__attribute__((noinline)) static int
run_measured(struct crew__worker *worker, crew_task *task, crew_ns submitted)
{
    crew_ns begin = crew__clock_now();
    int status;

    crew__histogram_add_owner(&worker->waits, begin - submitted);
    status = run(worker, task);
    crew__histogram_add_owner(&worker->runs, crew__clock_now() - begin);
    return status;
}

void crew__run_task(struct crew__worker *worker, crew_task *task)
{
    crew_pool *pool = worker->pool;
    crew_ns submitted = crew__task_submitted(task,
                                             crew__task_private(task)->times);
    int status = claim(pool, task);
    uint64_t flags = 0;

    if (pool->limit)
        crew__counts_give_room(pool, 1);
    if (status == 0) {
        status = submitted ? run_measured(worker, task, submitted)
                           : run(worker, task);
        flags = CREW__RAN;
        count(&worker->counts.done);
    } else if (status == -ETIMEDOUT) {
        crew__mark(CREW__MARK_EXPIRED);
        count(&worker->counts.timed_out);
    } else {
        count(&worker->counts.canceled);
    }
    if (task->group)
        crew__group_note(task->group, status);
    crew__task_tell_end(task, status, flags, traced(pool));
}

void crew__run_refuse(crew_pool *pool, crew_task *task)
{
    int status = claim(pool, task); /* the pool is closing: never 0 */

    crew__guard(status != 0);
    if (pool->limit)
        crew__counts_give_room(pool, 1);
    /* a figure */
    crew__add_relaxed(status == -ETIMEDOUT ? &pool->swept.timed_out
                                           : &pool->swept.canceled,
                      1);
    crew__mark(CREW__MARK_STOP_SWEPT);
    if (task->group)
        crew__group_note(task->group, status);
    crew__task_tell_end(task, status, 0, traced(pool));
}
