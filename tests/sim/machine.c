/*
 * The simulated machine as hwloc would tell it: one hardware thread a core,
 * four cores under an L3. topology.hwloc.c is not part of the simulation.
 */
#include "os/sim.h"
#include "runtime/topology.h"

#include <errno.h>

int crew__topology_load(struct crew__topology **out, const char *xml)
{
    struct crew__topology *topology;
    struct crew__cpuset all;
    unsigned count;

    (void)xml;
    crew__affinity_get(1000, &all); /* the first thread's, never pinned */
    count = crew__cpuset_count(&all);
    topology = crew__topology_create(count);
    if (!topology)
        return -ENOMEM;
    topology->known = true;
    topology->cores = count;
    for (unsigned i = 0; i < count; i++) {
        topology->cpus[i] = (struct crew__cpu){.os = i, .core = i};
        topology->cpus[i].l3 = i / 4;
    }
    *out = topology;
    return 0;
}
