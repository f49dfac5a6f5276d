/* submit.c asked of the hand-written floor: a ring per worker. */
#include "ring.h"
#include "submit.h"

static struct ring rings[LAB_WORKERS];
static pthread_t threads[LAB_WORKERS];
static struct meeting meeting;

static void run(void *unused)
{
    (void)unused;
    submit_task();
}

static void start(void)
{
    meeting_init(&meeting, LAB_WORKERS);
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        ring_init(&rings[i], 1024);
        job_start(&threads[i], 1, ring_serve, &rings[i]);
    }
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        ring_put(&rings[i % LAB_WORKERS], (struct job){run, NULL});
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        ring_wake(&rings[i]);
}

static void put_all(struct job job)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        ring_put(&rings[i], job);
        ring_wake(&rings[i]);
    }
}

static void wait_for_all(void)
{
    put_all((struct job){meet, &meeting});
    meet(&meeting);
}

static void stop(void)
{
    put_all((struct job){NULL, NULL});
    job_join(threads, LAB_WORKERS);
    for (unsigned i = 0; i < LAB_WORKERS; i++)
        ring_fini(&rings[i]);
    meeting_fini(&meeting);
}

static const struct submit_contender rings_of_two = {start, NULL, put,
                                                     wait_for_all, stop};

const crew_bench_case submit_floor[] = {
    SUBMIT_BUSY(rings_of_two, "busy", "floor"),
    SUBMIT_LOOKING(rings_of_two, "looking", "floor"),
    {.name = NULL}};
