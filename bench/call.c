/*
 * What a message costs beside a task: calls with 64 bytes each way (crew), and
 * tasks in the caller's memory (crew.task), in ns from the first submit until
 * all of a hundred have had their `done` on the submitter's thread. One worker,
 * and the submitter on another CPU. The median of many such blocks. (With a
 * thousand at once glibc gives the memory of each block back to the kernel,
 * which costs more than the rest.)
 */
#include "support/lab.h"

#include <crew/crew.h>

#include <stdlib.h>

#define BLOCK 100
#define BYTES 64

static crew_pool *pool;
static crew_inbox *inbox;
static crew_task *tasks;
static char bytes[BYTES];

/* ---- calls --------------------------------------------------------------- */

static int answer(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    return crew_message_set(out, in->bytes, in->size);
}

static void answered(const crew_result *result, void *arg)
{
    (void)arg;
    if (result->status != 0 || result->out->size != BYTES)
        abort();
}

static void call_all(void)
{
    static const crew_callable callable = {"bench/answer", answer};
    const crew_message in = {.bytes = bytes, .size = BYTES};

    for (size_t i = 0; i < BLOCK; i++) {
        if (crew_call(NULL, pool, &callable, &in, NULL, inbox, answered, NULL))
            abort();
    }
}

/* ---- tasks --------------------------------------------------------------- */

static int nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void done(crew_task *task)
{
    (void)task;
}

static void submit_all(void)
{
    for (size_t i = 0; i < BLOCK; i++) {
        tasks[i] = (crew_task){.run = nothing, .done = done};
        crew_submit(pool, &tasks[i], inbox);
    }
}

/* ---- both ---------------------------------------------------------------- */

typedef void put_fn(void);

static int64_t time_block(put_fn *put)
{
    int64_t begin = lab_now();

    put();
    crew_inbox_run(inbox);
    return lab_now() - begin;
}

static void measure(crew_bench *b)
{
    put_fn *put = *(put_fn *const *)bench_data(b);
    crew_pool_options options = {.workers = 1};
    size_t blocks = lab_scaled(5000, 3);
    struct lab_times times;

    lab_times_init(&times, blocks);
    tasks = lab_memory(BLOCK * sizeof *tasks);
    pool = lab_pool(&options);
    lab_pin(lab_cpu(0) == crew_pool_worker_cpu(pool, 0));
    if (crew_inbox_create(&inbox, NULL) < 0)
        abort();
    time_block(put);
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < blocks; i++)
            lab_times_add(&times, time_block(put));
    }
    bench_end(b);
    lab_unpin();
    crew_pool_destroy(pool);
    crew_inbox_destroy(inbox);
    free(tasks);
    lab_times_report(&times, b, 1, BLOCK);
    lab_times_fini(&times);
}

#define CALL_CASE(name_of, put) \
    { \
        .name = "call/both/" name_of, .run = measure, \
        .data = &(put_fn *const){put}, .clock = CREW_BENCH_MANUAL, \
        .iterations = 1 \
    }

const crew_bench_case call_crew[] = {CALL_CASE("crew", call_all),
                                     CALL_CASE("crew.task", submit_all),
                                     {.name = NULL}};
