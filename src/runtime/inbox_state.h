/*
 * The inside of an inbox, for inbox*.c alone. What posters and the owner do to
 * it, and the invariants, stand in inbox.h.
 */
#ifndef CREW_RUNTIME_INBOX_STATE_H
#define CREW_RUNTIME_INBOX_STATE_H

#include "runtime/inbox.h"

#define NAME_BYTES 32

/*
 * The owner counts in a slot of its own without a read-modify-write. A slot
 * belongs to a thread for good: one that still counts as the owner that it was
 * when another dispatches must not overwrite what a third has counted there.
 * Threads that come when all slots are taken count as the others do. The
 * number fits in the low bits of an identity.
 */
#define OWNER_SLOTS 7u
#define NO_SLOT     OWNER_SLOTS

struct crew_inbox {
    /* Posters write these, ... */
    struct crew__stack arrived CREW__ALIGNED(CREW__APART);
    crew__a32 rousing; /* posters between their count and their last touch */
    crew__a32 writes;  /* of the fd, counted before each */

    /* ... who tells the owner something reads these, ... */
    crew__aptr waiter CREW__ALIGNED(CREW__APART); /* NULL, LOOKING, a parker */
    crew__a32 fd_asked;
    int fd;
    crew__a32 stops;   /* runs that are to end */
    crew__a32 notices; /* a notice may be due */
    crew__a64 expected_by_others;
    crew__a64 attached; /* what may post at any time */
    crew__a64 held;     /* of it, what keeps run going */
    crew__aptr loop;    /* that serves it; NULL */
    const crew__a64 *fork_word;
    uint64_t generation;

    /* ... and the owner these. */
    /* its thread's identity | slot */
    crew__a64 owner CREW__ALIGNED(CREW__APART);
    crew__a64 expected_by_owner[OWNER_SLOTS];
    uintptr_t owners[OWNER_SLOTS]; /* of the slots; 0: free */
    crew__a64 delivered;
    crew__a32 dispatching;
    bool is_running;    /* it is inside run: heeds stops, ends at nothing */
    bool is_settling;   /* ... whatever holds it */
    unsigned finds;     /* looks in a row that found something */
    unsigned overslept; /* naps in a row that were too long; at most ..._MOST */
    unsigned budget;    /* callbacks that the item being delivered may make, */
    unsigned ran;       /* and has made */
    uint32_t number;    /* of the dispatch */
    struct crew__node *last; /* of this dispatch; NULL: none is left */
    bool notices_due;        /* notices are next, ... */
    struct crew__node *before_notices; /* ... or after this item; NULL */
    uint32_t cleared; /* `writes` when the fd was last cleared */
    crew_ns alarm;    /* the first deadline of a notice; 0: none */
    struct crew__node *ready;
    struct crew__node *ready_last;
    struct crew__notice *noticed; /* guarded by the notices' lock, ... */
    uint32_t round;               /* ... and so is this: dispatches that
                                     looked for due notices */
    char name[NAME_BYTES];
};

/* No parker lies there. */
#define LOOKING ((void *)(uintptr_t)1)

/* Becomes the one who dispatches; false: another is, or it is nested. */
bool crew__inbox_enter(crew_inbox *inbox);
void crew__inbox_leave(crew_inbox *inbox);

/* The one who dispatches alone: */

/* Delivers at most `max` (0: all that waited at entry); how many. */
int crew__inbox_deliver(crew_inbox *inbox, unsigned max);
bool crew__inbox_has_work(crew_inbox *inbox);
bool crew__inbox_is_noticed(const crew_inbox *inbox);
/* The fd stays readable while something is left, and an edge is made for
 * who waits for edges. */
void crew__inbox_ring_for_rest(crew_inbox *inbox);

/* Moves what has arrived to `ready`. */
void crew__inbox_collect_more(crew_inbox *inbox);
/* Whether what is attached keeps a run going. */
bool crew__inbox_is_held(const crew_inbox *inbox);
/* Makes the owner look whether its run, or its loop, is over. */
void crew__inbox_rouse_run(crew_inbox *inbox);
/* Whether a loop serves it. Any thread. */
bool crew__inbox_is_bound(crew_inbox *inbox);
/* Makes the fd readable. Any thread. */
void crew__inbox_ring(crew_inbox *inbox);

/* Frees an item that is a call, which will not be delivered. */
void crew__inbox_drop_call(struct crew__item *item);

/* Something is there for the owner to look at. Any thread. */
void crew__inbox_rouse(crew_inbox *inbox);

#endif
