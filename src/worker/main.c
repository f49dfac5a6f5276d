#include "worker/lock.h"
#include "worker/worker.h"

#include "worker/environment.h"

#include <errno.h>
#include <string.h>

/* ---- its failure's text ---------------------------------------------------- */

static void keep_text(struct crew__text_sink *sink, const char *text)
{
    crew_worker *worker = (crew_worker *)(void *)((char *)sink -
                                                  offsetof(crew_worker, texts));

    /* Without memory the error comes without it. */
    worker->text = crew__worker_copy_text(text);
}

/* ---- what is left ---------------------------------------------------------- */

static void free_scratch(struct crew__worker *place)
{
    while (place->scratch) {
        struct crew__block *block = place->scratch;

        place->scratch = block->previous;
        crew__memory_free(block);
    }
}

/* Its descriptor goes before its on_exit comes. Where a port that it left open
 * listens there, destroy looks again. Until now the program, which borrows it,
 * could not destroy it. */
static void close_home(crew_worker *worker)
{
    crew_inbox *home = worker->home;

    worker->home = NULL;
    crew__inbox_detach(home);
    if (crew_inbox_destroy(home) < 0)
        worker->home = home;
}

/* Its locks, posts by its id, its children, its end of the channel, and what is
 * outstanding in its inbox, where callbacks may start more. Nothing cancels a
 * wait from here on. */
static void wind_up(crew_worker *worker)
{
    crew__cancel_set_current(NULL);
    crew__post_end(worker);
    crew__lock_end_all(worker);
    crew__worker_end_children(worker);
    crew_port_close(worker->inner);
    crew__inbox_settle(worker->home);
    while (crew__worker_has_children(worker)) {
        crew__worker_end_children(worker);
        crew__inbox_settle(worker->home);
    }
    crew__lock_free_all(worker);
    close_home(worker);
}

/* ---- main ------------------------------------------------------------------ */

/* From here on a terminate ends its posts itself. */
static void begin(crew_worker *worker)
{
    crew__lock(&worker->lock);
    worker->has_begun = true;
    if (crew__cancel_is_fired(&worker->cancel))
        crew__port_end(worker->inner);
    crew__unlock(&worker->lock);
}

/* on_online first: messages, on_close and the exit come after it. Where it will
 * never be online its item comes all the same, and says nothing. */
static void come_online(crew_worker *worker, bool online)
{
    if (online)
        crew__store_relaxed(&worker->online_since,
                            (uint64_t)crew__clock_now()); /* a figure */
    if (worker->inbox)
        crew__inbox_post(worker->inbox, &worker->online);
    begin(worker);
}

/* Main's as a message is a callback's: it may be freed there, or kept. */
static crew_message *receive_start(crew_worker *worker, bool *kept)
{
    crew_message *start = NULL;

    if (worker->has_start && crew_receive(worker->inner, &start, 0) == 0)
        crew__message_give(crew__message_of(start), kept);
    return start;
}

static int call_main(crew_worker *worker)
{
    struct crew__activation a;
    bool kept = false;
    crew_message *start = receive_start(worker, &kept);
    int code;

    crew__run_open(&a, &worker->place, NULL);
    worker->texts.take = keep_text;
    crew__self_keep_text(&a.self, &worker->texts);
    code = worker->main(&a.self, start);
    if (crew__worker_is_forked(worker))
        return code;
    /* a figure; what follows is neither busy nor idle */
    crew__store_relaxed(&worker->ended_at, (uint64_t)crew__clock_now());
    if (start && !kept)
        crew__message_finish(crew__message_of(start));
    wind_up(worker);
    worker->failure = crew__run_close(&a);
    free_scratch(&worker->place);
    return worker->failure ? worker->failure : code;
}

/* ---- the end --------------------------------------------------------------- */

/* Now, as the handle may be kept for long. */
static void forget_environment(crew_worker *worker)
{
    struct crew__environment *environment = worker->environment;

    worker->environment = NULL;
    crew__environment_release(environment);
}

/* Nobody reads it before `ended`. */
static void fill_in(crew_worker *worker, int code)
{
    struct crew__port_counts counts;

    crew__port_count(worker->inner, &counts);
    worker->how.usage.messages_in = counts.received;
    worker->how.code = code;
}

void crew__worker_run(void *arg)
{
    crew_worker *worker = arg;
    bool online;
    int code = -1;

    crew__park(&worker->parker, CREW__NEVER); /* at the gate */
    if (!worker->may_enter) {
        crew__worker_release(worker);
        return;
    }
    /* a figure */
    crew__store_relaxed(&worker->place.tid, (uint32_t)crew__thread_id());
    if (worker->masked)
        crew__affinity_set(0, &worker->mask);
    crew__cancel_set_current(&worker->cancel);
    crew__inbox_attach(worker->home); /* until close_home */
    online = !crew__cancel_is_fired(&worker->cancel);
    come_online(worker, online);
    if (online)
        code = call_main(worker);
    else
        wind_up(worker);
    if (crew__worker_is_forked(worker))
        return; /* all of it is in the other process */
    forget_environment(worker);
    fill_in(worker, code);
    crew__worker_tell_end(worker);
}
