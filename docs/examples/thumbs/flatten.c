#include "flatten.h"

size_t layout_bytes(enum layout layout)
{
    switch (layout) {
    case LAYOUT_GRAY:
        return 1;
    case LAYOUT_GRAY_ALPHA:
        return 2;
    case LAYOUT_RGB:
        return 3;
    case LAYOUT_RGBA:
    case LAYOUT_CMYK:
    case LAYOUT_CMYK_INVERTED:
        break;
    }
    return 4;
}

/* a * b / 255, rounded, for 8-bit values: exact, and without a division. */
static inline uint8_t multiply(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;

    return (uint8_t)((product + (product >> 8)) >> 8);
}

static inline uint8_t on_white(unsigned value, unsigned alpha)
{
    return (uint8_t)(255 - multiply(255 - value, alpha));
}

static void flatten_gray(const uint8_t *restrict row, unsigned width,
                         uint8_t *restrict rgb)
{
    unsigned x;

    for (x = 0; x < width; x++, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = row[x];
}

static void flatten_gray_alpha(const uint8_t *restrict row, unsigned width,
                               uint8_t *restrict rgb)
{
    unsigned x;

    for (x = 0; x < width; x++, row += 2, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = on_white(row[0], row[1]);
}

static void flatten_rgba(const uint8_t *restrict row, unsigned width,
                         uint8_t *restrict rgb)
{
    unsigned x;

    for (x = 0; x < width; x++, row += 4, rgb += 3) {
        rgb[0] = on_white(row[0], row[3]);
        rgb[1] = on_white(row[1], row[3]);
        rgb[2] = on_white(row[2], row[3]);
    }
}

/* `invert` is 255 where the values say how much ink there is, else 0. */
static void flatten_cmyk(const uint8_t *restrict row, unsigned width,
                         unsigned invert, uint8_t *restrict rgb)
{
    unsigned x;

    for (x = 0; x < width; x++, row += 4, rgb += 3) {
        rgb[0] = multiply(row[0] ^ invert, row[3] ^ invert);
        rgb[1] = multiply(row[1] ^ invert, row[3] ^ invert);
        rgb[2] = multiply(row[2] ^ invert, row[3] ^ invert);
    }
}

const uint8_t *flatten_row(enum layout layout, const uint8_t *row,
                           unsigned width, uint8_t *rgb)
{
    switch (layout) {
    case LAYOUT_RGB:
        return row;
    case LAYOUT_GRAY:
        flatten_gray(row, width, rgb);
        break;
    case LAYOUT_GRAY_ALPHA:
        flatten_gray_alpha(row, width, rgb);
        break;
    case LAYOUT_RGBA:
        flatten_rgba(row, width, rgb);
        break;
    case LAYOUT_CMYK:
        flatten_cmyk(row, width, 255, rgb);
        break;
    case LAYOUT_CMYK_INVERTED:
        flatten_cmyk(row, width, 0, rgb);
        break;
    }
    return rgb;
}
