/*
 * The figures of a pool, summed when they are asked for.
 */
#include "pool/pool.h"

#include <errno.h>
#include <string.h>

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
        crew__histogram_sum(&worker->waits, stats->wait_histogram);
        crew__histogram_sum(&worker->runs, stats->run_histogram);
    }
    stats->wakes = read_figure(&pool->idle.wakes);
    stats->throttled = crew__topology_throttled(pool->topology);
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

crew_ns crew_stats_bucket(unsigned index)
{
    return crew__histogram_edge(index);
}
