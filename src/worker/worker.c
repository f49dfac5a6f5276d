#include "worker/worker.h"

#include <errno.h>
#include <string.h>

static crew_worker *of_place(struct crew__worker *place)
{
    return (crew_worker *)(void *)((char *)place -
                                   offsetof(crew_worker, place));
}

bool crew__worker_is_forked(const crew_worker *worker)
{
    return crew__fork_current() != worker->generation;
}

char *crew__worker_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = crew__memory_zero(size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

crew_worker *crew__worker_here(void)
{
    struct crew__activation *a = crew__thread_get();

    while (a && a->worker->pool)
        a = a->parent;
    return a ? of_place(a->worker) : NULL;
}

crew_worker *crew__worker_of(crew_self *self)
{
    struct crew__worker *place = self ? self->activation->worker : NULL;

    return place && !place->pool ? of_place(place) : NULL;
}

crew_port *crew_self_port(crew_self *self)
{
    crew_worker *worker = crew__worker_of(self);

    return worker ? worker->inner : NULL;
}

crew_inbox *crew_self_inbox(crew_self *self)
{
    crew_worker *worker = crew__worker_of(self);

    return worker ? worker->home : NULL;
}

crew_port *crew_worker_port(crew_worker *worker)
{
    return worker ? worker->port : NULL;
}

uint64_t crew_worker_id(const crew_worker *worker)
{
    return worker ? worker->id : 0;
}

uint64_t crew_self_id(crew_self *self)
{
    return crew_worker_id(crew__worker_of(self));
}

int crew_worker_finish(crew_worker *worker)
{
    if (!worker)
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    if (crew__worker_has_ended(worker))
        return -EALREADY;
    crew__port_end(worker->port);
    return 0;
}

/* ---- references ------------------------------------------------------------ */

void crew__worker_refer(crew_worker *worker, bool on)
{
    if (!worker->inbox || worker->ended || worker->is_unreferenced == !on)
        return;
    worker->is_unreferenced = !on;
    if (on) {
        crew_port_ref(worker->port);
        crew__inbox_expect_again(worker->inbox);
    } else {
        crew_port_unref(worker->port);
        crew__inbox_unexpect(worker->inbox);
    }
}

static void set_reference(crew_worker *worker, bool on)
{
    if (!worker || crew__worker_is_forked(worker))
        return;
    crew__lock(&worker->lock);
    crew__worker_refer(worker, on);
    crew__unlock(&worker->lock);
}

void crew_worker_ref(crew_worker *worker)
{
    set_reference(worker, true);
}

void crew_worker_unref(crew_worker *worker)
{
    set_reference(worker, false);
}

/* ---- the end --------------------------------------------------------------- */

/* Under the lock, so that who is told 0 finds it canceled in the end. What it
 * has posted by then is the last. */
int crew_worker_terminate(crew_worker *worker)
{
    int r = 0;

    if (!worker)
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    crew__lock(&worker->lock);
    if (worker->ended) {
        r = -EALREADY;
    } else {
        crew__cancel_fire(&worker->cancel);
        crew__worker_refer(worker, true);
        if (worker->has_begun)
            crew__port_end(worker->inner);
    }
    crew__unlock(&worker->lock);
    return r;
}

/* ---- usage ----------------------------------------------------------------- */

/* Of one that may be running. */
static void measure(crew_worker *worker, crew_usage *out)
{
    /* figures, each read once */
    crew_ns since = (crew_ns)crew__load_relaxed(&worker->online_since);
    crew_ns until = (crew_ns)crew__load_relaxed(&worker->ended_at);
    crew_ns asleep = (crew_ns)crew__load_relaxed(&worker->meter.since);
    crew_ns idle = (crew_ns)crew__load_relaxed(&worker->meter.idle_ns);

    if (!since)
        return;
    if (!until)
        until = crew__clock_now();
    if (asleep && until > asleep)
        idle += until - asleep;
    out->idle = idle;
    out->busy = until - since > idle ? until - since - idle : 0;
}

int crew_worker_usage(crew_worker *worker, crew_usage *out)
{
    struct crew__port_counts counts;

    if (!worker || !out)
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    crew__lock(&worker->lock);
    if (worker->ended) {
        *out = worker->how.usage;
    } else {
        *out = (crew_usage){
            .cpu_user = crew__thread_cpu_time_of(&worker->thread)};
        crew__port_count(worker->inner, &counts);
        out->messages_in = counts.received;
        out->queued_bytes = counts.queued_bytes;
    }
    crew__unlock(&worker->lock);
    crew__port_count(worker->port, &counts);
    out->messages_out = counts.received;
    out->queued_bytes += counts.queued_bytes;
    measure(worker, out);
    return 0;
}
