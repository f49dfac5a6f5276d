/* Named locks from the inside: what meets where one step has been taken and has
 * not been told yet, what holds a lock's memory, and a worker's end. */
#include "by_hand.h"
#include "unlock.h"

#include "base/census.h"
#include "base/fault.h"
#include "base/mark.h"

#define NAME "tests/lock"

/* What was told: g granted, t timed out, c canceled, r released, s stolen. */
static char told[16];
static size_t told_count;
static void (*inside)(crew_lock *lock); /* called by on_granted */

static void note_letter(char letter)
{
    if (told_count + 1 < sizeof told)
        told[told_count++] = letter;
}

static void on_granted(crew_lock *lock, int status, void *arg)
{
    (void)arg;
    if (!lock)
        check_equal(status, -ECANCELED);
    note_letter(!lock                  ? 'r'
                : status == 0          ? 'g'
                : status == -ETIMEDOUT ? 't'
                : status == -ECANCELED ? 'c'
                                       : '?');
    if (inside)
        inside(lock);
}

static void on_stolen(crew_lock *lock, void *arg)
{
    (void)arg;
    check_equal(crew_lock_status(lock), -ECANCELED);
    note_letter('s');
}

static void check_told(const char *letters)
{
    check_text(told, letters);
    memset(told, 0, sizeof told);
    told_count = 0;
}

/* ---- requests ---------------------------------------------------------------- */

static int request(crew_lock **out, crew_lock_options options)
{
    return crew_lock_request(out, NAME, &options);
}

static crew_lock *hold_it(void)
{
    crew_lock *lock = NULL;

    assert_int_equal(request(&lock, (crew_lock_options){.steal = false}), 0);
    return lock;
}

static crew_lock *steal_it(void)
{
    crew_lock *lock = NULL;

    assert_int_equal(request(&lock, (crew_lock_options){.steal = true}), 0);
    return lock;
}

/* Its answers come to the inbox. */
static crew_lock *ask(crew_inbox *inbox, crew_ns timeout)
{
    crew_lock *lock = NULL;
    crew_lock_options options = {.timeout = timeout,
                                 .inbox = inbox,
                                 .on_granted = on_granted,
                                 .on_stolen = on_stolen};

    assert_int_equal(request(&lock, options), 0);
    return lock;
}

static unsigned hear(crew_inbox *inbox)
{
    unsigned count = 0;
    int n;

    while ((n = crew_inbox_dispatch(inbox, 0)) > 0)
        count += (unsigned)n;
    check_equal(n, 0);
    return count;
}

static unsigned count_locks(void)
{
    return (unsigned)crew_lock_query(NULL, NULL);
}

static void release_it(void *lock)
{
    crew_lock_release(lock);
}

/* ---- between a step and its telling ------------------------------------------ */

static crew_lock *thief;

static void steal_now(void *arg)
{
    (void)arg;
    thief = steal_it();
}

/* It holds the lock, and its answer has still to be posted. */
CREW_TEST(a_theft_that_overtakes_the_answer_waits_for_it)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *lock;

    step_in_after(1, crew__fork_lock(), steal_now, NULL);
    lock = ask(inbox, 0);
    assert_true(stepped_in());
    check_equal(crew_lock_status(lock), -ECANCELED);
    check_equal(crew_lock_status(thief), 0);
    check_equal(hear(inbox), 2);
    check_told("gs");
    check_equal(crew__mark_count(CREW__MARK_CLAIM_STOLEN_EARLY), 1);
    crew_lock_release(lock);
    crew_lock_release(thief);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(one_that_is_released_is_not_told_of_its_theft)
{
    crew_inbox *inbox = make_inbox();
    size_t live = crew__census_live(0);
    crew_lock *lock = ask(inbox, 0);

    check_equal(hear(inbox), 1);
    check_told("g");
    thief = steal_it();
    check_equal(crew_inbox_pending(inbox), 1);
    crew_lock_release(lock);
    check_equal(crew_inbox_destroy(inbox), -EBUSY); /* it is on its way */
    check_equal(hear(inbox), 0);
    check_equal(crew_inbox_pending(inbox), 0);
    check_told("");
    crew_lock_release(thief);
    check_equal(crew__census_live(0), live);
    end_all(NULL, NULL, inbox);
}

/* The alarm rings at once; the holder leaves at each moment of the dispatch
 * that tells it. */
static bool leave_beside_the_alarm(crew_inbox *inbox, unsigned nth)
{
    crew_lock *holder = hold_it();
    crew_lock *lock = ask(inbox, 1);
    bool came;
    bool granted;

    check_equal(crew_inbox_dispatch(inbox, 0), 0); /* it learns of the alarm */
    step_in_after(nth, NULL, release_it, holder);
    crew_inbox_dispatch(inbox, 0);
    came = stepped_in();
    if (!came)
        crew_lock_release(holder);
    hear(inbox);
    granted = told[0] == 'g';
    check_told(granted ? "g" : "t");
    check_equal(crew_lock_status(lock), granted ? 0 : -ETIMEDOUT);
    check_equal(count_locks(), granted);
    check_equal(crew_inbox_pending(inbox), 0);
    crew_lock_release(lock);
    return came;
}

CREW_TEST(of_alarm_and_grant_one_is_told)
{
    crew_inbox *inbox = make_inbox();
    size_t live = crew__census_live(0);
    unsigned nth = 1;

    while (leave_beside_the_alarm(inbox, nth))
        nth++;
    check(nth > 2);
    check_marked(CREW__MARK_CLAIM_ALARM_LATE);
    check_equal(crew__census_live(0), live);
    end_all(NULL, NULL, inbox);
}

struct waiting {
    struct crew__cancel cancel;
    crew_lock *holder;
    crew_lock *lock;
    int result;
};

static bool is_parked(void *arg)
{
    struct waiting *w = arg;
    bool parked;

    crew__lock(&w->cancel.lock);
    parked = w->cancel.parker != NULL;
    crew__unlock(&w->cancel.lock);
    return parked;
}

static void wait_or_cancel(unsigned index, void *arg)
{
    struct waiting *w = arg;

    if (index == 1) {
        test_poll(is_parked, w, LONG_WAIT);
        crew__cancel_fire(&w->cancel);
        return;
    }
    crew__cancel_set_current(&w->cancel);
    /* It begins to wait, and has been woken to be canceled. */
    step_in_after(2, &w->cancel.lock, release_it, w->holder);
    w->result = request(&w->lock, (crew_lock_options){.steal = false});
    crew__cancel_set_current(NULL);
    check(stepped_in());
}

CREW_TEST(one_that_is_granted_while_it_gives_up_has_it)
{
    struct waiting w = {.result = 1};

    crew__cancel_init(&w.cancel);
    w.holder = hold_it();
    test_threads(2, wait_or_cancel, &w);
    check_equal(w.result, 0);
    check_equal(crew_lock_status(w.lock), 0);
    check_equal(crew__mark_count(CREW__MARK_CLAIM_TOO_LATE), 1);
    check_equal(count_locks(), 1);
    crew_lock_release(w.lock);
}

/* ---- its memory --------------------------------------------------------------- */

/* Whatever comes to it inside, the callback may look at it until it returns. */
static void release_and_look(crew_lock *lock)
{
    if (!lock)
        return;
    thief = steal_it();
    check_equal(crew_lock_status(lock), -ECANCELED);
    crew_lock_release(lock);
    check(lock->released);
    check_at_least(lock->references, 1);
}

CREW_TEST(a_callback_may_release_its_lock)
{
    crew_inbox *inbox = make_inbox();
    size_t live = crew__census_live(0);

    ask(inbox, 0);
    inside = release_and_look;
    check_equal(hear(inbox), 1);
    check_told("g");
    crew_lock_release(thief);
    check_equal(crew__census_live(0), live);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(one_that_is_withdrawn_with_its_alarm_is_answered_once)
{
    crew_inbox *inbox = make_inbox();
    size_t live = crew__census_live(0);
    crew_lock *holder = hold_it();
    crew_lock *lock = ask(inbox, LONG_WAIT);

    check_equal(lock->references, 2); /* the handle's, the alarm's */
    check(lock->late.inbox == inbox);
    crew_lock_release(lock);
    check_equal(count_locks(), 1);
    check_equal(hear(inbox), 1);
    check_told("r");
    crew_lock_release(holder);
    check_equal(crew__census_live(0), live);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(a_request_that_fails_leaves_nothing)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = hold_it();
    size_t live = crew__census_live(0);
    crew_lock *lock = NULL;
    crew_lock_options options = {
        .inbox = inbox, .on_granted = on_granted, .on_stolen = on_stolen};

    options.if_available = true;
    check_equal(request(&lock, options), -EBUSY);
    check_equal(request(&lock, (crew_lock_options){.timeout = 1}), -ETIMEDOUT);
    crew__fault_arm(1, false);
    check_equal(request(&lock, (crew_lock_options){.steal = true}), -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(request(&lock, (crew_lock_options){.name_size = SIZE_MAX}),
                -ENOMEM);
    check(lock == NULL);
    check_equal(crew_lock_status(holder), 0);
    check_equal(crew_lock_status(NULL), -EINVAL);
    check_equal(crew__census_live(0), live);
    check_equal(count_locks(), 1);
    crew_lock_release(NULL);
    crew_lock_release(holder);
    check_equal(crew_inbox_pending(inbox), 0);
    end_all(NULL, NULL, inbox); /* nothing is attached to it */
}

/* ---- the query ------------------------------------------------------------------ */

static unsigned seen;

static void count_one(const crew_lock_info *info, void *arg)
{
    (void)arg;
    assert_string_equal(info->name, NAME);
    check_equal(info->name_size, strlen(NAME));
    seen++;
}

static void one_more(void *arg)
{
    *(crew_lock **)arg = hold_it();
}

CREW_TEST(a_query_tells_one_moment_or_nothing)
{
    crew_lock *lock = NULL;

    check_equal(crew_lock_query(count_one, NULL), 0);
    /* It has measured, and makes room. */
    step_in_after(1, NULL, one_more, &lock);
    check_equal(crew_lock_query(count_one, NULL), 0); /* it needs none */
    assert_true(stepped_in());
    crew_lock_release(lock);
    lock = hold_it();
    step_in_after(1, NULL, release_it, lock);
    check_equal(crew_lock_query(count_one, NULL), 0); /* it has too much */
    assert_true(stepped_in());
    check_equal(seen, 0);
    lock = hold_it();
    crew__fault_arm(1, false);
    check_equal(crew_lock_query(count_one, NULL), -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(seen, 0);
    check_equal(crew_lock_query(count_one, NULL), 1);
    check_equal(seen, 1);
    crew_lock_release(lock);
}

/* What is held when the query has measured. */
struct exchange {
    crew_lock *before;
    const char *names[2];
    crew_lock *after[2];
};

static void exchange(void *arg)
{
    struct exchange *e = arg;

    crew_lock_release(e->before);
    for (unsigned i = 0; i < 2 && e->names[i]; i++)
        check_equal(crew_lock_request(&e->after[i], e->names[i], NULL), 0);
}

static void count_any(const crew_lock_info *info, void *arg)
{
    (void)arg;
    check_equal(strlen(info->name), info->name_size);
    seen++;
}

static void query_beside(const char *name, const char *first,
                         const char *second)
{
    struct exchange e = {.names = {first, second}};
    unsigned count = second ? 2 : 1;

    check_equal(crew_lock_request(&e.before, name, NULL), 0);
    seen = 0;
    step_in_after(1, NULL, exchange, &e);
    check_equal(crew_lock_query(count_any, NULL), count);
    assert_true(stepped_in());
    check_equal(seen, count);
    for (unsigned i = 0; i < 2; i++)
        crew_lock_release(e.after[i]);
}

CREW_TEST(a_query_measures_again_where_more_have_come)
{
    query_beside("one name that is as long as both", "a", "b");
    query_beside("a", "one that is longer than any room that was left", NULL);
    query_beside("as it was", "as it is.", NULL);
}

/* ---- a worker's end --------------------------------------------------------------- */

struct owned {
    crew_worker *worker;
    crew_inbox *inbox;
    crew_lock *held, *waiting;
    uint64_t holder; /* as the query says */
};

static void find_holder(const crew_lock_info *info, void *arg)
{
    struct owned *owned = arg;

    if (info->held)
        owned->holder = info->owner;
}

static void lock_some(crew_self *self, void *arg)
{
    struct owned *owned = arg;

    (void)self;
    owned->held = hold_it();
    owned->waiting = ask(owned->inbox, 0);
}

static void ask_again(crew_self *self, void *arg)
{
    struct owned *owned = arg;
    crew_lock *lock = NULL;

    (void)self;
    check_equal(request(&lock, (crew_lock_options){.steal = true}), -ECANCELED);
    check(lock == NULL);
    check_equal(crew_lock_status(owned->held), -ECANCELED);
}

CREW_TEST(what_a_worker_has_goes_to_the_next_when_it_ends)
{
    struct owned owned = {.worker = make_by_hand(NULL), .inbox = make_inbox()};
    crew_worker *worker = owned.worker;
    size_t live = crew__census_live(0);
    crew_lock *next;

    crew__id_add(worker);
    act_as(worker, lock_some, &owned);
    next = ask(owned.inbox, 0); /* the program's */
    check_equal(crew_lock_query(find_holder, &owned), 3);
    check_equal(owned.holder, worker->id);
    crew__lock_end_all(worker);
    check(crew__list_is_empty(&worker->locks));
    check_equal(crew_lock_status(owned.held), -ECANCELED);
    check_equal(crew_lock_status(owned.waiting), -ECANCELED);
    check_equal(crew_lock_status(next), 0);
    check_equal(crew_lock_query(find_holder, &owned), 1);
    check_equal(owned.holder, 0);
    act_as(worker, ask_again, &owned);
    check_equal(hear(owned.inbox), 2);
    check_told("cg");
    crew_lock_release(owned.held); /* it is ours as before */
    crew__lock_free_all(worker);
    check(crew__list_is_empty(&worker->ended_locks));
    crew_lock_release(next);
    check_equal(crew__census_live(0), live);
    crew__post_end(worker);
    end_by_hand(worker, 0);
    crew__worker_dispose(worker);
    end_all(NULL, NULL, owned.inbox);
}

static void ask_one(crew_self *self, void *arg)
{
    struct owned *owned = arg;

    (void)self;
    owned->waiting = ask(owned->inbox, 0);
}

/* Its handles go, and what is on its way comes without one. */
CREW_TEST(an_answer_that_comes_after_its_workers_end_has_no_lock)
{
    struct owned owned = {.worker = make_by_hand(NULL), .inbox = make_inbox()};
    crew_worker *worker = owned.worker;
    crew_lock *holder = hold_it();

    crew__id_add(worker);
    act_as(worker, ask_one, &owned);
    crew__lock_end_all(worker);
    check_equal(crew_inbox_pending(owned.inbox), 1);
    crew__lock_free_all(worker);
    crew__lock_free_all(worker); /* there are none */
    check_equal(count_locks(), 1);
    crew_lock_release(holder);
    check_equal(hear(owned.inbox), 1);
    check_told("r");
    crew__post_end(worker);
    end_by_hand(worker, 0);
    crew__worker_dispose(worker);
    end_all(NULL, NULL, owned.inbox);
}
