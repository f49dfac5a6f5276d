/*
 * The simulation proves itself first: bugs that were planted are found, each
 * in the way that its kind is told, and a seed repeats its run.
 */
#include "scenario.h"

#define SEEDS_TO_FIND 1000

static const struct sim_options quietly = {.quiet = true, .max_steps = 20000};

/* How many of the seeds end so; none may end in a third way. */
static unsigned count(uint64_t first, enum sim_result expected,
                      void (*main_fiber)(void *))
{
    unsigned found = 0;

    for (uint64_t i = 0; i < SEEDS_TO_FIND; i++) {
        enum sim_result r = sim_run(first * SEEDS_TO_FIND + i, &quietly,
                                    main_fiber, NULL);

        self_check(r == expected || r == SIM_OK);
        found += r == expected;
    }
    return found;
}

/* ---- a wake-up that is lost ------------------------------------------------ */

struct box {
    crew__a32 full;
    crew__a32 sleeping;
    crew__a32 bell;
    bool right; /* announces before it looks */
};

static void fill(void *arg)
{
    struct box *box = arg;

    crew__store_seq_cst(&box->full, 1);
    if (crew__load_seq_cst(&box->sleeping)) {
        crew__store_seq_cst(&box->bell, 1);
        crew__futex_wake(&box->bell, 1);
    }
}

static void wait_until_full(struct box *box)
{
    struct sim_thread *filler = sim_spawn("filler", fill, box);

    if (box->right)
        crew__store_seq_cst(&box->sleeping, 1);
    if (!crew__load_seq_cst(&box->full)) {
        if (!box->right)
            crew__store_seq_cst(&box->sleeping, 1);
        while (!crew__load_seq_cst(&box->bell))
            crew__futex_wait(&box->bell, 0, CREW__NEVER);
    }
    sim_join(filler);
}

static void look_then_announce(void *arg)
{
    struct box box = {.right = false};

    (void)arg;
    wait_until_full(&box);
}

static void announce_then_look(void *arg)
{
    struct box box = {.right = true};

    (void)arg;
    wait_until_full(&box);
}

static void finds_a_lost_wake(uint64_t seed)
{
    self_check(count(seed, SIM_DEADLOCK, look_then_announce) > 0);
    self_check(count(seed, SIM_DEADLOCK, announce_then_look) == 0);
}

/* ---- two locks, two orders ------------------------------------------------- */

static struct crew__lock locks[2];

static void lock_both(struct crew__lock *one, struct crew__lock *other)
{
    crew__lock(one);
    crew__lock(other);
    crew__unlock(other);
    crew__unlock(one);
}

static void lock_forwards(void *arg)
{
    (void)arg;
    lock_both(&locks[0], &locks[1]);
}

static void lock_in_two_orders(void *arg)
{
    struct sim_thread *other;

    (void)arg;
    locks[0] = locks[1] = (struct crew__lock){.word = {0}};
    other = sim_spawn("forwards", lock_forwards, NULL);
    lock_both(&locks[1], &locks[0]);
    sim_join(other);
}

static void finds_a_deadlock(uint64_t seed)
{
    self_check(count(seed, SIM_DEADLOCK, lock_in_two_orders) > 0);
}

/* ---- an increment that is no step ------------------------------------------ */

static crew__a32 sum;

static void increment(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t before = crew__load_relaxed(&sum);

        crew__store_relaxed(&sum, before + 1);
    }
}

static void increment_together(void *arg)
{
    struct sim_thread *other;

    (void)arg;
    sum = (crew__a32){0};
    other = sim_spawn("other", increment, NULL);
    increment(NULL);
    sim_join(other);
    sim_check_equal(sum.raw, 6);
}

static void finds_a_lost_update(uint64_t seed)
{
    unsigned found = count(seed, SIM_FAILED, increment_together);

    self_check(found > SEEDS_TO_FIND / 50 && found < SEEDS_TO_FIND);
}

/* ---- other ends ------------------------------------------------------------ */

static void set_late(void *arg)
{
    crew__event_set(*(int *)arg);
}

static void close_early(void *arg)
{
    struct sim_thread *setter;
    int fd = -1;

    (void)arg;
    sim_check(crew__event_open(&fd) == 0);
    setter = sim_spawn("setter", set_late, &fd);
    crew__event_close(fd);
    sim_join(setter);
}

static void finds_a_late_write(uint64_t seed)
{
    self_check(count(seed, SIM_FAILED, close_early) > 0);
}

static void spin_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        crew__yield();
}

static void forget_a_thread(void *arg)
{
    (void)arg;
    sim_spawn("forgotten", spin_for_ever, NULL);
}

static void finds_what_never_ends(uint64_t seed)
{
    self_check(sim_run(seed, &quietly, spin_for_ever, NULL) == SIM_ENDLESS);
    self_check(sim_run(seed, &quietly, forget_a_thread, NULL) == SIM_FAILED);
}

/* ---- checks between steps -------------------------------------------------- */

static unsigned checks;

static void count_check(void *arg)
{
    crew__load_relaxed((crew__a32 *)arg); /* no step, or this would not end */
    checks++;
}

static void add_ten(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 10; i++)
        crew__add_relaxed(&sum, 1);
}

static void checks_every_step(uint64_t seed)
{
    struct sim_options options = {.every_step = count_check, .arg = &sum};

    checks = 0;
    self_check(sim_run(seed, &options, add_ten, NULL) == SIM_OK);
    self_check(checks == 10);
}

static void sleep_twice(void *arg)
{
    (void)arg;
    sim_work(CREW_MS);
    sim_work(CREW_MS);
}

static void checks_when_idle(uint64_t seed)
{
    struct sim_options options = {
        .when_idle = count_check, .arg = &sum, .calm = true};

    checks = 0;
    self_check(sim_run(seed, &options, sleep_twice, NULL) == SIM_OK);
    self_check(checks == 2);
}

/* ---- a seed is a run ------------------------------------------------------- */

static void repeats_itself(uint64_t seed)
{
    unsigned distinct = 0;
    uint64_t last = 0;

    for (uint64_t i = 0; i < 20; i++) {
        uint64_t hash;

        sim_run(seed * 20 + i, &quietly, increment_together, NULL);
        hash = sim_trace_hash();
        distinct += hash != last;
        last = hash;
        sim_run(seed * 20 + i, &quietly, increment_together, NULL);
        self_check(hash == sim_trace_hash());
    }
    self_check(distinct == 20);
}

/* And the same in every build, for ever: what a number in a report means does
 * not change with the compiler. Only a change of the simulation or of park.c
 * may change these. */
static void is_the_same_everywhere(uint64_t seed)
{
    static const uint64_t traces[] = {
        UINT64_C(0x61630b00b0bed2ba), UINT64_C(0x1dfb4be3c00cec58),
        UINT64_C(0x9de98b9081009b51), UINT64_C(0x680d72741ad8bba8)};

    sim_run(seed, &quietly, announce_then_look, NULL);
    self_check(seed > sizeof traces / sizeof traces[0] ||
               sim_trace_hash() == traces[seed - 1]);
}

const struct scenario self_scenarios[] = {
    {.name = "self.lost_wake", .whole = finds_a_lost_wake, .seeds = 20},
    {.name = "self.deadlock", .whole = finds_a_deadlock, .seeds = 20},
    {.name = "self.lost_update", .whole = finds_a_lost_update, .seeds = 20},
    {.name = "self.late_write", .whole = finds_a_late_write, .seeds = 20},
    {.name = "self.endless", .whole = finds_what_never_ends, .seeds = 20},
    {.name = "self.every_step", .whole = checks_every_step, .seeds = 500},
    {.name = "self.when_idle", .whole = checks_when_idle, .seeds = 500},
    {.name = "self.repeats", .whole = repeats_itself, .seeds = 100},
    {.name = "self.trace", .whole = is_the_same_everywhere, .seeds = 4},
    {.name = NULL},
};
