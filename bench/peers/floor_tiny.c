/* tiny.c asked of the hand-written floor: a ring per worker, with room for
 * all, filled in turn. In the rows with completions too it has none. */
#include "ring.h"
#include "tiny.h"

static struct ring rings[LAB_WORKERS];
static pthread_t threads[LAB_WORKERS];
static struct meeting meeting;
static struct job work;

static void start(const struct tiny_load *load)
{
    work = (struct job){job_work, (void *)(uintptr_t)load->steps};
    meeting_init(&meeting, LAB_WORKERS);
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        ring_init(&rings[i], 1 << 20);
        job_start(&threads[i], 1, ring_serve, &rings[i]);
    }
}

static void put_all(struct job job)
{
    for (unsigned i = 0; i < LAB_WORKERS; i++) {
        ring_put(&rings[i], job);
        ring_wake(&rings[i]);
    }
}

static void run(size_t tasks, void (*submitted)(void))
{
    unsigned to = 0;

    for (size_t i = 0; i < tasks; i++) {
        ring_put(&rings[to], work);
        if (++to == LAB_WORKERS)
            to = 0;
    }
    submitted();
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

static const struct tiny_contender floor_of_rings = {start, run, stop};

const crew_bench_case tiny_floor[] = {
    TINY_CASES(floor_of_rings, "", "floor"),
    TINY_CASES(floor_of_rings, "_done", "floor"),
    {.name = NULL}};
