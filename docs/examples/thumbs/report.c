#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <crew/stats.h>

#include "names.h"

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CREW_S + now.tv_nsec;
}

void report_begin(struct report *report)
{
    memset(report, 0, sizeof *report);
    report->started_ns = now_ns();
}

void report_workers(struct report *report, const crew_pool *pool)
{
    const unsigned workers = crew_pool_workers(pool);
    crew_worker_stats stats;
    crew_ns all;
    unsigned i;

    report->busy_percent = calloc(workers, sizeof *report->busy_percent);
    if (!report->busy_percent)
        return;
    report->workers = workers;
    for (i = 0; i < workers; i++) {
        if (crew_pool_get_worker_stats(pool, i, &stats, sizeof stats) < 0)
            continue;
        all = stats.busy + stats.idle;
        if (all > 0)
            report->busy_percent[i] = (unsigned)((stats.busy * 100 + all / 2) /
                                                 all);
    }
}

/* User and system time of all threads so far. */
static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The most memory that the program had, in KiB. getrusage would count what
 * the program that started this one had. 0: not known. */
static long peak_kib(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;

    if (!status)
        return 0;
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    }
    fclose(status);
    return kib;
}

static void print_workers(const struct report *report)
{
    unsigned i;

    if (report->workers == 0)
        return;
    printf("%-13s", "workers busy");
    for (i = 0; i < report->workers; i++)
        printf(" %u %%%s", report->busy_percent[i],
               i + 1 < report->workers ? "," : "\n");
}

static void print_loop(const struct lateness *lateness)
{
    printf("%-13s stood still for at most %.2f ms\n", "main loop",
           (double)lateness->longest_ns / 1e6);
    printf("%-13s %llu ticks, 99.9 %% at most %.2f ms late\n", "",
           (unsigned long long)lateness->ticks,
           (double)lateness_quantile(lateness, 0.999) / 1e6);
}

void report_print(const struct report *report, const struct work *work)
{
    const double wall = (double)(now_ns() - report->started_ns) / 1e9;

    printf("%zu done, %zu failed\n", work->done, work->failed);
    printf("%-13s %zu, %.1f megapixels\n", "images", work->done,
           work->megapixels);
    printf("%-13s %.2f s wall, %.2f s CPU, %.1f images/s\n", "time", wall,
           cpu_seconds(), (double)work->done / wall);
    print_workers(report);
    print_loop(&work->loop.lateness);
    printf("%-13s %.1f MiB at most\n", "memory", (double)peak_kib() / 1024);
    if (work->done > 0 && !work->stopping && !work->sheet_failed)
        printf("%-13s %s/%s\n", "see", work->options->output, SHEET_NAME);
}

void report_fini(struct report *report)
{
    free(report->busy_percent);
}
