/*
 * A picture becomes a JPEG in memory; small, since pictures here are small.
 */
#ifndef THUMBS_JPEG_OUT_H
#define THUMBS_JPEG_OUT_H

#include <stdint.h>

#include "failure.h"
#include "picture.h"

/* `profile` is an ICC profile or NULL. On success the caller frees *bytes. */
int jpeg_encode(const struct picture *picture, const uint8_t *profile,
                unsigned profile_size, unsigned char **bytes,
                unsigned long *size, struct failure *failure);

#endif
