#include "runtime/cancel.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>
#include <limits.h>

enum { LIVE, FIRED };

void crew__cancel_init(struct crew__cancel *cancel)
{
    const crew__a64 *word;

    crew__store_relaxed(&cancel->word, LIVE);   /* not shared yet */
    crew__store_relaxed(&cancel->lock.word, 0); /* not shared yet */
    cancel->parker = NULL;
    cancel->meter = NULL;
    cancel->generation = crew__fork_generation(&word);
}

void crew__cancel_set_current(struct crew__cancel *cancel)
{
    crew__thread_set_cancel(cancel);
}

struct crew__cancel *crew__cancel_get_current(void)
{
    struct crew__cancel *cancel = crew__thread_get_cancel();

    if (cancel && cancel->generation != crew__fork_current())
        return NULL;
    return cancel;
}

bool crew__cancel_is_fired(const struct crew__cancel *cancel)
{
    /* edge:cancel-fired, acquire */
    return crew__load_acquire(&cancel->word) == FIRED;
}

bool crew__cancel_is_due(void)
{
    const struct crew__cancel *cancel = crew__cancel_get_current();

    return cancel && crew__cancel_is_fired(cancel);
}

void crew__cancel_fire(struct crew__cancel *cancel)
{
    crew__lock(&cancel->lock);
    crew__store_release(&cancel->word, FIRED); /* edge:cancel-fired, release */
    if (cancel->parker)
        crew__park_nudge(cancel->parker);
    crew__unlock(&cancel->lock);
    crew__futex_wake(&cancel->word, INT_MAX);
}

/* ---- how long --------------------------------------------------------------- */

static void begin_idle(struct crew__cancel *cancel)
{
    /* a figure of one writer */
    if (cancel && cancel->meter)
        crew__store_relaxed(&cancel->meter->since, (uint64_t)crew__clock_now());
}

static void end_idle(struct crew__cancel *cancel)
{
    struct crew__cancel_meter *meter = cancel ? cancel->meter : NULL;
    uint64_t idle;

    if (!meter)
        return;
    /* figures of one writer */
    idle = crew__load_relaxed(&meter->idle_ns) + (uint64_t)crew__clock_now() -
           crew__load_relaxed(&meter->since);
    crew__store_relaxed(&meter->since, 0);      /* as above */
    crew__store_relaxed(&meter->idle_ns, idle); /* as above */
}

/* ---- parking --------------------------------------------------------------- */

/* false: fired already. */
static bool enter(struct crew__cancel *cancel, struct crew__parker *parker)
{
    bool live;

    crew__lock(&cancel->lock);
    crew__assert(!cancel->parker);
    /* guarded by the lock */
    live = crew__load_relaxed(&cancel->word) == LIVE;
    if (live)
        cancel->parker = parker;
    crew__unlock(&cancel->lock);
    return live;
}

/* From here on nobody nudges; what was nudged meanwhile is taken back. */
static void leave(struct crew__cancel *cancel, struct crew__parker *parker)
{
    crew__lock(&cancel->lock);
    cancel->parker = NULL;
    crew__unlock(&cancel->lock);
    crew__park_calm(parker);
}

static int park(struct crew__cancel *cancel, struct crew__parker *parker,
                crew_ns deadline)
{
    enum crew__park_end end;

    if (!enter(cancel, parker)) {
        crew__mark(CREW__MARK_CANCEL_BEFORE_PARK);
        return -ECANCELED;
    }
    begin_idle(cancel);
    end = crew__park_or_nudge(parker, deadline);
    end_idle(cancel);
    leave(cancel, parker);
    if (end == CREW__PARK_NUDGED) {
        crew__mark(CREW__MARK_CANCEL_WHILE_PARKED);
        return -ECANCELED;
    }
    return end == CREW__PARK_TOKEN ? 0 : -ETIMEDOUT;
}

int crew__cancel_park(struct crew__parker *parker, crew_ns deadline)
{
    struct crew__cancel *cancel = crew__cancel_get_current();

    if (cancel)
        return park(cancel, parker, deadline);
    return crew__park(parker, deadline) ? 0 : -ETIMEDOUT;
}

/* ---- words of the program's ------------------------------------------------ */

/* What can be said without sleeping; 0: nothing. */
static int look(const struct crew__cancel *cancel, crew__a32 *word,
                uint32_t expected, crew_ns deadline)
{
    /* Who does not wait, with a deadline of 0, is not canceled in it. */
    if (cancel && deadline != 0 && crew__cancel_is_fired(cancel)) {
        crew__mark(CREW__MARK_CANCEL_WORD);
        return -ECANCELED;
    }
    /* seq_cst, as the program may tell another word before that it waits, and
     * who changes this one may look there whether to notify: store buffering
     * is what it forbids, where the program's own operations are so too. */
    if (crew__load_seq_cst(word) != expected)
        return -EAGAIN;
    if (deadline != CREW__NEVER && crew__clock_now() >= deadline)
        return -ETIMEDOUT;
    return 0;
}

/* A signal whose handler restarts calls is not seen here, so a difference that
 * the kernel tells may be found after a sleep: only the first look is the
 * call's own. */
int crew__cancel_wait(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    struct crew__cancel *cancel = crew__cancel_get_current();

    for (bool first = true;; first = false) {
        int r = look(cancel, word, expected, deadline);

        if (r == -EAGAIN && !first)
            return 0; /* it has changed, and nobody has notified yet */
        if (r < 0)
            return r;
        begin_idle(cancel);
        r = crew__futex_wait_shared(word, expected, deadline,
                                    cancel ? &cancel->word : NULL);
        end_idle(cancel);
        if (r == -ETIMEDOUT && cancel && crew__cancel_is_fired(cancel))
            return -ECANCELED; /* in the last slice */
        if (r != -EAGAIN && r != -EINTR)
            return r;
    }
}
