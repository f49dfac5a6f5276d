/*
 * How an image becomes a thumbnail: decoded to its full size, or to a part of
 * it that the decoder can make (JPEG), then by the area filter to a draft, then
 * by Lanczos to the thumbnail.
 */
#ifndef THUMBS_DRAFT_H
#define THUMBS_DRAFT_H

#include <stdint.h>

#include "area.h"

struct draft {
    struct area area;            /* from the decoded image to the draft */
    uint32_t x_length, y_length; /* the draft's true size in 1/256 pixels */
    unsigned width, height;      /* of the thumbnail */
};

/*
 * Chooses the sizes for an image of width x height pixels that is decoded to
 * `eighths` eighths of that, so that the longest side becomes `side`.
 */
void draft_choose(struct draft *draft, enum layout layout, unsigned width,
                  unsigned height, unsigned eighths, unsigned side);

/* How many bytes the draft and the thumbnail have. */
uint64_t draft_memory(const struct draft *draft);

#endif
