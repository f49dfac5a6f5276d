/*
 * Who shares the loaded machine. `shared` and every count of users are guarded
 * by crew__fork_lock. hwloc works outside of that lock, for milliseconds; so
 * one who comes meanwhile sleeps on `loading`, the generation of the process
 * that is at it. In a forked child the parent's generation there means
 * nothing, as its thread is not there.
 */
#include "runtime/topology.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct crew__topology *shared;
static crew__a32 loading; /* written under the lock; 0: nobody */

struct crew__topology *crew__topology_create(unsigned count)
{
    struct crew__topology *topology;

    topology = crew__memory_zero(sizeof *topology +
                                 count * sizeof topology->cpus[0]);
    if (topology)
        topology->count = count;
    return topology;
}

void crew__topology_destroy(struct crew__topology *topology)
{
    if (topology)
        crew__memory_free(topology->cgroups);
    crew__memory_free(topology);
}

/* The testing build can be given another machine: the path of an XML file, or
 * "none" for a machine that hwloc cannot load. */
static int load(struct crew__topology **out)
{
    const char *xml = NULL;

#if defined(CREW_TESTING)
    xml = getenv("CREW_TEST_TOPOLOGY");
    if (xml && strcmp(xml, "none") == 0)
        return -ENODEV;
#endif
    /* hwloc obeys the environment, even to loading plugins. */
    if (crew__secure_mode())
        return -ENODEV;
    return crew__topology_load(out, xml);
}

static struct crew__topology *load_or_do_without(void)
{
    struct crew__topology *topology;

    if (load(&topology) == 0)
        return topology;
    return crew__topology_create(0);
}

/* True: *out is what is there, or it is for the caller to load and *out is
 * NULL. False: another one loads, whose end is worth waiting for. */
static bool share(struct crew__topology **out, uint64_t generation)
{
    struct crew__lock *lock = crew__fork_lock();
    bool decided = true;

    crew__lock(lock);
    *out = NULL;
    if (shared && shared->generation == generation) {
        shared->users++;
        *out = shared;
    } else if (crew__load_relaxed(&loading) == (uint32_t)generation) {
        decided = false; /* relaxed: the lock orders it */
    } else {
        crew__store_relaxed(&loading, (uint32_t)generation); /* the lock's */
    }
    crew__unlock(lock);
    return decided;
}

/* NULL: it could not be loaded; who waits tries it himself. */
static void publish(struct crew__topology *topology, uint64_t generation)
{
    struct crew__lock *lock = crew__fork_lock();

    crew__lock(lock);
    if (topology) {
        topology->users = 1;
        topology->generation = generation;
        shared = topology;
    }
    crew__store_relaxed(&loading, 0); /* the lock's */
    crew__unlock(lock);
    crew__futex_wake(&loading, INT_MAX);
}

int crew__topology_retain(const struct crew__topology **out)
{
    const crew__a64 *word;
    uint64_t generation = crew__fork_generation(&word);
    struct crew__topology *topology;

    while (!share(&topology, generation))
        crew__futex_wait(&loading, (uint32_t)generation, CREW__NEVER);
    if (!topology) {
        topology = load_or_do_without();
        publish(topology, generation);
    }
    if (!topology)
        return -ENOMEM;
    *out = topology;
    return 0;
}

void crew__topology_release(const struct crew__topology *topology)
{
    struct crew__lock *lock = crew__fork_lock();
    struct crew__topology *mine = (struct crew__topology *)topology;
    bool last;

    if (!mine)
        return;
    crew__lock(lock);
    last = --mine->users == 0;
    if (last && mine == shared)
        shared = NULL;
    crew__unlock(lock);
    if (last)
        crew__topology_destroy(mine);
}

/* Who asks has what is kept for himself; who comes meanwhile finds it anew. So
 * one of them is left over when both put theirs back. */
static struct crew__cgroups *swap_kept(const struct crew__topology *topology,
                                       struct crew__cgroups *kept)
{
    struct crew__lock *lock = crew__fork_lock();
    struct crew__topology *mine = (struct crew__topology *)topology;
    struct crew__cgroups *before;

    crew__lock(lock);
    before = mine->cgroups;
    mine->cgroups = kept;
    crew__unlock(lock);
    return before;
}

int crew__topology_quota(const struct crew__topology *topology)
{
    struct crew__cgroups *kept = swap_kept(topology, NULL);
    int r = crew__quota_cpus(NULL, &kept);

    crew__memory_free(swap_kept(topology, kept));
    return r;
}

uint64_t crew__topology_throttled(const struct crew__topology *topology)
{
    struct crew__cgroups *kept = swap_kept(topology, NULL);
    uint64_t throttled = crew__quota_throttled(NULL, &kept);

    crew__memory_free(swap_kept(topology, kept));
    return throttled;
}

const struct crew__cpu *
crew__topology_find(const struct crew__topology *topology, unsigned os)
{
    unsigned low = 0;
    unsigned high = topology->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (topology->cpus[middle].os == os)
            return &topology->cpus[middle];
        if (topology->cpus[middle].os < os)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
