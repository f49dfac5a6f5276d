#include "worker/lock.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

/* A forked child begins with a line of its own. */
static struct crew__line line;
static uint64_t line_generation = UINT64_MAX; /* there is none yet */

struct crew__line *crew__lock_enter(void)
{
    uint64_t generation = crew__fork_current();

    crew__notices_lock();
    if (line_generation != generation) {
        line_generation = generation;
        crew__line_init(&line);
    }
    return &line;
}

void crew__lock_leave(void)
{
    crew__notices_unlock();
}

static bool is_forked(const crew_lock *lock)
{
    return lock->generation != crew__fork_current();
}

/* ---- its memory ------------------------------------------------------------ */

static void free_lock(crew_lock *lock)
{
    crew__census_died(CREW__CENSUS_LOCK, lock);
    crew__memory_free(lock);
}

void crew__lock_dispose(crew_lock *lock)
{
    if (lock->on_stolen)
        crew__inbox_detach(lock->inbox);
    free_lock(lock);
}

/* Under the lock; true: it was the last. */
static bool drop(crew_lock *lock)
{
    crew__guard(lock->references > 0);
    return --lock->references == 0;
}

static void drop_alone(crew_lock *lock)
{
    bool last;

    crew__lock_enter();
    last = drop(lock);
    crew__lock_leave();
    if (last)
        crew__lock_dispose(lock);
}

bool crew__lock_give_back(crew_lock *lock)
{
    if (lock->released)
        return false;
    lock->released = true;
    if (crew__list_is_linked(&lock->own))
        crew__list_unlink(&lock->own);
    return drop(lock);
}

/* ---- telling --------------------------------------------------------------- */

static crew_lock *of_claim(struct crew__claim *claim)
{
    return (crew_lock *)(void *)((char *)claim - offsetof(crew_lock, claim));
}

/* It waits no more, for this reason. */
static void decide(crew_lock *lock, int status)
{
    lock->status = status;
    if (lock->waiter)
        return;
    lock->references++; /* the answer's */
    if (lock->late.inbox) {
        crew__notice_unlink(&lock->late);
        lock->references--; /* the alarm's, which is not the last */
    }
}

void crew__lock_note(struct crew__line_changes *changes)
{
    struct crew__claim **at = &changes->stolen;

    for (struct crew__claim *c = changes->granted; c; c = c->next_granted)
        decide(of_claim(c), 0);
    while (*at) {
        crew_lock *lock = of_claim(*at);

        lock->status = -ECANCELED;
        if (!lock->on_stolen) { /* nobody is told */
            *at = (*at)->next_stolen;
            continue;
        }
        lock->references++; /* the answer's */
        crew__inbox_expect(lock->inbox, 1);
        at = &(*at)->next_stolen;
    }
}

void crew__lock_answer(crew_lock *lock)
{
    if (lock->waiter)
        crew__waiter_tell(lock->waiter);
    else
        crew__inbox_post(lock->inbox, &lock->granted);
}

void crew__lock_tell(const struct crew__line_changes *changes)
{
    struct crew__claim *claim = changes->stolen;
    struct crew__claim *next;

    for (; claim; claim = next) {
        crew_lock *lock = of_claim(claim);

        next = claim->next_stolen;
        crew__inbox_post(lock->inbox, &lock->stolen);
    }
    for (claim = changes->granted; claim; claim = next) {
        next = claim->next_granted;
        crew__lock_answer(of_claim(claim));
    }
}

/* ---- the callbacks --------------------------------------------------------- */

static crew_lock *of_member(void *member, size_t offset)
{
    return (crew_lock *)(void *)((char *)member - offset);
}

void crew__lock_deliver_granted(struct crew__item *item)
{
    crew_lock *lock = of_member(item, offsetof(crew_lock, granted));
    bool released;
    int status;

    crew__lock_enter();
    released = lock->released;
    status = lock->status;
    if (released)
        status = -ECANCELED;
    else if (lock->claim.state == CREW__CLAIM_STOLEN)
        status = 0; /* it was held; on_stolen comes next */
    crew__lock_leave();
    lock->answered = true;
    lock->on_granted(released ? NULL : lock, status, lock->arg);
    if (lock->theft_waits)
        crew__inbox_post(lock->inbox, &lock->stolen);
    drop_alone(lock);
}

void crew__lock_deliver_stolen(struct crew__item *item)
{
    crew_lock *lock = of_member(item, offsetof(crew_lock, stolen));
    bool released;

    if (!lock->answered) { /* who brings the answer may have been stopped */
        crew__mark(CREW__MARK_CLAIM_STOLEN_EARLY);
        crew__inbox_take_back(lock->inbox);
        lock->theft_waits = true;
        return;
    }
    crew__lock_enter();
    released = lock->released;
    crew__lock_leave();
    if (released)
        crew__inbox_ran(lock->inbox, 0);
    else
        lock->on_stolen(lock, lock->arg);
    drop_alone(lock);
}

/* It is time, but it may have its answer. */
void crew__lock_deliver_late(struct crew__notice *notice)
{
    crew_lock *lock = of_member(notice, offsetof(crew_lock, late));
    struct crew__line_changes changes = {NULL, NULL};
    struct crew__line *all = crew__lock_enter();
    bool late = lock->claim.state == CREW__CLAIM_WAITS;

    if (late) {
        lock->status = -ETIMEDOUT;
        crew__line_leave(all, &lock->claim, &changes);
        crew__lock_note(&changes);
    }
    crew__lock_leave();
    crew__lock_tell(&changes);
    if (late) {
        crew__inbox_forgo(lock->inbox);
        lock->on_granted(lock, -ETIMEDOUT, lock->arg);
    } else {
        crew__mark(CREW__MARK_CLAIM_ALARM_LATE);
        crew__inbox_ran(lock->inbox, 0);
    }
    drop_alone(lock);
}

/* ---- the end --------------------------------------------------------------- */

bool crew__lock_end(struct crew__line *all, crew_lock *lock,
                    struct crew__line_changes *changes)
{
    bool waits = lock->claim.state == CREW__CLAIM_WAITS;

    crew__line_leave(all, &lock->claim, changes);
    crew__lock_note(changes);
    if (waits)
        decide(lock, -ECANCELED);
    else if (lock->status == 0)
        lock->status = -ECANCELED;
    return waits;
}

/* In a forked child nobody else is here, but what was on its way to an inbox
 * is still linked there. */
static void release_forked(crew_lock *lock)
{
    if (lock->references == 1)
        free_lock(lock);
}

void crew_lock_release(crew_lock *lock)
{
    struct crew__line_changes changes;
    bool waits;
    bool last;

    if (!lock)
        return;
    if (is_forked(lock)) {
        release_forked(lock);
        return;
    }
    waits = crew__lock_end(crew__lock_enter(), lock, &changes);
    last = crew__lock_give_back(lock);
    crew__lock_leave();
    crew__lock_tell(&changes);
    if (waits)
        crew__lock_answer(lock);
    if (last)
        crew__lock_dispose(lock);
}

int crew_lock_status(const crew_lock *lock)
{
    int status;

    if (!lock)
        return -EINVAL;
    if (is_forked(lock))
        return -EOWNERDEAD;
    crew__lock_enter();
    status = lock->status;
    crew__lock_leave();
    return status;
}
