/*
 * How many workers, where each of them sits, and whom it steals from first:
 * functions of a machine, a mask and a wish, that ask nobody else, so that
 * they are tested on machines that nobody here owns.
 *
 * How many, where the caller does not say: one per usable core, at most as
 * many as the quota has CPUs. A reserved core counts against both: the
 * creating thread, too, needs one of the CPUs that the quota allows.
 *
 * Where (the order in which usable CPUs are given out):
 *
 *   spread    the least used core; then the fastest; then the least used L3,
 *             node, package; then the lowest number. So no core gets a second
 *             worker while one has none.
 *   compact   the fastest; then the most used core that has a thread left,
 *             the most used L3, node, package; then the lowest number. So a
 *             core is filled before the next one is begun.
 *   list      as written.
 *   none      nobody is pinned.
 *
 * When all CPUs have a worker the order begins again.
 */
#ifndef CREW_RUNTIME_PLACEMENT_H
#define CREW_RUNTIME_PLACEMENT_H

#include <crew/pool.h>

#include "runtime/topology.h"

struct crew__placement_request {
    unsigned workers; /* 0: find out */
    crew_placement placement;
    const char *list; /* "0,2-5", or NULL */
    bool reserve_caller_core;
    int caller_cpu; /* where the creating thread is; -1: unknown */
    int quota_cpus; /* what crew__quota_cpus said */
    const struct crew__cpuset *usable; /* the creating thread's mask; NULL: it
                                          cannot be read, so nobody is pinned
                                          but by a list */
};

/* What decided about the number of workers. */
enum crew__placement_limit {
    CREW__LIMIT_CORES,  /* one per usable core */
    CREW__LIMIT_QUOTA,  /* the CPU quota */
    CREW__LIMIT_UNREAD, /* a quota that makes no sense: one worker */
    CREW__LIMIT_OPTION, /* the caller */
    CREW__LIMIT_LIST,   /* one per entry of the list */
    CREW__LIMIT_MOST    /* 1024 */
};

struct crew__seat {
    struct crew__cpu cpu; /* all 0 where not pinned */
    bool pinned;          /* to cpu.os */
    bool known;           /* the machine knows more of it than its number */
};

struct crew__placement_plan {
    unsigned workers;
    struct crew__seat *seats; /* one per worker */

    /* Why. */
    enum crew__placement_limit limit;
    bool known;            /* the machine is */
    bool masked;           /* the mask could be read */
    bool reserved;         /* one core is kept free */
    unsigned reserved_cpu; /* on that core */
    int quota_cpus;
    unsigned cores;     /* usable ones; CPUs where the machine is unknown */
    unsigned cores_all; /* of the machine, with those it does not know */
    struct crew__cpuset usable;
};

/*
 * Makes a plan; it holds on to nothing of what it was made from. On failure
 * *out is untouched.
 *
 * -EINVAL: a list that is malformed ("", "x", "3-1", "1,", " 1"), names a CPU
 * twice or one that is not usable, has fewer entries than workers, comes with
 * COMPACT or NONE, or with reserve_caller_core (it says already which are
 * free); more than 1024 workers; no such placement. -ENOMEM.
 */
int crew__placement_make(struct crew__placement_plan *out,
                         const struct crew__topology *topology,
                         const struct crew__placement_request *request);
void crew__placement_fini(struct crew__placement_plan *plan);

/*
 * Writes to order[0 .. workers - 2] the other workers, the nearest first: the
 * same CPU, core, L3, node, package, the rest. Among equals each worker begins
 * with the one after itself, so that not all go to the same.
 */
void crew__placement_steal_order(const struct crew__placement_plan *plan,
                                 unsigned worker, unsigned *order);

/*
 * "2 workers: one per usable core (2 of 2 cores, affinity mask 0-1, no CPU
 * quota)", without a newline. Like snprintf.
 */
int crew__placement_limit_text(const struct crew__placement_plan *plan,
                               char *out, size_t size);

/* "0-3,8" like the kernel; cut where it does not fit. Like snprintf. */
int crew__placement_mask_text(const struct crew__cpuset *set, char *out,
                              size_t size);

#endif
