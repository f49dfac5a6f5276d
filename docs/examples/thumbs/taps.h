/*
 * The weights of a Lanczos filter along one side: which pixels a pixel of the
 * result is made of, and how much of each.
 */
#ifndef THUMBS_TAPS_H
#define THUMBS_TAPS_H

#include <stdint.h>

enum { TAPS_BITS = 14 }; /* the weights of a pixel add up to 1 << TAPS_BITS */

struct taps {
    unsigned count;   /* of pixels for each of the result */
    unsigned *first;  /* per pixel of the result: the first of them */
    int16_t *weights; /* per pixel of the result: `count` */
};

/* From `in` pixels, of which length / 256 count, to `out`, not more. 0 or
 * -ENOMEM. */
int taps_create(struct taps *taps, uint32_t length, unsigned in, unsigned out);
void taps_destroy(struct taps *taps);

#endif
