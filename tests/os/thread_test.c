/* Threads: what they are born with. */
#include "support.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

struct born {
    char name[16];
    sigset_t mask;
    int policy;
    pid_t tid;
    uintptr_t identity;
    void *what;
    size_t stack_bytes;
    int nice;
};

static void look_around(void *arg)
{
    struct born *born = arg;
    pthread_attr_t attributes;
    struct sched_param parameters;

    pthread_getname_np(pthread_self(), born->name, sizeof born->name);
    pthread_sigmask(SIG_SETMASK, NULL, &born->mask);
    pthread_getschedparam(pthread_self(), &born->policy, &parameters);
    born->tid = crew__thread_id();
    born->identity = crew__thread_identity();
    born->what = crew__thread_get();
    crew__thread_set(born);
    check(crew__thread_get() == born);
    born->nice = crew__thread_nice();
    check_at_least(crew__thread_cpu(), 0);
    if (check_equal(pthread_getattr_np(pthread_self(), &attributes), 0)) {
        pthread_attr_getstacksize(&attributes, &born->stack_bytes);
        pthread_attr_destroy(&attributes);
    }
}

static struct born run_thread(const char *name, size_t stack_bytes)
{
    struct crew__thread_options options = {stack_bytes, name};
    struct crew__thread thread;
    struct born born;

    memset(&born, 0, sizeof born);
    assert_int_equal(crew__thread_start(&thread, &options, look_around, &born),
                     0);
    crew__thread_join(&thread);
    return born;
}

CREW_TEST(a_name_that_is_too_long_keeps_its_number)
{
    assert_string_equal(run_thread("short/3", 0).name, "short/3");
    assert_string_equal(run_thread("fifteen-chars/7", 0).name,
                        "fifteen-chars/7");
    assert_string_equal(run_thread("photograph-decoder/12", 0).name,
                        "photograph-d/12");
    assert_string_equal(run_thread("a-name-without-a-number", 0).name,
                        "a-name-without-");
    assert_string_equal(run_thread("12345678901234567890", 0).name,
                        "123456789012345");
    assert_string_equal(run_thread("", 0).name, "");
}

CREW_TEST(all_signals_are_blocked_and_the_creators_mask_stays)
{
    struct born born;
    sigset_t before;
    sigset_t after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    born = run_thread("signals", 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < 32; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP)
            check(sigismember(&born.mask, signal) == 1);
        check_equal(sigismember(&after, signal), sigismember(&before, signal));
    }
    check_equal(born.policy, SCHED_OTHER);
    check_equal(born.nice, crew__thread_nice());
}

CREW_TEST(each_thread_has_words_of_its_own)
{
    int mine;
    struct born born;

    crew__thread_set(&mine);
    born = run_thread("words", 0);
    check(born.what == NULL);
    check(crew__thread_get() == &mine);
    check(born.identity != crew__thread_identity());
    check(born.tid != crew__thread_id());
    check_equal(crew__thread_identity(), crew__thread_identity());
    crew__thread_set(NULL);
}

CREW_TEST(a_stack_is_as_large_as_asked)
{
    size_t least = crew__thread_stack_min();

    check_at_least(least, 1);
    check_at_least(run_thread("stack", 1 << 20).stack_bytes, 1 << 20);
    check_at_most(run_thread("stack", 1 << 20).stack_bytes, 1 << 21);
}

CREW_TEST(a_refused_thread_leaves_nothing)
{
    struct crew__thread_options options = {0, "refused"};
    struct crew__thread_options tiny = {1, "tiny"};
    struct crew__thread thread;

    check_equal(crew__thread_start(&thread, &tiny, look_around, NULL), -EINVAL);
    for (unsigned nth = 1; nth <= 3; nth++) {
        crew__fault_arm(nth, false);
        check_equal(crew__thread_start(&thread, &options, look_around, NULL),
                    nth < 3 ? -ENOMEM : -EAGAIN);
    }
    crew__fault_arm(0, false);
    /* The runner sees that neither memory nor a thread is left. */
}
