/* Threads that sleep on a word. */
#ifndef CREW_TESTS_SLEEPER_H
#define CREW_TESTS_SLEEPER_H

#include "asleep.h"
#include "work.h"

/* A thread that waits on a word once. */
struct sleeper {
    volatile uint32_t *word;
    uint32_t expected;
    crew_ns timeout;
    pthread_t thread;
    pid_t id;
    int result;
    unsigned returned;
};

static inline void *sleep_once(void *arg)
{
    struct sleeper *sleeper = arg;

    __atomic_store_n(&sleeper->id, (pid_t)syscall(SYS_gettid),
                     __ATOMIC_RELEASE);
    sleeper->result = crew_atomic_wait(sleeper->word, sleeper->expected,
                                       sleeper->timeout);
    __atomic_store_n(&sleeper->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static inline bool sleeper_sleeps(void *arg)
{
    struct sleeper *sleeper = arg;

    return is_asleep(getpid(), __atomic_load_n(&sleeper->id, __ATOMIC_ACQUIRE),
                     sleeper->word);
}

static inline bool sleeper_returned(struct sleeper *sleeper)
{
    return __atomic_load_n(&sleeper->returned, __ATOMIC_ACQUIRE);
}

/* Returns when it sleeps. */
static inline void sleeper_start(struct sleeper *sleeper,
                                 volatile uint32_t *word, crew_ns timeout)
{
    *sleeper = (struct sleeper){.word = word, .timeout = timeout};
    sleeper->expected = __atomic_load_n(word, __ATOMIC_RELAXED);
    assert_int_equal(
        pthread_create(&sleeper->thread, NULL, sleep_once, sleeper), 0);
    test_poll(sleeper_sleeps, sleeper, LONG_WAIT);
}

static inline int sleeper_join(struct sleeper *sleeper)
{
    pthread_join(sleeper->thread, NULL);
    return sleeper->result;
}

#endif
