/*
 * What every test of this repository uses beside cmocka: cases, checks that
 * may fail on any thread, seeded random numbers, gates between threads.
 *
 *   CREW_TEST(a_pool_of_one_keeps_the_order)
 *   {
 *       ...
 *       assert_int_equal(r, 0);       cmocka's, on the test's own thread only
 *       check(status == 0);           on any thread
 *   }
 *
 * Each case is a CTest test of its own, <layer>.<file>.<case>, in a process of
 * its own: CMake reads the names from the sources, so CREW_TEST starts its
 * line. When a case has returned, the runner checks that it left behind no
 * thread, no descriptor and, in the testing build, no object of the library.
 *
 * A test program that is called without arguments runs all its cases.
 */
#ifndef CREW_TESTS_SUPPORT_H
#define CREW_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

/* ---- cases --------------------------------------------------------------- */

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

/* Seconds that a case may take where it says nothing. */
#define CREW_TEST_SECONDS 60

/* A case; with a time limit of its own where 60 s are not enough. */
#define CREW_TEST(name) CREW_TEST_LIMIT(name, CREW_TEST_SECONDS)
#define CREW_TEST_LIMIT(name, seconds) \
    static void name(void); \
    static struct test_case name##_case = {#name, name, NULL}; \
    __attribute__((constructor)) static void name##_register(void) \
    { \
        _Static_assert((seconds) > 0, "a time limit"); \
        test_register(&name##_case); \
    } \
    static void name(void)

void test_register(struct test_case *self);

/* Ends the case as not run: CTest's "Skipped". */
void skip_test(const char *reason) __attribute__((noreturn));

/* ---- checks on any thread ------------------------------------------------ */

/* Fails the case, but goes on; returns whether `condition` was true. */
#define check(condition) \
    test_check((condition) != 0, #condition, __FILE__, __LINE__)
#define check_equal(is, expected) \
    test_check_equal((int64_t)(is), (int64_t)(expected), #is, __FILE__, \
                     __LINE__)
/* is <= limit and is >= limit */
#define check_at_most(is, limit) \
    test_check_range((int64_t)(is), INT64_MIN, (int64_t)(limit), #is, \
                     __FILE__, __LINE__)
#define check_at_least(is, limit) \
    test_check_range((int64_t)(is), (int64_t)(limit), INT64_MAX, #is, \
                     __FILE__, __LINE__)

bool test_check(bool holds, const char *text, const char *file, int line);
bool test_check_equal(int64_t is, int64_t expected, const char *text,
                      const char *file, int line);
bool test_check_range(int64_t is, int64_t low, int64_t high, const char *text,
                      const char *file, int line);
/* How many checks have failed so far. */
unsigned test_failures(void);

/* Fails the case unless the testing build has come by this mark. */
#define check_marked(id) check_at_least(crew__mark_count(id), 1)

/*
 * Runs fn(arg) in a forked child and returns its exit code, or 256 + the
 * signal that ended it. The child ends with 1 where a check of its own has
 * failed, else with what fn returned.
 */
int test_in_child(int (*fn)(void *), void *arg);

/* ---- time and chance ----------------------------------------------------- */

/* Monotonic nanoseconds. */
int64_t test_now(void);

/* Polls until `ready(arg)`; false, and a failed check, after `limit_ns`. */
bool test_poll(bool (*ready)(void *), void *arg, int64_t limit_ns);

/* Keeps the core busy for so long. */
void test_burn(int64_t ns);

/* From --seed, CREW_SEED or the clock; printed when it is first asked for. */
uint64_t test_seed(void);

/* A generator of one thread: numbers of one seed and stream repeat. */
struct test_random {
    uint64_t state;
};
void test_random_init(struct test_random *random, uint64_t stream);
uint64_t test_random_next(struct test_random *random);
/* Below n, which is not 0. */
uint64_t test_random_below(struct test_random *random, uint64_t n);

/* ---- threads ------------------------------------------------------------- */

/* A gate is shut until it is opened; what the opener did before is seen. */
struct test_gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
};
void test_gate_init(struct test_gate *gate);
void test_gate_fini(struct test_gate *gate);
void test_gate_open(struct test_gate *gate);
/* false, and a failed check, when it is still shut after 30 s. */
bool test_gate_wait(struct test_gate *gate);
bool test_gate_is_open(struct test_gate *gate);

/*
 * Runs fn(index, arg) for each index below `count` on a thread of its own,
 * all let go at the same moment, and returns when all have returned.
 */
void test_threads(unsigned count, void (*fn)(unsigned index, void *arg),
                  void *arg);

/*
 * Runs fn(arg) on a thread of its own that may make no system call but
 * clock_gettime. Returns the number of the first that it made, which ended it
 * there; -1: it made none. Skips the case where the kernel cannot tell, or a
 * sanitizer makes calls.
 */
long test_without_calls(void (*fn)(void *arg), void *arg);

/* ---- what a process holds ------------------------------------------------ */

unsigned test_thread_count(void);
/* CPUs that the process may use. */
unsigned test_cpu_count(void);
unsigned test_descriptor_count(void);
/* On stderr: each descriptor and what it is. */
void test_tell_descriptors(void);
/* Of the process's memory, in bytes: resident now. */
size_t test_resident_bytes(void);

#endif
