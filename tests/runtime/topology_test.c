#include "../machines/machine.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/* How many different values a field has. */
#define COUNT_DIFFERENT(topology, field) \
    count_different(topology, offsetof(struct crew__cpu, field))

static unsigned field_of(const struct crew__cpu *cpu, size_t offset)
{
    unsigned value;

    memcpy(&value, (const char *)cpu + offset, sizeof value);
    return value;
}

static unsigned count_different(const struct crew__topology *topology,
                                size_t offset)
{
    unsigned count = 0;

    for (unsigned i = 0; i < topology->count; i++) {
        unsigned j = 0;

        while (field_of(&topology->cpus[j], offset) !=
               field_of(&topology->cpus[i], offset))
            j++;
        count += i == j;
    }
    return count;
}

static const struct crew__cpu *cpu_of(const struct crew__topology *topology,
                                      unsigned os)
{
    const struct crew__cpu *cpu = crew__topology_find(topology, os);

    assert_non_null(cpu);
    assert_int_equal(cpu->os, os);
    return cpu;
}

/* ---- recorded machines ------------------------------------------------- */

CREW_TEST(two_sockets_of_eight_cores_with_hyper_threads)
{
    struct crew__topology *machine = machine_load("xeon-2x8");

    assert_true(machine->known);
    assert_int_equal(machine->count, 32);
    assert_int_equal(machine->cores, 16);
    assert_int_equal(COUNT_DIFFERENT(machine, core), 16);
    assert_int_equal(COUNT_DIFFERENT(machine, l3), 2);
    assert_int_equal(COUNT_DIFFERENT(machine, node), 2);
    assert_int_equal(COUNT_DIFFERENT(machine, package), 2);
    assert_int_equal(COUNT_DIFFERENT(machine, kind), 1);
    for (unsigned os = 0; os < 16; os++) {
        assert_int_equal(cpu_of(machine, os)->core,
                         cpu_of(machine, os + 16)->core);
        assert_int_equal(cpu_of(machine, os)->rank, 0);
        assert_int_equal(cpu_of(machine, os + 16)->rank, 1);
        assert_int_equal(cpu_of(machine, os)->node_os, os / 8);
    }
    crew__topology_destroy(machine);
}

CREW_TEST(two_sockets_of_eight_l3_each)
{
    struct crew__topology *machine = machine_load("epyc-2x24");

    assert_int_equal(machine->count, 96);
    assert_int_equal(machine->cores, 48);
    assert_int_equal(COUNT_DIFFERENT(machine, core), 48);
    assert_int_equal(COUNT_DIFFERENT(machine, l3), 16);
    assert_int_equal(COUNT_DIFFERENT(machine, node), 8);
    assert_int_equal(COUNT_DIFFERENT(machine, package), 2);
    for (unsigned os = 0; os < 96; os++)
        assert_int_equal(cpu_of(machine, os)->l3, os % 48 / 3);
    crew__topology_destroy(machine);
}

CREW_TEST(a_fast_core_is_of_a_higher_kind)
{
    struct crew__topology *machine = machine_load("lakefield-1p4e");

    assert_int_equal(machine->cores, 5);
    for (unsigned os = 0; os < 4; os++)
        assert_true(cpu_of(machine, os)->kind < cpu_of(machine, 4)->kind);
    crew__topology_destroy(machine);

    machine = machine_load("hybrid-6p8e");
    assert_int_equal(machine->count, 20);
    assert_int_equal(machine->cores, 14);
    assert_int_equal(COUNT_DIFFERENT(machine, kind), 2);
    assert_true(cpu_of(machine, 0)->kind > cpu_of(machine, 19)->kind);
    crew__topology_destroy(machine);
}

CREW_TEST(nh19_numbers_with_holes_are_the_os_s)
{
    static const unsigned online[] = {0, 3, 4, 5};
    struct crew__topology *machine = machine_load("sparse");

    assert_int_equal(machine->count, 4);
    assert_int_equal(machine->cores, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(machine->cpus[i].os, online[i]);
    assert_null(crew__topology_find(machine, 1));
    assert_null(crew__topology_find(machine, 6));
    assert_null(crew__topology_find(machine, UINT32_MAX));
    crew__topology_destroy(machine);

    machine = machine_load("xeon-offline");
    assert_int_equal(machine->count, 7);
    assert_int_equal(machine->cores, 6);
    assert_int_equal(cpu_of(machine, 4)->core, cpu_of(machine, 12)->core);
    assert_null(crew__topology_find(machine, 2));
    crew__topology_destroy(machine);
}

/* What holds of every machine: numbers are dense, CPUs in order, a core lies
 * in one L3, node, package and kind, the ranks in a core differ. */
static void check_sane(const char *name)
{
    struct crew__topology *machine = machine_load(name);

    for (unsigned i = 0; i < machine->count; i++) {
        const struct crew__cpu *a = &machine->cpus[i];

        check(a->core < machine->cores);
        for (unsigned j = 0; j < i; j++) {
            const struct crew__cpu *b = &machine->cpus[j];

            check(b->os < a->os);
            if (a->core != b->core)
                continue;
            check(a->rank != b->rank);
            check(a->l3 == b->l3 && a->node == b->node);
            check(a->package == b->package && a->kind == b->kind);
        }
    }
    check_equal(COUNT_DIFFERENT(machine, core), machine->cores);
    crew__topology_destroy(machine);
}

CREW_TEST(every_machine_makes_sense)
{
    check_sane("xeon-2x8");
    check_sane("epyc-2x24");
    check_sane("xeon-offline");
    check_sane("lakefield-1p4e");
    check_sane("hybrid-6p8e");
    check_sane("laptop-4x2");
    check_sane("sparse");
    check_sane("one-core");
}

/* ---- machines that cannot be loaded (P7) ------------------------------- */

static char *write_temporary(const char *text)
{
    static char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/crew-topology-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static int retain_silently(void *arg)
{
    const struct crew__topology *topology;
    int fd = open(arg, O_RDWR | O_CREAT | O_TRUNC, 0600);

    check(dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
    check(crew__topology_retain(&topology) == 0);
    check(!topology->known && topology->count == 0);
    crew__topology_release(topology);
    return lseek(fd, 0, SEEK_CUR) != 0; /* what was printed */
}

CREW_TEST(p7_broken_xml_gives_an_unknown_machine_and_prints_nothing)
{
    static const char *const broken[] = {
        "", "no XML", "<?xml version=\"1.0\"?><topology version=\"2.0\">",
        ("<?xml version=\"1.0\"?>\n<topology version=\"2.0\">\n"
         "<object type=\"Machine\" cpuset=\"0x1\"/></topology>")};

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char *xml = write_temporary(broken[i]);
        struct crew__topology *untouched = NULL;
        char out[80];

        assert_int_equal(crew__topology_load(&untouched, xml), -ENODEV);
        assert_null(untouched);
        snprintf(out, sizeof out, "%s.out", xml);
        setenv("CREW_TEST_TOPOLOGY", xml, 1);
        check_equal(test_in_child(retain_silently, out), 0);
        unlink(out);
        unlink(xml);
    }
    unsetenv("CREW_TEST_TOPOLOGY");
}

CREW_TEST(p7_a_file_that_is_not_there_is_no_machine)
{
    struct crew__topology *untouched = NULL;

    assert_int_equal(crew__topology_load(&untouched, "/nonexistent"), -ENODEV);
    assert_null(untouched);
}

CREW_TEST(p7_the_machine_may_be_unknown)
{
    const struct crew__topology *topology;

    setenv("CREW_TEST_TOPOLOGY", "none", 1);
    assert_int_equal(crew__topology_retain(&topology), 0);
    unsetenv("CREW_TEST_TOPOLOGY");
    assert_false(topology->known);
    assert_int_equal(topology->count, 0);
    assert_int_equal(topology->cores, 0);
    assert_null(crew__topology_find(topology, 0));
    crew__topology_release(topology);
}

CREW_TEST(each_fault_leaves_an_unknown_machine_or_no_memory)
{
    unsigned n = 0;

    do {
        const struct crew__topology *topology = NULL;
        int r;

        crew__fault_arm(++n, false);
        r = crew__topology_retain(&topology);
        if (r < 0) {
            assert_int_equal(r, -ENOMEM);
            assert_null(topology);
        } else {
            assert_int_equal(topology->known, !crew__fault_failed());
            crew__topology_release(topology);
        }
    } while (crew__fault_failed());
    assert_true(n > 2);
    crew__fault_arm(0, false);
}

CREW_TEST(without_memory_nothing_is_retained)
{
    const struct crew__topology *topology = NULL;

    crew__fault_arm(1, true);
    assert_int_equal(crew__topology_retain(&topology), -ENOMEM);
    crew__fault_arm(0, false);
    assert_null(topology);
    assert_int_equal(crew__topology_retain(&topology), 0);
    crew__topology_release(topology);
}

/* ---- this machine ------------------------------------------------------ */

CREW_TEST(this_machine_knows_every_cpu_of_the_mask)
{
    const struct crew__topology *topology;
    struct crew__cpuset mask;

    assert_int_equal(crew__affinity_get(0, &mask), 0);
    assert_int_equal(crew__topology_retain(&topology), 0);
    assert_true(topology->known);
    for (unsigned os = 0; os < CREW__CPUS; os++) {
        if (crew__cpuset_has(&mask, os))
            cpu_of(topology, os);
    }
    crew__topology_release(topology);
}

CREW_TEST(a_narrow_mask_hides_nothing_of_the_machine)
{
    const struct crew__topology *wide;
    struct crew__topology *narrow;
    struct crew__cpuset one = {{0}};

    assert_int_equal(crew__topology_retain(&wide), 0);
    crew__cpuset_add(&one, (unsigned)crew__thread_cpu());
    assert_int_equal(crew__affinity_set(0, &one), 0);
    assert_int_equal(crew__topology_load(&narrow, NULL), 0);
    assert_int_equal(narrow->count, wide->count);
    crew__topology_destroy(narrow);
    crew__topology_release(wide);
}

/* The best of 20: others may be using the machine. */
static int64_t time_loading(void)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < 20; i++) {
        const struct crew__topology *topology;
        int64_t took = test_now();

        assert_int_equal(crew__topology_retain(&topology), 0);
        took = test_now() - took;
        crew__topology_release(topology);
        best = took < best ? took : best;
    }
    print_message("%.2f ms\n", (double)best / 1e6);
    return best;
}

CREW_TEST(loading_takes_at_most_ten_milliseconds)
{
    check_at_most(time_loading(), 10 * CREW_MS);
}

/* ---- shared ------------------------------------------------------------ */

CREW_TEST(it_is_loaded_once_while_anybody_has_it)
{
    const struct crew__topology *first;
    const struct crew__topology *second;
    const struct crew__topology *third;

    assert_int_equal(crew__topology_retain(&first), 0);
    setenv("CREW_TEST_TOPOLOGY", machine_file("one-core"), 1);
    assert_int_equal(crew__topology_retain(&second), 0);
    assert_ptr_equal(first, second);
    crew__topology_release(first);
    assert_int_equal(crew__topology_retain(&third), 0);
    assert_ptr_equal(third, second);
    crew__topology_release(second);
    crew__topology_release(third);
    assert_int_equal(crew__census_live(1), 0);

    assert_int_equal(crew__topology_retain(&first), 0);
    assert_int_equal(first->count, 1); /* loaded anew */
    crew__topology_release(first);
    unsetenv("CREW_TEST_TOPOLOGY");
    crew__topology_release(NULL);
}

static void meet(unsigned index, void *arg)
{
    (void)index;
    (void)arg;
    for (int i = 0; i < 200; i++) {
        const struct crew__topology *topology = NULL;

        check(crew__topology_retain(&topology) == 0);
        check(topology->known && topology->count == 1);
        crew__topology_release(topology);
    }
}

CREW_TEST(threads_share_it_while_it_comes_and_goes)
{
    setenv("CREW_TEST_TOPOLOGY", machine_file("one-core"), 1);
    test_threads(8, meet, NULL);
    unsetenv("CREW_TEST_TOPOLOGY");
}

static void hold(unsigned index, void *arg)
{
    const struct crew__topology **held = arg;

    check(crew__topology_retain(&held[index]) == 0);
}

CREW_TEST(threads_that_come_at_once_get_the_same)
{
    const struct crew__topology *held[8] = {NULL};

    test_threads(8, hold, held);
    for (int i = 0; i < 8; i++) {
        assert_ptr_equal(held[i], held[0]);
        crew__topology_release(held[i]);
    }
}

static void ask_for_the_quota(unsigned index, void *arg)
{
    const struct crew__topology *topology = arg;
    int quota = crew__quota_cpus(NULL, NULL);

    (void)index;
    for (int i = 0; i < 200; i++) {
        check_equal(crew__topology_quota(topology), quota);
        crew__topology_throttled(topology);
    }
}

CREW_TEST(what_is_kept_of_the_quota_goes_with_the_machine)
{
    const struct crew__topology *topology;

    assert_int_equal(crew__topology_retain(&topology), 0);
    test_threads(4, ask_for_the_quota, (void *)(uintptr_t)topology);
    crew__topology_release(topology);
    assert_int_equal(crew__census_live(1), 0);
}

static int use_in_child(void *arg)
{
    const struct crew__topology *inherited = arg;
    const struct crew__topology *own;
    const struct crew__topology *again;

    check(crew__topology_retain(&own) == 0);
    check(own != inherited);
    check(crew__topology_retain(&again) == 0);
    check(own == again);
    check(own->cgroups == NULL);
    ask_for_the_quota(0, (void *)(uintptr_t)own);
    crew__topology_release(inherited);
    check(own->known);
    crew__topology_release(own);
    crew__topology_release(again);
    return 0;
}

CREW_TEST(a_forked_child_loads_its_own)
{
    const struct crew__topology *topology;

    assert_int_equal(crew__topology_retain(&topology), 0);
    crew__topology_quota(topology);
    check_equal(test_in_child(use_in_child, (void *)(uintptr_t)topology), 0);
    crew__topology_release(topology);
}

/* ---- a real-time thread on one CPU (NH17) ------------------------------ */

struct hog {
    int cpu;
    bool refused;
    struct test_gate on;
    crew__a32 over;
    crew__a32 changed;
    pid_t watched;
    struct crew__cpuset mask;
};

static void *burn_in_real_time(void *arg)
{
    struct hog *hog = arg;
    struct sched_param first = {.sched_priority = 1};
    struct crew__cpuset one = {{0}};

    crew__cpuset_add(&one, (unsigned)hog->cpu);
    hog->refused = crew__affinity_set(0, &one) < 0 ||
                   sched_setscheduler(0, SCHED_FIFO, &first) < 0;
    test_gate_open(&hog->on);
    while (!hog->refused && !crew__load_seq_cst(&hog->over))
        crew__relax();
    return NULL;
}

static void *watch_mask(void *arg)
{
    struct hog *hog = arg;

    while (!crew__load_seq_cst(&hog->over)) {
        struct crew__cpuset now;

        if (crew__affinity_get(hog->watched, &now) < 0 ||
            memcmp(&now, &hog->mask, sizeof now) != 0)
            crew__add_seq_cst(&hog->changed, 1u);
        usleep(100);
    }
    return NULL;
}

static int other_cpu(const struct crew__cpuset *mask)
{
    for (int cpu = CREW__CPUS - 1; cpu >= 0; cpu--) {
        if (crew__cpuset_has(mask, (unsigned)cpu) && cpu != crew__thread_cpu())
            return cpu;
    }
    return -1;
}

CREW_TEST(nh17_a_real_time_thread_on_one_cpu_does_not_hold_loading_up)
{
    struct hog hog = {.watched = crew__thread_id()};
    pthread_t burner;
    pthread_t watcher;
    int64_t took;

    assert_int_equal(crew__affinity_get(0, &hog.mask), 0);
    hog.cpu = other_cpu(&hog.mask);
    if (hog.cpu < 0)
        skip_test("one CPU only");
    test_gate_init(&hog.on);
    assert_int_equal(pthread_create(&burner, NULL, burn_in_real_time, &hog), 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch_mask, &hog), 0);
    test_gate_wait(&hog.on);
    took = time_loading();
    crew__store_seq_cst(&hog.over, 1u);
    pthread_join(burner, NULL);
    pthread_join(watcher, NULL);
    test_gate_fini(&hog.on);
    if (hog.refused)
        skip_test("SCHED_FIFO is not allowed");
    check_at_most(took, 100 * CREW_MS);
    check_equal(crew__load_seq_cst(&hog.changed), 0);
}
