/*
 * The simulation, as its tests see it: the whole library above os/ runs with
 * all threads as fibers on one thread. Every decision (who runs next, how long
 * something takes, what is late) and every time comes from a seed, so a run
 * repeats to the step. Testing builds only (CREW_STEPS). See
 * docs/design/simulation.md.
 *
 * Memory is sequentially consistent here: what weak orders do is the model
 * checker's question (tests/model), what the real kernel does the stress
 * tests'.
 *
 * Everything below is called from within a run, but for sim_run and the
 * figures about the last run.
 */
#ifndef CREW_OS_SIM_H
#define CREW_OS_SIM_H

#include "os/os.h"

struct sim_options {
    unsigned cpus; /* of the machine; 0: 8 */
    bool calm;     /* no freezing, no stalls, nothing late or for nothing */
    bool exact;    /* calm, and no step takes time: the clock moves only when
                       nobody can run */
    bool quiet;    /* no report of a failure: for tests that want one */
    uint64_t max_steps;  /* more is a failure; 0: 20 million */
    uint64_t stall_step; /* who makes this step stands still after
                       it, for stall_ns; 0: none */
    crew_ns stall_ns;
    void (*every_step)(void *arg); /* before each atomic operation; may call
                       what does not block; nobody else runs meanwhile */
    void (*when_idle)(void *arg);  /* when all sleep or compute, none is
                       delayed, before the clock moves */
    void *arg;                     /* for both */
};

enum sim_result {
    SIM_OK,
    SIM_FAILED,   /* sim_fail */
    SIM_DEADLOCK, /* nobody can run, and no time will change that */
    SIM_ENDLESS   /* max_steps */
};

/* Runs `main_fiber` and all that it starts, until it returns. A failure says
 * what happened and who waits for what. */
enum sim_result sim_run(uint64_t seed, const struct sim_options *options,
                        void (*main_fiber)(void *), void *arg);

/* Is called at the end of each run, outside of it. */
void sim_at_end(void (*fn)(void));
bool sim_is_running(void);

/* Of the run, or of the last one. */
uint64_t sim_seed(void);
uint64_t sim_steps(void);
uint64_t sim_trace_hash(void);
crew_ns sim_time(void);

/* From the seed: below `n`, and true once in `n`. */
uint64_t sim_random(uint64_t n);
bool sim_chance(uint64_t n);
/* From 1 up to `most`, each order of magnitude as likely as another. */
crew_ns sim_random_time(crew_ns most);

/* The coarse clock is at most so far behind its step. */
#define SIM_LAG (3 * CREW_MS)

/* Whether this run has faults of the kernel's: then nothing can be said about
 * who is how fast. */
bool sim_is_disturbed(void);

/* A thread from outside the library. It must be joined. */
struct sim_thread;
struct sim_thread *sim_spawn(const char *name, void (*fn)(void *), void *arg);
void sim_join(struct sim_thread *thread);

/* The calling thread computes for so long. */
void sim_work(crew_ns duration);
/* Others may run here. */
void sim_point(void);
/* As the option of that name, for the run that is on. */
void sim_stall_at(uint64_t step, crew_ns duration);
/* The name of the thread that was stalled so; "": none yet. */
const char *sim_stalled(void);
/* Sleeps until the run has come to this step, and then runs at once. At most
 * one thread at a time. */
void sim_wait_step(uint64_t step);

/* Ends the run. */
void sim_fail(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
#define sim_check(condition) \
    ((condition) \
         ? (void)0 \
         : sim_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))
/* Two numbers, told where they are not equal. */
void sim_check_equal_at(int64_t is, int64_t expected, const char *text,
                        const char *file, int line);
#define sim_check_equal(is, expected) \
    sim_check_equal_at((int64_t)(is), (int64_t)(expected), #is, __FILE__, \
                       __LINE__)

/* What epoll would say of a simulated descriptor: level and edges (each write
 * makes one). */
bool sim_event_readable(int fd);
uint64_t sim_event_edges(int fd);
/* Blocks until there were more edges than `seen`; as epoll_wait, EPOLLET. */
bool sim_event_wait_edge(int fd, uint64_t seen, crew_ns deadline);

#endif
