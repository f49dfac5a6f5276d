/*
 * What a scenario is, and what they share. Each file of tests/sim has a table
 * of its own; main.c runs one by its name over many seeds:
 *
 *   crew_sim_tests --list
 *   crew_sim_tests NAME                 as many seeds as its table says
 *   crew_sim_tests NAME --seed S        that one; or CREW_SEED=S
 *   crew_sim_tests NAME --first S --seeds N --seconds T --share K
 *   crew_sim_tests --all ...            one after the other
 *   crew_sim_tests --traces ...         and only their hashes are told
 */
#ifndef CREW_TESTS_SIM_SCENARIO_H
#define CREW_TESTS_SIM_SCENARIO_H

#include "base/mark.h"
#include "os/sim.h"

struct scenario {
    const char *name;
    void (*main_fiber)(void *); /* one run of one seed */
    unsigned seeds;
    struct sim_options options;
    /* Chooses its runs by itself. */
    void (*whole)(uint64_t seed);
    uint64_t reaches; /* REACHES of the marks without which all its seeds
                         together have missed the point */
};

#define REACHES(mark) (UINT64_C(1) << CREW__MARK_##mark)
_Static_assert(CREW__MARK_COUNT <= 64, "a set of marks is a word");

extern const struct scenario os_scenarios[];   /* each table ends with */
extern const struct scenario self_scenarios[]; /* an empty name */
extern const struct scenario inbox_scenarios[];
extern const struct scenario task_scenarios[];
extern const struct scenario group_scenarios[];
extern const struct scenario limit_scenarios[];
extern const struct scenario order_scenarios[];
extern const struct scenario end_scenarios[];
extern const struct scenario step_scenarios[];
extern const struct scenario stall_scenarios[];
extern const struct scenario cancel_scenarios[];
extern const struct scenario port_scenarios[];
extern const struct scenario room_scenarios[];
extern const struct scenario call_scenarios[];
extern const struct scenario hub_scenarios[];
extern const struct scenario worker_scenarios[];
extern const struct scenario settle_scenarios[];
extern const struct scenario lock_scenarios[];
extern const struct scenario post_scenarios[];

/* For options.every_step: what holds between any two steps of the pool of
 * `load` (job.h). */
void invariants_check(void *arg);

/* The options, and in one seed of eight with the invariants after every step,
 * which costs ten times as much. */
struct sim_options watched(const struct sim_options *options, uint64_t seed);

/* At the end of each run: what was freed in it goes. */
void memory_release(void);

/* Ends the program, naming the seed of `whole`. */
#define self_check(condition) \
    ((condition) ? (void)0 : self_fail(__FILE__, __LINE__, #condition))
void self_fail(const char *file, int line, const char *text)
    __attribute__((noreturn));

#endif
