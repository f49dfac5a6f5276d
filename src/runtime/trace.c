#include "runtime/trace.h"

#include "base/tunables.h"

#include <errno.h>
#include <string.h>

static unsigned ring_count(const struct crew__trace *trace)
{
    return trace->workers + CREW__TRACE_SHARED;
}

static uint32_t capacity_of(const struct crew__trace *trace, unsigned ring)
{
    return ring < trace->workers ? CREW__TRACE_EVENTS
                                 : CREW__TRACE_EVENTS_SHARED;
}

int crew__trace_create(struct crew__trace **out, unsigned workers,
                       const char *name)
{
    size_t size = sizeof(struct crew__trace) +
                  (workers + CREW__TRACE_SHARED) *
                      sizeof(struct crew__trace_ring);
    struct crew__trace *trace = crew__memory_aligned(CREW__APART, size);
    struct crew__event *at;
    size_t events;

    if (!trace)
        return -ENOMEM;
    trace->workers = workers;
    events = (size_t)workers * CREW__TRACE_EVENTS +
             (size_t)CREW__TRACE_SHARED * CREW__TRACE_EVENTS_SHARED;
    trace->memory_size = events * sizeof *at;
    trace->memory = crew__memory_map(trace->memory_size, trace->memory_size,
                                     false);
    if (!trace->memory) {
        crew__memory_free(trace);
        return -ENOMEM;
    }
    at = trace->memory;
    for (unsigned i = 0; i < ring_count(trace); i++) {
        trace->rings[i].events = at;
        trace->rings[i].capacity = capacity_of(trace, i);
        at += trace->rings[i].capacity;
    }
    crew__store_relaxed(&trace->references, 1); /* not shared yet */
    strncpy(trace->name, name, sizeof trace->name - 1);
    *out = trace;
    return 0;
}

void crew__trace_retain(struct crew__trace *trace)
{
    crew__add_relaxed(&trace->references, 1); /* the caller has one */
}

void crew__trace_release(struct crew__trace *trace)
{
    /* edge:trace-gone, release */
    /* edge:trace-gone, acquire */
    if (!trace || crew__add_acq_rel(&trace->references, (uint32_t)-1) != 1)
        return;
    crew__memory_unmap(trace->memory, trace->memory_size);
    crew__memory_free(trace);
}

void crew__trace_begin(struct crew__trace *trace, int fd)
{
    trace->fd = fd;
    if (++trace->recordings == 0)
        trace->recordings = 1;
    trace->begin_ns = crew__clock_now();
    trace->begin_ticks = crew__clock_ticks();
    /* edge:trace-on, release */
    crew__store_release(&trace->generation, trace->recordings);
}

int crew__trace_finish(struct crew__trace *trace)
{
    int r;

    crew__store_relaxed(&trace->generation, 0); /* late notes are left out */
    trace->end_ns = crew__clock_now();
    trace->end_ticks = crew__clock_ticks();
    r = crew__trace_write(trace);
    crew__file_close(trace->fd);
    return r;
}

/* ---- noting ------------------------------------------------------------ */

/* The next free event of a ring, by its one writer; NULL: it is full. */
static inline struct crew__event *next_slot(struct crew__trace_ring *ring,
                                            uint32_t generation)
{
    uint64_t count = crew__load_relaxed(&ring->count); /* one writer */

    if (crew__load_relaxed(&ring->generation) != generation) { /* as above */
        count = 0;
        crew__store_relaxed(&ring->dropped, 0); /* a figure */
        crew__store_relaxed(&ring->count, 0);   /* published by the next */
        /* edge:trace-event, release */
        crew__store_release(&ring->generation, generation);
    }
    if (count < ring->capacity)
        return &ring->events[count];
    /* a figure of one writer */
    crew__store_relaxed(&ring->dropped, crew__load_relaxed(&ring->dropped) + 1);
    return NULL;
}

/* Byte by byte: most names are short, and a call costs more than that. */
static inline void copy_name(char *to, const char *from)
{
    unsigned n = 0;

    while (from && n < CREW__TRACE_NAME - 1 && from[n]) {
        to[n] = from[n];
        n++;
    }
    to[n] = '\0';
}

static inline void append(struct crew__trace_ring *ring, uint32_t generation,
                          uint32_t thread, enum crew__event_kind kind,
                          const void *task, const char *name)
{
    struct crew__event *slot = next_slot(ring, generation);

    if (!slot)
        return;
    slot->ticks = crew__clock_ticks();
    slot->task = task;
    slot->kind = kind;
    slot->thread = thread;
    /* an end has the name of its beginning */
    copy_name(slot->name, kind == CREW__EVENT_END ? NULL : name);
    /* edge:trace-event, release */
    crew__store_release(&ring->count,
                        crew__load_relaxed(&ring->count) + 1); /* one writer */
}

/* The number of the calling thread, asked for once. */
static uint32_t thread_id(struct crew__trace_ring *ring)
{
    uintptr_t me = crew__thread_identity();
    unsigned i = ring->last;

    if (i < ring->threads && ring->known[i].identity == me)
        return ring->known[i].id;
    for (i = 0; i < ring->threads; i++) {
        if (ring->known[i].identity == me) {
            ring->last = i;
            return ring->known[i].id;
        }
    }
    i = ring->threads < CREW__TRACE_THREADS ? ring->threads++ : 0;
    ring->known[i].identity = me;
    ring->known[i].id = (uint32_t)crew__thread_id();
    ring->last = i;
    return ring->known[i].id;
}

static void note_outside(struct crew__trace *trace, uint32_t generation,
                         enum crew__event_kind kind, const void *task,
                         const char *name)
{
    uint64_t mixed = (uint64_t)crew__thread_identity() *
                     UINT64_C(0x9e3779b97f4a7c15);
    struct crew__trace_ring *ring =
        &trace->rings[trace->workers + (mixed >> 32) % CREW__TRACE_SHARED];

    crew__lock(&ring->lock);
    append(ring, generation, thread_id(ring), kind, task, name);
    crew__unlock(&ring->lock);
}

void crew__trace_note(struct crew__trace *trace, unsigned worker,
                      enum crew__event_kind kind, const void *task,
                      const char *name)
{
    /* edge:trace-on, acquire */
    uint32_t generation = crew__load_acquire(&trace->generation);

    if (generation == 0)
        return;
    if (worker == CREW__TRACE_OUTSIDE)
        note_outside(trace, generation, kind, task, name);
    else
        append(&trace->rings[worker], generation, trace->rings[worker].thread,
               kind, task, name);
}

size_t crew__trace_count(struct crew__trace *trace,
                         struct crew__trace_ring *ring)
{
    /* edge:trace-event, acquire */
    if (crew__load_acquire(&ring->generation) != trace->recordings)
        return 0;
    /* edge:trace-event, acquire */
    return (size_t)crew__load_acquire(&ring->count);
}
