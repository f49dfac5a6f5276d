/* Waits on words: A1 to A5, NS1 to NS3, NH23. Across processes they are in
 * shared_test.c. */
#include "sleeper.h"

#include <limits.h>
#include <signal.h>
#include <time.h>

/* ---- A1, NS1, NS2 -------------------------------------------------------- */

CREW_TEST(A1_another_value_returns_at_once)
{
    volatile uint32_t word = 7;
    int64_t before = test_now();

    check_equal(crew_atomic_wait(&word, 8, CREW_FOREVER), -EAGAIN);
    check_equal(crew_atomic_wait(&word, 6, LONG_WAIT), -EAGAIN);
    check_equal(crew_atomic_wait(&word, 0, 0), -EAGAIN);
    check_at_most(test_now() - before, 5 * CREW_S);
}

CREW_TEST(A1_a_notify_wakes_as_many_as_it_says)
{
    volatile uint32_t word = 0;
    struct sleeper sleepers[5];
    unsigned returned = 0;

    need_syscalls_of_threads();
    check_equal(crew_atomic_notify(&word, 1), 0); /* nobody waits */
    check_equal(crew_atomic_notify(&word, UINT_MAX), 0);
    for (unsigned i = 0; i < 5; i++)
        sleeper_start(&sleepers[i], &word, CREW_FOREVER);
    check_equal(crew_atomic_notify(&word, 1), 1);
    check_equal(crew_atomic_notify(&word, UINT_MAX), 4);
    check_equal(crew_atomic_notify(&word, UINT_MAX), 0);
    for (unsigned i = 0; i < 5; i++) {
        check_equal(sleeper_join(&sleepers[i]), 0);
        returned += sleepers[i].returned;
    }
    check_equal(returned, 5);
}

static bool one_has_returned(void *arg)
{
    struct sleeper *sleepers = arg;

    return sleeper_returned(&sleepers[0]) || sleeper_returned(&sleepers[1]) ||
           sleeper_returned(&sleepers[2]);
}

CREW_TEST(NS2_none_one_all_and_nobody_left)
{
    volatile uint32_t word = 0;
    struct sleeper sleepers[3];
    unsigned asleep = 0;

    need_syscalls_of_threads();
    for (unsigned i = 0; i < 3; i++)
        sleeper_start(&sleepers[i], &word, CREW_FOREVER);
    check_equal(crew_atomic_notify(&word, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        check(sleeper_sleeps(&sleepers[i]));
    check_equal(crew_atomic_notify(&word, 1), 1);
    test_poll(one_has_returned, sleepers, LONG_WAIT);
    for (unsigned i = 0; i < 3; i++)
        asleep += !sleeper_returned(&sleepers[i]) &&
                  sleeper_sleeps(&sleepers[i]);
    check_equal(asleep, 2);
    check_equal(crew_atomic_notify(&word, UINT_MAX), 2);
    check_equal(crew_atomic_notify(&word, UINT_MAX), 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal(sleeper_join(&sleepers[i]), 0);
}

CREW_TEST(A1_counts_above_what_the_kernel_takes_wake_all)
{
    static const unsigned counts[] = {INT_MAX, INT_MAX + 1u, UINT_MAX - 1};
    volatile uint32_t word = 0;
    struct sleeper sleepers[2];

    need_syscalls_of_threads();
    for (unsigned i = 0; i < 3; i++) {
        sleeper_start(&sleepers[0], &word, LONG_WAIT);
        sleeper_start(&sleepers[1], &word, LONG_WAIT);
        check_equal(crew_atomic_notify(&word, counts[i]), 2);
        check_equal(sleeper_join(&sleepers[0]), 0);
        check_equal(sleeper_join(&sleepers[1]), 0);
    }
}

CREW_TEST(NS1_not_equal_timed_out_and_senseless)
{
    volatile uint32_t word = 1;

    check_equal(crew_atomic_wait(&word, 0, 0), -EAGAIN);
    check_equal(crew_atomic_wait(&word, 1, 0), -ETIMEDOUT);
    check_equal(crew_atomic_wait(&word, 1, 1), -ETIMEDOUT);
    check_equal(crew_atomic_wait(&word, 1, -2), -EINVAL);
    check_equal(crew_atomic_wait(&word, 0, -5), -EINVAL);
    check_equal(crew_atomic_wait(&word, 1, INT64_MIN), -EINVAL);
}

/* ---- A2, NS3, NH23 -------------------------------------------------------- */

CREW_TEST(A2_timeouts_are_never_early)
{
    static const crew_ns timeouts[] = {
        0, 1, CREW_US, CREW_MS, 3 * CREW_MS, 11 * CREW_MS, 25 * CREW_MS};
    volatile uint32_t word = 3;

    for (unsigned i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        int64_t before = test_now();

        check_equal(crew_atomic_wait(&word, 3, timeouts[i]), -ETIMEDOUT);
        check_at_least(test_now() - before, timeouts[i]);
    }
}

static unsigned interrupts;

static void interrupt(int signal)
{
    (void)signal;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
}

/* Signals that no call restarts after, to one thread, without end. */
struct storm {
    pthread_t victim;
    pthread_t thread;
    volatile uint32_t *word; /* changed and notified after `enough`, or NULL */
    unsigned sent, enough;
    unsigned over;
};

static void *blow(void *arg)
{
    struct storm *storm = arg;

    while (!__atomic_load_n(&storm->over, __ATOMIC_ACQUIRE)) {
        pthread_kill(storm->victim, SIGUSR1);
        storm->sent++;
        if (storm->word && storm->sent >= storm->enough &&
            __atomic_load_n(&interrupts, __ATOMIC_RELAXED) > 0) {
            __atomic_store_n(storm->word, 1, __ATOMIC_RELEASE);
            crew_atomic_notify(storm->word, 1);
            storm->word = NULL;
        }
        test_burn(20 * CREW_US);
    }
    return NULL;
}

static void storm_begin(struct storm *storm, volatile uint32_t *word)
{
    struct sigaction action = {.sa_handler = interrupt};

    interrupts = 0;
    *storm = (struct storm){
        .victim = pthread_self(), .word = word, .enough = 1000};
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&storm->thread, NULL, blow, storm), 0);
}

static void storm_end(struct storm *storm)
{
    __atomic_store_n(&storm->over, 1, __ATOMIC_RELEASE);
    pthread_join(storm->thread, NULL);
    printf("%u signals sent, %u came\n", storm->sent, interrupts);
    check_at_least(interrupts, 1);
}

CREW_TEST(A2_a_storm_of_signals_changes_no_answer)
{
    volatile uint32_t word = 0;
    struct storm storm;

    storm_begin(&storm, NULL);
    for (unsigned i = 0; i < 10; i++) {
        int64_t before = test_now();

        check_equal(crew_atomic_wait(&word, 0, 20 * CREW_MS), -ETIMEDOUT);
        check_at_least(test_now() - before, 20 * CREW_MS);
        check_equal(crew_atomic_wait(&word, 1, LONG_WAIT), -EAGAIN);
        check_equal(crew_atomic_wait(&word, 0, 0), -ETIMEDOUT);
    }
    storm_end(&storm);
}

CREW_TEST(A2_a_storm_of_signals_ends_no_wait_for_ever)
{
    volatile uint32_t word = 0;
    struct storm storm;

    storm_begin(&storm, &word);
    check_equal(crew_atomic_wait(&word, 0, CREW_FOREVER), 0);
    check_equal(__atomic_load_n(&word, __ATOMIC_ACQUIRE), 1);
    storm_end(&storm);
}

/* The kernel begins the wait again, or says that it was interrupted; then the
 * change is found. Until the signal comes the waiter may sleep on. */
static void change_without_notify(int flags)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = flags};
    volatile uint32_t word = 0;
    struct sleeper sleeper;

    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    sleeper_start(&sleeper, &word, LONG_WAIT);
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    pthread_kill(sleeper.thread, SIGUSR1);
    check_equal(sleeper_join(&sleeper), 0);
}

CREW_TEST(A2_a_change_that_a_signal_shows_is_no_other_value_at_the_call)
{
    need_syscalls_of_threads();
    for (unsigned i = 0; i < 20; i++) {
        change_without_notify(0);
        change_without_notify(SA_RESTART);
    }
}

static void *change_and_notify(void *arg)
{
    struct sleeper *main_thread = arg;

    test_poll(sleeper_sleeps, main_thread, LONG_WAIT);
    __atomic_store_n(main_thread->word, 1, __ATOMIC_RELEASE);
    check_equal(crew_atomic_notify(main_thread->word, 1), 1);
    return NULL;
}

CREW_TEST(NS3_the_main_thread_may_wait)
{
    volatile uint32_t word = 0;
    struct sleeper me = {.word = &word, .id = getpid()};
    pthread_t other;

    need_syscalls_of_threads();
    assert_int_equal(pthread_create(&other, NULL, change_and_notify, &me), 0);
    check_equal(crew_atomic_wait(&word, 0, LONG_WAIT), 0);
    check_equal(__atomic_load_n(&word, __ATOMIC_ACQUIRE), 1);
    pthread_join(other, NULL);
}

/* A wait for ever takes no time of the CPU. */
static void sleep_long(crew_ns timeout)
{
    volatile uint32_t word = 0;
    struct sleeper sleeper;
    struct timespec used;
    clockid_t clock;

    sleeper_start(&sleeper, &word, timeout);
    for (int64_t end = test_now() + 50 * CREW_MS; test_now() < end;)
        check(sleeper_sleeps(&sleeper));
    assert_int_equal(pthread_getcpuclockid(sleeper.thread, &clock), 0);
    clock_gettime(clock, &used);
    check_at_most(used.tv_sec * CREW_S + used.tv_nsec, 40 * CREW_MS);
    check_equal(crew_atomic_notify(&word, 1), 1);
    check_equal(sleeper_join(&sleeper), 0);
}

CREW_TEST(NH23_huge_timeouts_are_for_ever_and_tiny_ones_not_early)
{
    volatile uint32_t word = 0;

    need_syscalls_of_threads();
    sleep_long(CREW_FOREVER);
    sleep_long(INT64_MAX);
    sleep_long(INT64_MAX - 1);
    sleep_long(INT64_MAX / 2);
    for (unsigned i = 0; i < 1000; i++) {
        int64_t before = test_now();

        check_equal(crew_atomic_wait(&word, 0, 1), -ETIMEDOUT);
        check_at_least(test_now() - before, 1);
    }
}

/* ---- A3 ------------------------------------------------------------------ */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define A3_NS (2 * CREW_S)
#else
#define A3_NS (5 * CREW_S)
#endif

struct turns {
    volatile uint32_t words[2]; /* each is told by one and waited for by the
                                   other; how many rounds it has begun */
    int64_t end;
    unsigned rounds[2];
    unsigned slept[2];
};

static void pause_a_moment(struct test_random *random)
{
    uint64_t pause = test_random_below(random, 2048);

    if (pause >= 512)
        pause %= 32;
    for (volatile uint64_t i = 0; i < pause; i++)
        ;
}

/* false: a wake-up was lost. */
static bool await(volatile uint32_t *word, uint32_t before, unsigned *slept)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == before) {
        int r = crew_atomic_wait(word, before, LONG_WAIT);

        *slept += r == 0;
        if (!check(r == 0 || r == -EAGAIN))
            return false;
    }
    return true;
}

/* Rounds end by a value that no round has. */
static void take_turns(unsigned me, void *arg)
{
    enum { ROUNDS = 10000000, OVER = 0x40000000 };
    struct turns *turns = arg;
    volatile uint32_t *mine = &turns->words[me];
    volatile uint32_t *theirs = &turns->words[1 - me];
    struct test_random random;
    uint32_t round = 0;

    test_random_init(&random, me);
    while (round < ROUNDS && (round % 64 || test_now() < turns->end)) {
        if (me == 1 && !await(theirs, round, &turns->slept[me]))
            break;
        if (__atomic_load_n(theirs, __ATOMIC_ACQUIRE) >= OVER)
            break;
        pause_a_moment(&random);
        __atomic_store_n(mine, ++round, __ATOMIC_RELEASE);
        crew_atomic_notify(mine, 1);
        if (me == 0 && !await(theirs, round - 1, &turns->slept[me]))
            break;
    }
    __atomic_store_n(mine, OVER, __ATOMIC_RELEASE);
    crew_atomic_notify(mine, UINT_MAX);
    turns->rounds[me] = round;
}

CREW_TEST(A3_store_then_notify_loses_no_wake)
{
    struct turns turns = {.end = test_now() + A3_NS};

    test_threads(2, take_turns, &turns);
    printf("%u rounds; %u and %u times asleep\n", turns.rounds[0],
           turns.slept[0], turns.slept[1]);
    check_at_least(turns.rounds[0], 1000);
    check_at_least(turns.slept[0] + turns.slept[1], 100);
}

/* ---- A4 ------------------------------------------------------------------ */

static void sleep_while_it_grows(bool shared)
{
    enum { MOST = 8 << 20 };
    crew_buffer_options options = {.max_size = MOST, .shared = shared};
    crew_buffer *buffer = NULL;
    volatile uint32_t *words;
    struct sleeper first, last;

    assert_int_equal(crew_buffer_create(&buffer, 4096, &options), 0);
    words = crew_buffer_data(buffer);
    sleeper_start(&first, &words[0], CREW_FOREVER);
    sleeper_start(&last, &words[1000], CREW_FOREVER);
    for (size_t size = 4096; size <= MOST; size += 4096 * 61) {
        check_equal(crew_buffer_grow(buffer, size), 0);
        words[size / 4 - 1] = 0xffffffff;
        words[1] = (uint32_t)size; /* in the line of the first */
    }
    check(sleeper_sleeps(&first));
    check(sleeper_sleeps(&last));
    check_equal(crew_atomic_notify(&words[0], 1), 1);
    check_equal(crew_atomic_notify(&words[1000], 1), 1);
    check_equal(sleeper_join(&first), 0);
    check_equal(sleeper_join(&last), 0);
    crew_buffer_release(buffer);
}

CREW_TEST(A4_a_wait_in_a_buffer_that_grows_is_undisturbed)
{
    need_syscalls_of_threads();
    sleep_while_it_grows(false);
    sleep_while_it_grows(true);
}

/* ---- A5 ------------------------------------------------------------------ */

CREW_TEST(A5_a_misaligned_word_is_refused)
{
    uint32_t words[2] = {0, 0};

    for (unsigned i = 1; i < 4; i++) {
        volatile char *word = (volatile char *)words + i;

        check_equal(crew_atomic_wait(word, 0, CREW_FOREVER), -EINVAL);
        check_equal(crew_atomic_notify(word, 1), -EINVAL);
        check_equal(crew_atomic_notify(word, 0), -EINVAL);
    }
    check_equal(crew_atomic_wait(NULL, 0, 0), -EINVAL);
    check_equal(crew_atomic_notify(NULL, 1), -EINVAL);
}
