/*
 * ticker SECONDS: the main loop of crew-thumbs with nothing to do, beside a
 * burning thread on each CPU. What its ticks are late by is the machine's own
 * doing: the yardstick for what crew-thumbs says of its loop.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"

enum { MAX_THREADS = 256 };

static atomic_bool over;

static void *burn(void *arg)
{
    const long cpu = (long)arg;
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((unsigned)cpu, &cpus);
    pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    while (!atomic_load_explicit(&over, memory_order_relaxed))
        continue;
    return NULL;
}

static void on_draw(void *arg)
{
    (void)arg;
}

static void on_signal(int signal, void *arg)
{
    (void)signal;
    (void)arg;
    atomic_store(&over, true);
}

int main(int argc, char **argv)
{
    const struct loop_handlers handlers = {on_draw, on_signal, NULL};
    const uint64_t ticks = argc > 1 ? strtoul(argv[1], NULL, 10) * 1000 : 1000;
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[MAX_THREADS];
    struct loop loop;
    long i, started = 0;

    loop_block_signals();
    for (i = 0; i < cpus && i < MAX_THREADS; i++)
        started += pthread_create(&threads[started], NULL, burn, (void *)i) ==
                   0;
    if (loop_init(&loop, NULL, &handlers) < 0)
        return 1;
    while (loop.lateness.ticks < ticks && !atomic_load(&over))
        loop_turn(&loop, true);
    atomic_store(&over, true);
    for (i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("main loop     stood still for at most %.2f ms\n",
           (double)loop.lateness.longest_ns / 1e6);
    printf("              %llu ticks, 99.9 %% at most %.2f ms late\n",
           (unsigned long long)loop.lateness.ticks,
           (double)lateness_quantile(&loop.lateness, 0.999) / 1e6);
    loop_fini(&loop);
    return 0;
}
