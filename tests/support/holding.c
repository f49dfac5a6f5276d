/* What this process holds, from /proc. */
#include "support.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static unsigned count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

unsigned test_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

unsigned test_thread_count(void)
{
    return count_entries("/proc/self/task");
}

unsigned test_descriptor_count(void)
{
    return count_entries("/proc/self/fd") - 1; /* without the listing's own */
}

size_t test_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    if (file) {
        if (fscanf(file, "%*s %zu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void test_tell_descriptors(void)
{
    char path[64];
    char target[256];

    for (int fd = 0; fd < 1024; fd++) {
        ssize_t length;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        fprintf(stderr, "  descriptor %d: %s\n", fd, target);
    }
}
