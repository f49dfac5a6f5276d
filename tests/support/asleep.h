/*
 * Who sleeps on a word, by what /proc says of the system call that a thread is
 * in: so a test waits for the sleep and not for a time.
 */
#ifndef CREW_TESTS_SUPPORT_ASLEEP_H
#define CREW_TESTS_SUPPORT_ASLEEP_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system call's number and first argument; false: it runs, or is gone. */
static inline bool read_syscall(pid_t process, pid_t thread, long *number,
                                uintptr_t *first)
{
    char path[64];
    char line[256] = "";
    char *end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)process,
             (int)thread);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    *number = strtol(line, &end, 10);
    *first = (uintptr_t)strtoull(end, NULL, 16);
    return end != line;
}

static inline void need_syscalls_of_threads(void)
{
    if (access("/proc/self/syscall", R_OK) < 0)
        skip_test("this kernel does not say what threads sleep in");
}

static inline bool is_asleep(pid_t process, pid_t thread,
                             const volatile void *word)
{
    long number;
    uintptr_t first;

    if (thread == 0 || !read_syscall(process, thread, &number, &first))
        return false;
#if defined(SYS_futex_waitv)
    if (number == SYS_futex_waitv)
        return true;
#endif
    return number == SYS_futex && first == (uintptr_t)word;
}

#endif
