#include "worker/worker.h"

#include "base/assert.h"

#include <errno.h>

bool crew__worker_is_forked(const crew_worker *worker)
{
    return crew__fork_current() != worker->generation;
}

void crew__worker_release(crew_worker *worker)
{
    uint32_t before;

    /* edge:worker-gone, release */
    /* edge:worker-gone, acquire */
    before = crew__add_acq_rel(&worker->references, (uint32_t)-1);
    crew__guard(before > 0);
    if (before > 1)
        return;
    crew__memory_free(worker->text);
    crew__census_died(CREW__CENSUS_WORKER, worker);
    crew__memory_free(worker);
}

/* ---- what the inbox is told ------------------------------------------------ */

static crew_worker *of_item(struct crew__item *item, size_t offset)
{
    return (crew_worker *)(void *)((char *)item - offset);
}

static bool is_forgotten(crew_worker *worker)
{
    bool forgotten;

    crew__lock(&worker->lock);
    forgotten = worker->forgotten;
    crew__unlock(&worker->lock);
    return forgotten;
}

void crew__worker_deliver_online(struct crew__item *item)
{
    crew_worker *worker = of_item(item, offsetof(crew_worker, online));

    /* a figure, which came with the item */
    if (worker->on_online && crew__load_relaxed(&worker->online_since) &&
        !is_forgotten(worker))
        worker->on_online(worker, worker->arg);
    else
        crew__inbox_ran(worker->inbox, 0);
    crew__worker_release(worker);
}

/* Whether the item has to come again first: a listener is to hear all that the
 * worker has posted, and a callback of ours one at a time. */
static bool is_early(crew_worker *worker)
{
    if (crew__port_will_tell(worker->port, worker->inbox)) {
        crew__inbox_ran(worker->inbox, 0);
        return true;
    }
    if (worker->error_told || !worker->how.error || !worker->on_error)
        return false;
    worker->error_told = true;
    worker->on_error(worker, worker->how.error,
                     worker->text ? worker->text : "", worker->arg);
    return true;
}

void crew__worker_deliver_exit(struct crew__item *item)
{
    crew_worker *worker = of_item(item, offsetof(crew_worker, exit));
    crew_inbox *inbox = worker->inbox;

    if (is_forgotten(worker)) {
        crew__inbox_ran(inbox, 0);
    } else if (is_early(worker)) {
        crew__inbox_again(inbox, item);
        return;
    } else if (worker->on_exit) {
        crew_exit how = worker->how;

        how.error = 0;
        worker->on_exit(worker, &how, worker->arg);
    } else {
        crew__inbox_ran(inbox, 0);
    }
    crew__worker_release(worker);
}

/* ---- the end --------------------------------------------------------------- */

void crew__worker_tell_end(crew_worker *worker)
{
    struct crew__waiter *waiter;

    crew__lock(&worker->lock);
    worker->ended = true;
    waiter = worker->waiters;
    worker->waiters = NULL;
    crew__unlock(&worker->lock);
    while (waiter) {
        struct crew__waiter *next = waiter->next;

        crew__waiter_tell(waiter);
        waiter = next;
    }
    if (worker->inbox)
        crew__inbox_post(worker->inbox, &worker->exit);
    crew__worker_release(worker);
}

/* ---- waiting --------------------------------------------------------------- */

static bool has_ended(crew_worker *worker, struct crew__waiter *waiter)
{
    bool ended;

    crew__lock(&worker->lock);
    ended = worker->ended;
    if (!ended && waiter) {
        waiter->next = worker->waiters;
        worker->waiters = waiter;
    }
    crew__unlock(&worker->lock);
    return ended;
}

/* false: it has been taken, and its token is on the way. */
static bool unregister(crew_worker *worker, struct crew__waiter *waiter)
{
    struct crew__waiter **at;
    bool found;

    crew__lock(&worker->lock);
    at = &worker->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    found = *at != NULL;
    if (found)
        *at = waiter->next;
    crew__unlock(&worker->lock);
    return found;
}

static int wait_until(crew_worker *worker, crew_ns deadline)
{
    struct crew__waiter waiter;
    int r;

    crew__waiter_init(&waiter);
    if (has_ended(worker, &waiter))
        return 0;
    r = crew__cancel_park(&waiter.own, deadline);
    if (r == 0 || unregister(worker, &waiter))
        return r;
    crew__park(&waiter.own, CREW__NEVER);
    return 0;
}

static void tell_how(crew_worker *worker, crew_exit *how)
{
    if (!how)
        return;
    *how = worker->how;
    how->error = 0;
    crew_worker_usage(worker, &how->usage);
}

int crew_worker_wait(crew_worker *worker, crew_exit *how, crew_ns timeout)
{
    int r = 0;

    if (!worker || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    if (crew__worker_here() == worker)
        return -EDEADLK;
    if (!has_ended(worker, NULL)) {
        if (timeout == 0)
            return -ETIMEDOUT;
        r = wait_until(worker,
                       crew__clock_deadline(crew__clock_now(), timeout));
    }
    if (r == 0)
        tell_how(worker, how);
    return r;
}

/* ---- giving it back -------------------------------------------------------- */

static void leave_family(crew_worker *worker)
{
    crew_worker *parent = worker->parent;

    if (!parent)
        return;
    crew__lock(&parent->lock);
    if (crew__list_is_linked(&worker->sibling))
        crew__list_unlink(&worker->sibling);
    crew__unlock(&parent->lock);
}

void crew__worker_dispose(crew_worker *worker)
{
    leave_family(worker);
    crew__lock(&worker->lock);
    worker->forgotten = true;
    crew__unlock(&worker->lock);
    crew_port_close(worker->port);
    if (!worker->ended)
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

int crew_worker_destroy(crew_worker *worker)
{
    if (!worker)
        return 0;
    if (crew__worker_is_forked(worker))
        return 0; /* its thread is not here, nor is anyone who could free it */
    if (!has_ended(worker, NULL) || !is_home_left(worker))
        return -EBUSY;
    crew__thread_join(&worker->thread);
    crew__worker_dispose(worker);
    return 0;
}

/* The oldest, or NULL. */
static crew_worker *first_child(crew_worker *worker)
{
    struct crew__link *link;

    crew__lock(&worker->lock);
    link = worker->children.next;
    crew__unlock(&worker->lock);
    if (link == &worker->children)
        return NULL;
    return (crew_worker *)(void *)((char *)link -
                                   offsetof(crew_worker, sibling));
}

void crew__worker_end_children(crew_worker *worker)
{
    crew_worker *child;

    crew__cancel_set_current(NULL); /* they are waited for in any case */
    crew__lock(&worker->lock);
    for (struct crew__link *at = worker->children.next; at != &worker->children;
         at = at->next)
        crew_worker_terminate(
            (crew_worker *)(void *)((char *)at -
                                    offsetof(crew_worker, sibling)));
    crew__unlock(&worker->lock);
    while ((child = first_child(worker))) {
        crew_worker_wait(child, NULL, CREW_FOREVER);
        if (!is_home_left(child))
            child->home = NULL; /* a port of the program's holds on to it */
        crew__thread_join(&child->thread);
        crew__worker_dispose(child);
    }
}
