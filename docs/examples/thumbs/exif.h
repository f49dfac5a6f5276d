/*
 * How the camera was held.
 */
#ifndef THUMBS_EXIF_H
#define THUMBS_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The EXIF orientation, 1 to 8, of an EXIF block that starts with its TIFF
 * header; 1 where there is none. */
unsigned exif_orientation(const uint8_t *tiff, size_t size);

#endif
