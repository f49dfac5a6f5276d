/*
 * The machine as plain arrays: which hardware threads there are, and which of
 * them share a core, a last-level cache, a NUMA node, a package.
 *
 * It is the whole machine, whatever this process may use of it: the affinity
 * mask is looked at where workers are placed (placement.h), because it differs
 * from thread to thread and changes under a live pool. A CPU that is in the
 * mask and not here is one that nothing is known about.
 *
 * hwloc loads it (topology.hwloc.c, the only file that knows hwloc). Where
 * hwloc cannot, or the environment must not be trusted, it is empty and
 * `known` is false: every CPU is then one that nothing is known about.
 */
#ifndef CREW_RUNTIME_TOPOLOGY_H
#define CREW_RUNTIME_TOPOLOGY_H

#include "os/os.h"

/*
 * One hardware thread. All but the OS's numbers are counted from 0 over the
 * whole machine, so that two CPUs share a thing where the numbers are equal.
 */
struct crew__cpu {
    unsigned os;      /* the OS's number */
    unsigned core;    /* the physical core */
    unsigned rank;    /* which hardware thread of its core */
    unsigned l3;      /* those that share an L3; without one, the package */
    unsigned node;    /* NUMA */
    unsigned node_os; /* the OS's number of that */
    unsigned package;
    unsigned kind; /* of core: higher is faster; all 0 where alike */
};

struct crew__topology {
    bool known;                    /* false: hwloc told nothing */
    unsigned count;                /* CPUs */
    unsigned cores;                /* physical ones of the whole machine */
    unsigned users;                /* guarded by crew__fork_lock */
    uint64_t generation;           /* of the process that loaded it */
    struct crew__cgroups *cgroups; /* what crew__quota_cpus kept, while no call
                                      has it; guarded by that lock, too */
    struct crew__cpu cpus[];       /* ordered by `os` */
};

/*
 * The machine, loaded by the first who retains it and freed by the last who
 * releases it. In a forked child the inherited one stays with those who
 * inherited it; who retains there loads anew.
 *
 * Fails with -ENOMEM only: where hwloc cannot, nothing is known.
 */
int crew__topology_retain(const struct crew__topology **out);
void crew__topology_release(const struct crew__topology *topology);

/* crew__quota_cpus and _throttled, with what is kept of them as long as the
 * machine is. Any thread that has retained it. */
int crew__topology_quota(const struct crew__topology *topology);
uint64_t crew__topology_throttled(const struct crew__topology *topology);

/* NULL: nothing is known about that CPU. */
const struct crew__cpu *
crew__topology_find(const struct crew__topology *topology, unsigned os);

/* Zeroed, for `count` CPUs; NULL: no memory. */
struct crew__topology *crew__topology_create(unsigned count);
void crew__topology_destroy(struct crew__topology *topology);

/*
 * Asks hwloc: for this machine, or for the one in the XML file that `xml`
 * names. -ENODEV: hwloc cannot; -ENOMEM. The caller destroys it.
 */
int crew__topology_load(struct crew__topology **out, const char *xml);

#endif
