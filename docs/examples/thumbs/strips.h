/*
 * The rows of one image on their way from the decoder to the draft, the result
 * of the first step of scaling. They are cut into strips, each of which covers
 * whole rows of the draft and is scaled by a task of its own, so that a second
 * worker helps where one is free and the decoder goes on meanwhile. A row that
 * two strips share is in both.
 *
 *   streamed   two strips take turns: one is filled while the other is scaled.
 *              That, and no more, is in memory of an image.
 *   whole      the decoder needs all rows at once (interlaced PNG): one buffer,
 *              cut when it is full.
 *
 * Strips have no priority over images that wait: while there are such, free
 * workers take those, and a decoder that needs a strip back scales it itself,
 * in its own cache. Others help when they have nothing else to do.
 *
 * Without a pool (--inline) each strip is scaled where it is handed over.
 */
#ifndef THUMBS_STRIPS_H
#define THUMBS_STRIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <crew/crew.h>

#include "area.h"

enum {
    STRIP_BYTES = 256 * 1024, /* of rows in one strip; fits in an L2 cache */
    STRIP_COUNT = 2           /* in turns, where the image is streamed */
};

struct strip {
    crew_task task;
    const struct area *area;
    uint8_t *rows;        /* from the first row that it covers */
    unsigned from, to;    /* rows of the draft: from .. to - 1 */
    unsigned first, last; /* rows of the image that these cover */
    uint8_t *out;         /* row `from` of the draft */
    bool submitted;       /* and not waited for since */
};

struct strips {
    struct area area;
    crew_pool *pool;   /* NULL: inline */
    crew_group *group; /* of the scaling tasks; NULL: inline */
    struct strip *all; /* `count` of them */
    unsigned count, current;
    unsigned out_rows; /* rows of the draft per strip */
    unsigned row;      /* the next image row that the decoder delivers */
    uint8_t *rows;     /* the memory of all rows */
    void *scratch;     /* of area_scale; NULL where tasks have their own */
    uint8_t *out;      /* the draft */
};

/* How many bytes strips_create will allocate for such an image. */
uint64_t strips_memory(const struct area *area, bool whole);

/* `out` is the draft's RGB, which the caller keeps until strips_destroy.
 * `self` is the caller's place; NULL: inline. 0 or a negative errno. */
int strips_create(struct strips *strips, const struct area *area, bool whole,
                  uint8_t *out, crew_self *self);

/* Streamed: where the next row goes, and that it is there now. */
uint8_t *strips_row(struct strips *strips);
int strips_row_done(struct strips *strips);

/* Whole: where row y goes; then hands all over. */
uint8_t *strips_row_at(struct strips *strips, unsigned y);
int strips_whole_done(struct strips *strips);

/* Waits until every row that was handed over is in the draft. */
int strips_finish(struct strips *strips);

/* At any moment after a create that worked; what waits is not scaled. */
void strips_destroy(struct strips *strips);

#endif
