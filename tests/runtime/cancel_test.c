/* What ends a thread's waits, and what it leaves alone. */
#include "asleep.h"
#include "support.h"

#include "base/fault.h"
#include "base/mark.h"
#include "base/tunables.h"
#include "runtime/cancel.h"

#include <crew/buffer.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void make_current(struct crew__cancel *cancel)
{
    crew__cancel_init(cancel);
    crew__cancel_set_current(cancel);
}

/* ---- without one, and live ------------------------------------------------ */

static void park_as_ever(void)
{
    struct crew__parker parker;
    int64_t end = test_now() + 2 * CREW_MS;

    crew__park_init(&parker);
    check_equal(crew__cancel_park(&parker, end), -ETIMEDOUT);
    check_at_least(test_now(), end);
    crew__unpark(&parker);
    check_equal(crew__cancel_park(&parker, CREW__NEVER), 0);
    crew__unpark(&parker);
    check_equal(crew__cancel_park(&parker, 1), 0); /* before the deadline */
    check_equal(crew__cancel_park(&parker, 1), -ETIMEDOUT);
}

static void wait_as_ever(void)
{
    crew__a32 word = {3};
    int64_t end = test_now() + 12 * CREW_MS;

    check_equal(crew__cancel_wait(&word, 4, CREW__NEVER), -EAGAIN);
    check_equal(crew__cancel_wait(&word, 3, 0), -ETIMEDOUT);
    check_equal(crew__cancel_wait(&word, 3, end), -ETIMEDOUT);
    check_at_least(test_now(), end);
}

CREW_TEST(waits_are_as_ever_where_nothing_is_fired)
{
    struct crew__cancel cancel;

    check(crew__cancel_get_current() == NULL);
    park_as_ever();
    wait_as_ever();
    make_current(&cancel);
    check(crew__cancel_get_current() == &cancel);
    check(!crew__cancel_is_fired(&cancel));
    park_as_ever();
    wait_as_ever();
    crew__fault_arm(1, true); /* in slices */
    wait_as_ever();
    crew__fault_arm(0, false);
    crew__cancel_set_current(NULL);
    check(crew__cancel_get_current() == NULL);
}

/* ---- fired before --------------------------------------------------------- */

CREW_TEST(once_fired_each_wait_says_so_and_takes_no_token)
{
    struct crew__cancel cancel;
    struct crew__parker parker;
    volatile uint32_t word = 3;

    make_current(&cancel);
    crew__park_init(&parker);
    crew__cancel_fire(&cancel);
    crew__cancel_fire(&cancel);
    check(crew__cancel_is_fired(&cancel));
    for (unsigned i = 0; i < 3; i++) {
        check_equal(crew__cancel_park(&parker, CREW__NEVER), -ECANCELED);
        check_equal(crew__cancel_park(&parker, 0), -ECANCELED);
        check_equal(crew_atomic_wait(&word, 3, CREW_FOREVER), -ECANCELED);
        check_equal(crew_atomic_wait(&word, 3, 0), -ETIMEDOUT); /* no wait */
        check_equal(crew_atomic_wait(&word, 4, CREW_FOREVER), -ECANCELED);
        check_equal(crew_atomic_wait(NULL, 4, CREW_FOREVER), -EINVAL);
        crew__unpark(&parker);
    }
    check(crew__park(&parker, CREW__NEVER));
    check(!crew__park(&parker, 1));
    crew__cancel_set_current(NULL);
    check_equal(crew_atomic_wait(&word, 3, 0), -ETIMEDOUT);
    check_equal(crew__cancel_park(&parker, 0), -ETIMEDOUT);
    check_marked(CREW__MARK_CANCEL_BEFORE_PARK);
    check_marked(CREW__MARK_CANCEL_WORD);
}

/* ---- fired meanwhile ------------------------------------------------------ */

struct canceled {
    struct crew__cancel cancel;
    volatile uint32_t word;
    bool parks;
    pid_t id;
    int result;
    int why; /* plain: written before it is fired */
};

static void *wait_to_be_canceled(void *arg)
{
    struct canceled *canceled = arg;
    struct crew__parker parker;

    check(crew__cancel_get_current() == NULL);
    crew__cancel_set_current(&canceled->cancel);
    crew__park_init(&parker);
    __atomic_store_n(&canceled->id, (pid_t)syscall(SYS_gettid),
                     __ATOMIC_RELEASE);
    if (canceled->parks)
        canceled->result = crew__cancel_park(&parker, CREW__NEVER);
    else
        canceled->result = crew_atomic_wait(&canceled->word, 0, CREW_FOREVER);
    if (canceled->result == -ECANCELED)
        check_equal(canceled->why, 5);
    crew__unpark(&parker); /* a parker like any other */
    check(crew__park(&parker, CREW__NEVER));
    check(!crew__park(&parker, 1));
    return NULL;
}

static bool is_in_a_futex(void *arg)
{
    struct canceled *canceled = arg;
    pid_t id = __atomic_load_n(&canceled->id, __ATOMIC_ACQUIRE);
    long number;
    uintptr_t first;

    if (!id || !read_syscall(getpid(), id, &number, &first))
        return false;
#if defined(SYS_futex_waitv)
    if (number == SYS_futex_waitv)
        return true;
#endif
    return number == SYS_futex;
}

static pthread_t start_waiting(struct canceled *canceled)
{
    pthread_t thread;

    crew__cancel_init(&canceled->cancel);
    assert_int_equal(
        pthread_create(&thread, NULL, wait_to_be_canceled, canceled), 0);
    test_poll(is_in_a_futex, canceled, 30 * CREW_S);
    return thread;
}

static void cancel_asleep(bool parks)
{
    for (unsigned i = 0; i < 20; i++) {
        struct canceled canceled = {.parks = parks};
        pthread_t thread = start_waiting(&canceled);

        canceled.why = 5;
        crew__cancel_fire(&canceled.cancel);
        pthread_join(thread, NULL);
        check_equal(canceled.result, -ECANCELED);
    }
}

CREW_TEST(a_parked_thread_is_canceled)
{
    need_syscalls_of_threads();
    cancel_asleep(true);
    check_marked(CREW__MARK_CANCEL_WHILE_PARKED);
}

CREW_TEST(a_thread_that_waits_on_a_word_is_canceled)
{
    need_syscalls_of_threads();
    cancel_asleep(false);
}

CREW_TEST(a_wait_in_slices_is_canceled_within_one)
{
    need_syscalls_of_threads();
    crew__fault_arm(1, true);
    cancel_asleep(false);
    check_at_least(crew__fault_failed(), 1);
    crew__fault_arm(0, false);
}

static void wake_by_word(void)
{
    struct canceled canceled = {.parks = false};
    pthread_t thread = start_waiting(&canceled);

    __atomic_store_n(&canceled.word, 1, __ATOMIC_RELEASE);
    crew_atomic_notify(&canceled.word, 1);
    pthread_join(thread, NULL);
    check_equal(canceled.result, 0);
}

CREW_TEST(a_word_is_notified_where_a_cancel_would_be_too)
{
    need_syscalls_of_threads();
    wake_by_word();
    crew__fault_arm(1, true); /* in slices */
    wake_by_word();
    crew__fault_arm(0, false);
}

/* ---- a kernel that cannot wait for two words ------------------------------- */

static int forbid(int call, int error)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof lines / sizeof lines[0], lines};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0;
}

static int cancel_where_it_is_forbidden(void *arg)
{
#if defined(SYS_futex_waitv)
    struct crew__cancel cancel;

    if (forbid(SYS_futex_waitv, *(int *)arg))
        return 77;
    cancel_asleep(false);
    wake_by_word();
    make_current(&cancel);
    wait_as_ever();
#else
    (void)arg;
#endif
    return 0;
}

CREW_TEST(a_filter_or_an_old_kernel_costs_a_slice_and_no_answer)
{
    int errors[] = {ENOSYS, EPERM, EINVAL};

    need_syscalls_of_threads();
    for (unsigned i = 0; i < 3; i++) {
        int r = test_in_child(cancel_where_it_is_forbidden, &errors[i]);

        if (r == 77)
            skip_test("no filter can be set here");
        check_equal(r, 0);
    }
}

/* ---- fork ----------------------------------------------------------------- */

static int wait_in_a_child(void *arg)
{
    struct crew__cancel cancel;
    volatile uint32_t word = 0;

    (void)arg;
    check(crew__cancel_get_current() == NULL);
    park_as_ever(); /* the lock is held by nobody who lives */
    check_equal(crew_atomic_wait(&word, 0, 0), -ETIMEDOUT);
    make_current(&cancel);
    check(crew__cancel_get_current() == &cancel);
    crew__cancel_fire(&cancel);
    check_equal(crew_atomic_wait(&word, 0, CREW_FOREVER), -ECANCELED);
    return 0;
}

CREW_TEST(a_forked_child_has_none_and_may_have_its_own)
{
    struct crew__cancel cancel;

    make_current(&cancel);
    crew__lock(&cancel.lock); /* as if another thread were firing */
    check_equal(test_in_child(wait_in_a_child, NULL), 0);
    crew__unlock(&cancel.lock);
    check(crew__cancel_get_current() == &cancel);
    crew__cancel_fire(&cancel);
    check_equal(test_in_child(wait_in_a_child, NULL), 0);
    crew__cancel_set_current(NULL);
}
