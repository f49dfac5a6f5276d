#include "runtime/inbox_state.h"

#include "base/assert.h"
#include "base/mark.h"
#include "base/prefetch.h"
#include "base/tunables.h"

#include <errno.h>
#include <string.h>

bool crew__inbox_is_forked(const crew_inbox *inbox)
{
    /* a lone word */
    bool forked = crew__load_relaxed(inbox->fork_word) != inbox->generation;

    if (forked)
        crew__mark(CREW__MARK_FORKED);
    return forked;
}

/* Its own slot, or a free one, or none. */
static uint64_t find_slot(crew_inbox *inbox, uint64_t thread)
{
    uint64_t slot = 0;

    while (slot < NO_SLOT && inbox->owners[slot] != thread &&
           inbox->owners[slot] != 0)
        slot++;
    if (slot < NO_SLOT)
        inbox->owners[slot] = (uintptr_t)thread;
    return slot;
}

static void become_owner(crew_inbox *inbox)
{
    /* under `dispatching` */
    uint64_t owner = crew__load_relaxed(&inbox->owner);
    uint64_t me = crew__thread_identity();

    /* under `dispatching` */
    if (owner - owner % 8 != me)
        crew__store_relaxed(&inbox->owner, me + find_slot(inbox, me));
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
    become_owner(inbox);
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
    uint64_t slot = owner % 8;

    if (slot < NO_SLOT && owner - slot == crew__thread_identity()) {
        crew__a64 *mine = &inbox->expected_by_owner[slot];

        /* own word */
        crew__store_relaxed(mine, crew__load_relaxed(mine) + count);
    } else {
        /* published by the post */
        crew__add_relaxed(&inbox->expected_by_others, count);
    }
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

void crew__inbox_ring(crew_inbox *inbox)
{
    crew__add_relaxed(&inbox->writes, 1); /* a hint for clear_fd */
    crew__event_set(inbox->fd);
}

/* Whether the owner is inside wait or run: then it looks before it sleeps, or
 * is woken. */
static bool rouse_waiter(crew_inbox *inbox)
{
    void *seen = crew__load_seq_cst(&inbox->waiter);

    while (seen != NULL && seen != LOOKING) {
        if (crew__cas_seq_cst(&inbox->waiter, &seen, LOOKING)) {
            crew__mark(CREW__MARK_INBOX_UNPARKED);
            crew__unpark(seen);
            return true;
        }
    }
    if (seen == LOOKING)
        crew__mark(CREW__MARK_INBOX_SKIPPED_WRITE);
    return seen == LOOKING;
}

void crew__inbox_rouse(crew_inbox *inbox)
{
    if (!rouse_waiter(inbox) && crew__load_seq_cst(&inbox->fd_asked))
        crew__inbox_ring(inbox);
}

void crew__inbox_rouse_run(crew_inbox *inbox)
{
    /* What is gone may have been all that its run, or the loop that serves it,
     * went on for. Another that sleeps on the fd has lost nothing. */
    crew__store_seq_cst(&inbox->notices, 1);
    if (!rouse_waiter(inbox) && crew__inbox_is_bound(inbox))
        crew__inbox_ring(inbox);
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
        crew__inbox_rouse(inbox);
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
            crew__inbox_ring(self);
    }
    return inbox->fd;
}

bool crew__inbox_is_polled(crew_inbox *inbox)
{
    return crew__load_relaxed(&inbox->fd_asked) != 0; /* a lone word */
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
    notice->deadline = 0;
    notice->next = inbox->noticed;
    inbox->noticed = notice;
}

void crew__notice_link_until(crew_inbox *inbox, struct crew__notice *notice,
                             crew_ns deadline)
{
    crew__notice_link(inbox, notice);
    notice->deadline = deadline;
    crew__inbox_rouse_run(inbox); /* who sleeps shall sleep no longer */
}

void crew__notice_unlink(struct crew__notice *notice)
{
    struct crew__notice **at = &notice->inbox->noticed;

    while (*at != notice)
        at = &(*at)->next;
    *at = notice->next;
    notice->inbox = NULL;
}

void crew__notice_withdraw(struct crew__notice *notice)
{
    crew_inbox *inbox = notice->inbox;

    crew__notice_unlink(notice);
    if (!crew__inbox_is_forked(inbox))
        crew__inbox_rouse_run(inbox);
}

static bool make_due(struct crew__notice *notice)
{
    if (notice->due)
        return false;
    notice->due = true;
    notice->round = notice->inbox->round;
    crew__store_seq_cst(&notice->inbox->notices, 1);
    return true;
}

void crew__notice_tell(struct crew__notice *notice)
{
    if (make_due(notice))
        crew__inbox_rouse(notice->inbox);
}

/* Under the lock, the owner: those of which it is time are due. */
static void look_at_deadlines(crew_inbox *inbox, crew_ns now)
{
    inbox->alarm = 0;
    for (struct crew__notice *n = inbox->noticed; n; n = n->next) {
        if (n->due || n->deadline == 0)
            continue;
        if (n->deadline <= now)
            make_due(n);
        else if (inbox->alarm == 0 || n->deadline < inbox->alarm)
            inbox->alarm = n->deadline;
    }
}

/* `alarm` has come; what it was for may have been withdrawn. */
static void ring_alarm(crew_inbox *inbox)
{
    crew_ns now = crew__clock_now();

    if (now < inbox->alarm)
        return;
    crew__notices_lock();
    look_at_deadlines(inbox, now);
    crew__notices_unlock();
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
    if (!found)
        look_at_deadlines(inbox, 0); /* some may have been linked since */
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

bool crew__inbox_is_noticed(const crew_inbox *inbox)
{
    bool some;

    crew__notices_lock();
    some = inbox->noticed != NULL;
    crew__notices_unlock();
    return some;
}

/* ---- dispatching ------------------------------------------------------- */

bool crew__inbox_enter(crew_inbox *inbox)
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

void crew__inbox_leave(crew_inbox *inbox)
{
    /* edge:inbox-dispatch, release */
    crew__store_release(&inbox->dispatching, 0);
}

/* Oldest first. Each comes from the cache of who has posted it, and so does
 * what it is a part of: a task has its item in its second line. */
static struct crew__node *turn(struct crew__node *chain)
{
    struct crew__node *turned = NULL;

    while (chain) {
        struct crew__node *next = chain->next;

        crew__prefetch_along(chain, next);
        /* next may be NULL, which has nothing before it. */
        crew__prefetch_along((void *)((uintptr_t)chain - 64),
                             (void *)((uintptr_t)next - 64));
        chain->next = turned;
        turned = chain;
        chain = next;
    }
    return turned;
}

void crew__inbox_collect_more(crew_inbox *inbox)
{
    struct crew__node *newest;
    struct crew__node *oldest;

    if (crew__stack_is_empty(&inbox->arrived))
        return;
    newest = crew__stack_take_all(&inbox->arrived);
    oldest = turn(newest);
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
    crew__inbox_collect_more(inbox);
    /* set before the fd was used */
    if (!inbox->ready && !clear && crew__load_relaxed(&inbox->fd_asked)) {
        clear_fd(inbox, writes);
        crew__inbox_collect_more(inbox);
    }
}

/* Whether the owner has anything to do. */
bool crew__inbox_has_work(crew_inbox *inbox)
{
    return inbox->ready || !crew__stack_is_empty(&inbox->arrived) ||
           crew__load_seq_cst(&inbox->notices);
}

/* Notices come after the items that were there before them, and before those
 * that come later. */
static void place_notices(crew_inbox *inbox)
{
    if (inbox->notices_due || inbox->before_notices ||
        !crew__load_seq_cst(&inbox->notices))
        return;
    inbox->notices_due = inbox->ready == NULL;
    inbox->before_notices = inbox->ready ? inbox->ready_last : NULL;
}

static unsigned deliver_notices(crew_inbox *inbox, unsigned max)
{
    unsigned count = 0;
    uint32_t round;

    if (!inbox->notices_due)
        return 0;
    round = begin_round(inbox);
    while (count < max) {
        struct crew__notice *notice = take_due(inbox, round);

        if (!notice) {
            inbox->notices_due = false;
            break;
        }
        inbox->ran = 1;
        notice->deliver(notice);
        count += inbox->ran;
    }
    return count;
}

/* Delivers the first; how many callbacks it made. */
static unsigned deliver_first(crew_inbox *inbox, unsigned budget)
{
    struct crew__node *node = inbox->ready;
    struct crew__item *item = (struct crew__item *)node;
    uint64_t before = crew__load_relaxed(&inbox->delivered); /* own word */

    inbox->ready = node->next;
    if (node == inbox->last)
        inbox->last = NULL;
    if (node == inbox->before_notices) {
        inbox->before_notices = NULL;
        inbox->notices_due = true;
    }
    inbox->budget = budget;
    inbox->ran = 1;
    crew__store_relaxed(&inbox->delivered, before + 1); /* own word */
    item->deliver(item);
    return inbox->ran;
}

void crew__inbox_take_back(crew_inbox *inbox)
{
    uint64_t before = crew__load_relaxed(&inbox->delivered); /* own word */

    inbox->ran = 0;
    crew__store_relaxed(&inbox->delivered, before - 1); /* own word */
}

void crew__inbox_forgo(crew_inbox *inbox)
{
    uint64_t before = crew__load_relaxed(&inbox->delivered); /* own word */

    crew__store_relaxed(&inbox->delivered, before + 1); /* own word */
}

int crew__inbox_deliver(crew_inbox *inbox, unsigned max)
{
    unsigned count;

    collect(inbox);
    if (inbox->alarm != 0)
        ring_alarm(inbox);
    place_notices(inbox);
    inbox->number++;
    inbox->last = inbox->ready ? inbox->ready_last : NULL;
    if (max == 0)
        max = INT32_MAX;
    count = deliver_notices(inbox, max);
    while (count < max && inbox->last) {
        count += deliver_first(inbox, max - count);
        count += deliver_notices(inbox, max - count);
    }
    return (int)count;
}

void crew__inbox_ring_for_rest(crew_inbox *inbox)
{
    /* own thread asked */
    if (crew__inbox_has_work(inbox) && crew__load_relaxed(&inbox->fd_asked)) {
        crew__mark(CREW__MARK_INBOX_REFILLED);
        crew__inbox_ring(inbox);
    }
}

int crew_inbox_dispatch(crew_inbox *inbox, unsigned max)
{
    int count;

    if (!inbox)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    if (!crew__inbox_enter(inbox))
        return -EBUSY;
    count = crew__inbox_deliver(inbox, max);
    if (inbox->ready || crew__load_seq_cst(&inbox->notices))
        crew__inbox_ring_for_rest(inbox);
    crew__inbox_leave(inbox);
    return count;
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

/* In a forked child: what is the library's of that which was on its way. Nobody
 * else is here; what a thread of the parent had in its hands is lost. */
static void drop_calls(struct crew__node *node)
{
    while (node) {
        struct crew__node *next = node->next;

        crew__inbox_drop_call((struct crew__item *)node);
        node = next;
    }
}

int crew_inbox_destroy(crew_inbox *inbox)
{
    bool forked;

    if (!inbox)
        return 0;
    forked = crew__inbox_is_forked(inbox);
    if (!forked) {
        /* Attached first: what it expects before it detaches is seen below.
         * edge:inbox-attached, acquire */
        if (crew__load_acquire(&inbox->attached))
            return -EBUSY;
        /* edge:inbox-dispatch, acquire */
        if (crew__load_acquire(&inbox->dispatching) ||
            crew_inbox_pending(inbox) > 0 || crew__inbox_is_bound(inbox))
            return -EBUSY;
        /* edge:inbox-rouse, acquire */
        while (crew__load_acquire(&inbox->rousing)) {
            crew__mark(CREW__MARK_INBOX_ROUSE_WAITED);
            crew__yield();
        }
    }
    withdraw_notices(inbox, forked);
    if (forked) {
        drop_calls(inbox->ready);
        drop_calls(crew__stack_take_all(&inbox->arrived));
    }
    crew__event_close(inbox->fd);
    crew__census_died(CREW__CENSUS_INBOX, inbox);
    crew__memory_free(inbox);
    return 0;
}
