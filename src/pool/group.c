#include "pool/group.h"

#include "base/assert.h"
#include "base/mark.h"

#include <errno.h>

#define PENDING_ONE UINT64_C(1)
#define PENDING     ((UINT64_C(1) << 40) - 1)
#define LEAVING_ONE (UINT64_C(1) << 40)
#define LEAVING     (UINT64_C(0xffff) << 40)
#define WAITERS     (UINT64_C(1) << 56)
#define NOTIFY      (UINT64_C(1) << 57)

struct crew_group {
    crew__a64 word CREW__ALIGNED(CREW__APART);
    crew__a64 noted; /* outstanding members with a `done` */

    /* Read by members, written seldom. */
    crew__a32 canceled CREW__ALIGNED(CREW__APART);
    crew__a32 error; /* 0, or the first negative status */
    bool stop_on_error;
    const crew__a64 *fork_word;
    uint64_t generation;

    /* Under the lock, but `notified` (its own item's life). */
    struct crew__lock lock CREW__ALIGNED(CREW__APART);
    struct crew__waiter *waiters;
    struct crew__link sleepers;
    struct crew__item notify;
    crew_inbox *notify_inbox;
    void (*notify_fn)(crew_group *, void *);
    void *notify_arg;
    crew__a32 notify_set; /* until it is delivered */
};

bool crew__group_is_forked(const crew_group *group)
{
    /* a lone word */
    bool forked = crew__load_relaxed(group->fork_word) != group->generation;

    if (forked)
        crew__mark(CREW__MARK_FORKED);
    return forked;
}

int crew_group_create(crew_group **out, const crew_group_options *options)
{
    crew_group *group;

    if (!out)
        return -EINVAL;
    for (unsigned i = 0; options && i < 7; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    group = crew__memory_aligned(CREW__APART, sizeof *group);
    if (!group)
        return -ENOMEM;
    group->stop_on_error = options && options->stop_on_error;
    group->generation = crew__fork_generation(&group->fork_word);
    crew__list_init(&group->sleepers);
    crew__census_born(CREW__CENSUS_GROUP, group);
    *out = group;
    return 0;
}

void crew__group_settle(const crew_group *group)
{
    /* edge:group-end, acquire */
    uint64_t word = crew__load_acquire(&group->word);

    while ((word & LEAVING) && !(word & PENDING)) {
        crew__yield();
        word = crew__load_acquire(&group->word); /* edge:group-end, acquire */
    }
}

static bool is_outstanding(const crew_group *group)
{
    /* edge:group-end, acquire */
    if (crew__load_acquire(&group->word) & (PENDING | LEAVING))
        return true;
    /* edge:group-notify, acquire */
    return crew__load_acquire(&group->notify_set);
}

int crew_group_destroy(crew_group *group)
{
    if (!group)
        return 0;
    if (!crew__group_is_forked(group)) {
        crew__group_settle(group);
        if (is_outstanding(group))
            return -EBUSY;
    }
    crew__census_died(CREW__CENSUS_GROUP, group);
    crew__memory_free(group);
    return 0;
}

size_t crew_group_pending(const crew_group *group)
{
    if (!group || crew__group_is_forked(group))
        return 0;
    /* edge:group-end, acquire */
    return (size_t)(crew__load_acquire(&group->word) & PENDING);
}

int crew_group_error(const crew_group *group)
{
    if (!group)
        return -EINVAL;
    if (crew__group_is_forked(group))
        return -EOWNERDEAD;
    /* edge:group-error, acquire */
    return (int)crew__load_acquire(&group->error);
}

/* ---- members ----------------------------------------------------------- */

void crew__group_join(crew_group *group, bool noted, size_t count)
{
    /* Relaxed: the push of the task publishes both. */
    if (noted)
        crew__add_relaxed(&group->noted, count);
    crew__add_relaxed(&group->word, count * PENDING_ONE);
}

void crew__group_note(crew_group *group, int status)
{
    uint32_t none = 0;

    if (status >= 0)
        return;
    /* edge:group-error, release */
    crew__cas_release(&group->error, &none, (uint32_t)status);
    if (group->stop_on_error)
        crew_group_cancel(group);
}

bool crew__group_has_noted(const crew_group *group)
{
    return crew__load_acquire(&group->noted) != 0; /* edge:group-end, acquire */
}

bool crew__group_is_canceled(const crew_group *group)
{
    /* edge:group-cancel, acquire */
    return crew__load_seq_cst(&group->canceled) != 0;
}

/* Whether no member is outstanding but the one that takes `unit` out. */
static bool is_last(uint64_t word, uint64_t unit)
{
    return ((word - unit) & (PENDING | LEAVING)) == 0;
}

/*
 * Takes the waiters and the notify while the caller is still counted, and
 * puts the waiters before those that it has. Under the lock the caller is
 * seen to be the last once more: who has registered since the first look may
 * wait for a member that has joined since.
 */
static void claim(crew_group *group, uint64_t unit,
                  struct crew__waiter **waiters, bool *notify)
{
    struct crew__waiter **last;

    crew__lock(&group->lock);
    /* edge:group-end, acquire */
    if (is_last(crew__load_seq_cst(&group->word), unit)) {
        crew__mark(CREW__MARK_GROUP_LAST_CLAIMED);
        last = &group->waiters;
        while (*last)
            last = &(*last)->next;
        *last = *waiters;
        *waiters = group->waiters;
        group->waiters = NULL;
        if (crew__and_seq_cst(&group->word, ~(WAITERS | NOTIFY)) & NOTIFY)
            *notify = true;
    }
    crew__unlock(&group->lock);
}

static void tell(struct crew__waiter *waiters)
{
    while (waiters) {
        struct crew__waiter *next = waiters->next;

        crew__waiter_tell(waiters);
        waiters = next;
    }
}

/* Takes `unit` (one pending or one leaving) out: the last touch, but where a
 * notify keeps the group alive. */
static void leave(crew_group *group, uint64_t unit)
{
    struct crew__waiter *waiters = NULL;
    bool notify = false;
    /* edge:group-end, acquire */
    uint64_t word = crew__load_acquire(&group->word);

    for (;;) {
        if (is_last(word, unit) && (word & (WAITERS | NOTIFY))) {
            claim(group, unit, &waiters, &notify);
            /* edge:group-end, acquire */
            word = crew__load_acquire(&group->word);
            /* edge:group-end, release */
        } else if (crew__cas_acq_rel(&group->word, &word, word - unit)) {
            break;
        }
    }
    if (notify)
        crew__inbox_post(group->notify_inbox, &group->notify);
    tell(waiters);
}

void crew__group_leave_noted(crew_group *group)
{
    crew__add_relaxed(&group->noted, (uint64_t)-1); /* published by leave */
    leave(group, PENDING_ONE);
}

void crew__group_begin_leave(crew_group *group)
{
    /* edge:group-end, release */
    crew__add_acq_rel(&group->word, LEAVING_ONE - PENDING_ONE);
}

void crew__group_end_leave(crew_group *group)
{
    leave(group, LEAVING_ONE);
}

/* ---- waiting ----------------------------------------------------------- */

bool crew__group_register(crew_group *group, struct crew__waiter *waiter)
{
    uint64_t word;
    bool outstanding;

    crew__lock(&group->lock);
    /* edge:group-end, acquire */
    word = crew__or_seq_cst(&group->word, WAITERS);
    outstanding = (word & (PENDING | LEAVING)) != 0;
    if (outstanding) {
        waiter->next = group->waiters;
        group->waiters = waiter;
    } else if (!group->waiters) {
        crew__and_seq_cst(&group->word, ~WAITERS);
    }
    crew__unlock(&group->lock);
    return outstanding;
}

bool crew__group_unregister(crew_group *group, struct crew__waiter *waiter)
{
    struct crew__waiter **at;
    bool found;

    crew__lock(&group->lock);
    at = &group->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    found = *at != NULL;
    if (found) {
        *at = waiter->next;
        if (!group->waiters)
            crew__and_seq_cst(&group->word, ~WAITERS);
    }
    crew__unlock(&group->lock);
    crew__mark(found ? CREW__MARK_WAITER_TOOK_BACK
                     : CREW__MARK_WAITER_TOO_LATE);
    return found;
}

/* ---- notify ------------------------------------------------------------ */

/* Whether it has to wait for members; they post it. */
static bool arm_notify(crew_group *group)
{
    bool waits;

    crew__lock(&group->lock);
    /* edge:group-end, acquire */
    waits = (crew__or_seq_cst(&group->word, NOTIFY) & (PENDING | LEAVING)) != 0;
    if (!waits)
        crew__and_seq_cst(&group->word, ~NOTIFY);
    crew__unlock(&group->lock);
    return waits;
}

static void deliver_notify(struct crew__item *item)
{
    crew_group *group = (crew_group *)(void *)((char *)item -
                                               offsetof(crew_group, notify));
    void (*fn)(crew_group *, void *) = group->notify_fn;
    void *arg = group->notify_arg;
    crew_inbox *inbox = group->notify_inbox;

    /* Members may have come since it was posted. */
    if (arm_notify(group)) {
        crew__inbox_take_back(inbox);
        return;
    }
    crew__store_release(&group->notify_set, 0); /* edge:group-notify, release */
    fn(group, arg);
}

int crew_group_notify(crew_group *group, crew_inbox *inbox,
                      void (*fn)(crew_group *group, void *arg), void *arg)
{
    uint32_t free = 0;

    if (!group || !inbox || !fn)
        return -EINVAL;
    if (crew__group_is_forked(group) || crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    /* edge:group-notify, acquire */
    if (!crew__cas_acquire(&group->notify_set, &free, 1))
        return -EBUSY;
    crew__inbox_expect(inbox, 1);
    /* published by the lock */
    group->notify.deliver = deliver_notify;
    group->notify_inbox = inbox;
    group->notify_fn = fn;
    group->notify_arg = arg;
    if (!arm_notify(group))
        crew__inbox_post(inbox, &group->notify);
    return 0;
}

/* ---- cancel ------------------------------------------------------------ */

int crew_group_cancel(crew_group *group)
{
    if (!group)
        return -EINVAL;
    if (crew__group_is_forked(group))
        return -EOWNERDEAD;
    /* edge:group-cancel, release */
    if (crew__exchange_seq_cst(&group->canceled, 1))
        return 0;
    crew__lock(&group->lock);
    for (struct crew__link *at = group->sleepers.next; at != &group->sleepers;
         at = at->next)
        crew__task_wake_sleeper(((struct crew__sleeper *)(void *)at)->task);
    crew__unlock(&group->lock);
    return 0;
}

void crew__group_add_sleeper(crew_group *group, struct crew__sleeper *sleeper)
{
    crew__lock(&group->lock);
    crew__list_push_last(&group->sleepers, &sleeper->link);
    crew__unlock(&group->lock);
}

void crew__group_drop_sleeper(crew_group *group, struct crew__sleeper *sleeper)
{
    crew__lock(&group->lock);
    crew__list_unlink(&sleeper->link);
    crew__unlock(&group->lock);
}
