/*
 * Small programs over os.h alone: parkers, small locks, threads, deadlines and
 * descriptors do in the simulation what os.h says.
 */
#include "scenario.h"

/* ---- parkers ------------------------------------------------------------- */

struct pair {
    struct crew__parker parkers[2];
    unsigned turn;
};

static void be_second(void *arg)
{
    struct pair *pair = arg;

    for (unsigned i = 0; i < 20; i++) {
        sim_check(crew__park(&pair->parkers[1], CREW__NEVER));
        sim_check_equal(pair->turn, 2 * i + 1);
        pair->turn++;
        crew__unpark(&pair->parkers[0]);
    }
}

static void two_take_turns(void *arg)
{
    struct pair pair = {.turn = 0};
    struct sim_thread *second;

    (void)arg;
    crew__park_init(&pair.parkers[0]);
    crew__park_init(&pair.parkers[1]);
    second = sim_spawn("second", be_second, &pair);
    for (unsigned i = 0; i < 20; i++) {
        sim_check_equal(pair.turn, 2 * i);
        pair.turn++;
        crew__unpark(&pair.parkers[1]);
        sim_check(crew__park(&pair.parkers[0], CREW__NEVER));
    }
    sim_join(second);
}

static void unpark_later(void *parker)
{
    sim_work(5 * CREW_MS);
    crew__unpark(parker);
    crew__unpark(parker);
}

/* The token and the deadline meet; a token is never lost and never doubled. */
static void a_deadline_meets_its_token(void *arg)
{
    struct crew__parker parker;
    struct sim_thread *thread;
    crew_ns deadline;
    bool token;

    (void)arg;
    crew__park_init(&parker);
    thread = sim_spawn("giver", unpark_later, &parker);
    deadline = sim_time() + 5 * CREW_MS;
    token = crew__park(&parker, deadline);
    sim_check(token || sim_time() >= deadline);
    sim_join(thread);
    /* Given twice: what is left is at most one. */
    token |= crew__park(&parker, 0);
    sim_check(token);
    crew__park(&parker, 0);
    sim_check(!crew__park(&parker, 0));
}

static void deadlines_are_exact(void *arg)
{
    const crew_ns waits[] = {1, CREW_US, 50 * CREW_MS, 3600 * CREW_S};
    struct crew__parker parker;

    (void)arg;
    crew__park_init(&parker);
    for (unsigned i = 0; i < 4; i++) {
        crew_ns deadline = sim_time() + waits[i];

        sim_check(!crew__park(&parker, deadline));
        sim_check_equal(sim_time(), deadline);
    }
    sim_check(crew__clock_deadline(5, INT64_MAX) == CREW__NEVER);
    sim_check(crew__clock_deadline(5, INT64_MAX - 5) == CREW__NEVER);
    sim_check(crew__clock_deadline(5, INT64_MAX - 6) == INT64_MAX - 1);
}

/* ---- small locks ---------------------------------------------------------- */

struct shared {
    struct crew__lock lock;
    unsigned inside;
    unsigned entered;
};

static void go_in_and_out(void *arg)
{
    struct shared *shared = arg;

    for (unsigned i = 0; i < 10; i++) {
        crew__lock(&shared->lock);
        sim_check_equal(shared->inside++, 0);
        sim_point();
        sim_check_equal(--shared->inside, 0);
        shared->entered++;
        crew__unlock(&shared->lock);
    }
}

static void one_is_inside_a_lock(void *arg)
{
    struct shared shared = {.inside = 0};
    struct sim_thread *threads[6];

    (void)arg;
    for (unsigned i = 0; i < 6; i++)
        threads[i] = sim_spawn("holder", go_in_and_out, &shared);
    for (unsigned i = 0; i < 6; i++)
        sim_join(threads[i]);
    sim_check_equal(shared.entered, 60);
}

/* ---- threads --------------------------------------------------------------- */

struct counted {
    crew__a32 ended;
    uintptr_t seen[64];
};

static void be_counted(void *arg)
{
    struct counted *counted = arg;
    uintptr_t me = crew__thread_identity();

    sim_check(crew__thread_get() == NULL);
    crew__thread_set(&me);
    sim_point();
    sim_check(crew__thread_get() == &me);
    for (unsigned i = 0; i < 64 && counted->seen[i]; i++)
        sim_check(counted->seen[i] != me);
    counted->seen[crew__add_relaxed(&counted->ended, 1)] = me;
    sim_check(crew__thread_cpu() >= 0 && crew__thread_cpu() < 8);
}

static void threads_start_and_end(void *arg)
{
    const struct crew__thread_options options = {.name = "counted/0"};
    struct counted counted = {.seen = {0}};
    struct crew__thread threads[64];

    (void)arg;
    for (unsigned i = 0; i < 64; i++)
        sim_check(crew__thread_start(&threads[i], &options, be_counted,
                                     &counted) == 0);
    for (unsigned i = 0; i < 64; i++)
        crew__thread_join(&threads[i]);
    sim_check_equal(crew__load_relaxed(&counted.ended), 64);
}

/* ---- clocks ---------------------------------------------------------------- */

static void clocks_go_together(void *arg)
{
    crew_ns last = 0;
    crew_ns step = crew__clock_step();

    (void)arg;
    for (unsigned i = 0; i < 200; i++) {
        crew_ns before = crew__clock_now();
        crew_ns coarse = crew__clock_coarse();
        crew_ns after = crew__clock_now();

        sim_check(before >= last && after >= before);
        sim_check(coarse > before - step - SIM_LAG && coarse <= after);
        last = after;
        sim_work((crew_ns)sim_random((uint64_t)step));
    }
}

/* ---- descriptors ----------------------------------------------------------- */

static void set_thrice(void *arg)
{
    for (unsigned i = 0; i < 3; i++) {
        sim_work(CREW_MS);
        crew__event_set(*(int *)arg);
    }
}

static void descriptors_are_set_and_cleared(void *arg)
{
    struct sim_thread *setter;
    int fd = -1;

    (void)arg;
    sim_check(crew__event_open(&fd) == 0);
    sim_check(!sim_event_readable(fd));
    sim_check(!crew__event_wait(fd, sim_time() + CREW_MS));
    setter = sim_spawn("setter", set_thrice, &fd);
    sim_check(crew__event_wait(fd, CREW__NEVER));
    sim_check(crew__event_wait(fd, CREW__NEVER)); /* level-triggered */
    sim_check(sim_event_wait_edge(fd, 2, CREW__NEVER));
    sim_join(setter);
    sim_check_equal(sim_event_edges(fd), 3);
    crew__event_clear(fd);
    sim_check(!crew__event_wait(fd, 0));
    crew__event_close(fd);
}

const struct scenario os_scenarios[] = {
    {.name = "os.turns", .main_fiber = two_take_turns, .seeds = 4000},
    {.name = "os.token",
     .main_fiber = a_deadline_meets_its_token,
     .seeds = 20000},
    {.name = "os.deadlines",
     .main_fiber = deadlines_are_exact,
     .seeds = 1000,
     .options = {.exact = true}},
    {.name = "os.lock", .main_fiber = one_is_inside_a_lock, .seeds = 3000},
    {.name = "os.threads", .main_fiber = threads_start_and_end, .seeds = 300},
    {.name = "os.clocks", .main_fiber = clocks_go_together, .seeds = 1000},
    {.name = "os.descriptors",
     .main_fiber = descriptors_are_set_and_cleared,
     .seeds = 4000},
    {.name = NULL},
};
