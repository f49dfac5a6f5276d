/*
 * Creating a pool of two workers and destroying it while another pool is
 * alive, in us. The floor creates two threads and joins them.
 */
#include "create.h"

#include <crew/crew.h>

/* ---- what is measured ---------------------------------------------------- */

void create_measure(crew_bench *b)
{
    const struct create_contender *who = bench_data(b);
    size_t count = lab_scaled(300, 3);
    struct lab_times times;

    lab_times_init(&times, count);
    who->start();
    who->create_and_destroy();
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < count; i++) {
            int64_t begin = lab_now();

            who->create_and_destroy();
            lab_times_add(&times, lab_now() - begin);
        }
    }
    bench_end(b);
    who->stop();
    lab_times_report(&times, b, 1000, 1);
    lab_times_fini(&times);
}

/* ---- crew ---------------------------------------------------------------- */

static const crew_pool_options options = {.workers = LAB_WORKERS};
static crew_pool *another;

static void start(void)
{
    lab_must(crew_pool_create(&another, &options), "pool");
}

static void create_and_destroy(void)
{
    crew_pool *pool;

    lab_must(crew_pool_create(&pool, &options), "pool");
    lab_must(crew_pool_destroy(pool), "pool");
}

static void stop(void)
{
    crew_pool_destroy(another);
}

static const struct create_contender crew = {start, create_and_destroy, stop};

const crew_bench_case create_crew[] = {CREATE_CASE(crew, "crew"),
                                       {.name = NULL}};
