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

/* A kernel's mask is made of longs, ours of 64 bits. */
#define LONGS (64 / (8 * sizeof(unsigned long)))

static void read_mask(struct crew__cpuset *out, const struct wide *wide)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < CREW__CPUS / 64 * LONGS; i++)
        out->words[i / LONGS] |= (uint64_t)wide->words[i]
                                 << (i % LONGS * 8 * sizeof(unsigned long));
}

static void write_mask(struct wide *wide, const struct crew__cpuset *set)
{
    for (unsigned i = 0; i < CREW__CPUS / 64 * LONGS; i++)
        wide->words[i] = (unsigned long)(set->words[i / LONGS] >>
                                         (i % LONGS * 8 *
                                          sizeof(unsigned long)));
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

    write_mask(&wide, set);
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
