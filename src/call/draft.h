/*
 * A message that a function fills: the `out` of a call. What is small lies in
 * the draft itself, so that most results allocate nothing.
 *
 * The program sees `public`, and may write anything into it. What is to be
 * freed is known by the private words alone.
 */
#ifndef CREW_CALL_DRAFT_H
#define CREW_CALL_DRAFT_H

#include <crew/call.h>

#include "base/tunables.h"

struct crew__entries {
    void **list; /* NULL: `few` */
    size_t room; /* of list */
    void *few[CREW__DRAFT_ENTRIES];
};

struct crew__draft {
    crew_message public;
    void *bytes; /* NULL: `few` */
    struct crew__entries buffers;
    struct crew__entries ports;
    char few[CREW__DRAFT_BYTES] __attribute__((aligned(16)));
};

/* In zeroed memory that is aligned to 16: an empty one, which may be filled. */
void crew__draft_init(struct crew__draft *draft);
/* From now on it may only be looked at and taken from. */
void crew__draft_close(struct crew__draft *draft);
/* Releases all that is still in it. */
void crew__draft_fini(struct crew__draft *draft);

#endif
