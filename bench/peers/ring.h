/*
 * The hand-written floor of a queue: one ring per worker with one producer and
 * one consumer, each with a copy of the other's index, so that a put and a
 * take touch a shared line once in a while. A worker that finds nothing spins
 * for a moment, then sleeps on a futex. No order between workers, no stealing,
 * no cancel, no completions, no bound on the memory: what a pool costs is what
 * it adds to this.
 *
 * Edges
 *   ring-put    put -> take   the job is seen whole.
 *   ring-taken  take -> put   the slot may be written again.
 * `asleep` and the index form a Dekker pair: each side writes its own and then
 * reads the other's, both seq_cst, so one of them sees the other.
 */
#ifndef CREW_BENCH_PEERS_RING_H
#define CREW_BENCH_PEERS_RING_H

#include "peers/job.h"

#include <stdatomic.h>

struct ring {
    _Alignas(LAB_APART) atomic_uint taken;
    unsigned put_seen;
    _Alignas(LAB_APART) atomic_uint put;
    unsigned taken_seen;
    _Alignas(LAB_APART) atomic_uint asleep;
    _Alignas(LAB_APART) struct job *slots;
    unsigned size; /* a power of two */
};

void ring_init(struct ring *ring, unsigned size);
void ring_fini(struct ring *ring);

/* Wakes the consumer now and then; ring_wake makes sure. */
void ring_put(struct ring *ring, struct job job);
void ring_wake(struct ring *ring);

/* A worker's main: runs jobs until one has no `run`. */
void *ring_serve(void *ring);

#endif
