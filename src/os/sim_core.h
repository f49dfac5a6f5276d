/*
 * What the parts of the simulation know of each other: sim.c chooses who runs,
 * sim_os.c is os.h on top of it, sim_machine.c the computer.
 *
 * A fiber is in exactly one of three sets: ready, frozen (it could run, but
 * for a while it does not) or waiting; an ended one is in none.
 */
#ifndef CREW_OS_SIM_CORE_H
#define CREW_OS_SIM_CORE_H

#include "os/os.h"
#include "os/sim.h"
#include "os/sim_fiber.h"

enum sim_wait {
    SIM_READY,
    SIM_FROZEN,
    SIM_FUTEX,
    SIM_EVENT,
    SIM_EDGE,
    SIM_JOIN,
    SIM_STEP,  /* for a number of steps */
    SIM_WORK,  /* computes */
    SIM_STALL, /* the kernel does not let it run */
    SIM_LATE,  /* woken, and not there yet */
    SIM_ENDED
};

struct sim_fiber {
    struct sim_context context;
    unsigned id;
    enum sim_wait wait;
    const void *on;   /* word, event, fiber */
    const void *also; /* another word, or NULL */
    const void *by;   /* which of them woke it */
    crew_ns until;    /* CREW__NEVER: no limit */
    bool woken;       /* by someone; false: `until` came */
    uint64_t since;   /* the step in which it began to wait */
    uint64_t acted;   /* the step of its last atomic operation */
    unsigned place;   /* in its set */
    uint64_t priority;
    void *current; /* crew__thread_set */
    void *cancel;  /* crew__thread_set_cancel */
    struct crew__cpuset affinity;
    unsigned calls; /* of crew__thread_sample */
    char name[24];
    void (*entry)(void *);
    void *arg;
};

/* The running fiber; NULL outside of a run. */
struct sim_fiber *sim_current(void);
/* False in every_step and when_idle, where nobody else may run. */
bool sim_may_switch(void);
/* Blocks the running fiber; whether it was woken before `until`. */
bool sim_block(enum sim_wait wait, const void *on, crew_ns until);
void sim_wake(struct sim_fiber *fiber);
/* Wakes at most `most` that wait so, and did so in the step `before`, in an
 * order of the seed. */
unsigned sim_wake_all(enum sim_wait wait, const void *on, unsigned most,
                      uint64_t before);
/* Others may run: always, or as the seed says. */
void sim_pass(void);
/* A fault of the kernel's that the seed chooses; never where all is calm. */
bool sim_spurious(void);
/* How far the coarse clock is behind its last step. */
crew_ns sim_lag(void);
/* One that waits gives the core up, and may wait for time to pass. */
void sim_spin(bool gives_up);

struct sim_fiber *sim_fiber_start(const char *name, size_t stack_bytes,
                                  void (*entry)(void *), void *arg);
/* Waits for its end and frees it. */
void sim_fiber_join(struct sim_fiber *fiber);
/* NULL: none has this number. */
struct sim_fiber *sim_fiber_of(unsigned id);

/* At the begin and end of a run. */
void sim_os_begin(void);
void sim_os_end(void);
void sim_machine_begin(unsigned cpus);
/* Into the hash; never an address. */
void sim_trace(uint64_t word);
/* What a fiber waits for, in words. */
int sim_os_tell(const struct sim_fiber *fiber, char *out, size_t size);

#endif
