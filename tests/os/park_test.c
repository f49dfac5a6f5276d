/* Parkers, small locks and deadlines. */
#include "support.h"

#include "os/os.h"

CREW_TEST(a_deadline_that_does_not_fit_is_never)
{
    check_equal(crew__clock_deadline(5, 7), 12);
    check_equal(crew__clock_deadline(5, 0), 5);
    check_equal(crew__clock_deadline(5, CREW_FOREVER), CREW__NEVER);
    check_equal(crew__clock_deadline(5, INT64_MAX), CREW__NEVER);
    check_equal(crew__clock_deadline(5, INT64_MAX - 5), CREW__NEVER);
    check_equal(crew__clock_deadline(5, INT64_MAX - 6), INT64_MAX - 1);
}

CREW_TEST(a_token_that_was_given_twice_is_taken_once)
{
    struct crew__parker parker;
    int64_t before;

    crew__park_init(&parker);
    crew__unpark(&parker);
    crew__unpark(&parker);
    check(crew__park(&parker, CREW__NEVER));
    check(!crew__park(&parker, 1)); /* a deadline that is over */
    before = test_now();
    check(!crew__park(&parker, before + 2 * CREW_MS));
    check_at_least(test_now(), before + 2 * CREW_MS);
    crew__unpark(&parker);
    check(crew__park(&parker, 1)); /* a token goes before a deadline */
}

/* Two threads wake each other in turn; what one wrote the other sees. */
struct turns {
    struct crew__parker parkers[2];
    unsigned count; /* plain: handed over by the tokens */
};

enum { TURNS = 5000 };

static void take_turns(unsigned index, void *arg)
{
    struct turns *turns = arg;

    for (unsigned i = 0; i < TURNS; i++) {
        if (i > 0 || index == 1)
            while (!crew__park(&turns->parkers[index],
                               i % 3 ? CREW__NEVER : test_now() + CREW_US))
                ; /* in time or not, no token is lost */
        check_equal(turns->count, 2 * i + index);
        turns->count++;
        crew__unpark(&turns->parkers[1 - index]);
    }
}

CREW_TEST(no_token_is_lost_and_each_is_seen_with_what_came_before)
{
    static struct turns turns;

    crew__park_init(&turns.parkers[0]);
    crew__park_init(&turns.parkers[1]);
    test_threads(2, take_turns, &turns);
    check_equal(turns.count, 2 * TURNS);
}

/* A parker lies on the sleeper's stack and goes with the token. */
static crew__aptr sleeper;

static void sleep_or_wake(unsigned index, void *arg)
{
    (void)arg;
    for (int i = 0; i < 5000; i++) {
        struct crew__parker parker;
        void *seen;

        if (index == 0) {
            crew__park_init(&parker);
            crew__store_release(&sleeper, (void *)&parker);
            check(crew__park(&parker, CREW__NEVER));
            parker.token.raw = 0x55555555; /* as any frame would */
            continue;
        }
        while (!(seen = crew__exchange_acquire(&sleeper, (void *)NULL)))
            crew__yield();
        crew__unpark(seen);
    }
}

CREW_TEST(a_parker_on_the_stack_is_not_touched_after_its_token)
{
    test_threads(2, sleep_or_wake, NULL);
}

struct locked {
    struct crew__lock lock;
    unsigned count; /* plain: under the lock */
};

static void count_locked(unsigned index, void *arg)
{
    struct locked *locked = arg;

    (void)index;
    for (int i = 0; i < 20000; i++) {
        crew__lock(&locked->lock);
        locked->count++;
        crew__unlock(&locked->lock);
    }
}

CREW_TEST(a_lock_lets_one_in_at_a_time)
{
    static struct locked locked;

    test_threads(6, count_locked, &locked);
    check_equal(locked.count, 6 * 20000);
    check_equal(crew__load_relaxed(&locked.lock.word), 0);
}

static bool has_waiter(void *arg)
{
    return crew__load_relaxed(&((struct locked *)arg)->lock.word) == 2;
}

static void hold_or_wait(unsigned index, void *arg)
{
    struct locked *locked = arg;

    if (index == 0) {
        test_poll(has_waiter, locked, 30 * CREW_S);
        locked->count++;
        crew__unlock(&locked->lock);
    } else {
        crew__lock(&locked->lock);
        check_equal(locked->count, 1);
        crew__unlock(&locked->lock);
    }
}

CREW_TEST(who_waits_for_a_lock_in_the_kernel_is_woken)
{
    static struct locked locked;

    crew__lock(&locked.lock);
    test_threads(3, hold_or_wait, &locked);
    check_equal(crew__load_relaxed(&locked.lock.word), 0);
}

/* ---- nudges --------------------------------------------------------------- */

CREW_TEST(a_nudge_ends_a_sleep_and_takes_no_token)
{
    struct crew__parker parker;

    crew__park_init(&parker);
    crew__park_nudge(&parker);
    check_equal(crew__park_or_nudge(&parker, CREW__NEVER), CREW__PARK_NUDGED);
    check_equal(crew__park_or_nudge(&parker, CREW__NEVER), CREW__PARK_NUDGED);
    crew__unpark(&parker);
    check_equal(crew__park_or_nudge(&parker, CREW__NEVER), CREW__PARK_NUDGED);
    crew__park_calm(&parker);
    check(crew__park(&parker, CREW__NEVER)); /* the token is still there */
    check(!crew__park(&parker, 1));          /* and nothing else */
}

CREW_TEST(a_token_is_taken_and_a_nudge_that_comes_late_is_taken_back)
{
    struct crew__parker parker;

    crew__park_init(&parker);
    crew__unpark(&parker);
    check_equal(crew__park_or_nudge(&parker, CREW__NEVER), CREW__PARK_TOKEN);
    crew__park_nudge(&parker);
    crew__park_calm(&parker);
    check_equal(crew__park_or_nudge(&parker, 1), CREW__PARK_LATE);
    crew__unpark(&parker);
    check(crew__park(&parker, CREW__NEVER));
}

static void nudge_or_sleep(unsigned index, void *arg)
{
    struct crew__parker *parker = arg;

    if (index == 0)
        crew__park_nudge(parker);
    else
        check_equal(crew__park_or_nudge(parker, CREW__NEVER),
                    CREW__PARK_NUDGED);
}

CREW_TEST(a_nudge_wakes_who_sleeps)
{
    for (unsigned i = 0; i < 1000; i++) {
        struct crew__parker parker;

        crew__park_init(&parker);
        test_threads(2, nudge_or_sleep, &parker);
        crew__park_calm(&parker);
        check(!crew__park(&parker, 1));
    }
}
