/* A reader's own function on 1 to N pinned workers. */
#include <crew/bench.h>

static long sum_of_squares(long last)
{
    long sum = 0;

    for (long i = 1; i <= last; i++)
        sum += i * i;
    return sum;
}

static void squares(crew_bench *b)
{
    for (int64_t n = bench_count(b); n; n--)
        bench_keep(sum_of_squares(1000));
    bench_items(b, 1);
}

static const crew_bench_case cases[] = {
    {.name = "squares", .run = squares, .workers_first = 1, .workers_last = -1},
    {.name = NULL}};

int main(int argc, char **argv)
{
    crew_bench_add(cases);
    return crew_bench_main(argc, argv);
}
