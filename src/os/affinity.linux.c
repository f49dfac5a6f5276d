#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>

/* A kernel refuses a mask that is narrower than its own, so this one is wider
 * than any that is built; what lies above CREW__CPUS is left out. */
#define WIDE 32768
struct wide {
    unsigned long words[WIDE / (8 * sizeof(unsigned long))];
};

static void read_mask(struct crew__cpuset *out, const struct wide *wide)
{
    memset(out, 0, sizeof *out);
    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        if (CPU_ISSET_S(cpu, sizeof *wide, (const cpu_set_t *)wide->words))
            crew__cpuset_add(out, cpu);
    }
}

int crew__affinity_get(pid_t tid, struct crew__cpuset *out)
{
    struct wide wide = {{0}};
    int r = CREW__TRY(
        CREW__FAULT_AFFINITY,
        sched_getaffinity(tid, sizeof wide, (cpu_set_t *)wide.words),
        (errno = EPERM, -1));

    if (r < 0)
        return -errno;
    read_mask(out, &wide);
    return 0;
}

int crew__affinity_set(pid_t tid, const struct crew__cpuset *set)
{
    struct wide wide = {{0}};
    int r;

    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        if (crew__cpuset_has(set, cpu))
            CPU_SET_S(cpu, sizeof wide, (cpu_set_t *)wide.words);
    }
    r = CREW__TRY(
        CREW__FAULT_AFFINITY,
        sched_setaffinity(tid, sizeof wide, (const cpu_set_t *)wide.words),
        (errno = EPERM, -1));
    return r < 0 ? -errno : 0;
}

bool crew__secure_mode(void)
{
    return getauxval(AT_SECURE) != 0;
}
