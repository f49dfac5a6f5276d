/*
 * Who runs. There is no scheduler's fiber: who stops running chooses the next
 * and switches to it.
 */
#include "os/sim_state.h"

#if defined(CREW_STEPS)

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds per runnable fiber after which those who only spin or yield are taken
 * to wait for time to pass. */
#define ROUNDS_OF_YIELD 16u
#define ROUNDS_OF_SPIN  30000u

/* ---- who runs ------------------------------------------------------------ */

static struct sim_fiber *highest(void)
{
    struct sim_fiber *best = sim.ready.items[0];

    for (unsigned i = 1; i < sim.ready.count; i++) {
        if (sim.ready.items[i]->priority > best->priority)
            best = sim.ready.items[i];
    }
    return best;
}

static struct sim_fiber *choose(void)
{
    sim_day_disturb();
    for (;;) {
        if (sim.now >= sim.due)
            sim_day_wake_due();
        if (sim.ready.count > 0)
            break;
        sim_day_pass();
    }
    return sim.day.by_priority ? highest() : sim_set_anyone(&sim.ready);
}

struct sim_fiber *sim_schedule_take_stepper(void)
{
    struct sim_fiber *fiber = sim.stepper;

    sim.stepper = NULL;
    sim_set_ready(fiber);
    return fiber;
}

static void say_switch(const struct sim_fiber *to)
{
    char words[128];

    sim_os_tell(sim.current, words, sizeof words);
    fprintf(stderr, "%12" PRIu64 " %16" PRId64 "  %s (%s) -> %s\n", sim.steps,
            sim.now, sim.current->name, words, to->name);
}

static void switch_to(struct sim_fiber *to)
{
    struct sim_fiber *from = sim.current;

    sim.left = 1 + (unsigned)sim_random(2 * sim.day.run - 1);
    sim.tick = (crew_ns)sim_random(sim.day.tick_ns);
    sim_trace(sim.steps << 16 | to->id);
    sim_trace((uint64_t)sim.now);
    if (to == from)
        return;
    if (sim.verbose)
        say_switch(to);
    sim.current = to;
    sim_context_switch(&from->context, &to->context, from->wait == SIM_ENDED);
}

static void preempt(void)
{
    sim.current->priority = SIM_LOW + sim_random(SIM_HIGH - SIM_LOW);
    switch_to(choose());
}

static void stall(crew_ns duration)
{
    struct sim_fiber *me = sim.current;

    memcpy(sim.stalled, me->name, sizeof sim.stalled);
    sim_set_drop(&sim.ready, me);
    sim_set_put(&sim.waiting, me);
    sim_set_until(me, SIM_STALL, crew__clock_deadline(sim.now, duration));
    switch_to(choose());
}

void sim_stall_at(uint64_t step, crew_ns duration)
{
    sim.options.stall_step = step;
    sim.options.stall_ns = duration;
}

const char *sim_stalled(void)
{
    return sim.stalled;
}

void crew__step(void)
{
    if (!sim_may_switch())
        return;
    if (sim.options.every_step) {
        sim.checking = true;
        sim.options.every_step(sim.options.arg);
        sim.checking = false;
    }
    sim.now += sim.tick;
    if (++sim.steps > sim.options.max_steps) {
        sim_report("endless: more steps than the options allow");
        sim_report_end(SIM_ENDLESS);
    }
    if (sim.steps == sim.options.stall_step)
        stall(sim.options.stall_ns);
    else if (sim.steps == sim.step && sim.stepper)
        switch_to(sim_schedule_take_stepper());
    else if (--sim.left == 0)
        preempt();
    else if (sim.now >= sim.due)
        switch_to(choose());
    sim.current->acted = sim.steps;
}

void sim_pass(void)
{
    crew__step();
    if (sim_may_switch() && sim_chance(2))
        switch_to(choose());
}

void sim_point(void)
{
    sim_pass();
}

void sim_spin(bool gives_up)
{
    unsigned rounds = gives_up ? ROUNDS_OF_YIELD : ROUNDS_OF_SPIN;

    crew__step();
    if (!sim_may_switch())
        return;
    if (sim.day.tick_ns > 0)
        sim.now += 1 + (crew_ns)sim_random(40);
    if (++sim.idle_rounds > rounds * sim.ready.count) {
        sim.idle_rounds = 0;
        if (sim.frozen.count > 0)
            sim_day_thaw();
        else if (sim.due != CREW__NEVER && sim.due > sim.now)
            sim.now = sim.due;
    }
    sim.current->priority = sim.lowest--;
    if (gives_up || sim_chance(2))
        switch_to(choose());
}

bool sim_block(enum sim_wait wait, const void *on, crew_ns until)
{
    struct sim_fiber *me = sim.current;

    if (!sim_may_switch())
        sim_fail("a check of the simulation would block");
    sim_set_drop(&sim.ready, me);
    sim_set_put(&sim.waiting, me);
    me->on = on;
    me->woken = false;
    me->since = sim.steps;
    sim_set_until(me, wait, until);
    sim.idle_rounds = 0;
    switch_to(choose());
    return me->woken;
}

void sim_wake(struct sim_fiber *fiber)
{
    fiber->woken = true;
    if (sim_chance(sim.day.late_in))
        sim_set_until(fiber, SIM_LATE, sim.now + sim_random_time(20 * CREW_MS));
    else
        sim_set_ready(fiber);
}

static struct sim_fiber *find_waiting(enum sim_wait wait, const void *on,
                                      uint64_t before)
{
    unsigned n = sim.waiting.count;
    unsigned at = (unsigned)sim_random(n);

    for (unsigned i = 0; i < n; i++, at++) {
        struct sim_fiber *fiber = sim.waiting.items[at % n];

        if (fiber->wait == wait && (fiber->on == on || fiber->also == on) &&
            fiber->since <= before)
            return fiber;
    }
    return NULL;
}

unsigned sim_wake_all(enum sim_wait wait, const void *on, unsigned most,
                      uint64_t before)
{
    unsigned count = 0;
    struct sim_fiber *fiber;

    while (count < most && (fiber = find_waiting(wait, on, before)) != NULL) {
        fiber->by = on;
        sim_wake(fiber);
        count++;
    }
    return count;
}

void sim_wait_step(uint64_t step)
{
    if (step <= sim.steps)
        return;
    sim.step = step;
    sim.stepper = sim.current;
    sim_block(SIM_STEP, NULL, CREW__NEVER);
}

void sim_work(crew_ns duration)
{
    if (duration <= 0)
        sim_pass();
    else
        sim_block(SIM_WORK, NULL, crew__clock_deadline(sim.now, duration));
}
/* ---- fibers -------------------------------------------------------------- */

static unsigned count_living(void)
{
    return sim.ready.count + sim.frozen.count + sim.waiting.count;
}

static void fiber_main(void *arg)
{
    struct sim_fiber *me = arg;

    sim_context_acquire(me);
    me->entry(me->arg);
    sim_context_release(me);
    sim_context_release(&sim);
    if (me == sim.first) {
        if (count_living() > 1 || sim.ended.count > 0)
            sim_fail("main has returned, and threads are left");
        sim_report_end(SIM_OK);
    }
    sim_set_drop(&sim.ready, me);
    sim_set_put(&sim.ended, me);
    me->wait = SIM_ENDED;
    sim_wake_all(SIM_JOIN, me, UINT32_MAX, UINT64_MAX);
    switch_to(choose());
}

struct sim_fiber *sim_fiber_start(const char *name, size_t stack_bytes,
                                  void (*entry)(void *), void *arg)
{
    struct sim_fiber *fiber = calloc(1, sizeof *fiber);

    if (!fiber || count_living() + sim.ended.count == SIM_FIBERS ||
        !sim_context_make(&fiber->context, stack_bytes, fiber_main, fiber)) {
        free(fiber);
        return NULL;
    }
    fiber->id = sim.ids++;
    fiber->wait = SIM_READY;
    fiber->until = CREW__NEVER;
    fiber->priority = SIM_HIGH + sim_random(SIM_HIGH);
    fiber->entry = entry;
    fiber->arg = arg;
    snprintf(fiber->name, sizeof fiber->name, "%s", name);
    if (sim.current)
        fiber->affinity = sim.current->affinity;
    sim_set_put(&sim.ready, fiber);
    sim_context_release(fiber);
    return fiber;
}

static void free_fiber(struct sim_fiber *fiber)
{
    sim_context_free(&fiber->context);
    free(fiber);
}

void sim_fiber_join(struct sim_fiber *fiber)
{
    while (fiber->wait != SIM_ENDED)
        sim_block(SIM_JOIN, fiber, CREW__NEVER);
    sim_context_acquire(fiber);
    sim_set_drop(&sim.ended, fiber);
    free_fiber(fiber);
}

struct sim_fiber *sim_fiber_of(unsigned id)
{
    const struct sim_set *sets[] = {&sim.ready, &sim.frozen, &sim.waiting};

    for (unsigned s = 0; s < 3; s++) {
        for (unsigned i = 0; i < sets[s]->count; i++) {
            if (sets[s]->items[i]->id == id)
                return sets[s]->items[i];
        }
    }
    return NULL;
}

static void free_set(struct sim_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        free_fiber(set->items[i]);
    set->count = 0;
}

void sim_schedule_free_all(void)
{
    free_set(&sim.ready);
    free_set(&sim.frozen);
    free_set(&sim.waiting);
    free_set(&sim.ended);
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_schedule_unused;
const int crew__sim_schedule_unused = 0;

#endif
