#include "os/sim_state.h"

#if defined(CREW_STEPS)

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void tell_place(const struct sim_fiber *fiber)
{
    void *trace[24];
    unsigned n;

    if (fiber == sim.current)
        return;
    n = sim_context_trace(&fiber->context, trace, 24);
    if (n == 0)
        return;
    fprintf(stderr, "      at");
    for (unsigned i = 1; i < n; i++) /* the innermost is ours */
        fprintf(stderr, " %p", trace[i]);
    fprintf(stderr, "\n");
}

static void tell_set(const struct sim_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        char words[128];

        sim_os_tell(set->items[i], words, sizeof words);
        fprintf(stderr, "  %-14s %s\n", set->items[i]->name, words);
        tell_place(set->items[i]);
    }
}

static void tell_where(const char *what)
{
    fprintf(stderr,
            "crew: simulation: %s\n"
            "  seed %" PRIu64 ", step %" PRIu64 ", %" PRId64
            " ns, running: %s\n",
            what, sim.seed, sim.steps, sim.now,
            sim.current ? sim.current->name : "nobody");
}

void sim_report(const char *what)
{
    if (sim.options.quiet)
        return;
    tell_where(what);
    tell_set(&sim.ready);
    tell_set(&sim.frozen);
    tell_set(&sim.waiting);
}

void sim_report_end(enum sim_result result)
{
    struct sim_fiber *last = sim.current;

    sim.result = result;
    sim.current = NULL;
    sim_context_switch(&last->context, &sim.root, true);
    abort();
}

void sim_fail(const char *format, ...)
{
    char what[256];
    va_list list;

    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    sim_report(what);
    if (!sim.current)
        abort();
    sim_report_end(SIM_FAILED);
}

void sim_check_equal_at(int64_t is, int64_t expected, const char *text,
                        const char *file, int line)
{
    if (is != expected)
        sim_fail("%s:%d: %s is %" PRId64 ", not %" PRId64, file, line, text, is,
                 expected);
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_report_unused;
const int crew__sim_report_unused = 0;

#endif
