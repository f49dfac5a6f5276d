/*
 * ports.c asked of liburcu's wait-free concurrent queue. Its nodes are the
 * caller's, so each word is in memory of its own, as a message is. Who finds it
 * empty spins, and then yields the CPU.
 */
#include "ports.h"

#include <sched.h>
#include <stdlib.h>
#include <urcu/wfcqueue.h>

#define SPIN 200

struct letter {
    struct cds_wfcq_node node;
    uint64_t word;
};

static struct cds_wfcq_head head;
static _Alignas(LAB_APART) struct cds_wfcq_tail tail;

static void start(void)
{
    cds_wfcq_init(&head, &tail);
}

static void put(unsigned index, uint64_t count)
{
    (void)index;
    for (uint64_t word = 1; word <= count; word++) {
        struct letter *letter = malloc(sizeof *letter);

        lab_must(letter ? 0 : -1, "memory");
        letter->word = word;
        cds_wfcq_node_init(&letter->node);
        cds_wfcq_enqueue(&head, &tail, &letter->node);
    }
}

static uint64_t take_one(void)
{
    struct letter *letter;
    uint64_t word;

    for (unsigned spun = 1;; spun++) {
        /* The node comes first. */
        letter = (void *)__cds_wfcq_dequeue_blocking(&head, &tail);
        if (letter)
            break;
        if (spun % SPIN)
            lab_relax();
        else
            sched_yield();
    }
    word = letter->word;
    free(letter);
    return word;
}

static uint64_t take(uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += take_one();
    return sum;
}

static void stop(void)
{
    cds_wfcq_destroy(&head, &tail);
}

static const struct flow_contender flow = {start, put, take, stop};

const crew_bench_case ports_urcu[] = {FLOW_CASES(flow, "liburcu"),
                                      {.name = NULL}};
