/* What run.sh prints of the machine above the table, one "key: value" a
 * line. */
#include "lab.h"

#include <crew/crew.h>

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The least of many: what others add is not the machine's price. */
static double price(void (*what)(void), int times)
{
    int64_t least = INT64_MAX;

    for (int round = 0; round < 50; round++) {
        int64_t ns = lab_now();

        for (int i = 0; i < times; i++)
            what();
        ns = lab_now() - ns;
        least = ns < least ? ns : least;
    }
    return (double)least / times;
}

static void system_call(void)
{
    syscall(SYS_getppid);
}

static void read_clock(void)
{
    bench_keep(lab_now());
}

static void work_short(void)
{
    lab_work(LAB_SHORT);
}

static void work_long(void)
{
    lab_work(LAB_LONG);
}

/* The first line of the description says what limits the process. */
static void tell_limits(void)
{
    char text[4096] = "";
    crew_pool *pool;

    if (crew_pool_create(&pool, NULL))
        return;
    crew_pool_describe(pool, text, sizeof text);
    crew_pool_destroy(pool);
    printf("limits: %.*s\n", (int)strcspn(text, "\n"), text);
}

int main(void)
{
    tell_limits();
    printf("cache line there and back: %.0f ns\n", lab_line_trip(0, 1));
    printf("system call: %.0f ns\n", price(system_call, 1000));
    printf("clock: %.0f ns\n", price(read_clock, 1000));
    printf("short task: %.0f ns\n", price(work_short, 100));
    printf("long task: %.0f ns\n", price(work_long, 20));
    printf("crew: %s\n", crew_version());
    return 0;
}
