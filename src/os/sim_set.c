#include "os/sim_state.h"

#if defined(CREW_STEPS)

void sim_set_put(struct sim_set *set, struct sim_fiber *fiber)
{
    fiber->place = set->count;
    set->items[set->count++] = fiber;
}

void sim_set_drop(struct sim_set *set, struct sim_fiber *fiber)
{
    struct sim_fiber *last = set->items[--set->count];

    set->items[fiber->place] = last;
    last->place = fiber->place;
}

struct sim_fiber *sim_set_anyone(const struct sim_set *set)
{
    return set->items[sim_random(set->count)];
}

void sim_set_ready(struct sim_fiber *fiber)
{
    sim_set_drop(&sim.waiting, fiber);
    fiber->wait = SIM_READY;
    sim_set_put(&sim.ready, fiber);
    sim.idle_rounds = 0;
}

void sim_set_until(struct sim_fiber *fiber, enum sim_wait wait, crew_ns until)
{
    fiber->wait = wait;
    fiber->until = until;
    if (until < sim.due)
        sim.due = until;
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_set_unused;
const int crew__sim_set_unused = 0;

#endif
