/* Named locks: W12, NL1 to NL6, NL9, NL10. What becomes of them when a worker
 * ends is in lock_end_test.c, that terminate ends a wait in worker_test.c. */
#include "locks.h"

#include <stdlib.h>

/* ---- NL1 ------------------------------------------------------------------- */

CREW_TEST(W12_NL1_exclusive_excludes_and_the_line_is_served_in_order)
{
    enum { LINE = 20 };
    crew_inbox *inbox = make_inbox();
    struct asked line[LINE];
    struct asked other;

    for (unsigned i = 0; i < LINE; i++)
        ask(&line[i], inbox, "test/one", i % 3 ? EXCLUSIVE : SHARED);
    ask(&other, inbox, "test/other", EXCLUSIVE);
    for (unsigned i = 0; i < LINE; i++) {
        hear(inbox);
        check(is_held(&line[i]));
        check(i + 1 == LINE || is_waiting(&line[i + 1]));
        check(is_held(&other)); /* another name is another line */
        crew_lock_release(line[i].lock);
    }
    for (unsigned i = 1; i < LINE; i++)
        check_at_least(line[i].number, line[i - 1].number + 1);
    crew_lock_release(other.lock);
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NL2 ------------------------------------------------------------------- */

CREW_TEST(W12_NL2_shared_ones_share_and_stay_behind_an_exclusive_one)
{
    crew_inbox *inbox = make_inbox();
    struct asked first, second, alone, late[3];

    ask(&first, inbox, "test/two", SHARED);
    ask(&second, inbox, "test/two", SHARED);
    ask(&alone, inbox, "test/two", EXCLUSIVE);
    for (unsigned i = 0; i < 3; i++)
        ask(&late[i], inbox, "test/two", SHARED);
    check_equal(hear(inbox), 2);
    check(is_held(&first) && is_held(&second));
    crew_lock_release(first.lock);
    check_equal(hear(inbox), 0);
    check(is_waiting(&alone) && is_waiting(&late[0]));
    crew_lock_release(second.lock);
    check_equal(hear(inbox), 1);
    check(is_held(&alone) && is_waiting(&late[0]));
    crew_lock_release(alone.lock);
    check_equal(hear(inbox), 3); /* together */
    for (unsigned i = 0; i < 3; i++) {
        check(is_held(&late[i]));
        crew_lock_release(late[i].lock);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NL3 ------------------------------------------------------------------- */

CREW_TEST(W12_NL3_what_is_not_available_is_not_waited_for)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = acquire("test/three", SHARED);
    crew_lock_options options;
    struct asked asked;

    check_equal(try("test/three", SHARED), 0);
    check_equal(try("test/three", EXCLUSIVE), -EBUSY);
    options = asking(&asked, inbox, EXCLUSIVE);
    options.if_available = true;
    check_equal(crew_lock_request(&asked.lock, "test/three", &options), -EBUSY);
    check(asked.lock == NULL);
    check_equal(count_locks(), 1); /* nothing has been queued */
    ask(&asked, inbox, "test/three", EXCLUSIVE);
    check_equal(try("test/three", SHARED), -EBUSY); /* it jumps no line */
    crew_lock_release(holder);
    check_equal(try("test/three", SHARED), -EBUSY);
    check_equal(hear(inbox), 1);
    crew_lock_release(asked.lock);
    options.mode = SHARED;
    check_equal(crew_lock_request(&asked.lock, "test/three", &options), 0);
    asked.answers = 0;
    check_equal(hear(inbox), 1);
    check(is_held(&asked));
    crew_lock_release(asked.lock);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NL4 ------------------------------------------------------------------- */

CREW_TEST(W12_NL4_a_thief_takes_it_from_all_and_they_are_told)
{
    crew_lock_options steal = {.steal = true};
    crew_inbox *inbox = make_inbox();
    struct asked holders[3], waiting;
    crew_lock *quiet = acquire("test/four", SHARED);
    crew_lock *thief = NULL, *second = NULL;

    for (unsigned i = 0; i < 3; i++)
        ask(&holders[i], inbox, "test/four", SHARED);
    ask(&waiting, inbox, "test/four", EXCLUSIVE);
    check_equal(hear(inbox), 3);
    check_equal(crew_lock_request(&thief, "test/four", &steal), 0);
    check_equal(crew_lock_status(quiet), -ECANCELED);
    crew_lock_release(quiet); /* which changes nothing */
    check_equal(hear(inbox), 3);
    for (unsigned i = 0; i < 3; i++) {
        check_equal(holders[i].thefts, 1);
        if (i > 0) /* before or after the next thief */
            crew_lock_release(holders[i].lock);
    }
    check_equal(hear(inbox), 0);
    check(is_waiting(&waiting));
    check_equal(try("test/four", SHARED), -EBUSY);
    check_equal(crew_lock_request(&second, "test/four", &steal), 0);
    check_equal(crew_lock_status(thief), -ECANCELED);
    crew_lock_release(thief);
    crew_lock_release(holders[0].lock);
    check_equal(hear(inbox), 0);
    check_equal(holders[0].thefts, 1);
    crew_lock_release(second);
    check_equal(hear(inbox), 1);
    check(is_held(&waiting));
    crew_lock_release(waiting.lock);
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(NL4_one_that_is_stolen_before_its_answer_hears_both)
{
    crew_lock_options steal = {.steal = true};
    crew_inbox *inbox = make_inbox();
    crew_lock *thief = NULL;
    struct asked asked;

    ask(&asked, inbox, "test/early", EXCLUSIVE);
    check_equal(crew_lock_request(&thief, "test/early", &steal), 0);
    check_equal(hear(inbox), 2);
    check_equal(asked.answers, 1);
    check_equal(asked.status, 0);
    check_equal(asked.thefts, 1);
    crew_lock_release(asked.lock);
    /* One that has released hears no more of it. */
    ask(&asked, inbox, "test/later", EXCLUSIVE);
    check_equal(hear(inbox), 1);
    crew_lock_release(thief);
    check_equal(crew_lock_request(&thief, "test/later", &steal), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    crew_lock_release(asked.lock);
    crew_inbox_dispatch(inbox, 0);
    check_equal(asked.thefts, 0);
    crew_lock_release(thief);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* A call that waits may want to be told of a thief, too. */
CREW_TEST(NL4_a_holder_that_has_waited_is_told)
{
    crew_inbox *inbox = make_inbox();
    struct asked asked = {.answers = 1};
    crew_lock_options options = {
        .inbox = inbox, .on_stolen = on_stolen, .arg = &asked};
    crew_lock_options steal = {.steal = true};
    crew_lock *thief = NULL;

    check_equal(crew_lock_request(&asked.lock, "test/told", &options), 0);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_lock_request(&thief, "test/told", &steal), 0);
    check_equal(hear(inbox), 1);
    check_equal(asked.thefts, 1);
    crew_lock_release(asked.lock);
    crew_lock_release(thief);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NL6 ------------------------------------------------------------------- */

CREW_TEST(W12_NL6_one_that_is_withdrawn_delays_nobody)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = acquire("test/six", SHARED);
    struct asked middle, behind, granted;

    ask(&middle, inbox, "test/six", EXCLUSIVE);
    ask(&behind, inbox, "test/six", SHARED);
    check_equal(hear(inbox), 0);
    crew_lock_release(middle.lock);
    check_equal(middle.answers, 0); /* it comes, but not from here */
    check_equal(hear(inbox), 2);
    check_equal(middle.answers, 1);
    check_equal(middle.status, -ECANCELED);
    check(middle.was_released);
    check(is_held(&behind));
    /* Granted, and released before it has heard so. */
    ask(&granted, inbox, "test/six", SHARED);
    crew_lock_release(granted.lock);
    check_equal(hear(inbox), 1);
    check_equal(granted.status, -ECANCELED);
    check(granted.was_released);
    crew_lock_release(behind.lock);
    crew_lock_release(holder);
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- timeouts -------------------------------------------------------------- */

CREW_TEST(W12_a_request_waits_no_longer_than_it_said)
{
    crew_lock_options options = {.mode = SHARED, .timeout = 2 * CREW_MS};
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = acquire("test/slow", EXCLUSIVE);
    crew_lock *lock = NULL;
    struct asked late, never;
    int64_t begin = test_now();

    check_equal(crew_lock_request(&lock, "test/slow", &options), -ETIMEDOUT);
    check(lock == NULL);
    check_at_least(test_now(), begin + 2 * CREW_MS);
    begin = test_now();
    options = asking(&late, inbox, EXCLUSIVE);
    options.timeout = 2 * CREW_MS;
    check_equal(crew_lock_request(&late.lock, "test/slow", &options), 0);
    ask(&never, inbox, "test/slow", SHARED);
    check_equal(crew_inbox_pending(inbox), 2);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_at_least(test_now(), begin + 2 * CREW_MS);
    check_equal(late.answers, 1);
    check_equal(late.status, -ETIMEDOUT);
    check(!late.was_released);
    check_equal(crew_lock_status(late.lock), -ETIMEDOUT);
    check_equal(crew_inbox_pending(inbox), 1);
    check_equal(count_locks(), 2);
    crew_lock_release(late.lock);
    crew_lock_release(holder);
    check_equal(hear(inbox), 1);
    check(is_held(&never));
    crew_lock_release(never.lock);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(W12_a_grant_that_comes_in_time_is_no_timeout)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = acquire("test/quick", EXCLUSIVE);
    crew_lock_options options;
    struct asked asked;

    options = asking(&asked, inbox, EXCLUSIVE);
    options.timeout = 20 * CREW_MS;
    check_equal(crew_lock_request(&asked.lock, "test/quick", &options), 0);
    crew_lock_release(holder);
    check_equal(crew_inbox_run(inbox), 1);
    check(is_held(&asked));
    check_equal(crew_inbox_wait(inbox, 40 * CREW_MS), -ETIMEDOUT);
    check_equal(asked.answers, 1);
    crew_lock_release(asked.lock);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- NL9 ------------------------------------------------------------------- */

struct seen {
    char text[400]; /* an entry a line, as they came */
    uint64_t owners[2];
    unsigned owned;
};

static void see(const crew_lock_info *info, void *arg)
{
    struct seen *seen = arg;
    size_t used = strlen(seen->text);

    check_equal(info->name_size, strlen(info->name));
    if (strncmp(info->name, "nine/", 5) != 0)
        return;
    snprintf(seen->text + used, sizeof seen->text - used, "%s %c %s\n",
             info->name + 5, info->mode == SHARED ? 's' : 'x',
             info->held ? "held" : "waits");
    if (info->owner && seen->owned < 2)
        seen->owners[seen->owned++] = info->owner;
}

static int holds_nine(crew_self *self, crew_message *start)
{
    (void)start;
    acquire("nine/a", SHARED);
    check_equal(post_tag(crew_self_port(self), 1), 0);
    return crew_sleep(self, CREW_FOREVER);
}

CREW_TEST(W12_NL9_the_query_tells_names_modes_and_owners)
{
    crew_inbox *inbox = make_inbox();
    crew_worker *one = start_worker(holds_nine);
    crew_worker *two = start_worker(holds_nine);
    struct seen seen = {.owned = 0};
    struct asked asked[3];

    check_equal(crew_lock_query(NULL, NULL), 2);
    ask(&asked[0], inbox, "nine/a", SHARED);
    ask(&asked[1], inbox, "nine/a", EXCLUSIVE);
    ask(&asked[2], inbox, "nine/a", SHARED);
    check_equal(crew_lock_query(see, &seen), 5);
    check(strcmp(seen.text, "a s held\na s held\na s held\n"
                            "a x waits\na s waits\n") == 0);
    check_equal(seen.owned, 2); /* the rest is the program's */
    check(seen.owners[0] != seen.owners[1]);
    for (unsigned i = 0; i < 3; i++)
        crew_lock_release(asked[i].lock);
    end_worker(one, -ECANCELED);
    end_worker(two, -ECANCELED);
    hear(inbox);
    check_equal(crew_lock_query(see, &seen), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void nest(unsigned depth)
{
    char name[32];
    crew_lock *lock;

    if (depth == 0)
        return;
    snprintf(name, sizeof name, "test/nested/%u", depth);
    lock = acquire(name, depth % 2 ? EXCLUSIVE : SHARED);
    nest(depth - 1);
    crew_lock_release(lock);
}

CREW_TEST(NL9_a_hundred_nested_locks_hang_and_grow_nothing)
{
    size_t before;

    nest(100);
    before = test_resident_bytes();
    for (unsigned round = 0; round < MANY(1000); round++)
        nest(100);
    check_equal(count_locks(), 0);
    if (IS_RESIDENT_EXACT)
        check_at_most(test_resident_bytes(), before + (1 << 20));
}

/* Each is asked for in the answer to the one before. */
struct nested {
    crew_inbox *inbox;
    crew_lock *locks[100];
    unsigned depth;
};

static void on_nested(crew_lock *lock, int status, void *arg)
{
    struct nested *nested = arg;
    crew_lock_options options = {
        .inbox = nested->inbox, .on_granted = on_nested, .arg = nested};
    char name[32];

    check_equal(status, 0);
    check(lock == nested->locks[nested->depth]);
    if (++nested->depth == 100)
        return;
    snprintf(name, sizeof name, "test/nested/%u", nested->depth);
    check_equal(
        crew_lock_request(&nested->locks[nested->depth], name, &options), 0);
}

CREW_TEST(NL9_a_hundred_nested_in_callbacks)
{
    struct nested nested = {.inbox = make_inbox()};
    crew_lock_options options = {
        .inbox = nested.inbox, .on_granted = on_nested, .arg = &nested};

    check_equal(crew_lock_request(&nested.locks[0], "test/nested", &options),
                0);
    check_equal(crew_inbox_run(nested.inbox), 100);
    check_equal(count_locks(), 100);
    for (unsigned i = 0; i < 100; i++)
        crew_lock_release(nested.locks[i]);
    check_equal(crew_inbox_destroy(nested.inbox), 0);
}

/* ---- NL10 ------------------------------------------------------------------ */

static void see_bytes(const crew_lock_info *info, void *arg)
{
    check_equal(info->name_size, 5);
    check_equal(memcmp(info->name, "-\0\xff/a", 6), 0);
    ++*(unsigned *)arg;
}

CREW_TEST(NL10_names_are_any_bytes)
{
    crew_lock_options options = {.name_size = 5};
    crew_lock *first = NULL, *second = NULL, *dash = acquire("-", EXCLUSIVE);
    crew_lock *empty = acquire("", EXCLUSIVE);
    unsigned seen = 0;

    crew_lock_release(dash);
    crew_lock_release(empty);
    check_equal(crew_lock_request(&first, "-\0\xff/a", &options), 0);
    check_equal(crew_lock_query(see_bytes, &seen), 1);
    check_equal(seen, 1);
    options.if_available = true;
    check_equal(crew_lock_request(&second, "-\0\xff/b", &options), 0);
    crew_lock_release(second);
    check_equal(crew_lock_request(&second, "-\0\xff/a", &options), -EBUSY);
    check_equal(try("-", EXCLUSIVE), 0);
    crew_lock_release(first);
    check_equal(crew_lock_request(&first, NULL, NULL), -EINVAL);
}

/* ---- what is refused ------------------------------------------------------- */

static void refused(crew_lock_options options)
{
    crew_lock *lock = NULL;

    check_equal(crew_lock_request(&lock, "test/bad", &options), -EINVAL);
    check(lock == NULL);
}

CREW_TEST(W12_options_that_cannot_take_effect_are_refused)
{
    crew_inbox *inbox = make_inbox();
    crew_lock_options limited = {
        .inbox = inbox, .on_granted = on_granted, .timeout = CREW_S};

    refused((crew_lock_options){.steal = true, .mode = SHARED});
    refused((crew_lock_options){.steal = true, .if_available = true});
    refused((crew_lock_options){.steal = true, .timeout = 1});
    refused((crew_lock_options){.if_available = true, .timeout = 1});
    refused((crew_lock_options){.on_granted = on_granted});
    refused((crew_lock_options){.on_stolen = on_stolen});
    refused((crew_lock_options){.inbox = inbox});
    refused((crew_lock_options){.timeout = -2});
    refused((crew_lock_options){.mode = (crew_lock_mode)2});
    refused((crew_lock_options){.reserved = {0, 0, 0, 1}});
    check_equal(crew_lock_request(NULL, "test/bad", NULL), -EINVAL);
    check_equal(crew_lock_status(NULL), -EINVAL);
    crew_lock_release(NULL);
    check_at_least(crew_inbox_fd(inbox), 0);
    refused(limited); /* nobody would wake that loop */
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- on a foreign loop ----------------------------------------------------- */

CREW_TEST(W12_answers_come_by_the_descriptor)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *holder = acquire("test/loop", EXCLUSIVE);
    struct asked asked;

    check_at_least(crew_inbox_fd(inbox), 0);
    ask(&asked, inbox, "test/loop", EXCLUSIVE);
    crew_lock_release(holder);
    check_equal(loop_until_quiet(inbox), 1);
    check(is_held(&asked));
    crew_lock_release(asked.lock);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- in a forked child ----------------------------------------------------- */

struct inherited {
    crew_inbox *inbox;
    crew_lock *held;
    struct asked waiting, posted;
};

static int locks_forked(void *arg)
{
    struct inherited *i = arg;
    struct asked asked;
    crew_lock_options options = asking(&asked, i->inbox, EXCLUSIVE);
    crew_lock *lock = NULL;

    check_equal(count_locks(), 0);
    check_equal(crew_lock_status(i->held), -EOWNERDEAD);
    check_equal(crew_lock_request(&lock, "test/fork", &options), -EOWNERDEAD);
    check_equal(try("test/fork", EXCLUSIVE), 0); /* a line of its own */
    lock = acquire("test/fork", EXCLUSIVE);
    check_equal(count_locks(), 1);
    crew_lock_release(i->held);
    crew_lock_release(i->waiting.lock);
    crew_lock_release(i->posted.lock);
    crew_lock_release(lock);
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(i->inbox), 0);
    return 0;
}

CREW_TEST(W12_a_forked_child_has_a_line_of_its_own)
{
    struct inherited i = {.inbox = make_inbox()};

    i.held = acquire("test/fork", EXCLUSIVE);
    ask(&i.waiting, i.inbox, "test/fork", EXCLUSIVE);
    ask(&i.posted, i.inbox, "test/other", EXCLUSIVE);
    check_equal(test_in_child(locks_forked, &i), 0);
    crew_lock_release(i.held);
    check_equal(hear(i.inbox), 2);
    crew_lock_release(i.waiting.lock);
    crew_lock_release(i.posted.lock);
    check_equal(crew_inbox_destroy(i.inbox), 0);
}
