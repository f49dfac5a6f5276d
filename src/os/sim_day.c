/*
 * Bad days and the clock. The seed draws, once for a run, what kind of bad day
 * it is, as no single mixture finds everything: long runs between switches find
 * what short ones don't.
 */
#include "os/sim_state.h"

#if defined(CREW_STEPS)

#include <string.h>

void sim_day_draw(void)
{
    static const unsigned runs[] = {1, 2, 3, 5, 10, 30, 100, 1000};
    static const unsigned runs_by_priority[] = {3, 10, 100, 1000};
    static const unsigned ticks[] = {0, 2, 10, 50, 200};

    memset(&sim.day, 0, sizeof sim.day);
    sim.day.by_priority = sim_chance(3);
    sim.day.run = sim.day.by_priority ? runs_by_priority[sim_random(4)]
                                      : runs[sim_random(8)];
    if (sim_chance(4) && (sim.options.exact || !sim.options.calm))
        sim.day.lag = sim_random_time(SIM_LAG);
    if (sim.options.exact)
        return;
    sim.day.tick_ns = ticks[sim_random(5)];
    if (sim.options.calm || sim_chance(4))
        return;
    if (sim_chance(2))
        sim.day.freeze_in = 10u << sim_random(6);
    if (sim_chance(4))
        sim.day.stall_in = 50u << sim_random(6);
    if (sim_chance(2))
        sim.day.late_in = 1u << sim_random(5);
    if (sim_chance(2))
        sim.day.spurious_in = 2u << sim_random(5);
}

bool sim_is_disturbed(void)
{
    return sim.day.freeze_in || sim.day.stall_in || sim.day.late_in ||
           sim.day.spurious_in;
}

crew_ns sim_lag(void)
{
    return sim.day.lag;
}

bool sim_spurious(void)
{
    return sim_chance(sim.day.spurious_in);
}

static void freeze_one(void)
{
    struct sim_fiber *fiber = sim_set_anyone(&sim.ready);

    sim_set_drop(&sim.ready, fiber);
    fiber->wait = SIM_FROZEN;
    sim_set_put(&sim.frozen, fiber);
    sim.freeze_goal--;
    sim.thaw_goal++;
}

void sim_day_thaw(void)
{
    struct sim_fiber *fiber = sim_set_anyone(&sim.frozen);

    sim_set_drop(&sim.frozen, fiber);
    fiber->wait = SIM_READY;
    sim_set_put(&sim.ready, fiber);
    sim.thaw_goal--;
    sim.idle_rounds = 0;
}

/* Freezes some one by one, then thaws them in another order. */
static void clog_some(void)
{
    if (sim.freeze_goal > 0) {
        if (sim.ready.count > 0)
            freeze_one();
        else
            sim.freeze_goal = 0;
    } else if (sim.thaw_goal > 0) {
        if (sim_chance(4))
            sim_day_thaw();
    } else if (sim_chance(sim.day.freeze_in)) {
        sim.freeze_goal = 1 + (unsigned)sim_random(sim.ready.count +
                                                   sim.waiting.count);
    }
}

/* A wake-up for nothing, of anyone who sleeps on a word. */
static void wake_for_nothing(void)
{
    struct sim_fiber *fiber;

    if (sim.waiting.count == 0 || !sim_spurious())
        return;
    fiber = sim_set_anyone(&sim.waiting);
    if (fiber->wait == SIM_FUTEX && sim_chance(4)) {
        fiber->woken = true;
        sim_set_ready(fiber);
    }
}

void sim_day_disturb(void)
{
    struct sim_fiber *me = sim.current;

    if (sim.day.freeze_in)
        clog_some();
    if (sim.day.spurious_in)
        wake_for_nothing();
    if (me->wait == SIM_READY && sim_chance(sim.day.stall_in)) {
        sim_set_drop(&sim.ready, me);
        sim_set_put(&sim.waiting, me);
        sim_set_until(me, SIM_STALL, sim.now + sim_random_time(4 * CREW_S));
    }
}

/* ---- time ---------------------------------------------------------------- */

static void come(struct sim_fiber *fiber)
{
    bool is_timer = fiber->wait != SIM_LATE && fiber->wait != SIM_STALL;

    if (is_timer && sim_chance(sim.day.late_in))
        sim_set_until(fiber, SIM_LATE, sim.now + sim_random_time(10 * CREW_MS));
    else
        sim_set_ready(fiber);
}

void sim_day_wake_due(void)
{
    unsigned i = 0;

    sim.due = CREW__NEVER;
    while (i < sim.waiting.count) {
        struct sim_fiber *fiber = sim.waiting.items[i];

        if (fiber->until <= sim.now)
            come(fiber);
        if (i < sim.waiting.count && sim.waiting.items[i] == fiber) {
            if (fiber->until < sim.due)
                sim.due = fiber->until;
            i++;
        }
    }
}

/* Whether all sleep or compute of their own will. */
static bool is_idle(void)
{
    for (unsigned i = 0; i < sim.waiting.count; i++) {
        if (sim.waiting.items[i]->wait == SIM_STALL ||
            sim.waiting.items[i]->wait == SIM_LATE)
            return false;
    }
    return sim.frozen.count == 0;
}

/* Nobody can run: time passes, or somebody thaws. */
void sim_day_pass(void)
{
    if (sim.frozen.count > 0 && (sim.due == CREW__NEVER || sim_chance(2))) {
        sim_day_thaw();
        return;
    }
    if (sim.options.when_idle && is_idle()) {
        sim.checking = true;
        sim.options.when_idle(sim.options.arg);
        sim.checking = false;
    }
    sim_day_wake_due(); /* makes `due` exact */
    if (sim.ready.count > 0)
        return;
    if (sim.due == CREW__NEVER) {
        if (sim.frozen.count > 0)
            return;
        if (sim.stepper) { /* there are no more steps than these */
            sim_schedule_take_stepper();
            return;
        }
        sim_report("deadlock: nobody can run, and no time will change that");
        sim_report_end(SIM_DEADLOCK);
    }
    sim.now = sim.due;
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_day_unused;
const int crew__sim_day_unused = 0;

#endif
