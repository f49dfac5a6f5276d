/*
 * The simulation: a run and its figures. See sim.h for its users.
 */
#include "os/sim_state.h"

#if defined(CREW_STEPS)

#include <stdlib.h>
#include <string.h>

#define STEPS UINT64_C(20000000)

struct sim_state sim;

static void (*end_function)(void);

/* ---- chance and figures ------------------------------------------------ */

static uint64_t next_random(void)
{
    uint64_t z = sim.random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t sim_random(uint64_t n)
{
    return n ? next_random() % n : 0;
}

bool sim_chance(uint64_t n)
{
    return n != 0 && sim_random(n) == 0;
}

crew_ns sim_random_time(crew_ns most)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll((uint64_t)most);
    uint64_t below = UINT64_C(1) << (1 + sim_random(bits));
    crew_ns time = 1 + (crew_ns)sim_random(below);

    return time < most ? time : most;
}

void sim_trace(uint64_t word)
{
    sim.hash = (sim.hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    sim.hash ^= sim.hash >> 29;
}

void sim_at_end(void (*fn)(void))
{
    end_function = fn;
}

bool sim_is_running(void)
{
    return sim.current != NULL;
}

uint64_t sim_seed(void)
{
    return sim.seed;
}

uint64_t sim_steps(void)
{
    return sim.steps;
}

uint64_t sim_trace_hash(void)
{
    return sim.hash;
}

crew_ns sim_time(void)
{
    return sim.now;
}

struct sim_fiber *sim_current(void)
{
    return sim.current;
}

bool sim_may_switch(void)
{
    return sim.current && !sim.checking;
}
/* ---- a run --------------------------------------------------------------- */

/* CREW_SIM_VERBOSE=SEED tells each switch of that run. */
static bool wants_to_be_told(uint64_t seed)
{
    const char *verbose = getenv("CREW_SIM_VERBOSE");

    return verbose && strtoull(verbose, NULL, 0) == seed;
}

static void begin(uint64_t seed, const struct sim_options *options)
{
    static const struct sim_options none = {.cpus = 0};

    memset(&sim, 0, sizeof sim);
    sim.options = options ? *options : none;
    if (sim.options.max_steps == 0)
        sim.options.max_steps = STEPS;
    if (sim.options.exact)
        sim.options.calm = true;
    sim.seed = seed;
    sim.random = seed * UINT64_C(0xd1342543de82ef95) + 1;
    sim.due = CREW__NEVER;
    sim.lowest = SIM_LOW - 1;
    sim.now = CREW_S +
              (crew_ns)sim_random(UINT64_C(1) << (30 + sim_random(28)));
    sim.verbose = wants_to_be_told(seed);
    sim_day_draw();
}

enum sim_result sim_run(uint64_t seed, const struct sim_options *options,
                        void (*main_fiber)(void *), void *arg)
{
    begin(seed, options);
    sim_os_begin();
    sim_machine_begin(sim.options.cpus ? sim.options.cpus : 8);
    sim_context_root(&sim.root);
    sim.first = sim_fiber_start("main", 256 * 1024, main_fiber, arg);
    if (!sim.first)
        abort();
    crew__affinity_get(0, &sim.first->affinity);
    sim.left = 1;
    sim.current = sim.first;
    sim_context_switch(&sim.root, &sim.first->context, false);
    sim_context_acquire(&sim);
    sim_schedule_free_all();
    sim_os_end();
    if (end_function)
        end_function();
    return sim.result;
}

struct sim_thread *sim_spawn(const char *name, void (*fn)(void *), void *arg)
{
    struct sim_fiber *fiber = sim_fiber_start(name, 128 * 1024, fn, arg);

    if (!fiber)
        sim_fail("no memory for a fiber");
    sim_pass();
    return (struct sim_thread *)fiber;
}

void sim_join(struct sim_thread *thread)
{
    sim_fiber_join((struct sim_fiber *)thread);
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_unused;
const int crew__sim_unused = 0;

#endif
