/*
 * How much CPU time the control groups allow this process, which neither
 * hwloc nor the affinity mask know.
 *
 *   cpu.max             v2: "150000 100000", "max 100000", "150000"
 *   cpu.cfs_quota_us    v1: "150000", or "-1" for no limit
 *   cpu.cfs_period_us   v1: "100000"
 *   cpu.stat            both: "nr_throttled 7" among other lines
 *
 * A parent's limit holds for its children too, so the smallest one on the way
 * up counts. A file that is not there limits nothing (the root has none); one
 * that makes no sense is an error, whatever the others say, so that it never
 * passes for "no limit".
 */
#include "os/cgroup.h"
#include "os/os.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PERIOD 100000

/* Moves *at over a positive number. */
static int parse_positive(const char **at, int64_t *out)
{
    const char *p = *at;
    int64_t n = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (INT64_MAX - 9) / 10)
            return -EPROTO;
        n = n * 10 + (*p - '0');
    }
    if (n == 0)
        return -EPROTO;
    *at = p;
    *out = n;
    return 0;
}

static int parse_end(const char *at)
{
    return *at == '\0' || strcmp(at, "\n") == 0 ? 0 : -EPROTO;
}

static int round_up(int64_t quota, int64_t period)
{
    int64_t cpus = quota / period + (quota % period != 0);

    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

/* 0: no limit. */
static int parse_v2(const char *text)
{
    bool limited = strncmp(text, "max", 3) != 0;
    int64_t quota = 0;
    int64_t period = DEFAULT_PERIOD;
    int r = 0;

    if (limited)
        r = parse_positive(&text, &quota);
    else
        text += 3;
    if (r == 0 && *text == ' ') {
        text++;
        r = parse_positive(&text, &period);
    }
    if (r == 0)
        r = parse_end(text);
    if (r < 0)
        return r;
    return limited ? round_up(quota, period) : 0;
}

static int parse_v1(const char *quota_text, const char *period_text)
{
    int64_t quota;
    int64_t period;

    if (strncmp(quota_text, "-1", 2) == 0)
        return parse_end(quota_text + 2);
    if (parse_positive(&quota_text, &quota) < 0 || parse_end(quota_text) < 0 ||
        parse_positive(&period_text, &period) < 0 || parse_end(period_text) < 0)
        return -EPROTO;
    return round_up(quota, period);
}

static int read_v1(const char *directory, const char *quota)
{
    char period[64] = "";
    int r = 0;

    if (strncmp(quota, "-1", 2) != 0)
        r = crew__cgroup_read(directory, "cpu.cfs_period_us", period,
                              sizeof period);
    if (r < 0 && r != -ENOENT)
        return r;
    return parse_v1(quota, period); /* refuses a quota without a period */
}

static int look_at_quota(const char *directory, bool v2, void *arg)
{
    const char *name = v2 ? "cpu.max" : "cpu.cfs_quota_us";
    int *smallest = arg;
    char text[64];
    int r = crew__cgroup_read(directory, name, text, sizeof text);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r == 0)
        r = v2 ? parse_v2(text) : read_v1(directory, text);
    if (r > 0 && (*smallest == 0 || r < *smallest))
        *smallest = r;
    return r < 0 ? r : 0;
}

/* The value after `name` at the begin of a line; 0 where there is none. */
static uint64_t find_count(const char *text, const char *name)
{
    size_t length = strlen(name);

    while (text && strncmp(text, name, length) != 0) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return text ? strtoull(text + length, NULL, 10) : 0;
}

static int look_at_throttled(const char *directory, bool v2, void *arg)
{
    uint64_t *sum = arg;
    char text[2048];

    (void)v2;
    if (crew__cgroup_read(directory, "cpu.stat", text, sizeof text) == 0)
        *sum += find_count(text, "nr_throttled ");
    return 0;
}

static const char *choose_root(const char *root)
{
#if defined(CREW_TESTING)
    if (!root)
        root = getenv("CREW_TEST_ROOT");
#endif
    return root;
}

int crew__quota_cpus(const char *root, struct crew__cgroups **kept)
{
    int smallest = 0;
    int r = crew__cgroup_visit(choose_root(root), kept, look_at_quota,
                               &smallest);

    return r < 0 ? r : smallest;
}

/* A parent that is stopped stops its children, so all on the way up count. */
uint64_t crew__quota_throttled(const char *root, struct crew__cgroups **kept)
{
    uint64_t sum = 0;

    crew__cgroup_visit(choose_root(root), kept, look_at_throttled, &sum);
    return sum;
}
