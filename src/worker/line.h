/*
 * Who holds which name, and who waits for it: the rules of named locks as pure
 * memory. Whoever uses it has a lock around it, and tells what has changed to
 * those whom it concerns after that.
 *
 * A claim is one request with its name. All claims of one name lie in one
 * bucket, in the order of their turns. Other names may lie between them.
 *
 * Invariants, of the claims of one name
 *   L1  Those that are held come before those that wait.
 *   L2  Either one exclusive claim is held, or any number of shared ones.
 *   L3  The first that waits could not be granted beside those that are held.
 *   L4  A claim is linked while it waits or is held, and at no other time.
 */
#ifndef CREW_WORKER_LINE_H
#define CREW_WORKER_LINE_H

#include <crew/lock.h>

#include "base/list.h"

#include <stdint.h>

enum crew__claim_state {
    CREW__CLAIM_NEW,
    CREW__CLAIM_WAITS,
    CREW__CLAIM_HELD,
    CREW__CLAIM_STOLEN,
    CREW__CLAIM_LEFT
};

struct crew__claim {
    struct crew__link link;
    const char *name;
    size_t name_size;
    uint64_t hash;
    crew_lock_mode mode;
    enum crew__claim_state state;
    /* One that is granted may be stolen before that has been told. */
    struct crew__claim *next_granted;
    struct crew__claim *next_stolen;
};

enum crew__line_way {
    CREW__LINE_WAIT,
    CREW__LINE_IF_FREE, /* or not at all */
    CREW__LINE_STEAL
};

/* What a step has done to other claims, in the order of their turns. */
struct crew__line_changes {
    struct crew__claim *granted;
    struct crew__claim *stolen;
};

#define CREW__LINE_BUCKETS 256u

struct crew__line {
    struct crew__link buckets[CREW__LINE_BUCKETS];
};

void crew__line_init(struct crew__line *line);
/* `name` is kept. */
void crew__line_make_claim(struct crew__claim *claim, const char *name,
                           size_t size, crew_lock_mode mode);
/* Whether it has a place now, where it waits or is held. */
bool crew__line_enter(struct crew__line *line, struct crew__claim *claim,
                      enum crew__line_way way,
                      struct crew__line_changes *changes);
/* Takes a claim out, whatever its state. */
void crew__line_leave(struct crew__line *line, struct crew__claim *claim,
                      struct crew__line_changes *changes);
/* The one after `claim` in all of the line, or NULL; NULL: the first. */
struct crew__claim *crew__line_next(struct crew__line *line,
                                    const struct crew__claim *claim);

#endif
