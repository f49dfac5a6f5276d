/*
 * From a file to a thumbnail: opens, decodes, and lets the rows be scaled as
 * they come. This is the work of one task; the scaling is that of others.
 *
 * Colours: an RGB profile that is embedded in the image is carried over into
 * the thumbnail, so that it shows the same colours; without one the pixels are
 * taken as sRGB. A PNG that only says its gamma (gAMA) is brought to that of
 * sRGB. CMYK is converted by the plain formula and its profile is dropped.
 */
#ifndef THUMBS_DECODE_H
#define THUMBS_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include <crew/self.h>

#include "draft.h"
#include "failure.h"
#include "format.h"
#include "picture.h"
#include "source.h"
#include "strips.h"

struct thumbnail {
    struct picture picture; /* upright */
    uint8_t *profile;       /* ICC, or NULL */
    unsigned profile_size;
};

/* What the decoders of the formats work with. */
struct decoder {
    unsigned side;   /* the longest one of the thumbnail, in pixels */
    crew_self *self; /* NULL: on the main loop */
    struct failure *failure;
    struct thumbnail *out;
    unsigned orientation;
    struct draft draft;
    struct picture picture; /* the draft */
    bool streaming;         /* strips is to be destroyed */
    struct strips strips;
    struct source source;
};

/* Fills *out, which the caller frees. 0, -ECANCELED or another negative
 * errno, with its reason in *failure. */
int decode_thumbnail(const char *path, enum format format, unsigned side,
                     crew_self *self, struct thumbnail *out,
                     struct failure *failure);
void thumbnail_destroy(struct thumbnail *thumbnail);

/* For the decoders: the size of the image is known, rows follow. It has
 * width x height pixels and is decoded to `eighths` eighths of that. */
int decode_begin(struct decoder *decoder, enum layout layout, unsigned width,
                 unsigned height, unsigned eighths, bool whole);

/* A row is decoded and sits where strips_row said. */
int decode_row_done(struct decoder *decoder);

/* Keeps a copy of an RGB profile; others, and huge ones, are dropped. */
void decode_keep_profile(struct decoder *decoder, const uint8_t *profile,
                         unsigned size);

/* The formats: decode everything from decoder->source into decoder->strips. */
int jpeg_decode(struct decoder *decoder);
int png_decode(struct decoder *decoder);

#endif
