#include "os/os.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void crew__relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

void crew__yield(void)
{
    sched_yield();
}

/* FUTEX_WAIT_BITSET takes an absolute deadline on CLOCK_MONOTONIC; every error
 * (EAGAIN, EINTR, ETIMEDOUT) is a return for nothing, which callers expect. */
void crew__futex_wait(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    struct timespec until;
    struct timespec *limit = NULL;

    if (deadline != CREW__NEVER) {
        until.tv_sec = (time_t)(deadline / CREW_S);
        until.tv_nsec = (long)(deadline % CREW_S);
        limit = &until;
    }
    syscall(SYS_futex, &word->raw, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
            expected, limit, NULL, FUTEX_BITSET_MATCH_ANY);
}

void crew__futex_wake(crew__a32 *word, unsigned count)
{
    syscall(SYS_futex, &word->raw, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL,
            NULL, 0);
}
