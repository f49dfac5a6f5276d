#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>

static const char *state_of(crew_worker *worker)
{
    if (crew__worker_has_ended(worker))
        return "ended";
    /* a figure */
    return crew__load_relaxed(&worker->online_since) ? "online" : "starting";
}

int crew_worker_describe(crew_worker *worker, char *out, size_t size)
{
    char cpus[128] = "any";

    if (!worker || (!out && size))
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    if (worker->masked)
        crew__placement_mask_text(&worker->mask, cpus, sizeof cpus);
    /* a figure */
    return snprintf(out, size, "%s: tid %u, %s, on CPUs %s", worker->name,
                    crew__load_relaxed(&worker->place.tid), state_of(worker),
                    cpus);
}
