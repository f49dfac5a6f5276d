/*
 * Decoded pixels of any layout become opaque RGB: gray is spread, alpha is put
 * on white, ink is turned into light.
 */
#ifndef THUMBS_FLATTEN_H
#define THUMBS_FLATTEN_H

#include <stddef.h>
#include <stdint.h>

enum layout {
    LAYOUT_GRAY,
    LAYOUT_GRAY_ALPHA,
    LAYOUT_RGB,
    LAYOUT_RGBA,
    LAYOUT_CMYK,         /* 255 is full ink */
    LAYOUT_CMYK_INVERTED /* 0 is full ink: what Adobe's programs write */
};

/* How many bytes a pixel has. */
size_t layout_bytes(enum layout layout);

/* Returns the row as RGB: `rgb`, which it has filled, or `row` itself where
 * that is RGB already. */
const uint8_t *flatten_row(enum layout layout, const uint8_t *row,
                           unsigned width, uint8_t *rgb);

#endif
