#include "base/fault.h"
#include "base/tunables.h"
#include "os/os.h"

#include <errno.h>
#include <limits.h>
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

/* NULL: for ever. */
static struct timespec *limit_of(crew_ns deadline, struct timespec *until)
{
    if (deadline == CREW__NEVER)
        return NULL;
    until->tv_sec = (time_t)(deadline / CREW_S);
    until->tv_nsec = (long)(deadline % CREW_S);
    return until;
}

/* FUTEX_WAIT_BITSET takes an absolute deadline on CLOCK_MONOTONIC; every error
 * (EAGAIN, EINTR, ETIMEDOUT) is a return for nothing, which callers expect. */
void crew__futex_wait(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    struct timespec until;

    syscall(SYS_futex, &word->raw, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
            expected, limit_of(deadline, &until), NULL, FUTEX_BITSET_MATCH_ANY);
}

void crew__futex_wake(crew__a32 *word, unsigned count)
{
    syscall(SYS_futex, &word->raw, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL,
            NULL, 0);
}

/* ---- words of the program's ------------------------------------------------ */

static int wait_for_one(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    struct timespec until;

    if (syscall(SYS_futex, &word->raw, FUTEX_WAIT_BITSET, expected,
                limit_of(deadline, &until), NULL, FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    return -errno;
}

#if defined(SYS_futex_waitv) && defined(FUTEX_32)

/* Of two words that were woken the kernel names the last; so the program's is
 * the last, and no notify is lost to a cancel. */
static int wait_for_two(crew__a32 *word, uint32_t expected, crew_ns deadline,
                        crew__a32 *also)
{
    struct futex_waitv words[2] = {
        {.uaddr = (uintptr_t)&also->raw,
         .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
        {.uaddr = (uintptr_t)&word->raw, .val = expected, .flags = FUTEX_32},
    };
    struct timespec until;
    long woken = CREW__TRY(CREW__FAULT_FUTEX,
                           syscall(SYS_futex_waitv, words, 2, 0,
                                   limit_of(deadline, &until), CLOCK_MONOTONIC),
                           (errno = ENOSYS, -1));

    if (woken == 1)
        return 0;
    return woken == 0 ? -EINTR : -errno;
}

#else

static int wait_for_two(crew__a32 *word, uint32_t expected, crew_ns deadline,
                        crew__a32 *also)
{
    (void)word;
    (void)expected;
    (void)deadline;
    (void)also;
    return -ENOSYS;
}

#endif

/* For a moment on the word alone. */
static int wait_a_slice(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    crew_ns end = crew__clock_now() + CREW__WORD_SLICE_NS;
    int r = wait_for_one(word, expected, end < deadline ? end : deadline);

    return r == -ETIMEDOUT && end < deadline ? -EINTR : r;
}

int crew__futex_wait_shared(crew__a32 *word, uint32_t expected,
                            crew_ns deadline, crew__a32 *also)
{
    int r;

    if (!also)
        return wait_for_one(word, expected, deadline);
    r = wait_for_two(word, expected, deadline, also);
    switch (r) {
    case 0:
    case -EAGAIN:
    case -ETIMEDOUT:
    case -EINTR:
    case -EFAULT:
        return r;
    default: /* too old, forbidden, or no memory for it */
        return wait_a_slice(word, expected, deadline);
    }
}

/* The kernel takes a signed count, and wakes one where it is 0. */
unsigned crew__futex_wake_shared(crew__a32 *word, unsigned count)
{
    long woken;

    if (count == 0)
        return 0;
    woken = syscall(SYS_futex, &word->raw, FUTEX_WAKE,
                    count < INT_MAX ? count : INT_MAX, NULL, NULL, 0);
    return woken > 0 ? (unsigned)woken : 0; /* an error: it is unmapped */
}
