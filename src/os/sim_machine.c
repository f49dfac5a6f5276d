/*
 * The simulated computer: `cpus` CPUs, no quota. Threads that are pinned to
 * one CPU still run beside each other, as the simulation has no cores: what it
 * asks is who meets whom, not who is fast.
 */
#include "os/sim_core.h"

#if defined(CREW_STEPS)

#include "base/fault.h"

#include <errno.h>

#define FIRST_TID 1000

static struct crew__cpuset all;
static unsigned cpu_count;

void sim_machine_begin(unsigned cpus)
{
    all = (struct crew__cpuset){{0}};
    for (unsigned i = 0; i < cpus; i++)
        crew__cpuset_add(&all, i);
    cpu_count = cpus;
}

static struct sim_fiber *fiber_of(pid_t tid)
{
    if (tid == 0)
        return sim_current();
    return tid < FIRST_TID ? NULL : sim_fiber_of((unsigned)(tid - FIRST_TID));
}

int crew__affinity_get(pid_t tid, struct crew__cpuset *out)
{
    struct sim_fiber *fiber = fiber_of(tid);

    if (!fiber && tid != 0)
        return -ESRCH;
    *out = fiber ? fiber->affinity : all; /* the machine's, before a run */
    return 0;
}

int crew__affinity_set(pid_t tid, const struct crew__cpuset *set)
{
    struct sim_fiber *fiber = fiber_of(tid);
    struct crew__cpuset usable = *set;

    if (CREW__TRY(CREW__FAULT_AFFINITY, fiber == NULL, true))
        return -EPERM;
    for (unsigned i = 0; i < CREW__CPUS / 64; i++)
        usable.words[i] &= all.words[i];
    if (crew__cpuset_count(&usable) == 0)
        return -EINVAL;
    fiber->affinity = usable;
    return 0;
}

int crew__thread_cpu(void)
{
    const struct crew__cpuset *set = &sim_current()->affinity;
    unsigned skip = (unsigned)sim_random(crew__cpuset_count(set));

    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        if (crew__cpuset_has(set, cpu) && skip-- == 0)
            return (int)cpu;
    }
    return -1;
}

int crew__quota_cpus(const char *root, struct crew__cgroups **kept)
{
    (void)root;
    (void)kept;
    return 0;
}

uint64_t crew__quota_throttled(const char *root, struct crew__cgroups **kept)
{
    (void)root;
    (void)kept;
    return 0;
}

bool crew__secure_mode(void)
{
    return false;
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_machine_unused;
const int crew__sim_machine_unused = 0;

#endif
