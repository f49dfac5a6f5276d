/*
 * Control groups that a test draws itself, as directories and files below a
 * temporary root; no machine's are needed.
 */
#ifndef CREW_TESTS_GROUPS_H
#define CREW_TESTS_GROUPS_H

#include "support.h"

#include "os/os.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define V2_MOUNT \
    "30 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 master:2 - " \
    "cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT \
    "31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - " \
    "cgroup cgroup rw,cpu,cpuacct\n"

static char root[64];

/* ---- drawing ----------------------------------------------------------- */

static inline int remove_one(const char *path, const struct stat *status,
                             int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

__attribute__((destructor)) static void remove_root(void)
{
    if (root[0])
        nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void make_root(void)
{
    if (root[0])
        return;
    snprintf(root, sizeof root, "/tmp/crew-quota-XXXXXX");
    assert_non_null(mkdtemp(root));
}

/* With the directories that it lies in. */
static inline void write_file(const char *path, const char *text)
{
    char full[512];
    FILE *file;

    make_root();
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            mkdir(full, 0700);
            *p = '/';
        }
    }
    file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static inline void write_namespace(const char *name)
{
    char path[128];

    write_file("/proc/self/ns/any", "");
    snprintf(path, sizeof path, "%s/proc/self/ns/cgroup", root);
    unlink(path);
    check(symlink(name, path) == 0);
}

static inline void draw_v2(const char *cpu_max)
{
    write_file("/proc/self/cgroup", "0::/app\n");
    write_file("/proc/self/mountinfo", V2_MOUNT);
    write_file("/sys/fs/cgroup/app/cpu.max", cpu_max);
}

static inline void draw_v1(const char *quota, const char *period)
{
    write_file("/proc/self/cgroup", "5:memory:/other\n4:cpu,cpuacct:/app\n");
    write_file("/proc/self/mountinfo", V1_MOUNT);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", quota);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_period_us", period);
}

static inline int v2(const char *cpu_max)
{
    draw_v2(cpu_max);
    return crew__quota_cpus(root, NULL);
}

static inline int v1(const char *quota, const char *period)
{
    draw_v1(quota, period);
    return crew__quota_cpus(root, NULL);
}

#endif
