#include "base/fault.h"
#include "os/os.h"

#include "support.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>

static struct crew__cpuset mask_now(void)
{
    struct crew__cpuset set;

    assert_int_equal(crew__affinity_get(0, &set), 0);
    return set;
}

static void assert_same(const struct crew__cpuset *a,
                        const struct crew__cpuset *b)
{
    assert_memory_equal(a, b, sizeof *a);
}

CREW_TEST(the_mask_is_what_the_kernel_says)
{
    struct crew__cpuset set = mask_now();
    cpu_set_t kernel;

    assert_int_equal(sched_getaffinity(0, sizeof kernel, &kernel), 0);
    assert_int_equal(crew__cpuset_count(&set), CPU_COUNT(&kernel));
    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++)
        assert_int_equal(crew__cpuset_has(&set, cpu),
                         cpu < CPU_SETSIZE && CPU_ISSET(cpu, &kernel));
}

CREW_TEST(a_mask_of_one_cpu_is_set_and_read_back)
{
    struct crew__cpuset before = mask_now();

    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        struct crew__cpuset one = {{0}};
        struct crew__cpuset seen;

        if (!crew__cpuset_has(&before, cpu))
            continue;
        crew__cpuset_add(&one, cpu);
        assert_int_equal(crew__affinity_set(0, &one), 0);
        seen = mask_now();
        assert_same(&seen, &one);
        assert_int_equal(crew__thread_cpu(), (int)cpu);
    }
    assert_int_equal(crew__affinity_set(crew__thread_id(), &before), 0);
}

CREW_TEST(a_mask_without_a_cpu_that_exists_is_refused)
{
    struct crew__cpuset before = mask_now();
    struct crew__cpuset none = {{0}};
    struct crew__cpuset after;

    assert_int_equal(crew__affinity_set(0, &none), -EINVAL);
    crew__cpuset_add(&none, CREW__CPUS - 1);
    assert_int_equal(crew__affinity_set(0, &none), -EINVAL);
    after = mask_now();
    assert_same(&after, &before);
}

CREW_TEST(a_thread_that_is_not_there_is_told)
{
    struct crew__cpuset set = mask_now();

    assert_int_equal(crew__affinity_get(INT32_MAX, &set), -ESRCH);
    assert_int_equal(crew__affinity_set(INT32_MAX, &set), -ESRCH);
}

CREW_TEST(faults_are_told_and_change_nothing)
{
    struct crew__cpuset before = mask_now();
    struct crew__cpuset out;
    struct crew__cpuset mark;

    memset(&mark, 0xa5, sizeof mark);
    out = mark;
    crew__fault_arm(1, true);
    assert_int_equal(crew__affinity_get(0, &out), -EPERM);
    assert_int_equal(crew__affinity_set(0, &before), -EPERM);
    crew__fault_arm(0, false);
    assert_same(&out, &mark);
}

CREW_TEST(a_test_is_not_a_setuid_program)
{
    assert_int_equal(crew__secure_mode(), getauxval(AT_SECURE) != 0);
    assert_false(crew__secure_mode());
}
