/*
 * What running code may ask and do through its self.
 *
 * Edges
 *   sleep   crew_sleep -> cancel, stop   SLEEPING is set and the reasons to
 *           wake are read, both seq_cst; who cancels sets the reason and then
 *           looks at SLEEPING, so at least one sees the other.
 */
#include "pool/pool.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

/* The activation of a self that is used on its own thread; NULL. */
static struct crew__activation *here(const crew_self *self)
{
    struct crew__activation *a = self ? self->activation : NULL;

    if (!a || a->thread != crew__thread_identity())
        return NULL;
    /* An outer self, used inside a nested call, is a bug of the program. */
    crew__assert(a == crew__thread_get());
    return a;
}

unsigned crew_self_index(const crew_self *self)
{
    return self ? self->activation->worker->index : 0;
}

crew_pool *crew_self_pool(crew_self *self)
{
    return self ? self->activation->worker->pool : NULL;
}

void *crew_self_data(crew_self *self)
{
    return self ? self->activation->worker->data : NULL;
}

void crew_self_set_data(crew_self *self, void *data)
{
    struct crew__activation *a = here(self);

    if (a)
        a->worker->data = data;
}

static bool is_canceled(const struct crew__activation *a)
{
    const struct crew_pool *pool = a->worker->pool;

    if (!pool)
        return crew__cancel_is_fired(a->worker->cancel);
    if (crew__load_seq_cst((crew__a32 *)&pool->closing))
        return true;
    if (a->group && crew__group_is_canceled(a->group))
        return true;
    return a->task && (crew__load_seq_cst(&crew__task_private(a->task)->state) &
                       CREW__CANCEL);
}

int crew_self_canceled(crew_self *self)
{
    const struct crew__activation *a;
    int error;

    if (!self)
        return -EINVAL;
    a = self->activation;
    error = (int)crew__load_acquire(&a->error); /* edge:self-fail, acquire */
    if (error)
        return error;
    if (is_canceled(a))
        return -ECANCELED;
    if (a->run_deadline != CREW__NEVER &&
        crew__clock_coarse() >= a->run_deadline)
        return -ETIMEDOUT;
    return 0;
}

void crew__self_keep_text(crew_self *self, struct crew__text_sink *sink)
{
    self->activation->texts = sink;
}

int crew_self_fail(crew_self *self, int error, const char *text)
{
    struct crew__activation *a;
    uint32_t none = 0;

    if (!self || error >= 0)
        return -EINVAL;
    a = self->activation;
    /* edge:self-fail, release */
    if (crew__cas_acq_rel(&a->error, &none, (uint32_t)error) && text &&
        a->texts)
        a->texts->take(a->texts, text); /* before `run` returns */
    return error;
}

void *crew_self_scratch(crew_self *self, size_t size)
{
    struct crew__activation *a = here(self);
    struct crew__block *block;
    size_t rounded = (size + 63) & ~(size_t)63;
    void *memory;

    if (!a || size >= CREW__TOO_LARGE)
        return NULL;
    block = a->worker->scratch;
    if (!block || rounded > block->size - block->used) {
        size_t room = rounded > CREW__SCRATCH_BLOCK ? rounded
                                                    : CREW__SCRATCH_BLOCK;

        block = crew__memory_aligned(64, sizeof *block + room);
        if (!block)
            return NULL;
        block->previous = a->worker->scratch;
        block->size = room;
        a->worker->scratch = block;
    }
    memory = (char *)(block + 1) + block->used;
    block->used += rounded;
    return memory;
}

/* ---- the mask ---------------------------------------------------------- */

int crew_self_unpin(crew_self *self)
{
    struct crew__activation *a = here(self);
    int r;

    if (!a)
        return -EINVAL;
    /* not pinned in the first place */
    if (a->worker->cpu < 0 || a->worker->pin_error)
        return 0;
    r = crew__affinity_set(0, &a->worker->pool->usable);
    if (r == 0)
        a->unpinned = true;
    return r;
}

int crew_self_repin(crew_self *self)
{
    struct crew__activation *a = self ? self->activation : NULL;
    struct crew__cpuset one = {{0}};

    if (!a || a->thread != crew__thread_identity())
        return -EINVAL;
    if (!a->unpinned)
        return 0;
    a->unpinned = false;
    crew__cpuset_add(&one, (unsigned)a->worker->cpu);
    return crew__affinity_set(0, &one);
}

/* ---- sleeping ---------------------------------------------------------- */

/* In a hook, where no stop comes during a start hook, and before a stop hook it
 * has come; or in a worker that has no pool. */
static int sleep_plainly(crew_self *self, crew_ns deadline)
{
    struct crew__parker parker;
    int r = crew_self_canceled(self);

    if (r)
        return r;
    crew__park_init(&parker);
    return crew__cancel_park(&parker, deadline) == -ECANCELED ? -ECANCELED : 0;
}

static void set_sleeping(struct crew__worker *worker, crew_task *task)
{
    crew__lock(&worker->sleep_lock);
    worker->sleeping = task;
    crew__unlock(&worker->sleep_lock);
}

/* When to look again: at the deadline, or when the run_timeout can be seen to
 * have passed; the coarse clock may say so a step later. */
static crew_ns next_look(const struct crew__activation *a, crew_ns now,
                         crew_ns deadline)
{
    crew_ns look = a->run_deadline;

    if (look == CREW__NEVER)
        return deadline;
    if (look < now)
        look = now;
    look += crew__clock_step();
    return look < deadline ? look : deadline;
}

/* Sleeps until `deadline`, or until there is a reason to end. */
static int sleep_as_task(struct crew__activation *a, crew_ns deadline)
{
    struct crew__task_private *p = crew__task_private(a->task);
    int r;

    for (;;) {
        uint64_t word;
        crew_ns now;

        /* edge:sleep, release */
        word = crew__or_seq_cst(&p->state, CREW__SLEEPING);
        r = crew_self_canceled(&a->self); /* edge:sleep, acquire */
        now = crew__clock_now();
        if (r || now >= deadline)
            break;
        crew__futex_wait(crew__task_futex(p), (uint32_t)(word | CREW__SLEEPING),
                         next_look(a, now, deadline));
    }
    crew__and_seq_cst(&p->state, ~CREW__SLEEPING);
    return r;
}

int crew_sleep(crew_self *self, crew_ns timeout)
{
    struct crew__activation *a = here(self);
    struct crew__sleeper sleeper;
    crew_ns deadline;
    int r;

    if (!a || timeout < CREW_FOREVER)
        return -EINVAL;
    deadline = crew__clock_deadline(crew__clock_now(), timeout);
    if (!a->task)
        return sleep_plainly(self, deadline);
    sleeper.task = a->task;
    set_sleeping(a->worker, a->task);
    if (a->group)
        crew__group_add_sleeper(a->group, &sleeper);
    r = sleep_as_task(a, deadline);
    if (a->group)
        crew__group_drop_sleeper(a->group, &sleeper);
    set_sleeping(a->worker, NULL);
    return r;
}
