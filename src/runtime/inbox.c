#include "runtime/inbox.h"

#include "base/assert.h"
#include "base/mark.h"
#include "base/tunables.h"

#include <errno.h>
#include <string.h>

#define NAME_BYTES 32

/* The owner counts in a slot without a read-modify-write. Each new owner takes
 * the next slot, so that a thread that still counts as the owner it was when
 * another dispatches does not lose the new owner's counts. The number fits in
 * the low bits of an identity. */
#define OWNER_SLOTS 8u

struct crew_inbox {
    /* Posters write these, ... */
    struct crew__stack arrived CREW__ALIGNED(CREW__APART);
    crew__a32 rousing; /* posters between their count and their last touch */
    crew__a32 writes;  /* of the fd, counted before each */

    /* ... who tells the owner something reads these, ... */
    crew__aptr waiter CREW__ALIGNED(CREW__APART); /* NULL, LOOKING, a parker */
    crew__a32 fd_asked;
    int fd;
    crew__a32 stops;   /* runs that are to end */
    crew__a32 notices; /* a notice may be due */
    crew__a64 expected_by_others;
    const crew__a64 *fork_word;
    uint64_t generation;

    /* ... and the owner these. */
    /* its thread's identity | slot */
    crew__a64 owner CREW__ALIGNED(CREW__APART);
    crew__a64 expected_by_owner[OWNER_SLOTS];
    crew__a64 delivered;
    crew__a32 dispatching;
    bool heeds_stops; /* it is inside run */
    uint32_t cleared; /* `writes` when the fd was last cleared */
    struct crew__node *ready;
    struct crew__node *ready_last;
    struct crew__notice *noticed; /* guarded by the notices' lock, ... */
    uint32_t round;               /* ... and so is this: dispatches that
                                     looked for due notices */
    char name[NAME_BYTES];
};

static char looking_place;
#define LOOKING ((void *)&looking_place)

bool crew__inbox_is_forked(const crew_inbox *inbox)
{
    /* a lone word */
    bool forked = crew__load_relaxed(inbox->fork_word) != inbox->generation;

    if (forked)
        crew__mark(CREW__MARK_FORKED);
    return forked;
}

int crew_inbox_create(crew_inbox **out, const crew_inbox_options *options)
{
    crew_inbox *inbox;
    int r;

    if (!out)
        return -EINVAL;
    for (unsigned i = 0; options && i < 8; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    inbox = crew__memory_aligned(CREW__APART, sizeof *inbox);
    if (!inbox)
        return -ENOMEM;
    r = crew__event_open(&inbox->fd);
    if (r < 0) {
        crew__memory_free(inbox);
        return r;
    }
    inbox->generation = crew__fork_generation(&inbox->fork_word);
    /* not shared yet */
    crew__store_relaxed(&inbox->owner, crew__thread_identity());
    strncpy(inbox->name, options && options->name ? options->name : "inbox",
            NAME_BYTES - 1);
    crew__census_born(CREW__CENSUS_INBOX, inbox);
    *out = inbox;
    return 0;
}

/* ---- counting ---------------------------------------------------------- */

void crew__inbox_expect(crew_inbox *inbox, size_t count)
{
    /* Equal only on the owner's own thread, whoever else writes it. */
    uint64_t owner = crew__load_relaxed(&inbox->owner);
    uint64_t slot = owner % OWNER_SLOTS;

    if (owner - slot == crew__thread_identity()) {
        crew__a64 *mine = &inbox->expected_by_owner[slot];

        /* own word */
        crew__store_relaxed(mine, crew__load_relaxed(mine) + count);
    } else {
        /* published by the post */
        crew__add_relaxed(&inbox->expected_by_others, count);
    }
}

void crew__inbox_unexpect(crew_inbox *inbox, size_t count)
{
    crew__inbox_expect(inbox, (size_t)0 - count);
}

size_t crew_inbox_pending(const crew_inbox *inbox)
{
    uint64_t expected;

    if (!inbox || crew__inbox_is_forked(inbox))
        return 0;
    /* exact for the owner */
    expected = crew__load_relaxed(&inbox->expected_by_others);
    /* as above */
    for (unsigned i = 0; i < OWNER_SLOTS; i++)
        expected += crew__load_relaxed(&inbox->expected_by_owner[i]);
    /* as above */
    return (size_t)(expected - crew__load_relaxed(&inbox->delivered));
}

/* ---- rousing the owner ------------------------------------------------- */

static void ring_fd(crew_inbox *inbox)
{
    crew__add_relaxed(&inbox->writes, 1); /* a hint for clear_fd */
    crew__event_set(inbox->fd);
}

/* Something is there for the owner to look at. */
static void rouse(crew_inbox *inbox)
{
    void *seen = crew__load_seq_cst(&inbox->waiter);

    while (seen != NULL && seen != LOOKING) {
        if (crew__cas_seq_cst(&inbox->waiter, &seen, LOOKING)) {
            crew__mark(CREW__MARK_INBOX_UNPARKED);
            crew__unpark(seen);
            return;
        }
    }
    if (seen == LOOKING)
        crew__mark(CREW__MARK_INBOX_SKIPPED_WRITE);
    else if (crew__load_seq_cst(&inbox->fd_asked))
        ring_fd(inbox);
}

void crew__inbox_post(crew_inbox *inbox, struct crew__item *item)
{
    void *seen = crew__load_relaxed(&inbox->arrived.head); /* the CAS decides */
    bool counted = false;

    do {
        if (seen == NULL && !counted) {
            crew__add_relaxed(&inbox->rousing, 1); /* published by the push */
            counted = true;
        }
    } while (!crew__stack_try_push(&inbox->arrived, &item->node, &item->node,
                                   &seen));
    if (seen == NULL)
        rouse(inbox);
    /* edge:inbox-rouse, release */
    if (counted)
        crew__add_release(&inbox->rousing, (uint32_t)-1);
}

int crew_inbox_fd(const crew_inbox *inbox)
{
    crew_inbox *self = (crew_inbox *)inbox; /* logically const */

    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    /* once is enough, twice harmless */
    if (!crew__load_relaxed(&self->fd_asked)) {
        crew__store_seq_cst(&self->fd_asked, 1);
        /* What came before was not rung for. */
        if (!crew__stack_is_empty(&self->arrived) ||
            crew_inbox_pending(inbox) > 0 || crew__load_seq_cst(&self->notices))
            ring_fd(self);
    }
    return inbox->fd;
}

/* ---- notices ----------------------------------------------------------- */

void crew__notices_lock(void)
{
    crew__lock(crew__fork_lock());
}

void crew__notices_unlock(void)
{
    crew__unlock(crew__fork_lock());
}

void crew__notice_link(crew_inbox *inbox, struct crew__notice *notice)
{
    notice->inbox = inbox;
    notice->due = false;
    notice->next = inbox->noticed;
    inbox->noticed = notice;
}

void crew__notice_unlink(struct crew__notice *notice)
{
    struct crew__notice **at = &notice->inbox->noticed;

    while (*at != notice)
        at = &(*at)->next;
    *at = notice->next;
    notice->inbox = NULL;
}

void crew__notice_tell(struct crew__notice *notice)
{
    crew_inbox *inbox = notice->inbox;

    if (notice->due)
        return;
    notice->due = true;
    notice->round = inbox->round;
    crew__store_seq_cst(&inbox->notices, 1);
    rouse(inbox);
}

/* Takes one that was told in `round` or before. `notices` stays set while any
 * is due. */
static struct crew__notice *take_due(crew_inbox *inbox, uint32_t round)
{
    struct crew__notice *found = NULL;
    uint32_t due = 0;

    crew__notices_lock();
    for (struct crew__notice *n = inbox->noticed; n; n = n->next) {
        due += n->due;
        if (n->due && (int32_t)(n->round - round) <= 0)
            found = n;
    }
    if (found)
        crew__notice_unlink(found);
    crew__store_seq_cst(&inbox->notices, due > (found != NULL));
    crew__notices_unlock();
    return found;
}

/* What is told from now on belongs to the next round: a callback that asks
 * again is not served by the dispatch that runs it. */
static uint32_t begin_round(crew_inbox *inbox)
{
    uint32_t round;

    crew__notices_lock();
    round = inbox->round++;
    crew__notices_unlock();
    return round;
}

static bool is_noticed(crew_inbox *inbox)
{
    bool some;

    crew__notices_lock();
    some = inbox->noticed != NULL;
    crew__notices_unlock();
    return some;
}

/* ---- dispatching ------------------------------------------------------- */

static void become_owner(crew_inbox *inbox)
{
    /* under `dispatching` */
    uint64_t owner = crew__load_relaxed(&inbox->owner);
    uint64_t slot = owner % OWNER_SLOTS;
    uint64_t me = crew__thread_identity();

    /* under `dispatching` */
    if (owner - slot != me)
        crew__store_relaxed(&inbox->owner, me + (slot + 1) % OWNER_SLOTS);
}

static bool enter(crew_inbox *inbox)
{
    uint32_t free = 0;

    /* The program hands the inbox over with its own synchronisation; this
     * only tells who breaks the rule. */
    /* edge:inbox-dispatch, acquire */
    if (!crew__cas_acquire(&inbox->dispatching, &free, 1))
        return false;
    become_owner(inbox);
    return true;
}

static void leave(crew_inbox *inbox)
{
    /* edge:inbox-dispatch, release */
    crew__store_release(&inbox->dispatching, 0);
}

static void take_arrived(crew_inbox *inbox)
{
    struct crew__node *newest;
    struct crew__node *oldest;

    if (crew__stack_is_empty(&inbox->arrived))
        return;
    newest = crew__stack_take_all(&inbox->arrived);
    oldest = crew__stack_turn(newest);
    if (inbox->ready)
        inbox->ready_last->next = oldest;
    else
        inbox->ready = oldest;
    inbox->ready_last = newest;
}

static void clear_fd(crew_inbox *inbox, uint32_t writes)
{
    inbox->cleared = writes;
    crew__event_clear(inbox->fd);
}

/* A write is counted before it is made, so a write that comes late may find
 * its count seen already; then the fd is readable for nothing, and who finds
 * nothing clears it and looks again. */
static void collect(crew_inbox *inbox)
{
    uint32_t writes = crew__load_relaxed(&inbox->writes); /* a hint */
    bool clear = writes != inbox->cleared;

    if (clear)
        clear_fd(inbox, writes);
    take_arrived(inbox);
    /* set before the fd was used */
    if (!inbox->ready && !clear && crew__load_relaxed(&inbox->fd_asked)) {
        clear_fd(inbox, writes);
        take_arrived(inbox);
    }
}

/* Whether the owner has anything to do. */
static bool has_work(crew_inbox *inbox)
{
    return inbox->ready || !crew__stack_is_empty(&inbox->arrived) ||
           crew__load_seq_cst(&inbox->notices);
}

static unsigned deliver_notices(crew_inbox *inbox, unsigned max)
{
    unsigned count = 0;
    uint32_t round;

    if (!crew__load_seq_cst(&inbox->notices))
        return 0;
    round = begin_round(inbox);
    while (count < max) {
        struct crew__notice *notice = take_due(inbox, round);

        if (!notice)
            break;
        notice->deliver(notice);
        count++;
    }
    return count;
}

static int deliver_some(crew_inbox *inbox, unsigned max)
{
    struct crew__node *last;
    unsigned count;

    collect(inbox);
    last = inbox->ready ? inbox->ready_last : NULL;
    if (max == 0)
        max = INT32_MAX;
    count = deliver_notices(inbox, max);
    while (count < max && last) {
        struct crew__node *node = inbox->ready;
        struct crew__item *item = (struct crew__item *)node;
        uint64_t before = crew__load_relaxed(&inbox->delivered); /* own word */

        inbox->ready = node->next;
        if (node == last)
            last = NULL;
        crew__store_relaxed(&inbox->delivered, before + 1); /* own word */
        item->deliver(item);
        count++;
    }
    return (int)count;
}

/* The fd stays readable while something is left, and an edge is made for
 * who waits for edges. */
static void ring_for_rest(crew_inbox *inbox)
{
    /* own thread asked */
    if (has_work(inbox) && crew__load_relaxed(&inbox->fd_asked)) {
        crew__mark(CREW__MARK_INBOX_REFILLED);
        ring_fd(inbox);
    }
}

int crew_inbox_dispatch(crew_inbox *inbox, unsigned max)
{
    int count;

    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    if (!enter(inbox))
        return -EBUSY;
    count = deliver_some(inbox, max);
    if (inbox->ready || crew__load_seq_cst(&inbox->notices))
        ring_for_rest(inbox);
    leave(inbox);
    return count;
}

/* ---- waiting ----------------------------------------------------------- */

static bool is_stopped(crew_inbox *inbox)
{
    return inbox->heeds_stops && crew__load_seq_cst(&inbox->stops);
}

static bool should_wake(crew_inbox *inbox)
{
    return has_work(inbox) || is_stopped(inbox);
}

static bool look_for_a_moment(crew_inbox *inbox)
{
    for (unsigned i = 0; i < CREW__SPIN_INBOX; i++) {
        if (should_wake(inbox))
            return true;
        crew__relax();
    }
    return false;
}

/* Sleeps until there is something to do; false: `deadline` came first. */
static bool sleep_until_work(crew_inbox *inbox, crew_ns deadline)
{
    struct crew__parker parker;
    void *mine = &parker;

    crew__park_init(&parker);
    crew__store_seq_cst(&inbox->waiter, mine);
    if (!should_wake(inbox) && crew__park(&parker, deadline))
        return true;
    /* Take the registration back; where a poster has it, its token comes. */
    if (crew__cas_seq_cst(&inbox->waiter, &mine, LOOKING)) {
        crew__mark(CREW__MARK_WAITER_TOOK_BACK);
        return should_wake(inbox);
    }
    crew__mark(CREW__MARK_WAITER_TOO_LATE);
    crew__park(&parker, CREW__NEVER);
    return true;
}

/* Dispatches at least one, or a stop, or the deadline. */
static int wait_once(crew_inbox *inbox, crew_ns deadline)
{
    int count;

    for (;;) {
        count = deliver_some(inbox, 0);
        if (count > 0 || is_stopped(inbox))
            return count;
        if (deadline != CREW__NEVER && crew__clock_now() >= deadline)
            return -ETIMEDOUT;
        if (!look_for_a_moment(inbox) && !sleep_until_work(inbox, deadline))
            return -ETIMEDOUT;
    }
}

static int enter_waiting(crew_inbox *inbox)
{
    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    if (!enter(inbox))
        return -EBUSY;
    crew__store_seq_cst(&inbox->waiter, LOOKING);
    return 0;
}

static void leave_waiting(crew_inbox *inbox)
{
    crew__exchange_seq_cst(&inbox->waiter, NULL);
    ring_for_rest(inbox); /* for which nobody has rung meanwhile */
    leave(inbox);
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
    if (timeout == 0) {
        r = deliver_some(inbox, 0);
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
    inbox->heeds_stops = true;
    while (!take_stop(inbox)) {
        if (crew_inbox_pending(inbox) == 0 && !is_noticed(inbox))
            break;
        total += wait_once(inbox, CREW__NEVER);
    }
    inbox->heeds_stops = false;
    leave_waiting(inbox);
    return total > INT32_MAX ? INT32_MAX : (int)total;
}

int crew_inbox_stop(crew_inbox *inbox)
{
    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    crew__add_seq_cst(&inbox->stops, 1);
    rouse(inbox);
    return 0;
}

/* ---- the end ----------------------------------------------------------- */

static void withdraw_notices(crew_inbox *inbox, bool forked)
{
    if (!forked)
        crew__notices_lock();
    while (inbox->noticed) {
        struct crew__notice *notice = inbox->noticed;

        crew__notice_unlink(notice);
        notice->withdraw(notice);
    }
    if (!forked)
        crew__notices_unlock();
}

int crew_inbox_destroy(crew_inbox *inbox)
{
    bool forked;

    if (!inbox)
        return 0;
    forked = crew__inbox_is_forked(inbox);
    if (!forked) {
        /* edge:inbox-dispatch, acquire */
        if (crew__load_acquire(&inbox->dispatching) ||
            crew_inbox_pending(inbox) > 0)
            return -EBUSY;
        /* edge:inbox-rouse, acquire */
        while (crew__load_acquire(&inbox->rousing)) {
            crew__mark(CREW__MARK_INBOX_ROUSE_WAITED);
            crew__yield();
        }
    }
    withdraw_notices(inbox, forked);
    crew__event_close(inbox->fd);
    crew__census_died(CREW__CENSUS_INBOX, inbox);
    crew__memory_free(inbox);
    return 0;
}
