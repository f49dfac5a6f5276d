/* Gates, and threads that start together. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GATE_SECONDS 30

void test_gate_init(struct test_gate *gate)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    gate->open = false;
}

void test_gate_fini(struct test_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

void test_gate_open(struct test_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

bool test_gate_wait(struct test_gate *gate)
{
    struct timespec end;
    bool open;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += GATE_SECONDS;
    pthread_mutex_lock(&gate->mutex);
    while (!gate->open &&
           pthread_cond_timedwait(&gate->changed, &gate->mutex, &end) == 0)
        ;
    open = gate->open;
    pthread_mutex_unlock(&gate->mutex);
    return test_check(open, "the gate is opened in time", __FILE__, __LINE__);
}

bool test_gate_is_open(struct test_gate *gate)
{
    bool open;

    pthread_mutex_lock(&gate->mutex);
    open = gate->open;
    pthread_mutex_unlock(&gate->mutex);
    return open;
}

struct start {
    struct test_gate *gate;
    void (*fn)(unsigned index, void *arg);
    void *arg;
    unsigned index;
    pthread_t thread;
};

static void *run_when_open(void *arg)
{
    struct start *start = arg;

    if (test_gate_wait(start->gate))
        start->fn(start->index, start->arg);
    return NULL;
}

void test_threads(unsigned count, void (*fn)(unsigned index, void *arg),
                  void *arg)
{
    struct start *starts = calloc(count, sizeof *starts);
    struct test_gate gate;
    unsigned started = 0;

    test_gate_init(&gate);
    while (starts && started < count) {
        struct start *start = &starts[started];

        *start = (struct start){&gate, fn, arg, started, 0};
        if (pthread_create(&start->thread, NULL, run_when_open, start) != 0)
            break;
        started++;
    }
    check_equal(started, count);
    test_gate_open(&gate);
    for (unsigned i = 0; i < started; i++)
        pthread_join(starts[i].thread, NULL);
    test_gate_fini(&gate);
    free(starts);
}
