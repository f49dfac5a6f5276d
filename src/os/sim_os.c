/*
 * os.h over fibers: the clock, the futex, threads and descriptors of the
 * simulation. park.c, memory.linux.c, shared.linux.c, fork.linux.c and
 * file.linux.c are the real ones.
 */
#include "os/sim_core.h"

#if defined(CREW_STEPS)

#include "base/fault.h"
#include "base/tunables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS    4096u
#define FIRST_FD  5000 /* a number that no real descriptor here has */
#define FIRST_TID 1000

/* The census counts descriptors by their number, as event.linux.c does. */
#define AS_OBJECT(fd) ((void *)((uintptr_t)(fd) + 1))

/* Numbers are never used twice in a run, so a late write is always caught. */
struct event {
    bool open, readable;
    uint64_t edges;
};

static struct {
    struct event *events[EVENTS];
    unsigned count;
    crew_ns step;  /* of the coarse clock */
    crew_ns phase; /* where its steps lie */
} os;

void sim_os_begin(void)
{
    static const unsigned steps_ms[] = {1, 4};
    const crew__a64 *word;

    crew__fork_generation(&word); /* or the first run would do more */
    os.step = steps_ms[sim_random(2)] * CREW_MS;
    os.phase = (crew_ns)sim_random((uint64_t)os.step);
    os.count = 0;
}

void sim_os_end(void)
{
    while (os.count > 0)
        free(os.events[--os.count]);
}

/* ---- the clock ----------------------------------------------------------- */

/* Reading it is a step: what is compared with it may be old by then. */
uint64_t crew__clock_ticks(void)
{
    return (uint64_t)sim_time();
}

crew_ns crew__clock_now(void)
{
    crew__step();
    return sim_time();
}

crew_ns crew__clock_coarse(void)
{
    crew__step();
    return sim_time() - (sim_time() + os.phase) % os.step - sim_lag();
}

crew_ns crew__clock_step(void)
{
    return os.step;
}

/* ---- sleeping ------------------------------------------------------------ */

void crew__relax(void)
{
    sim_spin(false);
}

void crew__yield(void)
{
    sim_spin(true);
}

void crew__futex_wait(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    crew__step();
    /* From here to the sleep the kernel holds its lock. */
    if (__atomic_load_n(&word->raw, __ATOMIC_RELAXED) != expected ||
        sim_time() >= deadline || sim_spurious())
        return;
    sim_block(SIM_FUTEX, word, deadline);
}

/*
 * A wake that comes late wakes who slept there when the waker did what it wakes
 * for, as if it had come at once; not who has begun to sleep since. The kernel
 * might wake those too, and they must cope with that; but with a word on a
 * stack it would hang on the addresses, which differ between builds, so wakes
 * for nothing come from the seed alone.
 */
void crew__futex_wake(crew__a32 *word, unsigned count)
{
    uint64_t acted = sim_current()->acted;

    sim_pass();
    sim_trace(sim_wake_all(SIM_FUTEX, word, count, acted));
    sim_pass();
}

/* The kernel may return for nothing in two ways: as woken, and as interrupted.
 */
int crew__futex_wait_shared(crew__a32 *word, uint32_t expected,
                            crew_ns deadline, crew__a32 *also)
{
    struct sim_fiber *me = sim_current();
    bool woken;

    crew__step();
    /* From here to the sleep the kernel holds its lock. */
    if (__atomic_load_n(&word->raw, __ATOMIC_RELAXED) != expected ||
        (also && __atomic_load_n(&also->raw, __ATOMIC_RELAXED) != 0))
        return -EAGAIN;
    if (sim_time() >= deadline)
        return -ETIMEDOUT;
    if (sim_spurious())
        return sim_chance(2) ? 0 : -EINTR;
    me->also = also;
    woken = sim_block(SIM_FUTEX, word, deadline);
    me->also = NULL;
    if (!woken)
        return -ETIMEDOUT;
    return me->by == also ? -EINTR : 0;
}

/* When the program changed its word the simulation does not know: who sleeps
 * when this is called is woken. */
unsigned crew__futex_wake_shared(crew__a32 *word, unsigned count)
{
    uint64_t called = sim_steps();
    unsigned woken;

    sim_pass();
    woken = sim_wake_all(SIM_FUTEX, word, count, called);
    sim_trace(woken);
    sim_pass();
    return woken;
}

/* ---- threads ------------------------------------------------------------- */

int crew__thread_start(struct crew__thread *thread,
                       const struct crew__thread_options *options,
                       void (*entry)(void *), void *arg)
{
    size_t stack = options->stack_bytes;
    struct sim_fiber *fiber;

    if (stack && stack < crew__thread_stack_min())
        return -EINVAL;
    fiber = CREW__TRY(CREW__FAULT_THREAD,
                      sim_fiber_start(options->name, stack, entry, arg), NULL);
    if (!fiber)
        return -EAGAIN;
    thread->handle = (uintptr_t)fiber;
    crew__census_born(CREW__CENSUS_THREAD, fiber);
    sim_pass();
    return 0;
}

void crew__thread_join(struct crew__thread *thread)
{
    struct sim_fiber *fiber = (struct sim_fiber *)thread->handle;

    sim_pass();
    sim_fiber_join(fiber);
    crew__census_died(CREW__CENSUS_THREAD, fiber);
}

pid_t crew__thread_id(void)
{
    return FIRST_TID + (pid_t)sim_current()->id;
}

void crew__thread_cpu_time(crew_ns *user, crew_ns *system)
{
    *user = 0;
    *system = 0;
}

crew_ns crew__thread_cpu_time_of(const struct crew__thread *thread)
{
    (void)thread;
    return 0;
}

size_t crew__thread_stack_min(void)
{
    return 16384;
}

void *crew__thread_get(void)
{
    return sim_current()->current;
}

void crew__thread_set(void *what)
{
    sim_current()->current = what;
}

void *crew__thread_get_cancel(void)
{
    return sim_current()->cancel;
}

void crew__thread_set_cancel(void *cancel)
{
    sim_current()->cancel = cancel;
}

/* A number, as a run must not depend on an address. */
uintptr_t crew__thread_identity(void)
{
    return ((uintptr_t)sim_current()->id + 1) * 4096;
}

int crew__thread_nice(void)
{
    return 0;
}

bool crew__thread_sample(void)
{
    return sim_current()->calls++ % CREW__SAMPLE_EVERY == 0;
}

void crew__thread_name(pid_t id, char out[16])
{
    (void)id;
    out[0] = '\0';
}

pid_t crew__process_id(void)
{
    return 1;
}

/* ---- what can be made readable ------------------------------------------- */

static struct event *event_of(int fd, const char *what)
{
    unsigned at = (unsigned)(fd - FIRST_FD);

    if (at >= os.count || !os.events[at]->open)
        sim_fail("%s of descriptor %d, which is not open", what, fd);
    return os.events[at];
}

static int make_event(void)
{
    struct event *event = os.count < EVENTS ? calloc(1, sizeof *event) : NULL;

    if (!event)
        return -1;
    event->open = true;
    os.events[os.count++] = event;
    return FIRST_FD + (int)os.count - 1;
}

int crew__event_open(int *fd)
{
    int made = CREW__TRY(CREW__FAULT_EVENTFD, make_event(), -1);

    if (made < 0)
        return -EMFILE;
    crew__census_born(CREW__CENSUS_FD, AS_OBJECT(made));
    *fd = made;
    return 0;
}

void crew__event_set(int fd)
{
    struct event *event;

    sim_pass();
    event = event_of(fd, "a write");
    event->readable = true;
    event->edges++;
    sim_wake_all(SIM_EVENT, event, UINT32_MAX, UINT64_MAX);
    sim_wake_all(SIM_EDGE, event, UINT32_MAX, UINT64_MAX);
    sim_pass();
}

void crew__event_clear(int fd)
{
    sim_pass();
    event_of(fd, "a read")->readable = false;
    sim_pass();
}

bool crew__event_wait(int fd, crew_ns deadline)
{
    sim_pass();
    while (!event_of(fd, "a wait")->readable) {
        if (sim_time() >= deadline)
            return false;
        sim_block(SIM_EVENT, event_of(fd, "a wait"), deadline);
    }
    return true;
}

void crew__event_close(int fd)
{
    struct event *event;

    sim_pass();
    event = event_of(fd, "a close");
    event->open = false;
    crew__census_died(CREW__CENSUS_FD, AS_OBJECT(fd));
}

bool sim_event_readable(int fd)
{
    return event_of(fd, "a look")->readable;
}

uint64_t sim_event_edges(int fd)
{
    return event_of(fd, "a look")->edges;
}

bool sim_event_wait_edge(int fd, uint64_t seen, crew_ns deadline)
{
    while (event_of(fd, "a wait")->edges <= seen) {
        if (sim_time() >= deadline)
            return false;
        sim_block(SIM_EDGE, event_of(fd, "a wait"), deadline);
    }
    return true;
}

/* ---- the report ---------------------------------------------------------- */

static int event_number(const void *event)
{
    for (unsigned i = 0; i < os.count; i++) {
        if (os.events[i] == event)
            return FIRST_FD + (int)i;
    }
    return -1;
}

static int tell_what(const struct sim_fiber *fiber, char *out, size_t size)
{
    switch (fiber->wait) {
    case SIM_READY:
        return snprintf(out, size, "can run");
    case SIM_FROZEN:
        return snprintf(out, size, "is frozen");
    case SIM_FUTEX: /* it waits, so its word is still there */
        return snprintf(out, size, "sleeps while %p is %u", fiber->on,
                        *(const uint32_t *)fiber->on);
    case SIM_EVENT:
    case SIM_EDGE:
        return snprintf(out, size, "waits for descriptor %d",
                        event_number(fiber->on));
    case SIM_JOIN:
        return snprintf(out, size, "waits for the end of %s",
                        ((const struct sim_fiber *)fiber->on)->name);
    case SIM_STEP:
        return snprintf(out, size, "waits for a step");
    case SIM_WORK:
        return snprintf(out, size, "computes");
    case SIM_STALL:
        return snprintf(out, size, "is stalled");
    case SIM_LATE:
        return snprintf(out, size, "was woken and comes late");
    case SIM_ENDED:
        return snprintf(out, size, "has ended");
    }
    return 0;
}

int sim_os_tell(const struct sim_fiber *fiber, char *out, size_t size)
{
    int n = tell_what(fiber, out, size);

    if (fiber->wait < SIM_FUTEX || fiber->wait > SIM_LATE || n < 0 ||
        (size_t)n >= size || fiber->until == CREW__NEVER)
        return n;
    return n + snprintf(out + n, size - (size_t)n, ", until %lld ns",
                        (long long)fiber->until);
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_os_unused;
const int crew__sim_os_unused = 0;

#endif
