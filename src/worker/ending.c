#include "worker/worker.h"

#include <errno.h>

/* ---- what the inbox is told ------------------------------------------------ */

static crew_worker *of_item(struct crew__item *item, size_t offset)
{
    return (crew_worker *)(void *)((char *)item - offset);
}

static bool is_forgotten(crew_worker *worker)
{
    bool forgotten;

    crew__lock(&worker->lock);
    forgotten = worker->handle == CREW__HANDLE_GONE;
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
    if (worker->error_told || !worker->failure || !worker->on_error)
        return false;
    worker->error_told = true;
    worker->on_error(worker, worker->failure, worker->text ? worker->text : "",
                     worker->arg);
    return true;
}

static void tell_how(crew_worker *worker, crew_exit *how)
{
    *how = worker->how; /* it has ended */
    crew_worker_usage(worker, &how->usage);
}

void crew__worker_deliver_exit(struct crew__item *item)
{
    crew_worker *worker = of_item(item, offsetof(crew_worker, exit));
    crew_inbox *inbox = worker->inbox;
    bool forgotten = is_forgotten(worker);
    crew_exit how;

    if (!forgotten && is_early(worker)) {
        crew__inbox_again(inbox, item);
        return;
    }
    if (!forgotten && worker->on_exit) {
        tell_how(worker, &how);
        (*worker->on_exit)(worker, &how, worker->arg);
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
    crew__worker_refer(worker, true); /* until its item has been delivered */
    /* Who asked before has been told less. */
    crew__thread_cpu_time(&worker->how.usage.cpu_user,
                          &worker->how.usage.cpu_system);
    worker->ended = true;
    worker->how.canceled = crew__cancel_is_fired(&worker->cancel);
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

bool crew__worker_has_ended(crew_worker *worker)
{
    bool ended;

    crew__lock(&worker->lock);
    ended = worker->ended;
    crew__unlock(&worker->lock);
    return ended;
}

/* false: it has ended. */
static bool enlist(crew_worker *worker, struct crew__waiter *waiter)
{
    bool ended;

    crew__lock(&worker->lock);
    ended = worker->ended;
    if (!ended) {
        waiter->next = worker->waiters;
        worker->waiters = waiter;
    }
    crew__unlock(&worker->lock);
    return !ended;
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
    if (!enlist(worker, &waiter))
        return 0;
    r = crew__cancel_park(&waiter.own, deadline);
    if (r == 0 || unregister(worker, &waiter))
        return r;
    crew__park(&waiter.own, CREW__NEVER);
    return 0;
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
    if (!crew__worker_has_ended(worker)) {
        if (timeout == 0)
            return -ETIMEDOUT;
        r = wait_until(worker,
                       crew__clock_deadline(crew__clock_now(), timeout));
    }
    if (r == 0 && how)
        tell_how(worker, how);
    return r;
}
