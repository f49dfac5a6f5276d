#include "worker/lock.h"

#include "base/mark.h"

#include <errno.h>
#include <string.h>

/* ---- checking -------------------------------------------------------------- */

static bool is_any(const uintptr_t *words, unsigned count)
{
    uintptr_t sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum |= words[i];
    return sum != 0;
}

static int check_inbox(const crew_lock_options *options)
{
    bool calls = options->on_granted || options->on_stolen;

    if (calls != (options->inbox != NULL))
        return -EINVAL;
    if (!calls)
        return 0;
    if (crew__inbox_is_forked(options->inbox))
        return -EOWNERDEAD;
    if (options->timeout > 0 && options->on_granted &&
        crew__inbox_is_polled(options->inbox))
        return -EINVAL;
    return 0;
}

static int check(const crew_lock_options *options)
{
    if (is_any(options->reserved, 4) || options->timeout < CREW_FOREVER ||
        (unsigned)options->mode > CREW_LOCK_SHARED)
        return -EINVAL;
    if (options->steal &&
        (options->mode != CREW_LOCK_EXCLUSIVE || options->if_available))
        return -EINVAL;
    if (options->timeout > 0 && (options->steal || options->if_available))
        return -EINVAL;
    return check_inbox(options);
}

static enum crew__line_way way_of(const crew_lock_options *options)
{
    if (options->steal)
        return CREW__LINE_STEAL;
    return options->if_available ? CREW__LINE_IF_FREE : CREW__LINE_WAIT;
}

/* ---- making ---------------------------------------------------------------- */

/* Its inbox goes while it waits there, which happens in a forked child alone. */
static void forget_alarm(struct crew__notice *notice)
{
    (void)notice;
}

static void init(crew_lock *lock, const crew_lock_options *options)
{
    const crew__a64 *word;

    lock->granted.deliver = crew__lock_deliver_granted;
    lock->stolen.deliver = crew__lock_deliver_stolen;
    lock->late.deliver = crew__lock_deliver_late;
    lock->late.withdraw = forget_alarm;
    lock->generation = crew__fork_generation(&word);
    lock->inbox = options->inbox;
    lock->on_granted = options->on_granted;
    lock->on_stolen = options->on_stolen;
    lock->arg = options->arg;
    lock->answered = !options->on_granted;
    lock->references = 1; /* the handle's */
    if (lock->on_stolen)
        crew__inbox_attach(lock->inbox);
    crew__census_born(CREW__CENSUS_LOCK, lock);
}

static crew_lock *make(const char *name, const crew_lock_options *options)
{
    size_t size = options->name_size ? options->name_size : strlen(name);
    crew_lock *lock;

    if (size >= SIZE_MAX - sizeof *lock)
        return NULL;
    lock = crew__memory_zero(sizeof *lock + size + 1);
    if (!lock)
        return NULL;
    memcpy(lock->name, name, size);
    crew__line_make_claim(&lock->claim, lock->name, size, options->mode);
    init(lock, options);
    return lock;
}

/* One that nobody has got. */
static void discard(crew_lock *lock)
{
    crew__lock_enter();
    crew__lock_give_back(lock);
    crew__lock_leave();
    crew__lock_dispose(lock);
}

/* ---- its place in line ----------------------------------------------------- */

/* Under the lock: it has one. */
static void begin(crew_lock *lock, crew_ns deadline)
{
    bool waits = lock->claim.state == CREW__CLAIM_WAITS;

    lock->status = waits ? -EINPROGRESS : 0;
    if (lock->waiter)
        return;
    crew__inbox_expect(lock->inbox, 1);
    if (!waits) {
        lock->references++; /* the answer's */
    } else if (deadline != CREW__NEVER) {
        lock->references++; /* the alarm's */
        crew__notice_link_until(lock->inbox, &lock->late, deadline);
    }
}

/* Under the lock. */
static int try_to_begin(crew_lock *lock, struct crew__line *line,
                        enum crew__line_way way, crew_ns deadline,
                        struct crew__line_changes *changes)
{
    crew_worker *worker = crew__worker_here();

    if (worker && crew__worker_is_forked(worker))
        worker = NULL;
    if (worker && worker->locks_over)
        return -ECANCELED;
    if (!crew__line_enter(line, &lock->claim, way, changes))
        return -EBUSY;
    if (worker) {
        lock->owner = worker->id;
        crew__list_push_last(&worker->locks, &lock->own);
    }
    begin(lock, deadline);
    crew__lock_note(changes);
    return lock->status == 0 ? 0 : -EINPROGRESS;
}

/* 0: it is held, -EINPROGRESS: it waits. One with on_granted may have been
 * answered, released and freed when this returns. */
static int put_in_line(crew_lock **out, crew_lock *lock,
                       enum crew__line_way way, crew_ns deadline)
{
    struct crew__line_changes changes = {NULL, NULL};
    struct crew__line *line = crew__lock_enter();
    int r = try_to_begin(lock, line, way, deadline, &changes);
    bool answered = r == 0 && !lock->waiter;

    if ((r == 0 || r == -EINPROGRESS) && !lock->waiter)
        *out = lock;
    crew__lock_leave();
    crew__lock_tell(&changes);
    if (answered)
        crew__lock_answer(lock);
    return r;
}

/* ---- the call that waits --------------------------------------------------- */

/* false: it has its answer, and the token is on its way. */
static bool give_up(crew_lock *lock)
{
    struct crew__line_changes changes = {NULL, NULL};
    struct crew__line *line = crew__lock_enter();
    bool waits = lock->claim.state == CREW__CLAIM_WAITS;

    if (waits) {
        crew__line_leave(line, &lock->claim, &changes);
        crew__lock_note(&changes);
    }
    crew__lock_leave();
    crew__lock_tell(&changes);
    return waits;
}

static int wait_until(crew_lock *lock, crew_ns deadline)
{
    struct crew__parker *parker = &lock->waiter->own;
    int r = crew__cancel_park(parker, deadline);

    if (r == 0 || give_up(lock))
        return r;
    crew__mark(CREW__MARK_CLAIM_TOO_LATE);
    crew__park(parker, CREW__NEVER);
    return 0;
}

static int request_here(crew_lock *lock, enum crew__line_way way,
                        crew_ns deadline)
{
    struct crew__waiter waiter;
    int r;

    crew__waiter_init(&waiter);
    lock->waiter = &waiter;
    r = put_in_line(NULL, lock, way, deadline);
    return r == -EINPROGRESS ? wait_until(lock, deadline) : r;
}

/* ---- both ------------------------------------------------------------------ */

static int request(crew_lock **out, crew_lock *lock, enum crew__line_way way,
                   crew_ns deadline)
{
    int r;

    if (lock->on_granted) {
        r = put_in_line(out, lock, way, deadline);
        return r == -EINPROGRESS ? 0 : r;
    }
    r = request_here(lock, way, deadline);
    if (r == 0)
        *out = lock;
    return r;
}

int crew_lock_request(crew_lock **out, const char *name,
                      const crew_lock_options *options)
{
    static const crew_lock_options defaults;
    crew_ns deadline = CREW__NEVER;
    crew_lock *lock;
    int r;

    if (!options)
        options = &defaults;
    if (!out || !name)
        return -EINVAL;
    r = check(options);
    if (r < 0)
        return r;
    if (options->timeout > 0)
        deadline = crew__clock_deadline(crew__clock_now(), options->timeout);
    lock = make(name, options);
    if (!lock)
        return -ENOMEM;
    r = request(out, lock, way_of(options), deadline);
    if (r < 0)
        discard(lock);
    return r;
}
