#include "picture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int picture_create(struct picture *picture, unsigned width, unsigned height)
{
    const size_t bytes = (size_t)width * height * 3;
    uint8_t *rgb = malloc(bytes);

    if (!rgb)
        return -ENOMEM;
    memset(rgb, 255, bytes);
    picture->width = width;
    picture->height = height;
    picture->rgb = rgb;
    return 0;
}

void picture_destroy(struct picture *picture)
{
    free(picture->rgb);
    picture->rgb = NULL;
}

/* part * side / whole, rounded, at least 1. */
static unsigned shrink(unsigned part, unsigned side, unsigned whole)
{
    const uint64_t scaled = ((uint64_t)part * side * 2 + whole) / whole / 2;

    return scaled > 0 ? (unsigned)scaled : 1;
}

void picture_fit(unsigned width, unsigned height, unsigned side,
                 unsigned *out_width, unsigned *out_height)
{
    const unsigned longest = width > height ? width : height;

    if (longest <= side)
        side = longest;
    *out_width = shrink(width, side, longest);
    *out_height = shrink(height, side, longest);
}

/*
 * What each orientation does, read from the upright picture: pixel (x, y)
 * comes from the stored picture with x mirrored, y mirrored, and x and y
 * changed places.
 *
 *   1  as it is        5  swapped
 *   2  x               6  swapped, then y     (turn right)
 *   3  x and y         7  swapped, x and y
 *   4  y               8  swapped, then x     (turn left)
 */
int picture_upright(struct picture *picture, unsigned orientation)
{
    const bool swapped = orientation >= 5 && orientation <= 8;
    const bool mirror_x = orientation == 2 || orientation == 3 ||
                          orientation == 7 || orientation == 8;
    const bool mirror_y = orientation == 3 || orientation == 4 ||
                          orientation == 6 || orientation == 7;
    struct picture up;
    unsigned x, y, from_x, from_y;
    uint8_t *to;

    if (!swapped && !mirror_x && !mirror_y)
        return 0;
    if (picture_create(&up, swapped ? picture->height : picture->width,
                       swapped ? picture->width : picture->height) < 0)
        return -ENOMEM;

    to = up.rgb;
    for (y = 0; y < up.height; y++) {
        for (x = 0; x < up.width; x++, to += 3) {
            from_x = swapped ? y : x;
            from_y = swapped ? x : y;
            if (mirror_x)
                from_x = picture->width - 1 - from_x;
            if (mirror_y)
                from_y = picture->height - 1 - from_y;
            memcpy(to,
                   picture->rgb +
                       ((size_t)from_y * picture->width + from_x) * 3,
                   3);
        }
    }
    picture_destroy(picture);
    *picture = up;
    return 0;
}
