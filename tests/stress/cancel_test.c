/*
 * A thread that waits, one that cancels it and one that it waits for meet in
 * every order: no cancel is lost, no token, no notify; and what it parks on is
 * gone when it returns.
 */
#include "base/mark.h"

#include "scale.h"
#include "support.h"

#include "runtime/cancel.h"

#include <crew/buffer.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS  SCALED(100000u)
#define MOST_NS (SCALED(4 * CREW_S) + CREW_S)
#define LONG    (20 * CREW_S)

enum { WAITER, TELLER, FIRER, THREADS };

struct meeting {
    pthread_barrier_t together;
    struct crew__cancel cancel;
    crew__aptr registered; /* the waiter's parker, or &told */
    char told;
    volatile uint32_t word;
    int data, why; /* plain */
    int64_t end;
    bool over;
    unsigned rounds;
    unsigned results[3]; /* 0, -ETIMEDOUT, -ECANCELED */
};

static void pause_a_moment(struct test_random *random)
{
    uint64_t pause = test_random_below(random, 16384);

    if (pause >= 4096)
        pause %= 128;
    for (volatile uint64_t i = 0; i < pause; i++)
        ;
}

/* Each round has objects of its own; the waiter makes them. */
static bool begin_round(unsigned me, struct meeting *meeting)
{
    if (me == WAITER) {
        meeting->over = meeting->rounds == ROUNDS || test_failures() > 0 ||
                        (meeting->rounds % 64 == 0 &&
                         test_now() > meeting->end);
        meeting->rounds += !meeting->over;
        crew__cancel_init(&meeting->cancel);
        crew__store_relaxed(&meeting->registered, NULL);
        meeting->word = 0;
        meeting->data = meeting->why = 0;
    }
    pthread_barrier_wait(&meeting->together);
    return !meeting->over;
}

static void note(struct meeting *meeting, int r)
{
    check(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
    meeting->results[r == 0 ? 0 : r == -ETIMEDOUT ? 1 : 2]++;
    if (r == -ECANCELED)
        check_equal(meeting->why, 1);
}

static void play(struct meeting *meeting, void (*fn)(unsigned index, void *arg))
{
    meeting->end = test_now() + MOST_NS;
    pthread_barrier_init(&meeting->together, NULL, THREADS);
    test_threads(THREADS, fn, meeting);
    pthread_barrier_destroy(&meeting->together);
    printf("measured: %u rounds, %u told, %u late, %u canceled\n",
           meeting->rounds, meeting->results[0], meeting->results[1],
           meeting->results[2]);
    check_at_least(meeting->results[0], 1);
    check_at_least(meeting->results[2], 1);
}

/* ---- parkers -------------------------------------------------------------- */

static void wait_registered(struct meeting *meeting, struct test_random *random)
{
    struct crew__parker parker;
    void *seen = NULL;
    crew_ns deadline = CREW__NEVER;
    int r;

    crew__park_init(&parker);
    if (test_random_below(random, 4) == 0)
        deadline = test_now() + (int64_t)test_random_below(random, 50000);
    if (!crew__cas_acq_rel(&meeting->registered, &seen, (void *)&parker)) {
        check_equal(meeting->data, 1);
        return;
    }
    r = crew__cancel_park(&parker, deadline);
    note(meeting, r);
    seen = &parker;
    if (r == 0) {
        check_equal(meeting->data, 1);
    } else if (!crew__cas_acq_rel(&meeting->registered, &seen, NULL)) {
        check(crew__park(&parker, test_now() + LONG)); /* it is on its way */
        check_equal(meeting->data, 1);
    }
    memset(&parker, 0x5a, sizeof parker); /* nobody reads or writes it */
}

static void meet_at_a_parker(unsigned me, void *arg)
{
    struct meeting *meeting = arg;
    struct test_random random;
    void *seen;

    test_random_init(&random, me);
    while (begin_round(me, meeting)) {
        pause_a_moment(&random);
        switch (me) {
        case WAITER:
            crew__cancel_set_current(&meeting->cancel);
            wait_registered(meeting, &random);
            crew__cancel_set_current(NULL);
            break;
        case TELLER:
            meeting->data = 1;
            seen = crew__exchange_acq_rel(&meeting->registered,
                                          (void *)&meeting->told);
            if (seen)
                crew__unpark(seen);
            break;
        default:
            meeting->why = 1;
            crew__cancel_fire(&meeting->cancel);
        }
        pthread_barrier_wait(&meeting->together);
    }
}

CREW_TEST(tokens_and_cancels_meet_at_a_parker)
{
    static struct meeting meeting;

    play(&meeting, meet_at_a_parker);
    check_marked(CREW__MARK_CANCEL_WHILE_PARKED);
    check_marked(CREW__MARK_CANCEL_BEFORE_PARK);
}

/* ---- words ---------------------------------------------------------------- */

/* Ends by the word or by the cancel; in two rounds of three only one of them
 * comes. */
static void meet_at_a_word(unsigned me, void *arg)
{
    struct meeting *meeting = arg;
    struct test_random random;
    unsigned kind = 0;
    int r = 0;

    test_random_init(&random, me);
    while (begin_round(me, meeting)) {
        kind = (kind + 1) % 3;
        pause_a_moment(&random);
        if (me == WAITER) {
            crew__cancel_set_current(&meeting->cancel);
            do
                r = crew_atomic_wait(&meeting->word, 0, LONG);
            while (r == 0 &&
                   !__atomic_load_n(&meeting->word, __ATOMIC_ACQUIRE));
            crew__cancel_set_current(NULL);
            note(meeting, r == -EAGAIN ? 0 : r);
            check(r != -ETIMEDOUT);
            if (r != -ECANCELED &&
                __atomic_load_n(&meeting->word, __ATOMIC_ACQUIRE))
                check_equal(meeting->data, 1);
        } else if (me == TELLER && kind != 1) {
            meeting->data = 1;
            __atomic_store_n(&meeting->word, 1, __ATOMIC_RELEASE);
            crew_atomic_notify(&meeting->word, 1);
        } else if (me == FIRER && kind != 2) {
            meeting->why = 1;
            crew__cancel_fire(&meeting->cancel);
        }
        pthread_barrier_wait(&meeting->together);
    }
}

CREW_TEST(notifies_and_cancels_meet_at_a_word)
{
    static struct meeting meeting;

    play(&meeting, meet_at_a_word);
    check_marked(CREW__MARK_CANCEL_WORD);
}
