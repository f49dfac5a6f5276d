/*
 * The world of a model: what os/os.h promises, as steps. And the sites, whose
 * orders can be made weaker.
 */
#include "internal.h"

#include "sites.h"
#include "os/os.h"

#include <errno.h>
#include <stdio.h>

struct model_weaker model_weaker;

int model_order(const struct model_site *site)
{
    return model_weaker.site == site->first ? model_weaker.order : site->order;
}

int model_failure(const struct model_site *site)
{
    return model_weaker.site == site->first ? model_weaker.failure
                                            : site->failure;
}

void model_parker_begins(struct crew__parker *parker)
{
    model_born(parker, sizeof *parker);
    crew__park_init(parker);
}

void model_parker_ends(struct crew__parker **parker)
{
    model_gone(*parker, sizeof **parker);
}

/* ---- time -------------------------------------------------------------- */

crew_ns crew__clock_now(void)
{
    return model_running ? model_running->now : 1;
}

crew_ns crew__clock_coarse(void)
{
    return crew__clock_now();
}

crew_ns crew__clock_step(void)
{
    return 0;
}

uint64_t crew__clock_ticks(void)
{
    return 1;
}

/* ---- spinning ---------------------------------------------------------- */

void crew__yield(void)
{
    struct thread *me = model_running;

    if (!me)
        return;
    me->state = YIELDED;
    if (me->yielded_at != model_writes)
        me->looked = false;
    me->yielded_at = model_writes;
    me->newest = false;
    if (model_tell)
        printf("  %c%-4u yield\n", 'A' + (char)number_of(me), me->made);
    model_rest();
}

/* Who relaxes goes on when it likes: the spins of the library are bounded. */
void crew__relax(void)
{
}

/* ---- the futex --------------------------------------------------------- */

static void futex_step(enum kind kind, uintptr_t address)
{
    struct pending pending = {kind, address, false};

    model_step(pending, model_is_shared(address, true, true));
}

static void fall_asleep(struct thread *me, uintptr_t address, crew_ns deadline)
{
    me->state = ASLEEP;
    me->sleeps_on = address;
    me->deadline = deadline;
    me->timed_out = false;
    me->pending.kind = SLEEP;
    me->pending.address = address;
    if (model_tell)
        printf("  %c%-4u sleeps on %s\n", 'A' + (char)number_of(me), me->made,
               model_name_of(address));
    model_rest();
    if (model_tell)
        printf("  %c%-4u %s\n", 'A' + (char)number_of(me), me->made,
               me->timed_out ? "times out" : "is woken");
}

/* The kernel reads the newest value for the thread, which then can't read an
 * older one; and a sleeper is seen by every wake that comes after. */
void crew__futex_wait(crew__a32 *word, uint32_t expected, crew_ns deadline)
{
    struct thread *me = model_running;

    if (!me)
        return;
    futex_step(SLEEP, (uintptr_t)&word->raw);
    if (model_read_newest(&word->raw, 4) != expected)
        return;
    if (model_spurious < model_current->spurious && model_choose(2)) {
        model_spurious++;
        return;
    }
    fall_asleep(me, (uintptr_t)&word->raw, deadline);
}

/* The kernel queues the thread on one word after the other; who is woken on the
 * first meanwhile does not sleep. */
int crew__futex_wait_shared(crew__a32 *word, uint32_t expected,
                            crew_ns deadline, crew__a32 *also)
{
    struct thread *me = model_running;

    me->woken_also = false;
    if (also) {
        futex_step(SLEEP, (uintptr_t)&also->raw);
        if (model_read_newest(&also->raw, 4) != 0)
            return -EAGAIN;
        me->also = (uintptr_t)&also->raw;
    }
    futex_step(SLEEP, (uintptr_t)&word->raw);
    if (!me->woken_also && model_read_newest(&word->raw, 4) != expected) {
        me->also = 0;
        return -EAGAIN;
    }
    if (!me->woken_also)
        fall_asleep(me, (uintptr_t)&word->raw, deadline);
    me->also = 0;
    if (me->woken_also)
        return -EINTR;
    return me->timed_out ? -ETIMEDOUT : 0;
}

static struct thread *choose_sleeper(uintptr_t address)
{
    struct thread *list[MODEL_THREADS];
    unsigned count = 0;

    for (unsigned i = 0; i < model_current->threads; i++) {
        struct thread *thread = &model_threads[i];

        if (thread->state == ASLEEP && thread->sleeps_on == address)
            list[count++] = thread;
        else if (address && thread->also == address && !thread->woken_also)
            list[count++] = thread;
    }
    return count ? list[model_choose(count)] : NULL;
}

static void wake(struct thread *sleeper, uintptr_t address)
{
    model_writes++;
    sleeper->woken_also = sleeper->also == address;
    if (sleeper->state == ASLEEP)
        model_go_on(sleeper);
}

/* Uses the address alone: the word may be gone. */
unsigned crew__futex_wake_shared(crew__a32 *word, unsigned count)
{
    uintptr_t address = (uintptr_t)&word->raw;
    struct thread *sleeper;
    unsigned woken = 0;

    if (!model_running)
        return 0;
    futex_step(WAKE, address);
    if (model_tell)
        printf("  %c%-4u wakes on %s\n", 'A' + (char)model_self(),
               model_running->made, model_name_of(address));
    while (woken < count && (sleeper = choose_sleeper(address)) != NULL) {
        wake(sleeper, address);
        woken++;
    }
    return woken;
}

void crew__futex_wake(crew__a32 *word, unsigned count)
{
    crew__futex_wake_shared(word, count);
}

/* ---- descriptors: a word that is 0 or 1 -------------------------------- */

enum { EVENTS = 8 };
static crew__a32 *events[EVENTS];
static const crew__a64 generation;
static struct crew__lock lock;
static unsigned pieces; /* of memory, not freed */

void model_world_begin(void)
{
    pieces = 0;
    lock.word.raw = 0;
    model_name(&lock.word, "notices' lock");
    for (unsigned i = 0; i < EVENTS; i++)
        events[i] = NULL;
}

int crew__event_open(int *fd)
{
    for (int i = 0; i < EVENTS; i++) {
        if (!events[i]) {
            events[i] = model_memory(64, sizeof *events[i]);
            model_name(events[i], "fd");
            *fd = i;
            return 0;
        }
    }
    return -1;
}

void crew__event_set(int fd)
{
    crew__model_exchange(&events[fd]->raw, 4, 1, __ATOMIC_ACQ_REL);
    crew__futex_wake(events[fd], 1);
}

void crew__event_clear(int fd)
{
    crew__model_exchange(&events[fd]->raw, 4, 0, __ATOMIC_ACQ_REL);
}

bool crew__event_wait(int fd, crew_ns deadline)
{
    while (!crew__model_load(&events[fd]->raw, 4, __ATOMIC_ACQUIRE)) {
        if (deadline != CREW__NEVER && crew__clock_now() >= deadline)
            return false;
        crew__futex_wait(events[fd], 0, deadline);
    }
    return true;
}

void crew__event_close(int fd)
{
    model_gone(events[fd], sizeof *events[fd]);
}

/* ---- memory ------------------------------------------------------------ */

void *crew__memory_at(size_t alignment, size_t size, const char *file, int line)
{
    size_t whole = size + alignment;
    char *memory = model_memory(alignment < 64 ? 64 : alignment, whole);

    (void)file;
    (void)line;
    pieces++;
    /* The size goes in front, for the day when it is freed. */
    *(size_t *)(void *)(memory + alignment - sizeof(size_t)) = size;
    return memory + alignment;
}

void crew__memory_free(void *memory)
{
    if (!memory)
        return;
    pieces--;
    model_gone(memory, ((size_t *)memory)[-1]);
}

unsigned model_pieces(void)
{
    return pieces;
}

/* ---- threads and forks ------------------------------------------------- */

uintptr_t crew__thread_identity(void)
{
    return model_self() + 1;
}

static void *cancels[MODEL_THREADS + 1]; /* of each thread; outside */

void *crew__thread_get_cancel(void)
{
    return cancels[model_self()];
}

void crew__thread_set_cancel(void *cancel)
{
    cancels[model_self()] = cancel;
}

uint64_t crew__fork_current(void)
{
    return 0;
}

uint64_t crew__fork_generation(const crew__a64 **word)
{
    *word = &generation;
    return 0;
}

struct crew__lock *crew__fork_lock(void)
{
    return &lock;
}
