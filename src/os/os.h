/*
 * The one door for the world: everything above this layer sleeps, spins, reads
 * a clock, starts a thread, allocates or asks the kernel through these
 * functions alone. Chosen at link time: the *.linux.c files, or sim.c, which
 * runs all threads as fibers on one and takes every decision from a seed.
 *
 * Nothing here knows a queue.
 */
#ifndef CREW_OS_OS_H
#define CREW_OS_OS_H

#include <crew/base.h>

#include "base/atomic.h"
#include "base/census.h"
#include "base/tunables.h"

#include <sys/types.h>

/* ---- clock ------------------------------------------------------------- */

/* Monotonic, never 0. _now costs about 26 ns, _coarse 4, and _coarse is at
 * most _step behind. */
crew_ns crew__clock_now(void);
crew_ns crew__clock_coarse(void);
crew_ns crew__clock_step(void);

/* What the CPU counts, for 11 ns: nanoseconds times an unknown constant, to be
 * found by two readings of both. */
uint64_t crew__clock_ticks(void);

/* The absolute deadline of a relative timeout; CREW__NEVER for
 * CREW_FOREVER and for what does not fit. */
#define CREW__NEVER INT64_MAX
crew_ns crew__clock_deadline(crew_ns now, crew_ns timeout);

/* ---- sleeping ---------------------------------------------------------- */

/* One round of spinning. */
void crew__relax(void);

/* What a thread does that others were faster than `times` times: twice as long
 * each time, so that it does not keep step with who beats it (exponential
 * backoff: Anderson, TPDS 1990). */
static inline void crew__back_off(unsigned times)
{
    unsigned most = times < CREW__BACK_OFF_MOST ? times : CREW__BACK_OFF_MOST;

    for (unsigned i = 1; i < 1u << most; i++)
        crew__relax();
}

/* Gives the core up for a moment: where another thread must finish a few
 * instructions first. */
void crew__yield(void);

/* Sleeps while *word is `expected`, until woken or `deadline`; may return for
 * nothing. _wake uses the address only: the word may be gone. */
void crew__futex_wait(crew__a32 *word, uint32_t expected, crew_ns deadline);
void crew__futex_wake(crew__a32 *word, unsigned count);

/*
 * The same on a word of the program's. It may lie in memory that processes
 * share, so nothing about it is private. With `also`, a word of ours that is
 * private, it sleeps only while *also is 0, and crew__futex_wake on that wakes
 * it too.
 *
 *   0            a wake on `word`, which counts whatever else happened;
 *   -EAGAIN      one of the two differs;
 *   -ETIMEDOUT   `deadline` came;
 *   -EINTR       none of these: a signal, a wake on `also`, or the end of a
 *                slice where the kernel cannot wait for two words. Look again;
 *   -EFAULT      the word lies where nobody can write.
 *
 * _wake_shared returns how many it woke, and uses the address only.
 */
int crew__futex_wait_shared(crew__a32 *word, uint32_t expected,
                            crew_ns deadline, crew__a32 *also);
unsigned crew__futex_wake_shared(crew__a32 *word, unsigned count);

/*
 * A parker is where one thread sleeps: a token that is given at most once per
 * sleep. The one who gives it touches the parker for the last time when it
 * sets the token; so a parker may lie on the sleeper's stack, provided that
 * the sleeper does not return before a token that is on its way has come.
 *
 *   edge park-token   unpark -> park   what the giver did before is seen.
 */
struct crew__parker {
    crew__a32 token; /* bits: 1 given, 2 the owner sleeps, 4 nudged */
} CREW__ALIGNED(64);

void crew__park_init(struct crew__parker *parker);
/* Sleeps until the token comes, and takes it; false: `deadline` came first. */
bool crew__park(struct crew__parker *parker, crew_ns deadline);
/* Whether the token is there; it is not taken. */
bool crew__park_seems_given(struct crew__parker *parker);
/* Gives the token; giving it twice is giving it once. But each giver wakes, as
 * the one before may be stopped between the token and the wake. */
void crew__unpark(struct crew__parker *parker);

/*
 * A nudge ends a sleep and is no token: who is owed one still gets it. So a
 * third party can end a wait without a word to the one who gives the token.
 * Nobody waits for it, so it could come when the parker has gone: who nudges
 * and the owner agree, by a lock of their own, on when it may come
 * (runtime/cancel.h). In crew__park none may.
 *
 *   CREW__PARK_TOKEN    the token came and is taken
 *   CREW__PARK_NUDGED   a nudge is there; no token is taken
 *   CREW__PARK_LATE     `deadline` came first; no token is taken
 *
 * _calm takes a nudge back, once none can come any more.
 */
enum crew__park_end { CREW__PARK_TOKEN, CREW__PARK_NUDGED, CREW__PARK_LATE };
enum crew__park_end crew__park_or_nudge(struct crew__parker *parker,
                                        crew_ns deadline);
void crew__park_nudge(struct crew__parker *parker);
void crew__park_calm(struct crew__parker *parker);

/*
 * A small lock: held for tens of nanoseconds, never across a call that can
 * sleep. Zero is unlocked.
 *
 *   edge lock   unlock -> lock   what was done under it is seen.
 */
struct crew__lock {
    crew__a32 word; /* 0: free, 1: held, 2: held and waited for */
};

void crew__lock(struct crew__lock *lock);
void crew__unlock(struct crew__lock *lock);

/* ---- threads ----------------------------------------------------------- */

struct crew__thread {
    uintptr_t handle;
};

struct crew__thread_options {
    size_t stack_bytes; /* 0: the system's default */
    const char *name;   /* cut to 15 bytes; the cut keeps the end's number */
};

/* A thread with all signals blocked, under SCHED_OTHER. -EAGAIN, -EINVAL. */
int crew__thread_start(struct crew__thread *thread,
                       const struct crew__thread_options *options,
                       void (*entry)(void *), void *arg);
void crew__thread_join(struct crew__thread *thread);
/* The kernel's number of the calling thread. */
pid_t crew__thread_id(void);
/* The name of a thread of this process, at most 15 bytes; "" where it is gone.
 */
void crew__thread_name(pid_t id, char out[16]);
pid_t crew__process_id(void);
/* The smallest stack that a thread may ask for, in bytes. */
size_t crew__thread_stack_min(void);

/* One pointer per thread: what it runs at the moment, for whom it works. */
void *crew__thread_get(void);
void crew__thread_set(void *what);
/* Another: what may end its waits (runtime/cancel.h). */
void *crew__thread_get_cancel(void);
void crew__thread_set_cancel(void *cancel);
/* A word that no two living threads share; a multiple of 8, never 0. */
uintptr_t crew__thread_identity(void);
/* The CPU that the caller runs on, or -1. */
int crew__thread_cpu(void);
int crew__thread_nice(void);
/* CPU time of the calling thread, and of one that has not been joined. */
void crew__thread_cpu_time(crew_ns *user, crew_ns *system);
crew_ns crew__thread_cpu_time_of(const struct crew__thread *thread);
/* True on every CREW__SAMPLE_EVERY-th call of a thread, its first included. */
bool crew__thread_sample(void);

/* ---- what can be made readable ----------------------------------------- */

/* A descriptor that is readable once it has been set, until it is cleared. */
int crew__event_open(int *fd);
void crew__event_set(int fd);
void crew__event_clear(int fd);
/* Blocks until it is readable; false: `deadline` came first. */
bool crew__event_wait(int fd, crew_ns deadline);
void crew__event_close(int fd);

/* ---- files -------------------------------------------------------------- */

/* Makes or empties it. Negative errno. */
int crew__file_create(const char *path, int *fd);
int crew__file_write(int fd, const void *data, size_t size);
void crew__file_close(int fd);

/* ---- memory ------------------------------------------------------------ */

/* Zeroed, aligned to `alignment` (a power of two, at least 16). NULL: none. */
void *crew__memory_at(size_t alignment, size_t size, const char *file,
                      int line);
void crew__memory_free(void *memory); /* takes NULL */
#define crew__memory_aligned(alignment, size) \
    crew__memory_at(alignment, size, __FILE__, __LINE__)
#define crew__memory_zero(size) crew__memory_aligned(16, size)

/* So many bytes no program may have in one piece. No allocator is asked for
 * them: some end the program where others say no. */
#define CREW__TOO_LARGE (UINT64_C(1) << 40)

/* Address space of `size` bytes, zeroed when touched, of which `usable` can
 * be touched now and more after _commit. NULL: none. */
void *crew__memory_map(size_t size, size_t usable, bool huge_pages);
int crew__memory_commit(void *memory, size_t usable);
void crew__memory_unmap(void *memory, size_t size);
/* Its pages, none of which has been touched, come from this NUMA node alone.
 * -EINVAL: there is no such node, or nothing can be bound here; -ENOMEM. */
int crew__memory_bind(void *memory, size_t size, int node);
size_t crew__memory_page(void);

/*
 * Memory that processes share: a file without a name, zeroed, whose size the
 * kernel keeps. Whoever has the descriptor can map it; nobody can ever shrink
 * it, so what was mapped stays touchable, whatever the other processes do.
 * Only one that `grows` can grow. -EMFILE, -ENFILE, -ENOMEM; -EINVAL: there is
 * none here.
 */
int crew__shared_open(size_t size, bool grows, int *fd);
/* To at least so much: -EINVAL where it has more, -ENOMEM. */
int crew__shared_grow(int fd, size_t size);
/* -EPROTO: it is no such file. */
int crew__shared_size(int fd, size_t *size);
/* Whether a descriptor from another process, which is trusted with nothing, is
 * as if opened above: else -EPROTO. _adopt makes it ours to close. */
int crew__shared_check(int fd, bool grows, size_t *size);
void crew__shared_adopt(int fd);
void crew__shared_close(int fd);
/* `size` may be more than the file has; what is beyond its end must not be
 * touched. With `at` it replaces so much of what crew__memory_map gave; else
 * it goes by crew__memory_unmap. NULL: none. */
void *crew__shared_map(int fd, void *at, size_t size, bool huge_pages);

/* ---- fork -------------------------------------------------------------- */

/*
 * The generation that an object is created with, and the word to compare it
 * with: in a forked child *word differs from what was inherited. See
 * fork.linux.c.
 */
uint64_t crew__fork_generation(const crew__a64 **word);
/* The one of objects that are made now; 0 in a child that has made none. */
uint64_t crew__fork_current(void);
/* One lock for what this copy of the library shares; free in a forked child
 * whoever held it at the fork. */
struct crew__lock *crew__fork_lock(void);

/* ---- the machine -------------------------------------------------------- */

/* A set of CPUs, in the OS's numbers. */
#define CREW__CPUS 4096u
struct crew__cpuset {
    uint64_t words[CREW__CPUS / 64];
};

static inline bool crew__cpuset_has(const struct crew__cpuset *set,
                                    unsigned cpu)
{
    return cpu < CREW__CPUS && (set->words[cpu / 64] >> (cpu % 64) & 1);
}

static inline void crew__cpuset_add(struct crew__cpuset *set, unsigned cpu)
{
    if (cpu < CREW__CPUS)
        set->words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline unsigned crew__cpuset_count(const struct crew__cpuset *set)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CREW__CPUS / 64; i++)
        count += (unsigned)__builtin_popcountll(set->words[i]);
    return count;
}

/* The mask of a thread (0: the caller). Negative errno. */
int crew__affinity_get(pid_t tid, struct crew__cpuset *out);
int crew__affinity_set(pid_t tid, const struct crew__cpuset *set);

/*
 * CPUs that the cgroup quota allows this process, the smallest on the way up,
 * rounded up, at least 1; 0: unlimited; negative errno: a quota is there, but
 * it cannot be read or makes no sense (-EPROTO). `root` replaces "/" in tests;
 * NULL: the real one.
 *
 * The limits are read each time; where they lie is kept in *kept from one call
 * to the next, as one block for crew__memory_free, and found anew where it may
 * have changed. *kept is NULL at first; one call at a time may have it. `kept`
 * may be NULL: nothing is kept.
 */
struct crew__cgroups;
int crew__quota_cpus(const char *root, struct crew__cgroups **kept);
/* How often the quota stopped this process's cgroup. 0 where unknown. */
uint64_t crew__quota_throttled(const char *root, struct crew__cgroups **kept);

/* True where the environment must not be trusted (setuid programs). */
bool crew__secure_mode(void);

#endif
