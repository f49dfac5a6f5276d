/*
 * Runs one scenario over many seeds. Every failure ends with the line that
 * repeats it.
 */
#include "scenario.h"

#include "base/census.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

static const struct scenario *const tables[] = {
    os_scenarios,    self_scenarios,  inbox_scenarios,  task_scenarios,
    group_scenarios, limit_scenarios, order_scenarios,  end_scenarios,
    step_scenarios,  stall_scenarios, cancel_scenarios, port_scenarios,
    room_scenarios,  call_scenarios,  worker_scenarios, settle_scenarios,
    hub_scenarios,   lock_scenarios,  post_scenarios,
};

struct plan {
    const struct scenario *scenario;
    uint64_t first;
    uint64_t seeds;
    double seconds; /* 0: no limit */
    bool part;      /* not all that the table says */
};

static const char *scenario_name = "?";
static uint64_t plan_seed;
static bool traces_alone;

/* ---- failures -------------------------------------------------------------- */

/* The line "seed N" is what tests/support/repeat.awk looks for. */
static void tell_repeat(void)
{
    char line[192];
    int n = snprintf(line, sizeof line,
                     "repeat: crew_sim_tests %s --seed %" PRIu64
                     "\nseed %" PRIu64 "\n",
                     scenario_name, plan_seed, plan_seed);

    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

/* A seed that ends in a crash is told too. */
static void tell_crash(void)
{
    char line[64];
    int n = snprintf(line, sizeof line,
                     "crew: simulation: died in step %" PRIu64 "\n",
                     sim_steps());

    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
    tell_repeat();
}

static void on_signal(int number)
{
    tell_crash();
    signal(number, SIG_DFL);
    raise(number);
}

#if defined(ASAN)
void __sanitizer_set_death_callback(void (*callback)(void));
#endif

static void catch_crashes(void)
{
    static char stack[65536];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    const int numbers[] = {
        SIGABRT,
        SIGILL,
        SIGALRM,
#if !defined(ASAN)
        SIGSEGV,
        SIGBUS,
        SIGFPE,
        SIGTRAP,
#endif
    };

#if defined(ASAN)
    __sanitizer_set_death_callback(tell_crash);
#else
    sigaltstack(&alternative, NULL);
#endif
    (void)alternative;
    action.sa_handler = on_signal;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

void self_fail(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    tell_repeat();
    exit(1);
}

/* ---- running --------------------------------------------------------------- */

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Two runs of one seed are the same run. */
static bool run_seed(const struct scenario *scenario, uint64_t seed)
{
    struct sim_options options = watched(&scenario->options, seed);
    uint64_t hash;

    if (sim_run(seed, &options, scenario->main_fiber, NULL) ||
        crew__census_live(1) > 0)
        return false;
    if (seed % 16 != 1)
        return true;
    hash = sim_trace_hash();
    sim_run(seed, &options, scenario->main_fiber, NULL);
    if (hash == sim_trace_hash())
        return true;
    fprintf(stderr, "crew: simulation: a second run went another way\n");
    return false;
}

static bool has_reached_its_marks(const struct plan *plan)
{
    bool all = true;

    if (plan->part)
        return true;
    for (unsigned i = 0; i < CREW__MARK_COUNT; i++) {
        if ((plan->scenario->reaches >> i & 1) &&
            crew__mark_count((enum crew__mark_id)i) == 0) {
            fprintf(stderr, "%s: in no seed: %s\n", plan->scenario->name,
                    crew__mark_text((enum crew__mark_id)i));
            all = false;
        }
    }
    return all;
}

static void tell_figures(const char *name, uint64_t seeds, double seconds,
                         uint64_t steps, uint64_t hash)
{
    if (traces_alone)
        printf("%s %" PRIu64 " %016" PRIx64 "\n", name, seeds, hash);
    else
        printf("%-24s %6" PRIu64 " seeds, %5.2f s, %5.1f M steps, "
               "trace %016" PRIx64 "\n",
               name, seeds, seconds, (double)steps / 1e6, hash);
}

static int run(const struct plan *plan)
{
    const struct scenario *scenario = plan->scenario;
    double begin = seconds_now();
    uint64_t hash = 0;
    uint64_t steps = 0;
    uint64_t n;

    scenario_name = scenario->name;
    for (n = 0; n < plan->seeds; n++) {
        if (plan->seconds > 0 && seconds_now() - begin > plan->seconds)
            break;
        alarm(60);
        plan_seed = plan->first + n;
        if (scenario->whole) {
            scenario->whole(plan_seed);
        } else if (!run_seed(scenario, plan_seed)) {
            tell_repeat();
            return 1;
        }
        hash = hash * 31 + sim_trace_hash();
        steps += sim_steps();
    }
    tell_figures(scenario->name, n, seconds_now() - begin, steps, hash);
    return has_reached_its_marks(plan) ? 0 : 1;
}

/* ---- the command line ---------------------------------------------------- */

static const struct scenario *next_scenario(const struct scenario *after)
{
    bool found = after == NULL;

    for (unsigned t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct scenario *s = tables[t]; s->name; s++) {
            if (found)
                return s;
            found = s == after;
        }
    }
    return NULL;
}

static const struct scenario *find_scenario(const char *name)
{
    const struct scenario *s = NULL;

    while ((s = next_scenario(s)) != NULL && strcmp(s->name, name) != 0)
        ;
    return s;
}

static int list(void)
{
    const struct scenario *s = NULL;

    while ((s = next_scenario(s)) != NULL)
        printf("%s\n", s->name);
    return 0;
}

static void plan_one_seed(struct plan *plan, const char *seed)
{
    plan->first = strtoull(seed, NULL, 0);
    plan->seeds = 1;
    plan->part = true;
}

static bool read_option(struct plan *plan, const char *option,
                        const char *value)
{
    if (strcmp(option, "--seed") == 0)
        plan_one_seed(plan, value);
    else if (strcmp(option, "--first") == 0)
        plan->first = strtoull(value, NULL, 0);
    else if (strcmp(option, "--seeds") == 0)
        plan->seeds = strtoull(value, NULL, 0);
    else if (strcmp(option, "--share") == 0)
        plan->seeds = 1 + (plan->seeds - 1) / strtoull(value, NULL, 0);
    else if (strcmp(option, "--seconds") == 0)
        plan->seconds = strtod(value, NULL);
    else
        return false;
    return true;
}

static int run_one(const char *name, int count, char **options)
{
    struct plan plan = {.scenario = find_scenario(name), .first = 1};

    if (!plan.scenario) {
        fprintf(stderr, "crew_sim_tests: there is no %s; see --list\n", name);
        return 2;
    }
    plan.seeds = plan.scenario->seeds;
    for (int i = 0; i + 1 < count; i += 2) {
        if (!read_option(&plan, options[i], options[i + 1]))
            return 2;
    }
    if (traces_alone && plan.scenario->whole && plan.seeds > 2)
        plan.seeds = 2; /* many runs each */
    plan.part = plan.part || plan.seeds < plan.scenario->seeds;
    if (getenv("CREW_SEED"))
        plan_one_seed(&plan, getenv("CREW_SEED"));
    return run(&plan);
}

static int run_all(int count, char **options)
{
    const struct scenario *s = NULL;
    int r = 0;

    while ((s = next_scenario(s)) != NULL && r == 0)
        r = run_one(s->name, count, options);
    return r;
}

/* How often each mark was met by all that ran. */
static int tell_marks(int r)
{
    for (unsigned i = 0; i < CREW__MARK_COUNT; i++)
        printf("%12" PRIu64 "  %s\n", crew__mark_count((enum crew__mark_id)i),
               crew__mark_text((enum crew__mark_id)i));
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc % 2 != 0) {
        fprintf(stderr, "usage: crew_sim_tests --list | --all | --traces | "
                        "NAME [--seed S] [--first S] [--seeds N] [--share K] "
                        "[--seconds T]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(argv[1], "--list") == 0)
        return list();
    catch_crashes();
    sim_at_end(memory_release);
    traces_alone = strcmp(argv[1], "--traces") == 0;
    if (traces_alone)
        return run_all(argc - 2, argv + 2);
    if (strcmp(argv[1], "--all") == 0)
        return tell_marks(run_all(argc - 2, argv + 2));
    return run_one(argv[1], argc - 2, argv + 2);
}
