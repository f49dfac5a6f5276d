/*
 * The state of a run, and what the scheduler's files call of each other. Lowest
 * first:
 *   sim_set        ready, frozen, waiting, ended
 *   sim_report     what a failure says, and the end of a run
 *   sim_day        what goes wrong, and how time passes
 *   sim_schedule   who runs; fibers
 *   sim            figures, chance, a run
 */
#ifndef CREW_OS_SIM_STATE_H
#define CREW_OS_SIM_STATE_H

#include "os/sim_core.h"

#define SIM_FIBERS 1200u

/* Priorities: of new fibers from HIGH up; of preempted ones from LOW up, as
 * they come; of those that spin below LOW, each below all others. */
#define SIM_LOW  (UINT64_C(1) << 62)
#define SIM_HIGH (UINT64_C(1) << 63)

struct sim_set {
    struct sim_fiber *items[SIM_FIBERS];
    unsigned count;
};

/* What kind of day it is. 0 in a "one in" means never. */
struct sim_day {
    unsigned run;         /* steps between switches, on average */
    bool by_priority;     /* always the highest; else anyone */
    unsigned freeze_in;   /* an episode of freezing begins */
    unsigned stall_in;    /* the running fiber is stalled */
    unsigned late_in;     /* a wake or a timer comes late */
    unsigned spurious_in; /* a futex wait returns for nothing */
    unsigned tick_ns;     /* a step takes less than this; 0: the clock stands
                             still while anyone runs */
    crew_ns lag;          /* the coarse clock is so far behind its step */
};

struct sim_state {
    struct sim_options options;
    struct sim_day day;
    struct sim_set ready, frozen, waiting, ended;
    struct sim_context root;
    struct sim_fiber *current;
    struct sim_fiber *first;
    uint64_t seed, random, steps, hash;
    uint64_t lowest;  /* priority, so far */
    crew_ns now, due; /* due: no `until` of the waiting lies before it */
    crew_ns tick;     /* of each step until the next switch */
    unsigned left;    /* steps until the next switch */
    unsigned freeze_goal, thaw_goal;
    unsigned idle_rounds;
    struct sim_fiber *stepper; /* waits for `step` */
    uint64_t step;
    unsigned ids;
    char stalled[24]; /* who made stall_step */
    bool checking;    /* inside a callback of the options */
    bool verbose;
    enum sim_result result;
};
extern struct sim_state sim;

/* ---- sim_set.c ----------------------------------------------------------- */

void sim_set_put(struct sim_set *set, struct sim_fiber *fiber);
void sim_set_drop(struct sim_set *set, struct sim_fiber *fiber);
struct sim_fiber *sim_set_anyone(const struct sim_set *set);
/* From waiting to ready. */
void sim_set_ready(struct sim_fiber *fiber);
/* What one in `waiting` waits for, and how long. */
void sim_set_until(struct sim_fiber *fiber, enum sim_wait wait, crew_ns until);

/* ---- sim_report.c -------------------------------------------------------- */

void sim_report(const char *what);
/* Back to sim_run; all fibers are left where they are. */
void sim_report_end(enum sim_result result) __attribute__((noreturn));

/* ---- sim_day.c ----------------------------------------------------------- */

void sim_day_draw(void);
void sim_day_disturb(void);
/* One of the frozen can run. */
void sim_day_thaw(void);
/* Whose time has come can run, or comes late. */
void sim_day_wake_due(void);
/* Nobody can run: time passes, or somebody thaws. */
void sim_day_pass(void);

/* ---- sim_schedule.c ------------------------------------------------------ */

/* Who waits for a step comes before it. */
struct sim_fiber *sim_schedule_take_stepper(void);
void sim_schedule_free_all(void);

#endif
