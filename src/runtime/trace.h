/*
 * Recording what a pool does: rings of events of fixed size, one per worker,
 * and a few that all other threads share. What comes when a ring is full is
 * counted and dropped, so what is kept is the beginning, without gaps. See
 * trace_file.c for what becomes of them.
 *
 * A trace is made when a pool is traced first, and stays until the pool and all
 * completions that it has noted are gone; recording is turned on and off.
 *
 * Invariants
 *   I1  A worker's ring is written by its worker alone, a shared one under its
 *       lock. Events below `count` do not change while `generation` is that of
 *       the trace.
 *   I2  Each recording has a generation of its own. Who notes an event begins a
 *       ring anew where its generation is an older one; so a thread that was
 *       stopped for long inside a note does no harm to the next recording.
 *
 * Edges
 *   trace-on      start -> note   the rings and the generation are seen.
 *   trace-event   note -> collect   the events below `count` are seen.
 *   trace-gone    release -> the last release   the last touches happen before
 *                 the memory goes.
 */
#ifndef CREW_RUNTIME_TRACE_H
#define CREW_RUNTIME_TRACE_H

#include "os/os.h"

#define CREW__TRACE_NAME   24u
#define CREW__TRACE_SHARED 8u

enum crew__event_kind {
    CREW__EVENT_SUBMIT,
    CREW__EVENT_START, /* ... of run, */
    CREW__EVENT_END,
    CREW__EVENT_STEAL,
    CREW__EVENT_PARK,
    CREW__EVENT_WAKE,
    CREW__EVENT_DONE, /* `done` begins, ... */
    CREW__EVENT_RETURNED
};

struct crew__event {
    uint64_t ticks;
    const void *task; /* its address: compared, never followed */
    uint32_t kind;
    uint32_t thread; /* the kernel's number */
    char name[CREW__TRACE_NAME];
};

/* Which threads have noted events: to ask the kernel once for each. */
#define CREW__TRACE_THREADS 32u

struct crew__trace_ring {
    crew__a64 count;
    crew__a32 generation;
    crew__a64 dropped;
    struct crew__event *events;
    uint32_t capacity;
    uint32_t thread; /* of a worker's ring */

    /* Of a shared ring, under its lock. */
    struct crew__lock lock;
    unsigned threads;
    unsigned last; /* who noted last */
    struct {
        uintptr_t identity;
        uint32_t id;
    } known[CREW__TRACE_THREADS];
} CREW__ALIGNED(CREW__APART);

struct crew__trace {
    crew__a32 generation; /* of the recording that goes on; 0: none does */
    crew__a32 references;
    uint32_t recordings;
    unsigned workers;
    int fd;
    uint64_t begin_ticks; /* two readings of both clocks, ... */
    crew_ns begin_ns;
    uint64_t end_ticks;
    crew_ns end_ns;
    char name[32]; /* prefix of the workers' */
    void *memory;  /* of all events */
    size_t memory_size;
    struct crew__trace_ring rings[]; /* of workers, then shared ones */
};

/* The ring of an event from a thread that is no worker of the pool, or does
 * not know whether it is. */
#define CREW__TRACE_OUTSIDE UINT32_MAX

/* With one reference. -ENOMEM. */
int crew__trace_create(struct crew__trace **out, unsigned workers,
                       const char *name);
void crew__trace_retain(struct crew__trace *trace);
void crew__trace_release(struct crew__trace *trace); /* takes NULL */

/* One at a time: begins a recording into `fd`, which it owns. */
void crew__trace_begin(struct crew__trace *trace, int fd);
/* Ends it, and writes the file. */
int crew__trace_finish(struct crew__trace *trace);

/* Notes an event; nothing where no recording goes on. `task` and `name` may be
 * NULL. */
void crew__trace_note(struct crew__trace *trace, unsigned worker,
                      enum crew__event_kind kind, const void *task,
                      const char *name);

/* ---- trace_file.c ------------------------------------------------------- */

/* The events of `ring` in this recording: how many can be read now. */
size_t crew__trace_count(struct crew__trace *trace,
                         struct crew__trace_ring *ring);
int crew__trace_write(struct crew__trace *trace);

#endif
