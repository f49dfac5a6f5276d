/*
 * Files that appear whole or not at all: written under a temporary name in the
 * same directory, then renamed.
 */
#ifndef THUMBS_OUTPUT_H
#define THUMBS_OUTPUT_H

#include <stddef.h>

#include "failure.h"
#include "picture.h"

/*
 * Opens the directory that thumbnails go to and makes sure that files can be
 * made in it. `create`: makes it where it is missing. Returns a descriptor.
 */
int output_open(const char *path, int create, struct failure *failure);

/* Writes one file; on failure the temporary one is gone again. */
int output_write(int directory, const char *name, const void *bytes,
                 size_t size, struct failure *failure);

/* Encodes a picture and writes it. `profile` may be NULL. */
int output_picture(int directory, const char *name,
                   const struct picture *picture, const unsigned char *profile,
                   unsigned profile_size, struct failure *failure);

#endif
