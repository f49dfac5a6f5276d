/*
 * Waiting for an inbox without a loop: look for a moment, then sleep on a
 * parker that posters find in `waiter`.
 */
#include "runtime/inbox_state.h"

#include "base/mark.h"
#include "base/tunables.h"
#include "runtime/cancel.h"

#include <errno.h>

static bool is_stopped(crew_inbox *inbox)
{
    return inbox->is_running && crew__load_seq_cst(&inbox->stops);
}

static bool should_wake(crew_inbox *inbox)
{
    return crew__inbox_has_work(inbox) || is_stopped(inbox);
}

static bool look_for_a_moment(crew_inbox *inbox)
{
    /* In the models they are the same, and a look less to explore. */
    bool much = CREW__SPIN_INBOX != CREW__SPIN_INBOX_MUCH &&
                crew_inbox_pending(inbox) >= CREW__NAP_PENDING;
    unsigned rounds = much ? CREW__SPIN_INBOX_MUCH : CREW__SPIN_INBOX;

    for (unsigned i = 0; i < rounds; i++) {
        if (should_wake(inbox)) {
            inbox->finds++;
            return true;
        }
        crew__relax();
    }
    inbox->finds = 0;
    return false;
}

/* How much is outstanding, where it is time for a nap; else 0. */
static size_t worth_a_nap(crew_inbox *inbox)
{
    size_t pending = 0;

    if (inbox->finds >= CREW__NAP_AFTER << inbox->overslept)
        pending = crew_inbox_pending(inbox);
    return pending >= CREW__NAP_PENDING ? pending : 0;
}

/* Nobody wakes it: posters find that it looks. */
static void nap(crew_ns deadline)
{
    crew_ns end = crew__clock_now() + CREW__NAP_NS;
    struct crew__parker parker;

    crew__park_init(&parker);
    crew__park(&parker, end < deadline ? end : deadline);
}

/* A nap that brought all that was outstanding was too long, and who needed the
 * answers had to wait for it: the next one comes after twice as many looks. */
static void judge_nap(crew_inbox *inbox, size_t outstanding, size_t count)
{
    bool overslept = count >= outstanding;

    if (overslept || count < CREW__NAP_BATCH)
        inbox->finds = 0;
    if (!overslept) {
        inbox->overslept = 0;
        return;
    }
    crew__mark(CREW__MARK_INBOX_OVERSLEPT);
    if (inbox->overslept < CREW__NAP_OVERSLEPT_MOST)
        inbox->overslept++;
}

/* cancel's, but an alarm is something to do. */
static int park(crew_inbox *inbox, struct crew__parker *parker,
                crew_ns deadline)
{
    bool alarmed = inbox->alarm != 0 && inbox->alarm < deadline;
    int r = crew__cancel_park(parker, alarmed ? inbox->alarm : deadline);

    return alarmed && r == -ETIMEDOUT ? -EINTR : r;
}

/* Sleeps until there is something to do: 0, -ETIMEDOUT, -ECANCELED, or -EINTR
 * where it is an alarm. */
static int sleep_until_work(crew_inbox *inbox, crew_ns deadline)
{
    struct crew__parker parker;
    void *mine = &parker;
    int r = 0;

    crew__park_init(&parker);
    crew__store_seq_cst(&inbox->waiter, mine);
    if (!should_wake(inbox)) {
        r = park(inbox, &parker, deadline);
        if (r == 0)
            return 0;
    }
    /* Take the registration back; where a poster has it, its token comes. */
    if (crew__cas_seq_cst(&inbox->waiter, &mine, LOOKING)) {
        crew__mark(CREW__MARK_WAITER_TOOK_BACK);
        return should_wake(inbox) ? 0 : r;
    }
    crew__mark(CREW__MARK_WAITER_TOO_LATE);
    crew__park(&parker, CREW__NEVER);
    return 0;
}

static bool is_run_over(crew_inbox *inbox)
{
    if (!inbox->is_running)
        return false;
    return inbox->is_settling ? crew_inbox_pending(inbox) == 0
                              : !crew_inbox_is_alive(inbox);
}

/* Dispatches at least one, or a stop, or the deadline, or what a run went on
 * for has been withdrawn. */
static int wait_once(crew_inbox *inbox, crew_ns deadline)
{
    size_t napped = 0;
    int count;

    for (;;) {
        count = crew__inbox_deliver(inbox, 0);
        if (napped > 0)
            judge_nap(inbox, napped, (size_t)count);
        if (count > 0 || is_stopped(inbox) || is_run_over(inbox))
            return count;
        if (deadline != CREW__NEVER && crew__clock_now() >= deadline)
            return -ETIMEDOUT;
        napped = worth_a_nap(inbox);
        if (napped > 0) {
            nap(deadline);
        } else if (!look_for_a_moment(inbox)) {
            int r = sleep_until_work(inbox, deadline);

            if (r < 0 && r != -EINTR)
                return r;
        }
    }
}

static int enter_waiting(crew_inbox *inbox)
{
    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    if (!crew__inbox_enter(inbox))
        return -EBUSY;
    crew__store_seq_cst(&inbox->waiter, LOOKING);
    return 0;
}

static void leave_waiting(crew_inbox *inbox)
{
    crew__exchange_seq_cst(&inbox->waiter, NULL);
    crew__inbox_ring_for_rest(inbox); /* for which nobody has rung meanwhile */
    crew__inbox_leave(inbox);
}

int crew_inbox_wait(crew_inbox *inbox, crew_ns timeout)
{
    crew_ns deadline;
    int r;

    if (timeout < CREW_FOREVER)
        return -EINVAL;
    r = enter_waiting(inbox);
    if (r < 0)
        return r;
    if (timeout != 0 && crew__cancel_is_due()) {
        r = -ECANCELED;
    } else if (timeout == 0) {
        r = crew__inbox_deliver(inbox, 0);
    } else {
        deadline = crew__clock_deadline(crew__clock_now(), timeout);
        r = wait_once(inbox, deadline);
    }
    if (r == 0)
        r = -ETIMEDOUT;
    leave_waiting(inbox);
    return r;
}

static bool take_stop(crew_inbox *inbox)
{
    uint32_t stops = crew__load_seq_cst(&inbox->stops);

    while (stops > 0) {
        if (crew__cas_seq_cst(&inbox->stops, &stops, stops - 1))
            return true;
    }
    return false;
}

int crew_inbox_run(crew_inbox *inbox)
{
    int64_t total = 0;
    int r = enter_waiting(inbox);

    if (r < 0)
        return r;
    inbox->is_running = true;
    while (r == 0 && !take_stop(inbox) && !is_run_over(inbox)) {
        r = crew__cancel_is_due() ? -ECANCELED : wait_once(inbox, CREW__NEVER);
        if (r > 0) {
            total += r;
            r = 0;
        }
    }
    inbox->is_running = false;
    leave_waiting(inbox);
    if (r < 0)
        return r;
    return total > INT32_MAX ? INT32_MAX : (int)total;
}

void crew__inbox_settle(crew_inbox *inbox)
{
    /* A thread that the program lent it to may still be about to leave. */
    while (enter_waiting(inbox) == -EBUSY)
        crew__yield();
    inbox->is_running = true;
    inbox->is_settling = true;
    while (!is_run_over(inbox)) {
        take_stop(inbox); /* nobody else's turn */
        wait_once(inbox, CREW__NEVER);
    }
    inbox->is_settling = false;
    inbox->is_running = false;
    leave_waiting(inbox);
}

int crew_inbox_stop(crew_inbox *inbox)
{
    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    crew__add_seq_cst(&inbox->stops, 1);
    crew__inbox_rouse(inbox);
    return 0;
}
