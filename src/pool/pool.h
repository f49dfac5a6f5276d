/*
 * A pool and its workers from the inside.
 *
 * Files of this layer, lowest first:
 *   task.h       the private half of a task: state word, waiter
 *   group        members, waiters, notify
 *   queue        stacks and lists of tasks; wishes
 *   pool.h       this: the structures that the rest shares
 *   counts       room in a queue with a limit
 *   run          one task: claim, run, tell the end; activations
 *   self         what running code may ask and do
 *   take         what a worker takes next
 *   worker       the loop of a worker: take, run, rest
 *   wait         waits for tasks and groups; a waiting worker runs its own
 *   submit       how tasks get in
 *   call         crew_pool_call
 *   stop         drain, stop; sweeping what waits
 *   pool         create, destroy
 *   stats        figures
 *   trace        turning the trace on and off
 *   describe     description
 *
 * "Holds": a worker's count of these is odd from before a task leaves a queue or
 * a ring into its hands until the end has been told. It becomes odd under the
 * lock of the queue or mailbox, or, for rings, before the CAS. No task waits or
 * runs if, under the lock of the pool's queue, in this order,
 *
 *   all counts are even; queue, mailboxes and rings are empty; all counts are
 *   what they were.
 *
 * For between the two counts nobody held anything, so nothing moved, and
 * nothing was submitted by a task.
 *
 * Who has ended a task and finds no other goes in, under that lock, and looks
 * whether a drain waits for this moment.
 *
 * Edges
 *   pool-go         create -> worker   the number of workers and the order of
 *                   stealing are seen.
 *   pool-stopping   stop -> the next stop   what it left is seen.
 *   tellers         a waiter's teller -> destroy   its last touch of a worker
 *                   happens before the memory goes; see runtime/waiter.h.
 *   holds           the end of a task -> drain   what the task wrote and
 *                   submitted is seen. (ring-free: who sees a ring without a
 *                   task sees its taker hold it.)
 *   pool-exit       worker -> stop   what the worker wrote is seen by who
 *                   finds that it has left.
 *   trace-pool      crew_trace_start -> a note   the trace is seen whole.
 *   trace-turn      start, stop of a trace -> the next   what it left is seen.
 *   self-fail       crew_self_fail -> canceled, close   what the thread that
 *                   failed wrote is seen.
 *
 * Words of different writers are CREW__APART apart; tests/pool/layout_test.c
 * lists them.
 */
#ifndef CREW_POOL_POOL_H
#define CREW_POOL_POOL_H

#include <crew/pool.h>
#include <crew/self.h>
#include <crew/stats.h>

#include "base/mark.h"
#include "base/tunables.h"
#include "pool/group.h"
#include "pool/queue.h"
#include "pool/task.h"
#include "runtime/cancel.h"
#include "runtime/histogram.h"
#include "runtime/idle.h"
#include "runtime/placement.h"
#include "runtime/topology.h"
#include "runtime/trace.h"
#include "runtime/waiter.h"

#define CREW__NAME_BYTES 32

/* Figures of one writer: plain counting, read by others. */
struct crew__counts {
    crew__a64 done;
    crew__a64 canceled;
    crew__a64 timed_out;
    crew__a64 steals;
};

/* A block of scratch memory. */
struct crew__block {
    struct crew__block *previous;
    size_t size; /* of what follows the header */
    size_t used;
} CREW__ALIGNED(64);

struct crew_self {
    struct crew__activation *activation;
};

/* Where the text of a failure goes: to what a layer above made of its task. */
struct crew__text_sink {
    /* Once at most, by whichever thread works for the callback. */
    void (*take)(struct crew__text_sink *sink, const char *text);
};

/*
 * What a worker runs at the moment: a task, a hook. Waits nest, so they form a
 * chain; the innermost is the thread's crew__thread_get.
 */
struct crew__activation {
    struct crew_self self;
    struct crew__activation *parent;
    struct crew__worker *worker;
    uintptr_t thread;     /* identity: a self is good on its own thread only */
    crew_task *task;      /* NULL in hooks */
    crew_group *group;    /* the task's */
    crew_ns run_deadline; /* on the coarse clock; CREW__NEVER */
    crew__a32 error;      /* 0, or what crew_self_fail was given first */
    bool unpinned;
    struct crew__text_sink *texts; /* NULL: texts are dropped */
    struct crew__block *block;     /* scratch as it was before */
    size_t used;
};

enum crew__wait_kind { CREW__WAIT_NONE, CREW__WAIT_TASK, CREW__WAIT_GROUP };

/*
 * A thread's place: of one of a pool's workers, or, where `pool` is NULL and
 * `cancel` is not, of a worker with a loop of its own.
 */
struct crew__worker {
    struct crew__ring ring;
    struct crew__queue mailbox;

    /* Its own. */
    struct crew_pool *pool CREW__ALIGNED(CREW__APART);
    unsigned index;
    unsigned *victims; /* the others, nearest first */
    bool searching;
    bool hooked;           /* its start hook succeeded: its stop hook is due */
    unsigned above_normal; /* starts in a row of HIGH */
    unsigned above_low;    /* starts in a row of HIGH and NORMAL */
    unsigned from_mailbox; /* starts in a row */
    unsigned starts;       /* of NORMAL, since it looked at another's ring */
    unsigned turn;         /* of its victims, who was looked at last */
    struct crew__block *scratch;
    void *data;
    struct crew__thread thread;
    struct crew__cancel *cancel; /* where there is no pool; NULL */
    int cpu;                     /* the OS's number, or -1: not to be pinned */
    int pin_error;               /* why it is not pinned; 0 */
    int nice;

    /* Its own to write, others' to read. */
    struct crew__counts counts CREW__ALIGNED(CREW__APART);
    crew__a32 running; /* tasks that it is inside, nested ones too */
    crew__a32 holds;   /* odd: a task that it has taken is not ended */
    crew__a32 tid;
    crew__a64 busy_ns; /* up to `since` */
    crew__a64 idle_ns;
    crew__a64 since;      /* | 1: busy since then, | 0: idle */
    crew__aptr waits_for; /* the group that its innermost wait is for */
    crew__a32 wait_kind;
    struct crew__histogram waits; /* of sampled tasks: submit to start, ... */
    struct crew__histogram runs;  /* ... and start to end */

    /* Others' to write. */
    crew__a32 tellers CREW__ALIGNED(CREW__APART); /* see runtime/waiter.h */
    struct crew__lock sleep_lock;
    crew_task *sleeping; /* inside crew_sleep; guarded by sleep_lock */
} CREW__ALIGNED(CREW__APART);

/* How far workers may go: to their start hooks, once it is known how many they
 * are; to work, when all hooks have succeeded and all are pinned. */
enum crew__go { CREW__GO_NOWHERE, CREW__GO_HOOKS, CREW__GO_WORK };

struct crew_pool {
    struct crew__queue queue;
    struct crew__idle idle;

    /* Read by all, written by few. */
    unsigned workers CREW__ALIGNED(CREW__APART);
    struct crew__worker *worker; /* an array */
    const crew__a64 *fork_word;
    uint64_t generation;
    size_t limit; /* 0: none */
    unsigned guests;
    unsigned spin;
    bool measure_all;
    crew__a32 closing;     /* 1: no new work */
    crew__a32 room_wanted; /* a notice is linked */
    crew__a32 helping;     /* workers that wait for a group */
    crew__aptr tracing;    /* `trace` while it is taken; NULL */
    int (*on_worker_start)(crew_self *, void *);
    void (*on_worker_stop)(crew_self *, void *);
    void *hook_arg;
    const struct crew__topology *topology;
    struct crew__placement_plan plan;
    struct crew__cpuset usable; /* the creator's mask */
    unsigned wanted;            /* workers that the plan asked for */
    char name[CREW__NAME_BYTES];

    /* Tasks that wait, where there is a limit. */
    crew__a64 waiting CREW__ALIGNED(CREW__APART);

    /* Guarded by the queue's lock. */
    struct crew__waiter *drainers CREW__ALIGNED(CREW__APART);
    unsigned sweepers;              /* threads that end what waits */
    unsigned started;               /* workers that have run their start hook */
    unsigned awaited;               /* how many of these create waits for */
    int start_error;                /* the first of theirs */
    struct crew__waiter *attendant; /* waits for started or exited */

    /* One set of submit_each at a time. */
    struct crew__lock each_lock CREW__ALIGNED(CREW__APART);
    crew__a32 stopping;        /* a thread is inside stop or destroy */
    bool joined;               /* guarded by stopping */
    crew__a32 exited;          /* workers; written under the queue's lock */
    crew__a32 go;              /* enum crew__go */
    struct crew__counts swept; /* by stop and late submits, many writers */

    /* Of crew_pool_call's free nodes. */
    struct crew__lock calls_lock CREW__ALIGNED(CREW__APART);
    struct crew__link all_calls;
    struct crew__call *calls; /* free ones */
    unsigned calls_kept;
    struct crew__room *rooms; /* guarded by the notices' lock */

    crew__a32 trace_busy;      /* a thread is inside start or stop of it */
    struct crew__trace *trace; /* guarded by that */
} CREW__ALIGNED(CREW__APART);

/* ---- pool.c ------------------------------------------------------------ */

/* The mask that the calling thread would have if no pool had pinned it. */
int crew__pool_usable(struct crew__cpuset *set);

static inline bool crew__pool_is_forked(const crew_pool *pool)
{
    /* a lone word */
    bool forked = crew__load_relaxed(pool->fork_word) != pool->generation;

    if (forked)
        crew__mark(CREW__MARK_FORKED);
    return forked;
}

/* Notes an event where the pool is traced: one branch where it is not. */
static inline void crew__pool_note(crew_pool *pool, unsigned worker,
                                   enum crew__event_kind kind,
                                   const crew_task *task)
{
    /* edge:trace-pool, acquire */
    struct crew__trace *trace = crew__load_acquire(&pool->tracing);

    if (__builtin_expect(trace != NULL, 0))
        crew__trace_note(trace, worker, kind, task, task ? task->name : NULL);
}

/* ---- counts.c ---------------------------------------------------------- */

/* Takes room for n; -EAGAIN, -E2BIG. */
int crew__counts_take_room(crew_pool *pool, size_t n);
/* n tasks wait no longer. */
void crew__counts_give_room(crew_pool *pool, size_t n);
void crew__counts_withdraw_rooms(crew_pool *pool);

/* ---- run.c ------------------------------------------------------------- */

/* Runs a task that has been unlinked, or refuses it, and tells its end. */
void crew__run_task(struct crew__worker *worker, crew_task *task);
/* Ends such a task without running it. Any thread. */
void crew__run_refuse(crew_pool *pool, crew_task *task);
/* The innermost activation of this thread in `pool`, or NULL. */
struct crew__activation *crew__run_inside(const crew_pool *pool);
void crew__run_open(struct crew__activation *a, struct crew__worker *worker,
                    crew_task *task);
/* Closes it; the error that crew_self_fail was given, or 0. */
int crew__run_close(struct crew__activation *a);

/* ---- self.c ------------------------------------------------------------ */

/* From now on, first thing in `run`: the text of this work's failure goes
 * there. */
void crew__self_keep_text(crew_self *self, struct crew__text_sink *sink);

/* ---- take.c ------------------------------------------------------------ */

/* The next task, unlinked, or NULL. The worker holds it until _end. */
crew_task *crew__take_next(struct crew__worker *worker);
void crew__take_end(struct crew__worker *worker);

/* ---- worker.c ---------------------------------------------------------- */

void crew__worker_main(void *arg); /* the worker */
/* Pins it to its CPU and looks whether it is; tid 0: the caller is the
 * worker. */
void crew__worker_pin(struct crew__worker *worker, pid_t tid);
/* Under the queue's lock: whether no task waits or runs; and, if so, who
 * waits for that, to be told without the lock. */
bool crew__worker_all_idle(crew_pool *pool);
struct crew__waiter *crew__worker_take_drainers(crew_pool *pool);
void crew__worker_tell(struct crew__waiter *waiters);

/* ---- submit.c ---------------------------------------------------------- */

/* Submits a task of the library's own, whose end calls its `done` on the spot;
 * -EAGAIN. */
int crew__submit_own(crew_pool *pool, crew_task *task);

/* crew_submit in two steps: what can fail, and the rest, which must follow.
 * What lies between happens before `run`, and only where it will come. */
int crew__submit_begin(crew_pool *pool, crew_task *task, crew_inbox *inbox);
void crew__submit_finish(crew_pool *pool, crew_task *task, crew_inbox *inbox);

/* ---- call.c ------------------------------------------------------------ */

void crew__call_free_nodes(crew_pool *pool);

/* ---- stop.c ------------------------------------------------------------ */

/* Becomes the one who stops: -EDEADLK, -EBUSY. */
int crew__stop_begin(crew_pool *pool);
int crew__stop_forever(crew_pool *pool);
/* Ends all that waits with -ECANCELED. Any thread, once the pool is closing. */
void crew__stop_sweep(crew_pool *pool);

#endif
