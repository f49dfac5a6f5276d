/*
 * The first step of scaling: each pixel of the result is the mean of the area
 * of the image that it covers, edge pixels counted by the part that lies
 * inside. Rows are independent of each other, so any range of them can be
 * scaled by any thread from the image rows that it covers.
 */
#ifndef THUMBS_AREA_H
#define THUMBS_AREA_H

#include <stddef.h>
#include <stdint.h>

#include "flatten.h"

enum { AREA_MAX_SIDE = 65535 }; /* the sums of one column fit in 32 bits */

struct area {
    enum layout layout;
    unsigned in_width, in_height; /* the image, 1 .. AREA_MAX_SIDE */
    uint32_t x_length, y_length;  /* its true size in 1/256 pixels: a JPEG that
                                     is scaled while decoding ends within its
                                     last pixel; in - 1 < length / 256 <= in */
    unsigned out_width, out_height; /* the result, never larger */
};

/* The image pixels under pixel `i` of the result, along one side. Those
 * between first and last weigh 256. */
struct span {
    unsigned first, last;
    uint16_t first_weight, last_weight; /* last_weight 0 if first == last */
};

struct span area_span(uint32_t length, unsigned in, unsigned out, unsigned i);
struct span area_rows(const struct area *area, unsigned out_row);

size_t area_row_bytes(const struct area *area);
size_t area_scratch_bytes(const struct area *area);

/*
 * Scales the rows from .. to - 1 of the result. `rows` holds the image rows
 * from area_rows(from).first to area_rows(to - 1).last, `out` receives RGB,
 * `scratch` is area_scratch_bytes of memory aligned for uint32_t.
 */
void area_scale(const struct area *area, const uint8_t *rows, unsigned from,
                unsigned to, uint8_t *out, void *scratch);

#endif
