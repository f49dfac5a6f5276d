/* A thread that may make no system call. */
#include "support.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { NONE = -1, NO_FILTER = -2 };

struct watched {
    void (*fn)(void *arg);
    void *arg;
};

/* The call that ended the thread; volatile, as no function here returns to who
 * reads it. */
static volatile long first;

/* Ends the thread on the spot, past everything that the C library would do,
 * which needs calls. Who joins it waits for the kernel's word. */
static void end_thread(void)
{
    for (;;)
        syscall(SYS_exit, 0);
}

static void on_call(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    first = info->si_syscall;
    end_thread();
}

/* Of the calling thread alone, for good. A clock is read without the kernel
 * but where the machine has none that can be. */
static bool forbid_calls(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static void *run_watched(void *arg)
{
    struct watched *watched = arg;

    if (!forbid_calls()) {
        first = NO_FILTER;
        return NULL;
    }
    watched->fn(watched->arg);
    end_thread();
    return NULL;
}

long test_without_calls(void (*fn)(void *arg), void *arg)
{
    struct watched watched = {fn, arg};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    struct sigaction before;
    pthread_t thread;

#if defined(SANITIZED)
    skip_test("a sanitizer makes system calls of its own");
#endif
    first = NONE;
    sigaction(SIGSYS, &action, &before);
    if (check_equal(pthread_create(&thread, NULL, run_watched, &watched), 0))
        pthread_join(thread, NULL);
    sigaction(SIGSYS, &before, NULL);
    if (first == NO_FILTER)
        skip_test("the kernel filters no system calls (seccomp)");
    return first;
}
