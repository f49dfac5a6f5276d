/* Quotas, as control groups say them. */
#include "groups.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>

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
