/*
 * The CPU time that the process uses in a second in which its pool of two
 * workers has nothing to do. The second begins when the last of a thousand
 * tasks has ended, so looking for more work before sleeping counts. The
 * contenders are those of tiny.c.
 */
#include "tiny.h"

static void submitted(void)
{
}

void idle_measure(crew_bench *b)
{
    const struct tiny_case *it = bench_data(b);
    int64_t second = (int64_t)lab_scaled(1000000000, 10000000);

    it->who->start(&it->load);
    for (int64_t n = bench_count(b); n; n--) {
        int64_t cpu;

        it->who->run(it->load.tasks, submitted);
        cpu = lab_cpu_time();
        lab_sleep(second);
        cpu = lab_cpu_time() - cpu;
        bench_set(b, "cpu_ms", (double)cpu / 1e6);
        bench_time(b, (double)cpu);
    }
    bench_end(b);
    it->who->stop();
}
