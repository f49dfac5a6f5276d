/*
 * Workers: what they do and what is done to them at any moment. Each tells what
 * happened to it; online, messages, the end of the port, the error and the exit
 * come once and in this order, however the inbox is dispatched, and nothing is
 * left of one that has ended.
 */
#include "job.h"

#include <crew/worker.h>

#include "worker/worker.h"

#define MOST 12u

struct seen {
    crew_worker *worker;
    const crew_worker *inside; /* itself, as its own main sees it */
    struct seen *parent;
    unsigned depth;
    unsigned does;    /* its main, see below */
    unsigned posts;   /* that main makes first */
    bool listened;    /* its port, in the starter's inbox */
    bool heard;       /* its callbacks are set */
    bool destroys;    /* on_exit does */
    bool gone;        /* its handle */
    unsigned dooming; /* threads that try to destroy it */
    bool asked;       /* to terminate, */
    bool terminated;  /* which said 0 */
    bool failed;
    unsigned begun, returned;         /* main */
    unsigned own_listens, own_closes; /* in its own inbox */
    unsigned sent, came, onlines, closes, errors, exits;
    crew_exit how;
};

static struct seen all[MOST];
static unsigned count;
static unsigned made, released; /* buffers */
static struct loop loop;        /* the driver's */

/* ---- messages ---------------------------------------------------------------- */

static void count_release(void *data, void *arg)
{
    (void)data;
    (void)arg;
    released++;
}

/* Posts a message with a buffer; what is refused is still the caller's. */
static int post(crew_port *port, uint64_t tag)
{
    static char bytes[1];
    crew_buffer *buffer = NULL;
    crew_message message = {.buffers = &buffer, .buffer_count = 1, .tag = tag};
    int r;

    sim_check_equal(crew_buffer_wrap(&buffer, bytes, 1, count_release, NULL),
                    0);
    made++;
    r = crew_post(port, &message);
    if (r < 0)
        crew_buffer_release(buffer);
    return r;
}

/* ---- what it does -------------------------------------------------------------- */

enum {
    RETURNS,
    FAILS,
    COMPUTES,
    RECEIVES,
    LISTENS,
    RUNS,
    SLEEPS,
    POLLS,
    CALLS,
    DEEDS
};

static void start_later(void *arg);

static void receive_all(crew_port *port, crew_self *self)
{
    crew_message *message;
    int r;

    while ((r = crew_receive(port, &message, CREW_FOREVER)) == 0)
        crew_message_free(message);
    sim_check(r == -EPIPE || r == -ECANCELED);
    sim_check(r != -ECANCELED || crew_self_canceled(self) == -ECANCELED);
}

static void hear_own_close(crew_port *port, int error, void *arg)
{
    struct seen *me = arg;

    (void)port;
    sim_check_equal(error, 0);
    sim_check(crew__worker_here() == me->inside);
    me->own_closes++;
}

static void listen_and_run(crew_self *self, struct seen *me)
{
    crew_listener listener = {.on_close = hear_own_close, .arg = me};
    int r;

    me->own_listens++;
    sim_check_equal(
        crew_listen(crew_self_port(self), crew_self_inbox(self), &listener), 0);
    r = crew_inbox_run(crew_self_inbox(self));
    sim_check(r >= 0 || crew_self_canceled(self) == -ECANCELED);
}

static int act(crew_self *self, struct seen *me)
{
    switch (me->does) {
    case FAILS:
        me->failed = true;
        return crew_self_fail(self, -EIO, "text");
    case COMPUTES:
        sim_work(sim_random_time(CREW_MS));
        break;
    case RECEIVES:
        receive_all(crew_self_port(self), self);
        break;
    case LISTENS:
        listen_and_run(self, me);
        break;
    case RUNS: /* it sends itself something at its end */
        sim_check(crew_inbox_run(crew_self_inbox(self)) >= 0 ||
                  crew_self_canceled(self) == -ECANCELED);
        break;
    case SLEEPS:
        sim_check_equal(crew_sleep(self, CREW_FOREVER), -ECANCELED);
        break;
    case CALLS: /* this comes when its main has returned, or before */
        sim_check_equal(crew_inbox_call(crew_self_inbox(self), start_later, me),
                        0);
        break;
    case POLLS:
        while (!crew_self_canceled(self))
            sim_work(10 * CREW_US);
        break;
    default:
        break;
    }
    return 0;
}

static void start_children(crew_self *self, struct seen *me);

static int be_worker(crew_self *self, crew_message *start)
{
    struct seen *me;

    sim_check(start != NULL); /* it moved before the gate was opened */
    me = (struct seen *)(uintptr_t)start->tag;
    sim_check_equal(start->buffer_count, 1);
    sim_check_equal(me->begun, 0);
    me->inside = crew__worker_here();
    me->begun++;
    for (unsigned i = 0; i < me->posts; i++) {
        bool over = me->terminated; /* which has returned */
        int r = post(crew_self_port(self), me->sent);

        sim_check(r == 0 || (r == -EPIPE && crew_self_canceled(self)));
        sim_check(!over || r == -EPIPE);
        me->sent += r == 0;
    }
    if (me->depth > 0)
        start_children(self, me);
    act(self, me);
    me->returned++;
    return (int)(me - all);
}

/* ---- what is heard --------------------------------------------------------------- */

static void hear_online(crew_worker *worker, void *arg)
{
    struct seen *seen = arg;

    (void)worker;
    sim_check_equal(seen->onlines, 0);
    sim_check_equal(seen->came, 0);
    sim_check_equal(seen->exits, 0);
    seen->onlines++;
}

/* Of one that may not have ended. */
static void try_destroy(struct seen *seen)
{
    int r;

    seen->dooming++;
    r = crew_worker_destroy(seen->worker);
    sim_check(r == 0 || r == -EBUSY);
    seen->gone = seen->gone || r == 0;
    seen->dooming--;
}

static void hear(crew_port *port, crew_message *message, void *arg)
{
    struct seen *seen = arg;

    (void)port;
    sim_check_equal(message->tag, seen->came);
    sim_check_equal(seen->closes, 0);
    sim_check_equal(seen->exits, 0);
    /* One whose parent ends is silent, but for its port. */
    sim_check(!seen->heard || seen->onlines == 1 || seen->parent);
    seen->came++;
    if (seen->destroys && seen->worker && sim_chance(4))
        try_destroy(seen);
}

static void hear_close(crew_port *port, int error, void *arg)
{
    struct seen *seen = arg;

    (void)port;
    sim_check_equal(error, 0);
    sim_check_equal(seen->closes, 0);
    sim_check_equal(seen->exits, 0);
    seen->closes++;
}

static void hear_error(crew_worker *worker, int code, const char *text,
                       void *arg)
{
    struct seen *seen = arg;

    (void)worker;
    sim_check_equal(code, -EIO);
    sim_check(strcmp(text, "text") == 0);
    sim_check(seen->failed && seen->errors == 0 && seen->exits == 0);
    sim_check(!seen->listened || seen->closes == 1);
    seen->errors++;
}

static void check_how(const struct seen *seen, const crew_exit *how)
{
    sim_check_equal(seen->begun, seen->returned);
    sim_check_equal(seen->own_closes, seen->own_listens);
    sim_check(!seen->terminated || how->canceled);
    sim_check(seen->asked || seen->parent || !how->canceled);
    sim_check_equal(how->code, seen->failed  ? -EIO
                               : seen->begun ? seen - all
                                             : -1);
}

static void start_one(crew_inbox *inbox, struct seen *parent, unsigned depth);

/* Whose thread this is; NULL: the driver's. */
static struct seen *find_here(void)
{
    const crew_worker *here = crew__worker_here();

    for (unsigned i = 0; here && i < count; i++) {
        if (all[i].inside == here)
            return &all[i];
    }
    return NULL;
}

static void hear_exit(crew_worker *worker, const crew_exit *how, void *arg)
{
    struct seen *seen = arg;

    sim_check_equal(seen->exits, 0);
    sim_check(!seen->gone || seen->parent);
    seen->worker = worker; /* its start may not have returned */
    seen->exits++;
    check_how(seen, how);
    sim_check_equal(seen->onlines, seen->begun);
    sim_check_equal(seen->errors, seen->failed);
    if (seen->listened) {
        sim_check_equal(seen->closes, 1);
        sim_check_equal(seen->came, seen->sent);
    }
    if (seen->parent && count < MOST && sim_chance(8))
        start_one(loop.inbox, find_here(), 0);
    if (seen->destroys)
        try_destroy(seen);
    sim_check(seen->gone || !seen->destroys || seen->parent);
}

/* ---- starting --------------------------------------------------------------------- */

/* NULL: no callbacks, no listener. */
static void start_one(crew_inbox *inbox, struct seen *parent, unsigned depth)
{
    struct seen *seen = &all[count++];
    crew_buffer *buffer = NULL;
    crew_message start = {.buffers = &buffer,
                          .buffer_count = 1,
                          .tag = (uint64_t)(uintptr_t)seen};
    crew_listener listener = {
        .on_message = hear, .on_close = hear_close, .arg = seen};
    crew_worker_options options = {
        .start = &start, .inbox = inbox, .arg = seen};

    sim_check_equal(
        crew_buffer_wrap(&buffer, seen, sizeof *seen, count_release, NULL), 0);
    made++;
    seen->parent = parent;
    seen->depth = depth;
    seen->does = (unsigned)sim_random(DEEDS);
    seen->posts = (unsigned)sim_random(4);
    seen->heard = inbox && !sim_chance(8);
    seen->listened = inbox && sim_chance(2);
    if (seen->listened)
        options.listener = &listener;
    if (seen->heard) {
        options.on_online = hear_online;
        options.on_error = hear_error;
        options.on_exit = hear_exit;
        seen->destroys = sim_chance(2);
    }
    sim_check_equal(crew_worker_start(&seen->worker, be_worker, &options), 0);
}

/* What a callback starts is the worker's own. */
static void start_later(void *arg)
{
    struct seen *me = arg;

    sim_check(find_here() == me);
    if (count < MOST && me->depth > 0)
        start_one(sim_chance(2) ? loop.inbox : NULL, me, me->depth - 1);
}

/* ---- after every step --------------------------------------------------------------- */

static void check_children(crew_worker *worker)
{
    const struct crew__link *head = &worker->children;

    for (const struct crew__link *at = head->next; at != head; at = at->next) {
        const crew_worker *child =
            (const crew_worker *)(const void *)((const char *)at -
                                                offsetof(crew_worker, sibling));

        sim_check(at->next->prev == at);
        sim_check(child->parent == worker);
        sim_check(child->lock.word.raw || child->handle == CREW__HANDLE_HELD);
    }
}

/* Its parent's end frees a worker's handle, after the parent's main. */
static bool may_be_freed(const struct seen *seen)
{
    const struct seen *parent = seen->parent;

    return seen->gone || seen->dooming ||
           (parent && parent->returned == parent->begun);
}

static void check_workers(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < count; i++) {
        crew_worker *worker = all[i].worker;

        sim_check(all[i].exits <= 1 && all[i].begun <= 1);
        if (!worker || may_be_freed(&all[i]) || worker->lock.word.raw ||
            worker->handle == CREW__HANDLE_GONE)
            continue;
        check_children(worker);
        if (worker->ended) {
            sim_check(worker->waiters == NULL);
            sim_check_equal(all[i].begun, all[i].returned);
        }
    }
}

/* ---- one after the other, and many at once --------------------------------------------- */

static void begin(void)
{
    memset(all, 0, sizeof all);
    count = 0;
    made = 0;
    released = 0;
    loop_begin(&loop);
}

static void finish(struct seen *seen)
{
    int r = crew_worker_finish(seen->worker);

    sim_check(r == 0 || r == -EALREADY);
}

/* Who is told 0 finds it canceled in the end. */
static void terminate(struct seen *seen)
{
    int r;

    seen->asked = true;
    r = crew_worker_terminate(seen->worker);
    sim_check(r == 0 || r == -EALREADY);
    if (r == 0)
        seen->terminated = true;
}

static void wait_for(struct seen *seen, crew_ns timeout)
{
    crew_exit how;
    int r = crew_worker_wait(seen->worker, &how, timeout);

    sim_check(r == 0 || r == -ETIMEDOUT);
    if (r == 0)
        check_how(seen, &how);
}

static void do_something(struct seen *seen)
{
    int r;

    if (seen->gone)
        return;
    switch (sim_random(6)) {
    case 0:
        finish(seen);
        break;
    case 1:
        terminate(seen);
        break;
    case 2:
        r = post(crew_worker_port(seen->worker), 0);
        sim_check(r == 0 || r == -EPIPE);
        break;
    case 3:
        wait_for(seen, sim_random_time(CREW_MS));
        break;
    case 4:
        try_destroy(seen);
        break;
    default:
        crew_inbox_dispatch(loop.inbox, (unsigned)sim_random(3));
        break;
    }
}

/* Those whose exit is heard, until it is; then the others. */
static void end_all(void)
{
    for (unsigned i = 0; i < count; i++) {
        if (!all[i].gone && !all[i].exits)
            terminate(&all[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        while (all[i].heard && !all[i].exits && !all[i].gone)
            loop_turn(&loop);
        if (!all[i].gone) {
            wait_for(&all[i], CREW_FOREVER);
            try_destroy(&all[i]);
            sim_check(all[i].gone);
        }
    }
}

static void empty_inbox(void)
{
    /* Items of those that were destroyed say nothing. */
    while (crew_inbox_pending(loop.inbox) > 0) {
        if (crew_inbox_dispatch(loop.inbox, 0) == 0)
            sim_point();
    }
    loop_end(&loop);
    sim_check_equal(released, made);
}

static void anything_happens_to_workers(void *arg)
{
    (void)arg;
    begin();
    for (unsigned i = 0; i < 24; i++) {
        if (count < 4 && (count == 0 || sim_chance(4)))
            start_one(sim_chance(4) ? NULL : loop.inbox, NULL, 0);
        else
            do_something(&all[sim_random(count)]);
    }
    end_all();
    empty_inbox();
}

/* ---- two wait, one terminates, at any step --------------------------------------------- */

static void wait_in_thread(void *arg)
{
    struct seen *seen = arg;

    while (sim_chance(3))
        wait_for(seen, sim_random_time(CREW_MS));
    wait_for(seen, CREW_FOREVER);
}

static uint64_t terminate_at;

static void terminate_in_thread(void *arg)
{
    sim_wait_step(terminate_at);
    terminate(arg);
}

static void two_wait_while_one_terminates(void *arg)
{
    struct sim_thread *threads[3];

    (void)arg;
    begin();
    start_one(sim_chance(2) ? NULL : loop.inbox, NULL, 0);
    all[0].destroys = false;
    terminate_at = sim_steps() + 1 + sim_random(sim_chance(2) ? 300 : 3000);
    threads[0] = sim_spawn("waiter", wait_in_thread, &all[0]);
    threads[1] = sim_spawn("second", wait_in_thread, &all[0]);
    threads[2] = sim_spawn("terminator", terminate_in_thread, &all[0]);
    if (all[0].heard) {
        while (!all[0].exits)
            loop_turn(&loop);
    }
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    end_all();
    empty_inbox();
}

/* ---- families ----------------------------------------------------------------------------- */

static crew_inbox *some_inbox(crew_self *self)
{
    switch (sim_random(3)) {
    case 0:
        return NULL;
    case 1:
        return crew_self_inbox(self);
    default:
        return loop.inbox;
    }
}

/* What a parent does to a child before it returns, perhaps nothing. */
static void treat_child(crew_self *self, struct seen *child)
{
    int r;

    if (child->destroys || child->gone)
        return; /* a callback in another thread's inbox may be at it */
    if (sim_chance(4))
        terminate(child);
    if (sim_chance(2)) {
        r = crew_worker_wait(child->worker, NULL, sim_random_time(CREW_MS));
        sim_check(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
        sim_check(r != -ECANCELED || crew_self_canceled(self));
    }
    if (sim_chance(2))
        try_destroy(child);
    if (sim_chance(4))
        crew_inbox_dispatch(crew_self_inbox(self), 0);
}

static void start_children(crew_self *self, struct seen *me)
{
    unsigned number = (unsigned)sim_random(3);
    struct seen *children[2];

    for (unsigned i = 0; i < number && count < MOST; i++) {
        children[i] = &all[count];
        start_one(some_inbox(self), me, me->depth - 1);
        treat_child(self, children[i]);
    }
}

static bool is_below(const struct seen *one, const struct seen *root)
{
    while (one && one != root)
        one = one->parent;
    return one != NULL;
}

/* When a worker has ended, so have all that it has started, and theirs. */
static void families_end_together(void *arg)
{
    struct sim_thread *terminator;

    (void)arg;
    begin();
    start_one(sim_chance(2) ? NULL : loop.inbox, NULL, 3);
    all[0].destroys = false;
    terminate_at = sim_steps() + 1 + sim_random(6000);
    terminator = sim_spawn("terminator", terminate_in_thread, &all[0]);
    for (unsigned i = 0; i < 8; i++)
        crew_inbox_dispatch(loop.inbox, (unsigned)sim_random(3));
    wait_for(&all[0], CREW_FOREVER);
    for (unsigned i = 0; i < count; i++) {
        if (is_below(&all[i], &all[0])) {
            sim_check_equal(all[i].begun, all[i].returned);
            all[i].gone = i > 0;
        }
    }
    sim_join(terminator);
    end_all();
    empty_inbox();
}

const struct scenario worker_scenarios[] = {
    {.name = "worker.anything",
     .main_fiber = anything_happens_to_workers,
     .seeds = 20000,
     .options = {.every_step = check_workers}},
    {.name = "worker.terminate",
     .main_fiber = two_wait_while_one_terminates,
     .seeds = 20000,
     .options = {.every_step = check_workers},
     .reaches = REACHES(WAITER_TOOK_BACK)},
    {.name = "worker.family",
     .main_fiber = families_end_together,
     .seeds = 20000,
     .options = {.every_step = check_workers}},
    {.name = NULL},
};
