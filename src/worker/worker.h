/*
 * A worker from the inside: a thread with a place, an inbox and one end of a
 * channel.
 *
 * Files of this layer
 *   start    checking the options, building one, its start message
 *   main     the thread: online, main, what is left, the end
 *   ending   what the inbox is told at the end, waits
 *   family   destroy, and the end of what a worker has started
 *   worker   what the handle and the self are asked
 *   describe its name and state, in words
 *   environment   what a worker finds without being sent it
 *   id       workers by their ids
 *   post     posts by id
 *   lock     named locks, see lock.h
 *
 * A worker begins at a gate: its thread is there before its start message has
 * moved, so that nothing has moved where no thread can be had. It passes with
 * the gate's token alone, which is the starter's last touch: afterwards others
 * may end and destroy it.
 *
 * References: the handle; the thread, until it has told the end; each item that
 * is on its way to `inbox`; each child. The thread is joined by who gives the
 * handle back, so what it touches is there until it is gone. The channel's
 * memory stays as long as the worker's: items look at `port` after its close.
 *
 * Family: a worker that starts another is its parent. When the parent's main
 * has returned it ends its children and gives their handles back, at a time
 * when a callback in another thread's inbox may be about to. Who changes
 * `handle` from HELD is the one that does:
 *
 *   HELD    is linked in its parent's children
 *   GOING   inside a destroy, which may find it busy; not linked
 *   GONE    its parent, or a destroy that has succeeded, has it: no callbacks
 *
 * `handle`, `has_begun` and `ended` are guarded by the worker's lock, the list
 * by that of the parent, which is taken first. A port's lock is taken below it.
 *
 * The end, under `lock`: `ended` is set once, by the thread, when main, its
 * children and its inbox are done and its end of the channel is closed. It
 * takes the waiters, which are told without the lock. Then the exit item is
 * posted, which waits in the inbox, turn by turn, until a listener there has
 * heard all that the port has for it.
 *
 * Edges
 *   worker-gone   release -> the last release   what everybody did with it
 *                 happens before it goes.
 */
#ifndef CREW_WORKER_WORKER_H
#define CREW_WORKER_WORKER_H

#include <crew/worker.h>

#include "base/list.h"
#include "pool/pool.h"
#include "port/port.h"
#include "runtime/cancel.h"
#include "runtime/inbox.h"
#include "runtime/waiter.h"

enum crew__handle { CREW__HANDLE_HELD, CREW__HANDLE_GOING, CREW__HANDLE_GONE };

struct crew__environment;
struct crew__sender;

/* Where posts by its id arrive; see post.c. Guarded by its lock. */
struct crew__box {
    struct crew__lock lock;
    bool is_over;   /* its worker's main has returned */
    crew_port *out; /* senders post on this; NULL: there is no handler */
    crew_port *in;  /* listens in the worker's inbox */
    crew_post_fn *fn;
    void *arg;
    struct crew__link waiting;   /* senders that are QUEUED */
    struct crew__sender *called; /* the one whose message is being handled */
};

struct crew_worker {
    struct crew__worker place;
    struct crew__cancel cancel;
    struct crew__cancel_meter meter;
    struct crew__thread thread;
    uint64_t generation; /* of forks */

    crew_main_fn *main;
    crew_port *port;   /* the starter's end */
    crew_port *inner;  /* the worker's */
    crew_inbox *home;  /* the worker's own; NULL: it has ended */
    crew_inbox *inbox; /* where its callbacks come; NULL */
    void (*on_online)(crew_worker *, void *);
    void (*on_error)(crew_worker *, int, const char *, void *);
    void (*on_exit)(crew_worker *, const crew_exit *, void *);
    void *arg;
    char *name;
    bool has_start;
    bool masked; /* it is to run on `mask` */
    struct crew__cpuset mask;
    struct crew__environment *environment; /* its thread's, once it runs */

    uint64_t id;             /* 0: it has not been let in */
    crew_worker *next_by_id; /* in the table of ids */
    struct crew__box box;

    struct crew__parker parker; /* at the gate */
    bool may_enter;             /* published by its token */
    crew__a32 references;
    crew__a64 online_since; /* 0: it has not been online */
    crew__a64 ended_at;     /* 0: it has not ended */
    struct crew__item online;
    struct crew__item exit;
    struct crew__text_sink texts;
    int failure; /* of crew_self_fail */
    char *text;  /* of the failure; NULL: none */
    bool error_told;

    struct crew__lock lock;
    bool has_begun;       /* on_online has been posted */
    bool is_unreferenced; /* `exit` is not expected, and holds no run */
    bool ended;
    bool family_over; /* a child's destroy gives no handle back any more */
    enum crew__handle handle;
    struct crew__waiter *waiters;
    crew_exit how;
    struct crew__link children;
    struct crew__link sibling; /* linked in its parent's children */
    crew_worker *parent;       /* holds a reference; NULL: started elsewhere */

    /* Under that of the named locks, see lock.h: */
    struct crew__link locks;       /* its own, */
    struct crew__link ended_locks; /* and those that wait for its end */
    bool locks_over;               /* its main has returned */
};

/* Under the lock: whether it keeps its inbox's run going until it has ended. */
void crew__worker_refer(crew_worker *worker, bool on);
bool crew__worker_is_forked(const crew_worker *worker);
/* NULL: no memory. */
char *crew__worker_copy_text(const char *text);
void crew__worker_release(crew_worker *worker);
/* The worker that the calling thread is, or NULL. */
crew_worker *crew__worker_here(void);
/* The one that has given out this self, or NULL. */
crew_worker *crew__worker_of(crew_self *self);

/* ---- main.c ---------------------------------------------------------------- */

void crew__worker_run(void *arg); /* the thread */

/* ---- id.c ------------------------------------------------------------------ */

/* Gives it its id, by which it is found until it is removed. */
void crew__id_add(crew_worker *worker);
void crew__id_remove(crew_worker *worker);
/* With a reference for the caller; NULL: there is none. */
crew_worker *crew__id_find(uint64_t id);

/* ---- post.c ---------------------------------------------------------------- */

void crew__post_init(struct crew__box *box);
/* It is found no more, and what waits for it is refused. */
void crew__post_end(crew_worker *worker);
void crew__post_drop_forked(struct crew__box *box);

/* ---- ending.c -------------------------------------------------------------- */

/* The thread's last step: tells the end to all who want to know. */
void crew__worker_tell_end(crew_worker *worker);
void crew__worker_deliver_online(struct crew__item *item);
void crew__worker_deliver_exit(struct crew__item *item);
bool crew__worker_has_ended(crew_worker *worker);

/* ---- family.c -------------------------------------------------------------- */

void crew__worker_join_family(crew_worker *worker, crew_worker *parent);
bool crew__worker_has_children(crew_worker *worker);
/* Terminates its children, waits for them and gives their handles back. */
void crew__worker_end_children(crew_worker *worker);
/* Closes and forgets one whose thread is gone or never was. */
void crew__worker_dispose(crew_worker *worker);

#endif
