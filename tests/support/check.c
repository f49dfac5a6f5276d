/*
 * Checks that may fail on any thread. cmocka's assertions leave the test by a
 * jump that only its own thread can make: on another they end the program
 * without a word. These tell at once and are counted; the runner fails the
 * case at its end.
 */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* More are counted, but not told. */
#define TOLD 20

static unsigned failures;

/* The caller tells this one. */
static bool count_failure(void)
{
    return __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < TOLD;
}

bool test_check(bool holds, const char *text, const char *file, int line)
{
    if (!holds && count_failure())
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    return holds;
}

bool test_check_equal(int64_t is, int64_t expected, const char *text,
                      const char *file, int line)
{
    if (is != expected && count_failure())
        fprintf(stderr, "%s:%d: %s is %" PRId64 ", not %" PRId64 "\n", file,
                line, text, is, expected);
    return is == expected;
}

bool test_check_range(int64_t is, int64_t low, int64_t high, const char *text,
                      const char *file, int line)
{
    bool holds = low <= is && is <= high;

    if (!holds && count_failure())
        fprintf(stderr, "%s:%d: %s is %" PRId64 ", %s %" PRId64 "\n", file,
                line, text, is, is < low ? "below" : "above",
                is < low ? low : high);
    return holds;
}

/* Where lines are counted, _exit would forget those of the child. */
void __gcov_dump(void) __attribute__((weak));

unsigned test_failures(void)
{
    return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

int test_in_child(int (*fn)(void *), void *arg)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        int result;

        __atomic_store_n(&failures, 0, __ATOMIC_RELAXED);
        result = fn(arg);
        fflush(NULL);
        if (__gcov_dump)
            __gcov_dump();
        _exit(test_failures() > 0 ? 1 : result);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
