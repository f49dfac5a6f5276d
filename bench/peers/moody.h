/*
 * moodycamel's BlockingConcurrentQueue has a C++ interface only: this is as
 * thin a door as its use from C needs. A producer and
 * a consumer have a token, the fastest way that the queue offers; a worker's
 * loop stands inside the door.
 */
#ifndef CREW_BENCH_PEERS_MOODY_H
#define CREW_BENCH_PEERS_MOODY_H

#include "peers/job.h"

#ifdef __cplusplus
extern "C" {
#endif

struct moody;
struct moody_producer;
struct moody_consumer;

struct moody *moody_create(size_t room);
void moody_destroy(struct moody *queue);

struct moody_producer *moody_producer_create(struct moody *queue);
void moody_producer_destroy(struct moody_producer *producer);
void moody_put(struct moody_producer *producer, struct job job);
void moody_put_many(struct moody_producer *producer, const struct job *jobs,
                    size_t count);

/* For a thread that takes by itself; blocks. */
struct moody_consumer *moody_consumer_create(struct moody *queue);
void moody_consumer_destroy(struct moody_consumer *consumer);
struct job moody_take_next(struct moody_consumer *consumer);

/* A worker's main: runs jobs until one has no `run`. */
void *moody_serve(void *queue);

/* How many jobs wait, about. */
size_t moody_waiting(const struct moody *queue);

/* Puts a job, and takes the next, on a thread that has no token. */
void moody_reply(struct moody *queue, struct job job);
struct job moody_take(struct moody *queue);

#ifdef __cplusplus
}
#endif

#endif
