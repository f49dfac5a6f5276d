/*
 * The one file that knows hwloc: it asks once and leaves plain arrays.
 *
 * hwloc is a guest with habits:
 *   - Its x86 part binds the calling thread to each CPU in turn; where a
 *     real-time thread holds one of them that takes hundreds of milliseconds.
 *     It is refused, and so is every other change of a binding.
 *   - Its restrict can abort (2.9.0): the mask is applied to our arrays.
 *   - It looks for devices, distances and memory attributes, a walk over the
 *     whole PCI tree of a server, for which nobody here asks.
 *   - It obeys the environment, so what it says need not be this machine:
 *     nobody is placed outside the mask that the kernel gives.
 */
#include "base/fault.h"
#include "runtime/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdlib.h>

#define FLAGS \
    (HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | \
     HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING | \
     HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS)

/* Numbers the objects of one type in the order in which their CPUs come. */
struct counter {
    hwloc_obj_t last;
    unsigned number;
};

static unsigned count_object(struct counter *counter, hwloc_obj_t object)
{
    if (counter->last && counter->last != object)
        counter->number++;
    counter->last = object;
    return counter->number;
}

static hwloc_obj_t above(hwloc_topology_t from, hwloc_obj_type_t type,
                         hwloc_obj_t cpu, hwloc_obj_t otherwise)
{
    hwloc_obj_t found = hwloc_get_ancestor_obj_by_type(from, type, cpu);

    return found ? found : otherwise;
}

/* The ranks of hwloc's kinds mean something only if it knows which is
 * faster. */
static unsigned kind_of(hwloc_topology_t from, hwloc_obj_t cpu)
{
    int kind = hwloc_cpukinds_get_by_cpuset(from, cpu->cpuset, 0);
    int rank = -1;

    if (kind < 0 || hwloc_cpukinds_get_info(from, (unsigned)kind, NULL, &rank,
                                            NULL, NULL, 0) < 0)
        return 0;
    return rank > 0 ? (unsigned)rank : 0;
}

static void read_node(hwloc_topology_t from, hwloc_obj_t cpu,
                      struct crew__cpu *out)
{
    int os = hwloc_bitmap_first(cpu->nodeset);
    hwloc_obj_t node;

    if (os < 0)
        return;
    node = hwloc_get_numanode_obj_by_os_index(from, (unsigned)os);
    if (!node)
        return;
    out->node = node->logical_index;
    out->node_os = node->os_index;
}

/* hwloc's own order: whatever is shared by two CPUs is shared by all between
 * them, so counting changes is enough. */
static void read_cpus(hwloc_topology_t from, struct crew__topology *out)
{
    struct counter core = {NULL, 0};
    struct counter l3 = {NULL, 0};
    struct counter package = {NULL, 0};
    hwloc_obj_t root = hwloc_get_root_obj(from);
    unsigned rank = 0;

    for (unsigned i = 0; i < out->count; i++) {
        hwloc_obj_t pu = hwloc_get_obj_by_type(from, HWLOC_OBJ_PU, i);
        hwloc_obj_t socket = above(from, HWLOC_OBJ_PACKAGE, pu, root);
        hwloc_obj_t owner = above(from, HWLOC_OBJ_CORE, pu, pu);
        struct crew__cpu *cpu = &out->cpus[i];

        rank = core.last == owner ? rank + 1 : 0;
        cpu->os = pu->os_index;
        cpu->core = count_object(&core, owner);
        cpu->rank = rank;
        cpu->l3 = count_object(&l3, above(from, HWLOC_OBJ_L3CACHE, pu, socket));
        cpu->package = count_object(&package, socket);
        cpu->kind = kind_of(from, pu);
        read_node(from, pu, cpu);
    }
    out->cores = out->count ? core.number + 1 : 0;
}

static int by_os(const void *a, const void *b)
{
    const struct crew__cpu *x = a;
    const struct crew__cpu *y = b;

    return x->os < y->os ? -1 : x->os > y->os;
}

static int copy(hwloc_topology_t from, struct crew__topology **out)
{
    int count = hwloc_get_nbobjs_by_type(from, HWLOC_OBJ_PU);
    struct crew__topology *made;

    if (count <= 0)
        return -ENODEV;
    made = crew__topology_create((unsigned)count);
    if (!made)
        return -ENOMEM;
    made->known = true;
    read_cpus(from, made);
    qsort(made->cpus, made->count, sizeof made->cpus[0], by_os);
    *out = made;
    return 0;
}

static int configure(hwloc_topology_t topology, const char *xml)
{
    if (xml && hwloc_topology_set_xml(topology, xml) < 0)
        return -1;
    if (hwloc_topology_set_flags(topology, FLAGS) < 0 ||
        hwloc_topology_set_io_types_filter(topology,
                                           HWLOC_TYPE_FILTER_KEEP_NONE) < 0 ||
        hwloc_topology_set_icache_types_filter(
            topology, HWLOC_TYPE_FILTER_KEEP_NONE) < 0 ||
        hwloc_topology_set_type_filter(topology, HWLOC_OBJ_MISC,
                                       HWLOC_TYPE_FILTER_KEEP_NONE) < 0)
        return -1;
    return hwloc_topology_set_components(
        topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
}

int crew__topology_load(struct crew__topology **out, const char *xml)
{
    hwloc_topology_t topology;
    int r;

    r = CREW__TRY(CREW__FAULT_TOPOLOGY, hwloc_topology_init(&topology), -1);
    if (r < 0)
        return -ENODEV;
    r = configure(topology, xml);
    if (r == 0)
        r = CREW__TRY(CREW__FAULT_TOPOLOGY, hwloc_topology_load(topology), -1);
    r = r < 0 ? -ENODEV : copy(topology, out);
    hwloc_topology_destroy(topology);
    return r;
}
