/*
 * main of every test program:
 *
 *   PROGRAM [--seed N] [--list | CASE]
 *
 * Without a case each runs in a process of its own, one after the other.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED   77
/* A thread that has been joined may be seen in /proc a moment longer. */
#define SETTLE_NS INT64_C(5000000000)

/* In the testing build of the library; not in the shipped one. */
size_t crew__census_live(int tell) __attribute__((weak));

static struct test_case *first_case;
static struct test_case **last_case = &first_case;

void test_register(struct test_case *self)
{
    *last_case = self;
    last_case = &self->next;
}

void skip_test(const char *reason)
{
    printf("skipped: %s\n", reason);
    fflush(NULL);
    _exit(SKIPPED);
}

struct holding {
    unsigned threads, descriptors;
};

static struct holding look(void)
{
    return (struct holding){test_thread_count(), test_descriptor_count()};
}

static bool same_threads(void *arg)
{
    return test_thread_count() == *(unsigned *)arg;
}

static void check_nothing_is_left(struct holding before)
{
    test_poll(same_threads, &before.threads, SETTLE_NS);
    if (!check_equal(test_descriptor_count(), before.descriptors))
        test_tell_descriptors();
    if (crew__census_live)
        check_equal(crew__census_live(1), 0);
}

/*
 * ThreadSanitizer starts a thread of its own beside the first one: that one is
 * no business of the case.
 */
#if defined(__SANITIZE_THREAD__)
#define HIDDEN_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HIDDEN_THREAD 1
#endif
#endif

#if defined(HIDDEN_THREAD)
static void *nothing(void *arg)
{
    return arg;
}

static bool two_threads(void *arg)
{
    (void)arg;
    return test_thread_count() <= 2;
}

static void start_hidden_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, nothing, NULL) == 0)
        pthread_join(thread, NULL);
    test_poll(two_threads, NULL, SETTLE_NS);
}
#else
static void start_hidden_thread(void)
{
}
#endif

static void run_case(void **state)
{
    const struct test_case *self = *state;
    struct holding before;

    start_hidden_thread();
    before = look();
    self->run();
    check_nothing_is_left(before);
    if (test_failures() > 0)
        fail_msg("%u checks failed, see above", test_failures());
}

static int run_named(const char *name)
{
    for (struct test_case *c = first_case; c; c = c->next) {
        struct CMUnitTest test = {c->name, run_case, NULL, NULL, c};

        if (strcmp(c->name, name) == 0)
            return _cmocka_run_group_tests(c->name, &test, 1, NULL, NULL) != 0;
    }
    fprintf(stderr, "no case is called %s\n", name);
    return 2;
}

/* Each in a process of its own, as CTest does. */
static int run_all(const char *program)
{
    int failed = 0;

    for (struct test_case *c = first_case; c; c = c->next) {
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
            execl("/proc/self/exe", program, c->name, (char *)NULL);
            _exit(127);
        }
        if (child < 0 || waitpid(child, &status, 0) != child ||
            (status != 0 && WEXITSTATUS(status) != SKIPPED)) {
            printf("FAILED: %s %s\n", program, c->name);
            failed = 1;
        }
    }
    return failed;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--seed N] [--list | CASE]\n", program);
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (at + 1 < argc && strcmp(argv[at], "--seed") == 0) {
        setenv("CREW_SEED", argv[at + 1], 1);
        at += 2;
    }
    if (at + 1 < argc ||
        (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--list") != 0))
        return usage(argv[0]);
    if (at == argc)
        return run_all(argv[0]);
    if (strcmp(argv[at], "--list") != 0)
        return run_named(argv[at]);
    for (struct test_case *c = first_case; c; c = c->next)
        puts(c->name);
    return 0;
}
