#include "worker/worker.h"

#include "base/assert.h"
#include "worker/environment.h"

#include <errno.h>

/* ---- its memory ------------------------------------------------------------ */

static void free_worker(crew_worker *worker)
{
    if (worker->port)
        worker->port->transport->release(worker->port);
    crew__environment_release(worker->environment);
    crew__memory_free(worker->text);
    crew__memory_free(worker->name);
    crew__census_died(CREW__CENSUS_WORKER, worker);
    crew__memory_free(worker);
}

/* A last child's takes its parent's along, and so on. */
void crew__worker_release(crew_worker *worker)
{
    while (worker) {
        crew_worker *parent = worker->parent;
        uint32_t before;

        /* edge:worker-gone, release */
        /* edge:worker-gone, acquire */
        before = crew__add_acq_rel(&worker->references, (uint32_t)-1);
        crew__guard(before > 0);
        if (before > 1)
            return;
        free_worker(worker);
        worker = parent;
    }
}

/* ---- the family ------------------------------------------------------------ */

static crew_worker *of_sibling(struct crew__link *link)
{
    return (crew_worker *)(void *)((char *)link -
                                   offsetof(crew_worker, sibling));
}

static void lock_family(crew_worker *worker)
{
    if (worker->parent)
        crew__lock(&worker->parent->lock);
    crew__lock(&worker->lock);
}

static void unlock_family(crew_worker *worker)
{
    crew__unlock(&worker->lock);
    if (worker->parent)
        crew__unlock(&worker->parent->lock);
}

void crew__worker_join_family(crew_worker *worker, crew_worker *parent)
{
    worker->parent = parent;
    crew__add_relaxed(&parent->references, 1); /* its thread has one */
    crew__lock(&parent->lock);
    crew__list_push_last(&parent->children, &worker->sibling);
    crew__unlock(&parent->lock);
}

bool crew__worker_has_children(crew_worker *worker)
{
    bool any;

    crew__lock(&worker->lock);
    any = !crew__list_is_empty(&worker->children);
    crew__unlock(&worker->lock);
    return any;
}

/* ---- giving it back -------------------------------------------------------- */

void crew__worker_dispose(crew_worker *worker)
{
    crew__lock(&worker->lock);
    worker->handle = CREW__HANDLE_GONE;
    crew__unlock(&worker->lock);
    crew_port_close(worker->port);
    if (!worker->ended) /* its thread is not there to close it */
        crew_port_close(worker->inner);
    crew_inbox_destroy(worker->home);
    crew__worker_release(worker);
}

/* What ports that it left open have posted to its inbox since it ended. */
static bool is_home_left(crew_worker *worker)
{
    crew_inbox_dispatch(worker->home, 0);
    if (crew_inbox_destroy(worker->home) < 0)
        return false;
    worker->home = NULL;
    return true;
}

/* What it was before. */
static enum crew__handle claim(crew_worker *worker)
{
    enum crew__handle was;

    lock_family(worker);
    was = worker->handle;
    if (was == CREW__HANDLE_HELD) {
        worker->handle = CREW__HANDLE_GOING;
        if (worker->parent)
            crew__list_unlink(&worker->sibling);
    }
    unlock_family(worker);
    return was;
}

/* false: its parent looks after it no more, so that it has to go. */
static bool unclaim(crew_worker *worker)
{
    bool back;

    lock_family(worker);
    back = !worker->parent || !worker->parent->family_over;
    if (back) {
        worker->handle = CREW__HANDLE_HELD;
        if (worker->parent)
            crew__list_push_first(&worker->parent->children, &worker->sibling);
    }
    unlock_family(worker);
    return back;
}

/* Its thread is not here, and the items that hold it go with their inbox. Who
 * forked may be that thread, and stands on it. */
static void destroy_forked(crew_worker *worker)
{
    crew_port_close(worker->port);
    crew_port_close(worker->inner);
    crew__post_drop_forked(&worker->box);
    if (crew__worker_here() == worker)
        return;
    crew_inbox_destroy(worker->home);
    free_worker(worker);
}

int crew_worker_destroy(crew_worker *worker)
{
    if (!worker)
        return 0;
    if (crew__worker_is_forked(worker)) {
        destroy_forked(worker);
        return 0;
    }
    if (!crew__worker_has_ended(worker))
        return -EBUSY;
    switch (claim(worker)) {
    case CREW__HANDLE_GOING:
        return -EBUSY; /* in a callback of its own inbox, see is_home_left */
    case CREW__HANDLE_GONE:
        return 0; /* in a callback, and its parent was first */
    case CREW__HANDLE_HELD:
        break;
    }
    if (!is_home_left(worker)) {
        if (unclaim(worker))
            return -EBUSY;
        worker->home = NULL; /* as with a child, below */
    }
    crew__thread_join(&worker->thread);
    crew__worker_dispose(worker);
    return 0;
}

/* ---- the children's end ---------------------------------------------------- */

static void terminate_children(crew_worker *worker)
{
    crew__lock(&worker->lock);
    worker->family_over = true;
    for (struct crew__link *at = worker->children.next; at != &worker->children;
         at = at->next)
        crew_worker_terminate(of_sibling(at));
    crew__unlock(&worker->lock);
}

/* The oldest, whose handle is the caller's from here on, or NULL. */
static crew_worker *take_child(crew_worker *worker)
{
    crew_worker *child = NULL;

    crew__lock(&worker->lock);
    if (!crew__list_is_empty(&worker->children)) {
        child = of_sibling(worker->children.next);
        crew__list_unlink(&child->sibling);
        crew__lock(&child->lock);
        child->handle = CREW__HANDLE_GONE;
        crew__unlock(&child->lock);
    }
    crew__unlock(&worker->lock);
    return child;
}

void crew__worker_end_children(crew_worker *worker)
{
    crew_worker *child;

    terminate_children(worker);
    while ((child = take_child(worker))) {
        crew_worker_wait(child, NULL, CREW_FOREVER);
        if (!is_home_left(child))
            child->home = NULL; /* a port of the program's holds on to it */
        crew__thread_join(&child->thread);
        crew__worker_dispose(child);
    }
}
