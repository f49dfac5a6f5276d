/*
 * What a pool tells about itself: where its workers sit.
 * Masks are read when they are asked for, as a cpuset can change under a live
 * pool.
 */
#include "pool/pool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- text that is counted whole and cut where it does not fit ----------- */

struct text {
    char *out;
    size_t size;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text,
                                                      const char *format, ...)
{
    size_t left = text->length < text->size ? text->size - text->length : 0;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(left ? text->out + text->length : NULL, left, format,
                  arguments);
    va_end(arguments);
    text->length += n > 0 ? (size_t)n : 0;
}

/* ---- description ------------------------------------------------------- */

static pid_t tid_of(const struct crew__worker *worker)
{
    /* written before create returned */
    return (pid_t)crew__load_relaxed(&worker->tid);
}

/* The one CPU of its mask now, or a negative errno. */
static int cpu_now(const struct crew__worker *worker, struct crew__cpuset *set)
{
    int r;

    memset(set, 0, sizeof *set);
    r = crew__affinity_get(tid_of(worker), set);
    if (r < 0)
        return r;
    if (crew__cpuset_count(set) != 1)
        return -ENOENT;
    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        if (crew__cpuset_has(set, cpu))
            return (int)cpu;
    }
    return -ENOENT;
}

/* Its workers' numbers may be a stranger's by now. */
static bool has_ended(const crew_pool *pool)
{
    /* edge:pool-exit, acquire */
    return crew__load_acquire(&pool->exited) == pool->workers;
}

static void add_seat(struct text *text, const struct crew__worker *worker)
{
    const struct crew__topology *topology = worker->pool->topology;
    const struct crew__cpu *cpu;
    struct crew__cpuset set;
    char mask[128];
    int now = cpu_now(worker, &set);

    if (has_ended(worker->pool)) {
        add(text, "ended");
        return;
    }
    if (worker->cpu < 0) {
        add(text, "not pinned: %s",
            worker->pool->plan.masked ? "placement none"
                                      : "the affinity mask cannot be read");
    } else if (worker->pin_error) {
        add(text, "not pinned: %s", crew_strerror(worker->pin_error));
    } else if (now < 0) {
        crew__placement_mask_text(&set, mask, sizeof mask);
        add(text, "not pinned to one CPU any more: mask %s", mask);
    } else {
        add(text, "cpu %d", now);
        if (now != worker->cpu)
            add(text, " (moved from cpu %d)", worker->cpu);
        cpu = crew__topology_find(topology, (unsigned)now);
        if (cpu)
            add(text, ", core %u, L3 %u, node %u", cpu->core, cpu->l3,
                cpu->node_os);
    }
    if (worker->nice)
        add(text, ", nice %d", worker->nice);
}

int crew_pool_describe(const crew_pool *pool, char *out, size_t size)
{
    struct text text = {out, size, 0};
    char limit[256];

    if (!pool || (!out && size))
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    crew__placement_limit_text(&pool->plan, limit, sizeof limit);
    add(&text, "%s\n", limit);
    if (pool->workers < pool->wanted)
        add(&text, "%u of %u threads could be started\n", pool->workers,
            pool->wanted);
    for (unsigned i = 0; i < pool->workers; i++) {
        add(&text, "%s/%u: tid %d, ", pool->name, i,
            (int)tid_of(&pool->worker[i]));
        add_seat(&text, &pool->worker[i]);
        add(&text, "\n");
    }
    return (int)text.length;
}

int crew_pool_worker_cpu(const crew_pool *pool, unsigned worker)
{
    struct crew__cpuset set;
    int cpu = -ENOENT;

    if (!pool || worker >= pool->workers)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    if (pool->worker[worker].cpu >= 0 && !has_ended(pool))
        cpu = cpu_now(&pool->worker[worker], &set);
    return cpu < 0 ? -ENOENT : cpu;
}
