/*
 * ports.c asked of Concurrency Kit's ck_ring, 1024 words: the functions for
 * one producer, and those for several. Nobody sleeps; who finds it full or
 * empty spins, and then yields the CPU, as there may be more threads than CPUs.
 */
#include "ports.h"

#include <ck_ring.h>
#include <sched.h>
#include <stdlib.h>

#define SIZE 1024
#define SPIN 200

static ck_ring_t ring;
static ck_ring_buffer_t *slots;

static void start(void)
{
    slots = lab_memory(SIZE * sizeof *slots);
    ck_ring_init(&ring, SIZE);
}

static void stop(void)
{
    free(slots);
}

static void relax(unsigned *spun)
{
    if (++*spun % SPIN)
        lab_relax();
    else
        sched_yield();
}

static void put_alone(unsigned index, uint64_t count)
{
    unsigned spun = 0;

    (void)index;
    for (uintptr_t word = 1; word <= count; word++) {
        while (!ck_ring_enqueue_spsc(&ring, slots, (void *)word))
            relax(&spun);
    }
}

static uint64_t take_alone(uint64_t count)
{
    uint64_t sum = 0;
    unsigned spun = 0;
    void *word;

    for (uint64_t i = 0; i < count; i++) {
        while (!ck_ring_dequeue_spsc(&ring, slots, (void *)&word))
            relax(&spun);
        sum += (uintptr_t)word;
    }
    return sum;
}

static void put_beside(unsigned index, uint64_t count)
{
    unsigned spun = 0;

    (void)index;
    for (uintptr_t word = 1; word <= count; word++) {
        while (!ck_ring_enqueue_mpsc(&ring, slots, (void *)word))
            relax(&spun);
    }
}

static uint64_t take_of_many(uint64_t count)
{
    uint64_t sum = 0;
    unsigned spun = 0;
    void *word;

    for (uint64_t i = 0; i < count; i++) {
        while (!ck_ring_dequeue_mpsc(&ring, slots, (void *)&word))
            relax(&spun);
        sum += (uintptr_t)word;
    }
    return sum;
}

static const struct flow_contender one = {start, put_alone, take_alone, stop};
static const struct flow_contender many = {start, put_beside, take_of_many,
                                           stop};

const crew_bench_case ports_ck[] = {
    FLOW_CASE(one, "one_way", 1, "floor.ck_ring"),
    FLOW_CASE(many, "many", FLOW_MOST, "floor.ck_ring"),
    {.name = NULL}};
