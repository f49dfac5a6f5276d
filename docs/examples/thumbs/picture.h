/*
 * A small picture that is in memory as a whole: a thumbnail, 8-bit RGB without
 * gaps between the rows.
 */
#ifndef THUMBS_PICTURE_H
#define THUMBS_PICTURE_H

#include <stddef.h>
#include <stdint.h>

struct picture {
    unsigned width, height;
    uint8_t *rgb; /* NULL: no picture */
};

/* Allocates white. 0 or -ENOMEM. */
int picture_create(struct picture *picture, unsigned width, unsigned height);
void picture_destroy(struct picture *picture);

/*
 * The size of a width x height image whose longest side becomes `side`: the
 * other keeps the proportion, neither is below 1. A smaller image keeps its
 * size: enlarging adds nothing to look at.
 */
void picture_fit(unsigned width, unsigned height, unsigned side,
                 unsigned *out_width, unsigned *out_height);

/* Turns and mirrors a picture that is stored with this EXIF orientation, 1 to
 * 8, so that it stands upright. 0 or -ENOMEM. */
int picture_upright(struct picture *picture, unsigned orientation);

#endif
