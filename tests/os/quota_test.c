/*
 * Control groups that the test draws itself, as directories and files below a
 * temporary root; no machine's are needed.
 */
#include "base/fault.h"
#include "os/os.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *at)
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

static void make_root(void)
{
    if (root[0])
        return;
    snprintf(root, sizeof root, "/tmp/crew-quota-XXXXXX");
    assert_non_null(mkdtemp(root));
}

/* With the directories that it lies in. */
static void write_file(const char *path, const char *text)
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

static void write_namespace(const char *name)
{
    char path[128];

    write_file("/proc/self/ns/any", "");
    snprintf(path, sizeof path, "%s/proc/self/ns/cgroup", root);
    unlink(path);
    check(symlink(name, path) == 0);
}

static void draw_v2(const char *cpu_max)
{
    write_file("/proc/self/cgroup", "0::/app\n");
    write_file("/proc/self/mountinfo", V2_MOUNT);
    write_file("/sys/fs/cgroup/app/cpu.max", cpu_max);
}

static void draw_v1(const char *quota, const char *period)
{
    write_file("/proc/self/cgroup", "5:memory:/other\n4:cpu,cpuacct:/app\n");
    write_file("/proc/self/mountinfo", V1_MOUNT);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", quota);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_period_us", period);
}

static int v2(const char *cpu_max)
{
    draw_v2(cpu_max);
    return crew__quota_cpus(root, NULL);
}

static int v1(const char *quota, const char *period)
{
    draw_v1(quota, period);
    return crew__quota_cpus(root, NULL);
}

/* ---- one value (P2, NH20) ---------------------------------------------- */

CREW_TEST(p2_a_quota_of_one_and_a_half_is_two_cpus)
{
    assert_int_equal(v2("150000 100000\n"), 2);
    assert_int_equal(v1("150000\n", "100000\n"), 2);
}

CREW_TEST(a_small_quota_is_one_cpu)
{
    assert_int_equal(v2("1000 100000\n"), 1);
    assert_int_equal(v1("1000\n", "100000\n"), 1);
}

CREW_TEST(whole_cpus_are_not_rounded)
{
    assert_int_equal(v2("200000 50000\n"), 4);
    assert_int_equal(v2("200001 50000\n"), 5);
    assert_int_equal(v2("9223372036854775799 1\n"), INT32_MAX);
}

CREW_TEST(nh20_unlimited_is_told_apart)
{
    assert_int_equal(v2("max 100000\n"), 0);
    assert_int_equal(v2("max\n"), 0);
    assert_int_equal(v1("-1\n", "100000\n"), 0);
}

CREW_TEST(nh20_the_period_of_v2_has_a_default)
{
    assert_int_equal(v2("150000\n"), 2);
    assert_int_equal(v2("150000"), 2);
}

CREW_TEST(nh20_what_makes_no_sense_is_no_limit_and_not_none)
{
    static const char *const bad[] = {
        "garbage",
        "",
        "\n",
        "max x",
        "max x\n",
        "0 100000",
        "1 0",
        "-5 100000",
        "150000 ",
        "150000  100000",
        "maximum",
        "0x10 100",
        "1.5 100000",
        "1 2 3",
        " 1 2",
        "max 0",
        "+1 100000",
        "150000 100000 x",
        "99999999999999999999 100000",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (v2(bad[i]) != -EPROTO)
            fail_msg("cpu.max \"%s\" is %d", bad[i], v2(bad[i]));
    }
}

CREW_TEST(nh20_the_same_in_v1)
{
    assert_int_equal(v1("garbage\n", "100000\n"), -EPROTO);
    assert_int_equal(v1("", "100000\n"), -EPROTO);
    assert_int_equal(v1("0\n", "100000\n"), -EPROTO);
    assert_int_equal(v1("-2\n", "100000\n"), -EPROTO);
    assert_int_equal(v1("-15\n", "100000\n"), -EPROTO);
    assert_int_equal(v1("150000\n", "0\n"), -EPROTO);
    assert_int_equal(v1("150000\n", ""), -EPROTO);
}

CREW_TEST(a_v1_quota_without_its_period_makes_no_sense)
{
    write_file("/proc/self/cgroup", "4:cpu:/app\n");
    write_file("/proc/self/mountinfo", V1_MOUNT);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", "150000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), -EPROTO);
}

/* ---- the way up (NG26) ------------------------------------------------- */

CREW_TEST(ng26_the_tightest_counts_wherever_it_is)
{
    write_file("/proc/self/cgroup", "0::/slice/pod/app\n");
    write_file("/proc/self/mountinfo", V2_MOUNT);
    write_file("/sys/fs/cgroup/slice/pod/app/cpu.max", "800000 100000\n");
    write_file("/sys/fs/cgroup/slice/cpu.max", "300000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 3);
    write_file("/sys/fs/cgroup/slice/pod/cpu.max", "max 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 3);
    write_file("/sys/fs/cgroup/slice/pod/app/cpu.max", "100000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 1);
}

CREW_TEST(nh20_malformed_wins_over_finite)
{
    write_file("/proc/self/cgroup", "0::/slice/app\n");
    write_file("/proc/self/mountinfo", V2_MOUNT);
    write_file("/sys/fs/cgroup/slice/app/cpu.max", "100000 100000\n");
    write_file("/sys/fs/cgroup/slice/cpu.max", "garbage\n");
    assert_int_equal(crew__quota_cpus(root, NULL), -EPROTO);
}

CREW_TEST(ng26_v1_nested)
{
    write_file("/proc/self/cgroup", "4:cpu,cpuacct:/slice/app\n");
    write_file("/proc/self/mountinfo", V1_MOUNT);
    write_file("/sys/fs/cgroup/cpu/slice/app/cpu.cfs_quota_us", "-1\n");
    write_file("/sys/fs/cgroup/cpu/slice/cpu.cfs_quota_us", "50000\n");
    write_file("/sys/fs/cgroup/cpu/slice/cpu.cfs_period_us", "20000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 3);
}

CREW_TEST(ng26_hybrid_takes_the_smaller)
{
    write_file("/proc/self/cgroup", "4:cpu:/old\n0::/new\n");
    write_file("/proc/self/mountinfo", V1_MOUNT
               "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    write_file("/sys/fs/cgroup/cpu/old/cpu.cfs_quota_us", "400000\n");
    write_file("/sys/fs/cgroup/cpu/old/cpu.cfs_period_us", "100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 4);
    write_file("/sys/fs/cgroup/unified/new/cpu.max", "200000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 2);
}

CREW_TEST(a_container_sees_its_part_of_the_mount)
{
    write_file("/proc/self/cgroup", "4:cpu:/docker/abc/inner\n");
    write_file("/proc/self/mountinfo",
               "29 30 0:28 /other /mnt/x rw - cgroup cgroup rw,cpu\n"
               "31 30 0:28 /docker/abc /sys/fs/cgroup/cpu ro - "
               "cgroup cgroup rw,cpu\n");
    write_file("/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "-1\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 1);
}

CREW_TEST(a_mount_from_elsewhere_is_asked_at_its_own_root)
{
    write_file("/proc/self/cgroup", "0::/docker/ab\n");
    write_file("/proc/self/mountinfo",
               "31 30 0:28 /docker/a /sys/fs/cgroup rw - cgroup2 none rw\n");
    write_file("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    write_file("/sys/fs/cgroup/b/cpu.max", "100000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 3);
}

CREW_TEST(a_name_outside_of_the_namespace_stays_in_the_mount)
{
    write_file("/proc/self/cgroup", "0::/../../outer\n");
    write_file("/proc/self/mountinfo", V2_MOUNT);
    write_file("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    write_file("/sys/outer/cpu.max", "100000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 3);
}

CREW_TEST(names_with_spaces_are_found)
{
    write_file("/proc/self/cgroup", "0::/my app:1\n");
    write_file("/proc/self/mountinfo",
               "30 22 0:27 / /sys/fs/c\\040group rw - cgroup2 none rw\n");
    write_file("/sys/fs/c group/my app:1/cpu.max", "200000 100000\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 2);
}

CREW_TEST(thousands_of_mounts_are_read_to_the_end)
{
    char *text = calloc(5000, 64);
    size_t n = 0;

    assert_non_null(text);
    for (int i = 0; i < 4000; i++)
        n += (size_t)sprintf(text + n, "%d 1 0:9 / /m/%d rw - tmpfs none rw\n",
                             i, i);
    snprintf(text + n, 5000 * 64 - n, "%s", V2_MOUNT);
    draw_v2("200000 100000\n");
    write_file("/proc/self/mountinfo", text);
    free(text);
    assert_int_equal(crew__quota_cpus(root, NULL), 2);
}

/* ---- nothing to be seen ------------------------------------------------ */

CREW_TEST(without_proc_there_is_no_limit)
{
    assert_int_equal(crew__quota_cpus("/nonexistent", NULL), 0);
    make_root();
    assert_int_equal(crew__quota_cpus(root, NULL), 0);
    write_file("/proc/self/mountinfo", V2_MOUNT);
    assert_int_equal(crew__quota_cpus(root, NULL), 0); /* no cgroup file */
}

CREW_TEST(unmounted_or_unlimited_groups_limit_nothing)
{
    write_file("/proc/self/cgroup", "0::/app\n4:cpu:/app\n");
    assert_int_equal(crew__quota_cpus(root, NULL), 0);
    write_file("/proc/self/mountinfo", V2_MOUNT V1_MOUNT);
    assert_int_equal(crew__quota_cpus(root, NULL), 0);
}

CREW_TEST(damaged_proc_files_are_survived)
{
    static const char *const bad[] = {
        "",
        "\n\n",
        "0",
        "0:",
        "0::",
        ":::",
        "x\n0::/app",
        "0::app",
        "- - - - - -",
        "1 2 3 4",
        "1 2 3 / /m rw - cgroup2",
        "1 2 3 / /m rw - cgroup",
        "1 2 3 / /m rw",
        "a b c d e f - cgroup x",
    };

    write_file("/sys/fs/cgroup/app/cpu.max", "100000 100000\n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file("/proc/self/mountinfo", V2_MOUNT);
        write_file("/proc/self/cgroup", bad[i]);
        assert_true(crew__quota_cpus(root, NULL) >= 0);
        write_file("/proc/self/cgroup", "0::/app\n4:cpu:/app\n");
        write_file("/proc/self/mountinfo", bad[i]);
        assert_true(crew__quota_cpus(root, NULL) >= 0);
    }
}

/* ---- the rest ---------------------------------------------------------- */

CREW_TEST(throttling_is_summed_up_the_way)
{
    draw_v2("100000 100000\n");
    assert_int_equal(crew__quota_throttled(root, NULL), 0);
    write_file("/sys/fs/cgroup/app/cpu.stat",
               "usage_usec 5\nnr_periods 9\nnr_throttled 7\nnr_bursts 1\n");
    write_file("/sys/fs/cgroup/cpu.stat", "nr_throttled 3\n");
    assert_int_equal(crew__quota_throttled(root, NULL), 10);
}

CREW_TEST(the_environment_names_a_root_in_the_testing_build)
{
    draw_v2("300000 100000\n");
    setenv("CREW_TEST_ROOT", root, 1);
    assert_int_equal(crew__quota_cpus(NULL, NULL), 3);
    unsetenv("CREW_TEST_ROOT");
}

CREW_TEST(this_machine_can_be_asked)
{
    struct crew__cgroups *own = NULL;

    for (int i = 0; i < 3; i++)
        assert_int_equal(crew__quota_cpus(NULL, &own),
                         crew__quota_cpus(NULL, NULL));
    crew__memory_free(own);
    assert_true(crew__quota_cpus(NULL, NULL) >= 0);
    crew__quota_throttled(NULL, NULL);
}

/* No failure is taken for "no limit", nothing is left; all but one are told:
 * what cannot be kept is found all the same. */
CREW_TEST(each_fault_is_told)
{
    unsigned n = 0;
    unsigned got_over = 0;
    int r;

    draw_v2("300000 100000\n");
    write_namespace("cgroup:[1]");
    do {
        crew__fault_arm(++n, false);
        r = crew__quota_cpus(root, NULL);
        assert_true(r < 0 || r == 3);
        got_over += r == 3 && crew__fault_failed();
    } while (crew__fault_failed());
    crew__fault_arm(0, false);
    assert_int_equal(r, 3);
    assert_int_equal(got_over, 1);
    assert_true(n > 6);
    assert_int_equal(crew__census_live(1), 0);
}

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

/* ---- the kernel's own -------------------------------------------------- */

static char own_group[64];

static bool tell_kernel(const char *name, const char *text)
{
    char path[128];
    bool told;
    int fd;

    snprintf(path, sizeof path, "%s/%s", own_group, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    told = fd >= 0 && write(fd, text, strlen(text)) >= 0;
    if (fd >= 0)
        close(fd);
    return told;
}

static int burn_in_own_group(void *arg)
{
    uint64_t before;

    (void)arg;
    if (!tell_kernel("cgroup.procs", "0"))
        return 77;
    check_equal(crew__quota_cpus(NULL, NULL), 1);
    before = crew__quota_throttled(NULL, NULL);
    for (int i = 0; i < 200 && crew__quota_throttled(NULL, NULL) < before + 3;
         i++)
        test_burn(100 * CREW_MS); /* others may want the CPUs, too */
    check_at_least(crew__quota_throttled(NULL, NULL), before + 3);
    return 0;
}

CREW_TEST(nh20_a_real_quota_is_seen_and_its_throttling_counted)
{
    int result = 77;

    snprintf(own_group, sizeof own_group, "/sys/fs/cgroup/cpu/crew-test-%d",
             (int)getpid());
    if (mkdir(own_group, 0700) < 0)
        skip_test("no control group of v1 can be made here");
    if (tell_kernel("cpu.cfs_period_us", "20000") &&
        tell_kernel("cpu.cfs_quota_us", "2000"))
        result = test_in_child(burn_in_own_group, NULL);
    check(rmdir(own_group) == 0);
    if (result == 77)
        skip_test("no quota of v1 can be set here");
    check_equal(result, 0);
}
