/*
 * P1, P2, P4-P7 and P3's visible part on whole pools: what the mask, the quota,
 * a list and a machine that cannot be asked do to the number and the seats of
 * workers. The plans themselves are tested on recorded machines by
 * tests/runtime/placement_test.c.
 *
 * Each case is a process of its own, so masks and environment are not set
 * back.
 */
#include "os/os.h"

#include "../machines/machine.h"
#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT 65536
static char text[TEXT];

/* ---- this machine --------------------------------------------------------- */

static int usable[CPU_SETSIZE];
static unsigned usable_count;

static void find_usable(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    usable_count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set))
            usable[usable_count++] = cpu;
    }
}

static void use_only(int a, int b)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)a, &set);
    CPU_SET((size_t)b, &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

static bool on_one_core(int a, int b)
{
    const struct crew__topology *topology;
    const struct crew__cpu *first;
    const struct crew__cpu *second;
    bool same;

    assert_int_equal(crew__topology_retain(&topology), 0);
    first = crew__topology_find(topology, (unsigned)a);
    second = crew__topology_find(topology, (unsigned)b);
    same = first && second && first->core == second->core;
    crew__topology_release(topology);
    return same;
}

/* The first and the last usable CPU, on different cores. */
static void need_two_cores(int *a, int *b)
{
    find_usable();
    if (usable_count < 2 || on_one_core(usable[0], usable[usable_count - 1]))
        skip_test("this machine has one core");
    *a = usable[0];
    *b = usable[usable_count - 1];
}

/* ---- pools ---------------------------------------------------------------- */

static crew_pool *make_pool(const crew_pool_options *options)
{
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, options), 0);
    assert_in_range(crew_pool_describe(pool, text, TEXT), 1, TEXT - 1);
    printf("%s", text);
    return pool;
}

static void refuse(const crew_pool_options *options)
{
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, options), -EINVAL);
    assert_null(pool);
}

/* The mask of the worker that runs it: the one CPU, or -1. */
static int read_mask(crew_self *self, crew_task *task)
{
    cpu_set_t set;
    int cpu = 0;

    (void)self;
    (void)task;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return -errno;
    if (CPU_COUNT(&set) != 1)
        return -ENOENT;
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

/* As the worker itself sees it. */
static int cpu_of(crew_pool *pool, unsigned worker)
{
    crew_task task = {.run = read_mask};

    assert_int_equal(crew_submit_to(pool, worker, &task, NULL), 0);
    assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    return task.status;
}

static void expect_cpu(crew_pool *pool, unsigned worker, int cpu)
{
    assert_int_equal(crew_pool_worker_cpu(pool, worker), cpu);
    assert_int_equal(cpu_of(pool, worker), cpu);
}

/* ---- P1 ------------------------------------------------------------------- */

CREW_TEST(p1_a_mask_of_one_cpu)
{
    crew_pool *pool;
    char expected[64];

    find_usable();
    use_only(usable[usable_count - 1], usable[usable_count - 1]);
    pool = make_pool(NULL);
    assert_int_equal(crew_pool_workers(pool), 1);
    expect_cpu(pool, 0, usable[usable_count - 1]);
    assert_int_equal(crew_pool_worker_cpu(pool, 1), -EINVAL);
    snprintf(expected, sizeof expected, "affinity mask %d",
             usable[usable_count - 1]);
    assert_non_null(strstr(text, expected));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p1_one_worker_per_core_each_on_its_own)
{
    crew_pool *pool;
    int a;
    int b;

    need_two_cores(&a, &b);
    use_only(a, b);
    pool = make_pool(NULL);
    assert_int_equal(crew_pool_workers(pool), 2);
    expect_cpu(pool, 0, crew_pool_worker_cpu(pool, 0));
    expect_cpu(pool, 1, crew_pool_worker_cpu(pool, 1));
    assert_int_equal(
        crew_pool_worker_cpu(pool, 0) + crew_pool_worker_cpu(pool, 1), a + b);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p1_without_placement_nobody_is_pinned)
{
    crew_pool_options options = {.placement = CREW_PLACE_NONE};
    crew_pool *pool = make_pool(&options);

    find_usable();
    for (unsigned i = 0; i < crew_pool_workers(pool); i++) {
        assert_int_equal(crew_pool_worker_cpu(pool, i), -ENOENT);
        if (usable_count > 1)
            assert_int_equal(cpu_of(pool, i), -ENOENT);
    }
    assert_non_null(strstr(text, "not pinned"));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

static int unpin_and_repin(crew_self *self, crew_task *task)
{
    check_equal(crew_self_unpin(self), 0);
    check_equal(read_mask(self, task), usable_count > 1 ? -ENOENT : usable[0]);
    check_equal(crew_self_repin(self), 0);
    check(read_mask(self, task) >= 0);
    check_equal(crew_self_unpin(self), 0);
    return 0; /* pinned again by the library */
}

CREW_TEST(p1_a_task_lifts_the_mask_for_itself_alone)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool = make_pool(&options);
    crew_task task = {.run = unpin_and_repin};

    find_usable();
    assert_int_equal(crew_submit(pool, &task, NULL), 0);
    assert_int_equal(crew_task_wait(&task, CREW_FOREVER), 0);
    expect_cpu(pool, 0, crew_pool_worker_cpu(pool, 0));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- P2 ------------------------------------------------------------------- */

static char root[64];

/* With the directories that it lies in. */
static void write_file(const char *path, const char *content)
{
    char full[512];
    FILE *file;

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
    fputs(content, file);
    fclose(file);
}

static void remove_root(void)
{
    char command[128];

    unsetenv("CREW_TEST_ROOT");
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static void make_root(void)
{
    strcpy(root, "/tmp/crew-placement-XXXXXX");
    assert_non_null(mkdtemp(root));
    setenv("CREW_TEST_ROOT", root, 1);
}

static void draw_v2(const char *cpu_max)
{
    make_root();
    write_file("/proc/self/cgroup", "0::/app\n");
    write_file("/proc/self/mountinfo", "30 22 0:27 / /sys/fs/cgroup rw - "
                                       "cgroup2 cgroup2 rw\n");
    write_file("/sys/fs/cgroup/app/cpu.max", cpu_max);
}

static void draw_v1(const char *quota_us)
{
    make_root();
    write_file("/proc/self/cgroup", "4:cpu,cpuacct:/app\n");
    write_file("/proc/self/mountinfo", "31 30 0:28 / /sys/fs/cgroup/cpu rw - "
                                       "cgroup cgroup rw,cpu,cpuacct\n");
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", quota_us);
    write_file("/sys/fs/cgroup/cpu/app/cpu.cfs_period_us", "100000\n");
}

/* The quota counts CPUs; it never makes more workers than there are cores. */
static void expect_quota(unsigned cpus)
{
    crew_pool_options none = {.placement = CREW_PLACE_NONE};
    crew_pool *pool = make_pool(NULL);
    unsigned workers = crew_pool_workers(pool);
    char expected[32];

    snprintf(expected, sizeof expected, "CPU quota %u", cpus);
    assert_non_null(strstr(text, expected));
    assert_int_equal(crew_pool_destroy(pool), 0);
    pool = make_pool(&none);
    assert_int_equal(crew_pool_workers(pool), workers);
    assert_int_equal(crew_pool_destroy(pool), 0);
    remove_root();
    pool = make_pool(NULL);
    assert_int_equal(workers, crew_pool_workers(pool) < cpus
                                  ? crew_pool_workers(pool)
                                  : cpus);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p2_a_quota_of_one_and_a_half_cpus_is_two_workers)
{
    draw_v2("150000 100000\n");
    expect_quota(2);
    draw_v1("150000\n");
    expect_quota(2);
}

CREW_TEST(p2_a_quota_of_half_a_cpu_is_one_worker)
{
    draw_v2("50000 100000\n");
    expect_quota(1);
    draw_v1("50000\n");
    expect_quota(1);
    draw_v2("100000 100000\n");
    expect_quota(1);
}

CREW_TEST(p2_a_quota_does_not_limit_who_asks_for_more)
{
    crew_pool_options options = {.workers = 3};
    crew_pool *pool;

    draw_v2("50000 100000\n");
    pool = make_pool(&options);
    assert_int_equal(crew_pool_workers(pool), 3);
    assert_int_equal(crew_pool_destroy(pool), 0);
    remove_root();
}

/* ---- P3 ------------------------------------------------------------------- */

CREW_TEST(p3_describe_tells_core_cache_and_node_of_a_recorded_machine)
{
    const struct crew__cpu *cpu;
    struct crew__topology *machine = machine_load("epyc-2x24");
    crew_pool *pool;
    char expected[64];

    setenv("CREW_TEST_TOPOLOGY", machine_file("epyc-2x24"), 1);
    find_usable();
    use_only(usable[0], usable[0]);
    cpu = crew__topology_find(machine, (unsigned)usable[0]);
    if (!cpu)
        skip_test("no CPU of this number on the recorded machine");
    pool = make_pool(NULL);
    snprintf(expected, sizeof expected, "cpu %u, core %u, L3 %u, node %u",
             cpu->os, cpu->core, cpu->l3, cpu->node_os);
    assert_non_null(strstr(text, expected));
    assert_int_equal(crew_pool_destroy(pool), 0);
    crew__topology_destroy(machine);
}

/* ---- P4 ------------------------------------------------------------------- */

CREW_TEST(p4_a_list_is_these_cpus)
{
    crew_pool_options options = {.placement_list = text};
    crew_pool *pool;
    char list[64];
    int a;
    int b;

    need_two_cores(&a, &b);
    snprintf(list, sizeof list, "%d,%d", b, a);
    options.placement_list = list;
    pool = make_pool(&options);
    list[0] = 'x'; /* it has been copied */
    assert_int_equal(crew_pool_workers(pool), 2);
    expect_cpu(pool, 0, b);
    expect_cpu(pool, 1, a);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p4_a_list_with_a_number_of_workers)
{
    crew_pool_options options = {.workers = 1};
    crew_pool *pool;
    char list[64];
    int a;
    int b;

    need_two_cores(&a, &b);
    snprintf(list, sizeof list, "%d,%d", b, a);
    options.placement_list = list;
    pool = make_pool(&options);
    assert_int_equal(crew_pool_workers(pool), 1);
    expect_cpu(pool, 0, b);
    assert_int_equal(crew_pool_destroy(pool), 0);
    options.workers = 3;
    refuse(&options);
}

CREW_TEST(p4_a_list_that_makes_no_sense)
{
    static const char *const lists[] = {
        "x",           "",    "3-1", "1,",  ",",  "-",  "4095",
        "99999999999", "0 1", "0,0", "0x1", "-1", "0-", "0--1"};
    crew_pool_options options = {0};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        options.placement_list = lists[i];
        refuse(&options);
    }
    options.placement_list = "0";
    options.placement = CREW_PLACE_NONE;
    refuse(&options);
    options.placement = CREW_PLACE_COMPACT;
    refuse(&options);
    options.placement = (crew_placement)3;
    options.placement_list = NULL;
    refuse(&options);
}

CREW_TEST(p4_a_list_that_names_a_cpu_outside_the_mask)
{
    crew_pool_options options = {0};
    char list[64];
    int a;
    int b;

    need_two_cores(&a, &b);
    use_only(a, a);
    snprintf(list, sizeof list, "%d", b);
    options.placement_list = list;
    refuse(&options);
}

/* ---- P5 ------------------------------------------------------------------- */

/* From here on this thread and those that it starts are refused `call`. */
static void refuse_call(unsigned call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        skip_test("no seccomp filters here");
}

CREW_TEST(p5_pinning_is_forbidden)
{
    crew_pool *pool;

    refuse_call(SYS_sched_setaffinity);
    pool = make_pool(NULL);
    for (unsigned i = 0; i < crew_pool_workers(pool); i++) {
        crew_pool_worker_cpu(pool, i);
        cpu_of(pool, i); /* it works */
    }
    assert_non_null(strstr(text, "not pinned: "));
    assert_non_null(strstr(text, crew_strerror(-EPERM)));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p5_the_mask_cannot_be_read)
{
    crew_pool *pool;

#if defined(UNDER_TSAN) || defined(UNDER_ASAN)
    skip_test("a sanitizer starts no thread without that call");
#endif
    refuse_call(SYS_sched_getaffinity);
    pool = make_pool(NULL);
    assert_in_range(crew_pool_workers(pool), 1, 1024);
    for (unsigned i = 0; i < crew_pool_workers(pool); i++) {
        assert_int_equal(crew_pool_worker_cpu(pool, i), -ENOENT);
        cpu_of(pool, i);
    }
    assert_non_null(strstr(text, "affinity mask unknown"));
    assert_non_null(strstr(text, "not pinned"));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- P6 ------------------------------------------------------------------- */

CREW_TEST(p6_the_caller_s_core_is_kept_free)
{
    crew_pool_options options = {.reserve_caller_core = true};
    crew_pool *pool = NULL;
    int before;
    int a;
    int b;

    need_two_cores(&a, &b);
    use_only(a, b);
    /* The kernel may move this thread meanwhile; then once more. */
    do {
        crew_pool_destroy(pool);
        before = sched_getcpu();
        pool = make_pool(&options);
    } while (sched_getcpu() != before);
    assert_int_equal(crew_pool_workers(pool), 1);
    expect_cpu(pool, 0, a + b - before);
    assert_non_null(strstr(text, "less the creating thread's"));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p6_on_one_core_there_is_nothing_to_keep_free)
{
    crew_pool_options options = {.reserve_caller_core = true};
    crew_pool *pool;

    find_usable();
    use_only(usable[0], usable[0]);
    pool = make_pool(&options);
    assert_int_equal(crew_pool_workers(pool), 1);
    expect_cpu(pool, 0, usable[0]);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- P7 ------------------------------------------------------------------- */

/* One worker for each CPU of the mask, pinned. */
static void expect_mask_alone(void)
{
    crew_pool *pool = make_pool(NULL);
    bool taken[CPU_SETSIZE] = {false};

    find_usable();
    assert_int_equal(crew_pool_workers(pool), usable_count);
    for (unsigned i = 0; i < usable_count; i++) {
        int cpu = crew_pool_worker_cpu(pool, i);

        assert_in_range(cpu, 0, CPU_SETSIZE - 1);
        assert_false(taken[cpu]);
        taken[cpu] = true;
        expect_cpu(pool, i, cpu);
    }
    assert_non_null(strstr(text, "unknown machine"));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(p7_hwloc_cannot_load_the_machine)
{
    setenv("CREW_TEST_TOPOLOGY", "none", 1);
    expect_mask_alone();
}

CREW_TEST(p7_the_machine_s_description_is_broken)
{
    make_root();
    write_file("/machine.xml", "<topology><object type=\"Mach");
    strcat(strcpy(text, root), "/machine.xml");
    setenv("CREW_TEST_TOPOLOGY", text, 1);
    unsetenv("CREW_TEST_ROOT");
    expect_mask_alone();
    setenv("CREW_TEST_TOPOLOGY", "/no/such/file.xml", 1);
    expect_mask_alone();
    remove_root();
}

CREW_TEST(p7_there_is_no_sys)
{
    crew_pool *pool;

    make_root();
    unsetenv("CREW_TEST_ROOT");
    setenv("HWLOC_FSROOT", root, 1);
    pool = make_pool(NULL);
    find_usable();
    assert_in_range(crew_pool_workers(pool), 1, usable_count);
    for (unsigned i = 0; i < crew_pool_workers(pool); i++)
        expect_cpu(pool, i, crew_pool_worker_cpu(pool, i));
    assert_int_equal(crew_pool_destroy(pool), 0);
    remove_root();
}
