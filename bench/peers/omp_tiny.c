/*
 * tiny.c asked of OpenMP tasks. The submitting thread is one of the team: it
 * submits, and then runs tasks too (libgomp also runs a task on the spot when
 * 64 per thread wait), so this is one thread less than the others have.
 */
#include "tiny.h"

#include <omp.h>

static uint64_t steps;

static void start(const struct tiny_load *load)
{
    steps = load->steps;
    omp_set_num_threads(LAB_WORKERS);
}

static void submit(size_t tasks)
{
    for (size_t i = 0; i < tasks; i++) {
#pragma omp task
        lab_work(steps);
    }
}

static void run(size_t tasks, void (*submitted)(void))
{
#pragma omp parallel
#pragma omp single
    {
        submit(tasks);
        submitted();
    }
}

static void stop(void)
{
}

static const struct tiny_contender openmp = {start, run, stop};

const crew_bench_case tiny_omp[] = {TINY_CASES(openmp, "", BENCH_OPENMP),
                                    {.name = NULL}};
const crew_bench_case idle_omp[] = {IDLE_CASE(openmp, BENCH_OPENMP),
                                    {.name = NULL}};
