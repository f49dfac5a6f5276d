/*
 * What a pool tells about itself: where its workers sit, and its figures.
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

/* ---- statistics -------------------------------------------------------- */

static uint64_t read_figure(const crew__a64 *figure)
{
    return crew__load_relaxed(figure); /* a figure */
}

/* What waits in a queue, and what has come to it; what has arrived is moved
 * into the lists for that, and so is counted. */
static uint64_t count_queue(struct crew__queue *queue, uint64_t *accepted)
{
    uint64_t waiting;

    crew__lock(&queue->lock);
    crew__queue_collect(queue);
    waiting = crew__queue_listed(queue);
    *accepted += queue->accepted;
    crew__unlock(&queue->lock);
    return waiting;
}

static void add_counts(crew_pool_stats *stats,
                       const struct crew__counts *counts)
{
    stats->done += read_figure(&counts->done);
    stats->canceled += read_figure(&counts->canceled);
    stats->timed_out += read_figure(&counts->timed_out);
    stats->steals += read_figure(&counts->steals);
}

static void fill_stats(crew_pool *pool, crew_pool_stats *stats)
{
    stats->waiting = count_queue(&pool->queue, &stats->submitted);
    add_counts(stats, &pool->swept);
    for (unsigned i = 0; i < pool->workers; i++) {
        struct crew__worker *worker = &pool->worker[i];

        stats->waiting += count_queue(&worker->mailbox, &stats->submitted);
        stats->waiting += crew__ring_count(&worker->ring);
        stats->running += crew__load_relaxed(&worker->running); /* a figure */
        add_counts(stats, &worker->counts);
    }
    stats->wakes = read_figure(&pool->idle.wakes);
    stats->throttled = crew__quota_throttled(NULL);
}

static void copy_out(void *out, size_t size, const void *from, size_t from_size)
{
    memcpy(out, from, size < from_size ? size : from_size);
}

int crew_pool_get_stats(const crew_pool *pool, crew_pool_stats *out,
                        size_t size)
{
    crew_pool_stats stats;

    if (!pool || !out || size == 0)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    memset(&stats, 0, sizeof stats);
    fill_stats((crew_pool *)pool, &stats); /* logically const */
    copy_out(out, size, &stats, sizeof stats);
    return 0;
}

int crew_pool_get_worker_stats(const crew_pool *pool, unsigned index,
                               crew_worker_stats *out, size_t size)
{
    const struct crew__worker *worker;
    crew_worker_stats stats;
    uint64_t since;
    crew_ns so_far;

    if (!pool || index >= pool->workers || !out || size == 0)
        return -EINVAL;
    if (crew__pool_is_forked(pool))
        return -EOWNERDEAD;
    worker = &pool->worker[index];
    memset(&stats, 0, sizeof stats);
    since = read_figure(&worker->since); /* 0: it has ended */
    so_far = since ? crew__clock_now() - (crew_ns)(since & ~UINT64_C(1)) : 0;
    stats.busy = (crew_ns)read_figure(&worker->busy_ns);
    stats.idle = (crew_ns)read_figure(&worker->idle_ns);
    if (so_far > 0)
        *(since & 1 ? &stats.busy : &stats.idle) += so_far;
    stats.tasks = read_figure(&worker->counts.done);
    stats.steals = read_figure(&worker->counts.steals);
    copy_out(out, size, &stats, sizeof stats);
    return 0;
}

/*
 * Buckets are log-linear, four to each power of two, as in Gil Tene's
 * HdrHistogram: 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... ns.
 */
crew_ns crew_stats_bucket(unsigned index)
{
    unsigned power = index / 4;

    if (index < 8)
        return (crew_ns)index;
    if (power - 1 > 60)
        return INT64_MAX;
    return (crew_ns)((UINT64_C(4) + index % 4) << (power - 1));
}
