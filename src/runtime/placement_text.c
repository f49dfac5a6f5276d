/*
 * A plan in words.
 */
#include "runtime/placement.h"

#include <stdarg.h>
#include <stdio.h>

/* Like snprintf, piece by piece: `length` goes on where `out` is full. */
struct text {
    char *out;
    size_t size;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void
append(struct text *text, const char *format, ...)
{
    bool full = text->length >= text->size;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(full ? NULL : text->out + text->length,
                  full ? 0 : text->size - text->length, format, arguments);
    va_end(arguments);
    if (n > 0)
        text->length += (size_t)n;
}

/* ---- a mask ------------------------------------------------------------ */

static unsigned end_of_range(const struct crew__cpuset *set, unsigned first)
{
    unsigned last = first;

    while (crew__cpuset_has(set, last + 1))
        last++;
    return last;
}

static void append_mask(struct text *text, const struct crew__cpuset *set)
{
    const char *comma = "";

    for (unsigned cpu = 0; cpu < CREW__CPUS; cpu++) {
        unsigned last;

        if (!crew__cpuset_has(set, cpu))
            continue;
        last = end_of_range(set, cpu);
        append(text, last == cpu ? "%s%u" : "%s%u-%u", comma, cpu, last);
        comma = ",";
        cpu = last;
    }
}

int crew__placement_mask_text(const struct crew__cpuset *set, char *out,
                              size_t size)
{
    struct text text = {out, size, 0};

    append(&text, "%s", "");
    append_mask(&text, set);
    return (int)text.length;
}

/* ---- what limited the number ------------------------------------------- */

static const char *reason(const struct crew__placement_plan *plan)
{
    switch (plan->limit) {
    case CREW__LIMIT_QUOTA:
        return plan->reserved ? "the CPU quota, less the creating thread's core"
                              : "the CPU quota";
    case CREW__LIMIT_UNREAD:
        return "the CPU quota cannot be told";
    case CREW__LIMIT_OPTION:
        return "as asked for";
    case CREW__LIMIT_LIST:
        return "one per entry of the list";
    case CREW__LIMIT_MOST:
        return "the most that a pool may have";
    case CREW__LIMIT_CORES:
        break;
    }
    return plan->reserved ? "one per usable core, less the creating thread's"
                          : "one per usable core";
}

static void append_cores(struct text *text,
                         const struct crew__placement_plan *plan)
{
    if (plan->known)
        append(text, "%u of %u cores", plan->cores, plan->cores_all);
    else
        append(text, "%u CPUs of an unknown machine", plan->cores);
}

static void append_quota(struct text *text,
                         const struct crew__placement_plan *plan)
{
    if (plan->quota_cpus < 0)
        append(text, "CPU quota unknown: %s", crew_strerror(plan->quota_cpus));
    else if (plan->quota_cpus > 0)
        append(text, "CPU quota %d", plan->quota_cpus);
    else
        append(text, "no CPU quota");
}

int crew__placement_limit_text(const struct crew__placement_plan *plan,
                               char *out, size_t size)
{
    struct text text = {out, size, 0};

    append(&text, "%u worker%s: %s (", plan->workers,
           plan->workers == 1 ? "" : "s", reason(plan));
    append_cores(&text, plan);
    append(&text, ", affinity mask ");
    if (plan->masked)
        append_mask(&text, &plan->usable);
    else
        append(&text, "unknown");
    append(&text, ", ");
    append_quota(&text, plan);
    append(&text, ")");
    return (int)text.length;
}
