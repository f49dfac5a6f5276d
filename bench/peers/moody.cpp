#include "moody.h"

#include <concurrentqueue/blockingconcurrentqueue.h>

using queue_type = moodycamel::BlockingConcurrentQueue<job>;

struct moody {
    queue_type queue;

    explicit moody(size_t room) : queue(room)
    {
    }
};

struct moody_producer {
    queue_type &queue;
    moodycamel::ProducerToken token;

    explicit moody_producer(queue_type &q) : queue(q), token(q)
    {
    }
};

struct moody_consumer {
    queue_type &queue;
    moodycamel::ConsumerToken token;

    explicit moody_consumer(queue_type &q) : queue(q), token(q)
    {
    }
};

struct moody *moody_create(size_t room)
{
    return new moody(room);
}

void moody_destroy(struct moody *queue)
{
    delete queue;
}

struct moody_producer *moody_producer_create(struct moody *queue)
{
    return new moody_producer(queue->queue);
}

void moody_producer_destroy(struct moody_producer *producer)
{
    delete producer;
}

void moody_put(struct moody_producer *producer, struct job job)
{
    producer->queue.enqueue(producer->token, job);
}

void moody_put_many(struct moody_producer *producer, const struct job *jobs,
                    size_t count)
{
    producer->queue.enqueue_bulk(producer->token, jobs, count);
}

struct moody_consumer *moody_consumer_create(struct moody *queue)
{
    return new moody_consumer(queue->queue);
}

void moody_consumer_destroy(struct moody_consumer *consumer)
{
    delete consumer;
}

struct job moody_take_next(struct moody_consumer *consumer)
{
    job next;

    consumer->queue.wait_dequeue(consumer->token, next);
    return next;
}

void *moody_serve(void *arg)
{
    queue_type &queue = static_cast<moody *>(arg)->queue;
    moodycamel::ConsumerToken token(queue);
    job next;

    for (;;) {
        queue.wait_dequeue(token, next);
        if (!next.run)
            return nullptr;
        next.run(next.arg);
    }
}

size_t moody_waiting(const struct moody *queue)
{
    return queue->queue.size_approx();
}

void moody_reply(struct moody *queue, struct job job)
{
    queue->queue.enqueue(job);
}

struct job moody_take(struct moody *queue)
{
    job next;

    queue->queue.wait_dequeue(next);
    return next;
}
