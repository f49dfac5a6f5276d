/* Time, the seed, and random numbers. */
#include "support.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t test_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool test_poll(bool (*ready)(void *), void *arg, int64_t limit_ns)
{
    int64_t end = test_now() + limit_ns;

    while (!ready(arg)) {
        if (test_now() > end)
            return test_check(false, "what is polled for comes in time",
                              __FILE__, __LINE__);
        sched_yield();
    }
    return true;
}

void test_burn(int64_t ns)
{
    int64_t end = test_now() + ns;

    while (test_now() < end)
        ;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void choose_seed(void)
{
    const char *given = getenv("CREW_SEED");

    if (given && *given)
        seed = strtoull(given, NULL, 0);
    else
        seed = mix((uint64_t)test_now()) % 1000000000;
    printf("seed %" PRIu64 " (--seed %" PRIu64 " or CREW_SEED repeats it)\n",
           seed, seed);
}

uint64_t test_seed(void)
{
    pthread_once(&seed_once, choose_seed);
    return seed;
}

void test_random_init(struct test_random *random, uint64_t stream)
{
    random->state = mix(test_seed() + mix(stream + 1));
}

uint64_t test_random_next(struct test_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(random->state);
}

uint64_t test_random_below(struct test_random *random, uint64_t n)
{
    return test_random_next(random) % n;
}
