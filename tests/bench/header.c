/* bench.h included alone, and twice. */
#include <crew/bench.h>

#include <crew/bench.h>

/* A table as the header's comment shows it, in what both languages have. */
static void nothing(crew_bench *b)
{
    for (int64_t n = bench_count(b); n; n--)
        bench_keep(n);
    bench_clobber();
}

extern const crew_bench_case bench_header_cases[2];
const crew_bench_case bench_header_cases[2] = {
    {"nothing",
     nothing,
     NULL,
     NULL,
     0,
     0,
     {NULL, NULL, NULL, NULL},
     0,
     0,
     0,
     0,
     0,
     0,
     0,
     CREW_BENCH_WALL,
     CREW_BENCH_NS,
     0,
     0,
     0,
     {0, 0, 0, 0}},
    {NULL,
     NULL,
     NULL,
     NULL,
     0,
     0,
     {NULL, NULL, NULL, NULL},
     0,
     0,
     0,
     0,
     0,
     0,
     0,
     CREW_BENCH_WALL,
     CREW_BENCH_NS,
     0,
     0,
     0,
     {0, 0, 0, 0}},
};
