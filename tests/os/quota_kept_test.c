/* Quotas by what is kept of where they lie: found anew wherever that changes. */
#include "groups.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

/* ---- what is kept ------------------------------------------------------ */

static struct crew__cgroups *kept;

/* Names the mount that the drawing really lies in. */
static void write_mount(const char *before, const char *after)
{
    char line[512];
    struct statx status;

    make_root();
    check(statx(AT_FDCWD, root, 0, STATX_MNT_ID, &status) == 0);
    if (!(status.stx_mask & STATX_MNT_ID))
        skip_test("the kernel does not tell of mounts (before Linux 5.8)");
    snprintf(line, sizeof line, "%s%llu %s", before,
             (unsigned long long)status.stx_mnt_id, after);
    write_file("/proc/self/mountinfo", line);
}

#define KEPT_MOUNT "22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

static void draw_kept(void)
{
    draw_v2("300000 100000\n");
    write_mount("", KEPT_MOUNT);
    write_namespace("cgroup:[1]");
}

/* With and without what is kept the answer must be the same. */
static int ask(void)
{
    int r = crew__quota_cpus(root, &kept);

    assert_int_equal(r, crew__quota_cpus(root, NULL));
    return r;
}

static void forget(void)
{
    crew__memory_free(kept);
    kept = NULL;
    assert_int_equal(crew__census_live(1), 0);
}

CREW_TEST(where_the_limits_lie_is_kept_and_they_are_read_anew)
{
    draw_kept();
    assert_int_equal(ask(), 3);
    assert_non_null(kept);
    write_file("/sys/fs/cgroup/app/cpu.max", "100000 100000\n");
    assert_int_equal(ask(), 1);
    write_file("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
    write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    assert_int_equal(ask(), 2);
    write_file("/sys/fs/cgroup/cpu.max", "garbage\n");
    assert_int_equal(ask(), -EPROTO);
    write_file("/proc/self/mountinfo", "not read\n");
    write_file("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(crew__quota_cpus(root, &kept), 4);
    forget();
}

CREW_TEST(both_hierarchies_are_kept)
{
    draw_kept();
    write_mount("", "22 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    write_file("/proc/self/cgroup", "4:cpu:/old\n");
    write_file("/sys/fs/cgroup/cpu/old/cpu.cfs_quota_us", "400000\n");
    write_file("/sys/fs/cgroup/cpu/old/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ask(), 4);
    assert_non_null(kept);
    write_file("/sys/fs/cgroup/cpu/old/cpu.cfs_quota_us", "-1\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ask(), 2);
    forget();
}

CREW_TEST(a_process_that_moved_is_found)
{
    static const char *const names[] = {"/app/deep/down", "/app", "/apple",
                                        "/ap", "/"};
    char text[64];

    draw_kept();
    write_file("/sys/fs/cgroup/app/deep/down/cpu.max", "100000 100000\n");
    write_file("/sys/fs/cgroup/apple/cpu.max", "400000 100000\n");
    write_file("/sys/fs/cgroup/ap/cpu.max", "500000 100000\n");
    write_file("/sys/fs/cgroup/cpu.max", "600000 100000\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "0::%s\n", names[i]);
        write_file("/proc/self/cgroup", text);
        ask();
        assert_non_null(kept);
    }
    assert_int_equal(ask(), 6);
    forget();
}

CREW_TEST(a_mount_in_the_place_of_another_is_found)
{
    char old[128];
    char away[128];

    draw_kept();
    assert_int_equal(ask(), 3);
    snprintf(old, sizeof old, "%s/sys/fs/cgroup", root);
    snprintf(away, sizeof away, "%s/sys/fs/away", root);
    check(rename(old, away) == 0);
    write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    write_mount("", "22 0:27 /app /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_int_equal(ask(), 2);
    check(remove(away) < 0 &&
          nftw(away, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    forget();
}

CREW_TEST(a_mount_that_went_is_found)
{
    char path[128];

    draw_kept();
    assert_int_equal(ask(), 3);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup", root);
    check(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    write_file("/proc/self/mountinfo", "");
    assert_int_equal(ask(), 0);
    assert_null(kept);
    forget();
}

/* Names mean nothing without the namespace that they are told in. */
CREW_TEST(another_namespace_is_found)
{
    draw_kept();
    assert_int_equal(ask(), 3);
    write_namespace("cgroup:[2]");
    write_mount("", "22 0:27 /../x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_int_equal(ask(), 0);
    forget();
}

CREW_TEST(what_cannot_be_told_again_is_not_kept)
{
    char path[128];

    draw_kept();
    write_file("/proc/self/mountinfo", "7 " KEPT_MOUNT); /* another's id */
    assert_int_equal(ask(), 3);
    assert_null(kept);
    write_mount("", "22 0:27 /x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    assert_int_equal(ask(), 0); /* a better mount may come */
    assert_null(kept);
    write_mount("", KEPT_MOUNT);
    write_file("/proc/self/cgroup", "0::/app\n4:cpu:/app\n");
    assert_int_equal(ask(), 3); /* the other may be mounted */
    assert_null(kept);
    write_file("/proc/self/cgroup", "0::/app\n");
    snprintf(path, sizeof path, "%s/proc/self/ns/cgroup", root);
    check(unlink(path) == 0);
    assert_int_equal(ask(), 3);
    assert_null(kept);
    forget();
}

CREW_TEST(another_root_is_another_machine)
{
    char inner[128];

    draw_kept();
    assert_int_equal(ask(), 3);
    snprintf(inner, sizeof inner, "%s/inner", root);
    assert_int_equal(crew__quota_cpus(inner, &kept), 0);
    forget();
}

CREW_TEST(throttling_is_told_from_what_is_kept)
{
    draw_kept();
    assert_int_equal(ask(), 3);
    write_file("/sys/fs/cgroup/app/cpu.stat", "nr_throttled 7\n");
    write_file("/proc/self/mountinfo", "not read\n");
    assert_int_equal(crew__quota_throttled(root, &kept), 7);
    forget();
}

/* Finding, then finding again: neither takes a failure for an answer. */
CREW_TEST(each_fault_is_told_or_got_over)
{
    unsigned n = 0;
    unsigned failed;

    draw_kept();
    do {
        int first;
        int second;

        crew__fault_arm(++n, false);
        first = crew__quota_cpus(root, &kept);
        second = crew__quota_cpus(root, &kept);
        failed = crew__fault_failed();
        crew__fault_arm(0, false);
        assert_true(first < 0 || first == 3);
        assert_true(second < 0 || second == 3);
        assert_int_equal(ask(), 3);
        forget();
    } while (failed);
    assert_true(n > 18);
}

static int mount_over(void *arg)
{
    char line[256];
    char at[128];
    struct statx status;

    (void)arg;
    snprintf(at, sizeof at, "%s/sys/fs/cgroup", root);
    if (unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    write_mount("", KEPT_MOUNT); /* of the new namespace */
    check_equal(crew__quota_cpus(root, &kept), 3);
    check(kept);
    /* The same directory: only the id tells. */
    if (mount(at, at, NULL, MS_BIND, NULL) < 0)
        return 77;
    check(statx(AT_FDCWD, at, 0, STATX_MNT_ID, &status) == 0);
    snprintf(line, sizeof line, "%llu 22 0:27 /app %s",
             (unsigned long long)status.stx_mnt_id,
             "/sys/fs/cgroup rw - cgroup2 none rw\n");
    write_file("/proc/self/mountinfo", line);
    write_file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    check_equal(crew__quota_cpus(root, &kept), 1);
    check_equal(crew__quota_cpus(root, NULL), 1);
    check(umount2(at, MNT_DETACH) == 0);
    write_mount("", KEPT_MOUNT);
    check_equal(crew__quota_cpus(root, &kept), 1);
    crew__memory_free(kept);
    return 0;
}

CREW_TEST(a_mount_over_another_is_found)
{
    int result;

    draw_kept();
    result = test_in_child(mount_over, NULL);
    if (result == 77)
        skip_test("no mount can be made here");
    check_equal(result, 0);
}
