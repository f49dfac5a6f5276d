/*
 * The machine around a pool: NG18 (with pools in the place of loops), NG19,
 * NG24, NG26, NH17, NH19, NH20. What needs a real-time class, root or cgroup v1
 * is skipped where that is not to be had.
 */
#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT 262144
static char text[TEXT];

static crew_pool *make_pool(const crew_pool_options *options)
{
    crew_pool *pool = NULL;

    check_equal(crew_pool_create(&pool, options), 0);
    return pool;
}

static const char *describe(const crew_pool *pool)
{
    int length = crew_pool_describe(pool, text, TEXT);

    check(length > 0 && length < TEXT);
    return text;
}

static int run_on(crew_pool *pool, unsigned worker,
                  int (*run)(crew_self *, crew_task *))
{
    crew_task task = {.run = run};

    check_equal(crew_submit_to(pool, worker, &task, NULL), 0);
    check_equal(crew_task_wait(&task, 30 * CREW_S), 0);
    return task.status;
}

static int return_one(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 1;
}

/* ---- NG18 ----------------------------------------------------------------- */

CREW_TEST(ng18_pools_of_changing_size_leave_nothing)
{
    unsigned threads = test_thread_count();
    size_t settled = 0;

    for (unsigned i = 0; i < SCALED(2000); i++) {
        crew_pool_options options = {.workers = i * 7 % 16 + 1};
        crew_pool *pool = make_pool(&options);

        check_equal(run_on(pool, i % options.workers, return_one), 1);
        check_equal(crew_pool_destroy(pool), 0);
        if (i == SCALED(2000) / 3)
            settled = test_resident_bytes();
    }
    check_at_most(test_thread_count(), threads);
    printf("measured: %ld KiB more than after a third\n",
           ((long)test_resident_bytes() - (long)settled) / 1024);
#if !defined(UNDER_TSAN) && !defined(UNDER_ASAN)
    check_at_most(test_resident_bytes(), settled + (1 << 20));
#endif
}

/* ---- NG19 ----------------------------------------------------------------- */

/* EPERM for all that places threads or memory. */
static void refuse_placing(void)
{
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_mempolicy, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_mempolicy, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        skip_test("no seccomp filters here");
}

static long size_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? (long)status.st_size : -1;
}

CREW_TEST(ng19_nothing_can_be_bound_and_nothing_is_printed)
{
    char path[] = "/tmp/crew-printed-XXXXXX";
    int printed = mkstemp(path);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    crew_pool *pool;
    long size;

    refuse_placing();
    fflush(NULL);
    dup2(printed, STDOUT_FILENO);
    dup2(printed, STDERR_FILENO);
    pool = make_pool(NULL);
    check_equal(run_on(pool, 0, return_one), 1);
    describe(pool);
    check_equal(crew_pool_destroy(pool), 0);
    size = size_of(printed);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(printed);
    unlink(path);
    assert_int_equal(size, 0);
    assert_non_null(strstr(text, "not pinned: "));
}

/* ---- NG24 ----------------------------------------------------------------- */

static int read_policy(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return sched_getscheduler(0);
}

static int read_nice(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return getpriority(PRIO_PROCESS, 0);
}

CREW_TEST(ng24_workers_of_a_real_time_creator_are_ordinary)
{
    struct sched_param parameters = {.sched_priority = 1};
    crew_pool *pool;

    if (sched_setscheduler(0, SCHED_FIFO, &parameters) != 0)
        skip_test("no real-time class here");
    pool = make_pool(NULL);
    for (unsigned i = 0; i < crew_pool_workers(pool); i++)
        assert_int_equal(run_on(pool, i, read_policy), SCHED_OTHER);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(sched_getscheduler(0), SCHED_FIFO);
}

CREW_TEST(ng24_workers_have_the_nice_value_of_their_creator)
{
    crew_pool *pool;

    assert_int_equal(setpriority(PRIO_PROCESS, 0, 10), 0);
    pool = make_pool(NULL);
    for (unsigned i = 0; i < crew_pool_workers(pool); i++)
        assert_int_equal(run_on(pool, i, read_nice), 10);
    assert_non_null(strstr(describe(pool), "nice 10"));
    assert_int_equal(crew_pool_destroy(pool), 0);
}

/* ---- NG26 ----------------------------------------------------------------- */

static void use_workers(unsigned workers)
{
    crew_pool_options options = {.workers = workers,
                                 .stack_size = SCALED_STACK(64 * 1024)};
    crew_pool *pool = make_pool(&options);
    unsigned lines = 0;

    assert_int_equal(crew_pool_workers(pool), workers);
    assert_int_equal(crew_pool_slots(pool), workers + 16);
    assert_int_equal(run_on(pool, workers - 1, return_one), 1);
    for (const char *at = describe(pool); *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, workers + 1);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(ng26_a_number_of_workers_that_is_asked_for)
{
    crew_pool_options options = {.workers = 1025};
    crew_pool *pool = NULL;

    use_workers(1);
    use_workers(3);
    use_workers(65);
#if !defined(UNDER_TSAN) && !defined(UNDER_ASAN)
    use_workers(1024);
#endif
    assert_int_equal(crew_pool_create(&pool, &options), -EINVAL);
    options.workers = UINT32_MAX;
    assert_int_equal(crew_pool_create(&pool, &options), -EINVAL);
    assert_null(pool);
}

/* ---- NH17 ----------------------------------------------------------------- */

struct hog {
    int cpu;
    int refused;
    bool running, stop;
    pid_t watched;
    unsigned samples, changes;
};

static void *burn_in_real_time(void *arg)
{
    struct sched_param parameters = {.sched_priority = 1};
    struct hog *hog = arg;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)hog->cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    if (sched_setscheduler(0, SCHED_FIFO, &parameters) != 0)
        hog->refused = errno;
    __atomic_store_n(&hog->running, true, __ATOMIC_RELEASE);
    while (!hog->refused && !__atomic_load_n(&hog->stop, __ATOMIC_RELAXED))
        ;
    return NULL;
}

/* About every 100 us. */
static void *watch_mask(void *arg)
{
    struct hog *hog = arg;
    cpu_set_t first;
    cpu_set_t now;

    sched_getaffinity(hog->watched, sizeof first, &first);
    while (!__atomic_load_n(&hog->stop, __ATOMIC_RELAXED)) {
        sched_getaffinity(hog->watched, sizeof now, &now);
        __atomic_add_fetch(&hog->samples, 1, __ATOMIC_RELEASE);
        hog->changes += !CPU_EQUAL(&first, &now);
        usleep(100);
    }
    return NULL;
}

static bool is_running(void *arg)
{
    return __atomic_load_n(&((struct hog *)arg)->running, __ATOMIC_ACQUIRE);
}

static bool is_watched(void *arg)
{
    return __atomic_load_n(&((struct hog *)arg)->samples, __ATOMIC_ACQUIRE);
}

static int last_usable(void)
{
    cpu_set_t set;
    int last = -1;

    sched_getaffinity(0, sizeof set, &set);
    if (CPU_COUNT(&set) > 1) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            last = CPU_ISSET((size_t)cpu, &set) ? cpu : last;
    }
    return last;
}

static int64_t create_beside(const crew_pool_options *options)
{
    int64_t begin = test_now();
    crew_pool *pool = make_pool(options);
    int64_t taken = test_now() - begin;

    check_equal(run_on(pool, 0, return_one), 1);
    check_equal(crew_pool_destroy(pool), 0);
    return taken;
}

CREW_TEST(nh17_a_real_time_hog_on_one_cpu)
{
    crew_pool_options options = {.placement = CREW_PLACE_NONE};
    struct hog hog = {.cpu = last_usable(), .watched = getpid()};
    pthread_t threads[2];
    int64_t taken = 0;
    int64_t listed = 0;
    int64_t pinned = 0;
    char list[32];

    if (hog.cpu < 0)
        skip_test("one CPU");
    assert_int_equal(pthread_create(&threads[0], NULL, burn_in_real_time, &hog),
                     0);
    test_poll(is_running, &hog, 10 * CREW_S);
    assert_int_equal(pthread_create(&threads[1], NULL, watch_mask, &hog), 0);
    test_poll(is_watched, &hog, 10 * CREW_S);
    if (!hog.refused) {
        taken = create_beside(&options);
        snprintf(list, sizeof list, "%d", hog.cpu == 0 ? 1 : 0);
        options = (crew_pool_options){.placement_list = list};
        listed = create_beside(&options);
        options = (crew_pool_options){0}; /* one worker under the hog */
        pinned = create_beside(&options);
    }
    __atomic_store_n(&hog.stop, true, __ATOMIC_RELAXED);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (hog.refused)
        skip_test("no real-time class here");
    printf("measured: create took %lld us beside the hog, %lld us on the "
           "other CPU, %lld us with a worker under it; %u samples\n",
           (long long)(taken / CREW_US), (long long)(listed / CREW_US),
           (long long)(pinned / CREW_US), hog.samples);
    check_at_most(taken, 1000 * CREW_MS); /* 100 ms, ten times */
    check_at_most(listed, 1000 * CREW_MS);
    check_at_most(pinned, 1000 * CREW_MS);
    check_at_least(hog.samples, 1);
    check_equal(hog.changes, 0);
}

/* ---- control groups of v1 ------------------------------------------------- */

static char group[128];

static bool write_text(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, value, strlen(value)) > 0;

    if (fd >= 0)
        close(fd);
    return written;
}

static bool set(const char *name, const char *value)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", group, name);
    return write_text(path, value);
}

static void begin_group(const char *controller, const char *need)
{
    char path[256];

    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", controller, need);
    snprintf(group, sizeof group, "/sys/fs/cgroup/%s/crew-test-%d", controller,
             (int)getpid());
    if (access(path, W_OK) != 0 || mkdir(group, 0755) != 0)
        skip_test("no cgroup v1 of this kind that may be written");
}

static bool group_is_gone(void *arg)
{
    (void)arg;
    return rmdir(group) == 0 || errno == ENOENT;
}

static bool enter_group(void)
{
    char pid[32];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return set("cgroup.procs", pid);
}

/* ---- NH19 ----------------------------------------------------------------- */

static int shrink_and_widen(void *arg)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool;

    (void)arg;
    if (!enter_group())
        return 77;
    pool = make_pool(&options);
    check_equal(crew_pool_worker_cpu(pool, 0), 0);
    check_equal(crew_pool_worker_cpu(pool, 1), 1);
    if (!set("cpuset.cpus", "0"))
        return 77;
    for (unsigned i = 0; i < 100; i++)
        check_equal(run_on(pool, i % 2, return_one), 1);
    check_equal(crew_pool_worker_cpu(pool, 0), 0);
    check_equal(crew_pool_worker_cpu(pool, 1), 0);
    check(strstr(describe(pool), "cpu 0 (moved from cpu 1)") != NULL);
    check(set("cpuset.cpus", "0-1"));
    for (unsigned i = 0; i < 100; i++)
        check_equal(run_on(pool, i % 2, return_one), 1);
    printf("%s", describe(pool));
    check_equal(crew_pool_destroy(pool), 0);
    pool = make_pool(&options);
    check_equal(crew_pool_worker_cpu(pool, 1), 1);
    check_equal(crew_pool_destroy(pool), 0);
    return 0;
}

CREW_TEST(nh19_the_cpuset_shrinks_under_a_live_pool)
{
    int result;

    if (last_usable() != 1)
        skip_test("needs the CPUs 0 and 1");
    begin_group("cpuset", "cpuset.cpus");
    result = set("cpuset.mems", "0") && set("cpuset.cpus", "0-1")
                 ? test_in_child(shrink_and_widen, NULL)
                 : 77;
    test_poll(group_is_gone, NULL, 5 * CREW_S);
    if (result == 77)
        skip_test("the cpuset cannot be set");
    assert_int_equal(result, 0);
}

/* ---- NH20 ----------------------------------------------------------------- */

static int burn_a_while(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    test_burn(CREW_S);
    return 1;
}

static int64_t process_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CREW_S +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * CREW_US;
}

/* What the kernel says; some versions stop a group and count 0. */
static uint64_t read_throttled(void)
{
    char path[256];
    char line[128];
    uint64_t count = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/cpu.stat", group);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "nr_throttled ", 13) == 0)
            count = strtoull(line + 13, NULL, 10);
    }
    if (file)
        fclose(file);
    return count;
}

static int burn_under_quota(void *arg)
{
    crew_pool_options options = {.workers = 2};
    crew_pool_stats before;
    crew_pool_stats after;
    crew_task tasks[4];
    crew_pool *pool;
    int64_t begin;
    int64_t used;

    (void)arg;
    if (!enter_group())
        return 77;
    pool = make_pool(NULL);
    check_equal(crew_pool_workers(pool), 1);
    check(strstr(describe(pool), "CPU quota 1") != NULL);
    check_equal(crew_pool_destroy(pool), 0);
    pool = make_pool(&options);
    check_equal(crew_pool_get_stats(pool, &before, sizeof before), 0);
    begin = test_now();
    used = process_cpu();
    for (unsigned i = 0; i < 4; i++) {
        tasks[i] = (crew_task){.run = burn_a_while};
        check_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    used = process_cpu() - used;
    begin = test_now() - begin;
    check_equal(crew_pool_get_stats(pool, &after, sizeof after), 0);
    printf("measured: %lld ms of CPU time in %lld ms, stopped %llu times\n",
           (long long)(used / CREW_MS), (long long)(begin / CREW_MS),
           (unsigned long long)(after.throttled - before.throttled));
    check_at_most(after.throttled - before.throttled, read_throttled());
    if (read_throttled() > 0)
        check_at_least(after.throttled, before.throttled + 1);
    check_at_most(used, begin * 3 / 4);
    check_equal(crew_pool_destroy(pool), 0);
    return 0;
}

CREW_TEST(nh20_a_real_quota_of_half_a_cpu)
{
    int result;

    begin_group("cpu", "cgroup.procs");
    result = set("cpu.cfs_period_us", "100000") &&
                     set("cpu.cfs_quota_us", "50000")
                 ? test_in_child(burn_under_quota, NULL)
                 : 77;
    test_poll(group_is_gone, NULL, 5 * CREW_S);
    if (result == 77)
        skip_test("the quota cannot be set");
    assert_int_equal(result, 0);
}
