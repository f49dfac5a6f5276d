/*
 * A call: a task, the message that it was given and the draft of its result,
 * in one piece of memory.
 *
 *   reference   from              to
 *   running     crew_call         after `done`
 *   handle      crew_call         crew_call_destroy
 *
 * `in` is released where `run` has returned, on the worker; of a call that
 * was not run, before `done`. The text of a failure lies in the call, or in
 * memory of its own where it is longer than that and there is some.
 *
 * All that can fail comes before the ports move; then the handle is written,
 * the entries of `in` go, and the task is pushed: after that the call may be
 * gone.
 *
 * Edges
 *   call-last   release -> the last release   what everybody did with the call
 *               happens before it goes.
 */
#include "call/draft.h"

#include "base/mark.h"
#include "os/os.h"
#include "pool/pool.h"
#include "port/message.h"
#include "port/port.h"

#include <errno.h>
#include <string.h>

struct crew_call_handle {
    crew_task task; /* first: a task is its call */
    crew_message in;
    struct crew__draft out;
    crew__a32 references;
    bool released; /* in */
    uint64_t generation;
    int (*run)(crew_self *, crew_message *, crew_message *);
    crew_call_done_fn *done;
    void *arg;
    struct crew__text_sink sink;
    const char *text; /* `short_text`, long_text or NULL */
    char *long_text;
    char short_text[CREW__CALL_TEXT];
    char room[] __attribute__((aligned(16))); /* of `in` */
};

typedef struct crew_call_handle call;

_Static_assert(offsetof(call, in) % 16 == 0, "the flags of its mark");
_Static_assert(offsetof(call, out) % 16 == 0, "the flags of its mark");

static call *call_of(crew_task *task)
{
    return (call *)(void *)task;
}

static void release_call(call *it)
{
    /* edge:call-last, release */
    /* edge:call-last, acquire */
    if (crew__add_acq_rel(&it->references, (uint32_t)-1) > 1)
        return;
    crew__memory_free(it->long_text);
    crew__census_died(CREW__CENSUS_CALL, it);
    crew__memory_free(it);
}

/* ---- on the worker ----------------------------------------------------- */

static void take_text(struct crew__text_sink *sink, const char *text)
{
    call *it = (call *)(void *)((char *)sink - offsetof(call, sink));
    size_t size = strlen(text);
    char *to = it->short_text;

    if (size >= sizeof it->short_text) {
        it->long_text = crew__memory_zero(size + 1);
        if (it->long_text)
            to = it->long_text;
        else /* better cut than lost */
            size = sizeof it->short_text - 1;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    it->text = to;
}

static void release_in(call *it)
{
    if (!it->released)
        crew__message_empty(&it->in);
    it->released = true;
}

static int run_call(crew_self *self, crew_task *task)
{
    call *it = call_of(task);
    int status;

    crew__self_keep_text(self, &it->sink);
    status = it->run(self, &it->in, &it->out.public);
    release_in(it);
    return status;
}

/* ---- on the inbox's thread --------------------------------------------- */

static void tell_result(crew_task *task)
{
    call *it = call_of(task);
    crew_result result = {
        .status = task->status, .out = &it->out.public, .text = it->text};

    release_in(it);
    crew__draft_close(&it->out);
    it->done(&result, it->arg);
    crew__draft_fini(&it->out);
    release_call(it);
}

/* ---- the caller's side ------------------------------------------------- */

static int check_message(const crew_message *in)
{
    int r = crew__message_check(in);

    return r < 0 ? r : crew__ports_check(NULL, in);
}

static int check_arguments(const crew_callable *callable,
                           const crew_message *in,
                           const crew_call_options *options,
                           const crew_inbox *inbox, crew_call_done_fn *done)
{
    if (!callable || !callable->run || !inbox || !done)
        return -EINVAL;
    for (unsigned i = 0; options && i < 8; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    return in ? check_message(in) : 0;
}

/* A copy of everything; nothing has moved yet. NULL: no memory. */
static call *make_call(const crew_callable *callable, const crew_message *in,
                       const crew_call_options *options)
{
    size_t room = crew__message_room(in);
    call *it = room ? crew__memory_aligned(16, sizeof *it + room) : NULL;

    if (!it)
        return NULL;
    it->task.run = run_call;
    it->task.done = tell_result;
    it->task.name = callable->name;
    if (options) {
        it->task.priority = options->priority;
        it->task.queue_timeout = options->queue_timeout;
        it->task.run_timeout = options->run_timeout;
    }
    crew__message_copy(&it->in, it->room, in);
    crew__message_lend(&it->in, false);
    crew__draft_init(&it->out);
    it->generation = crew__fork_current();
    it->run = callable->run;
    it->sink.take = take_text;
    crew__census_born(CREW__CENSUS_CALL, it);
    return it;
}

/* As make_call left it. */
static void unmake_call(call *it)
{
    crew__census_died(CREW__CENSUS_CALL, it);
    crew__memory_free(it);
}

/* Nothing fails any more: what `in` carries is the call's. */
static void take_over(const crew_message *in)
{
    crew__ports_move(in);
    crew__message_moved(in);
}

static int begin(call *it, crew_pool *pool, const crew_message *in,
                 crew_inbox *inbox)
{
    int r = crew__ports_prepare(in);

    if (r < 0)
        return r;
    r = crew__submit_begin(pool, &it->task, inbox);
    if (r < 0)
        crew__ports_cancel(in);
    return r;
}

int crew_call(crew_call_handle **out, crew_pool *pool,
              const crew_callable *callable, const crew_message *in,
              const crew_call_options *options, crew_inbox *inbox,
              crew_call_done_fn *done, void *arg)
{
    static const crew_message empty;
    call *it;
    int r = check_arguments(callable, in, options, inbox, done);

    if (r < 0)
        return r;
    if (!in)
        in = &empty;
    it = make_call(callable, in, options);
    if (!it)
        return -ENOMEM;
    it->done = done;
    it->arg = arg;
    r = begin(it, pool, in, inbox);
    if (r < 0) {
        unmake_call(it);
        return r;
    }
    take_over(in);
    /* published by the push */
    crew__store_relaxed(&it->references, out ? 2 : 1);
    if (out)
        *out = it;
    crew__submit_finish(pool, &it->task, inbox);
    return 0;
}

int crew_call_cancel(crew_call_handle *call)
{
    if (!call)
        return -EINVAL;
    if (call->generation != crew__fork_current()) {
        crew__mark(CREW__MARK_FORKED);
        return -EOWNERDEAD;
    }
    return crew_task_cancel(&call->task);
}

void crew_call_destroy(crew_call_handle *call)
{
    if (call)
        release_call(call);
}
