/*
 * JPEG files of every kind.
 */
#ifndef THUMBS_TEST_MAKE_JPEG_H
#define THUMBS_TEST_MAKE_JPEG_H

#include <stdbool.h>
#include <stdio.h>

#include "scene.h"

/* Draws a scene as kind "jpeg", "jpeg-progressive", "jpeg-gray", "jpeg-cmyk",
 * "jpeg-ycck", "jpeg-icc", "jpeg-exif1" to "jpeg-exif8": stored so that it
 * stands upright when the orientation is applied. False: no such kind. */
bool make_jpeg(FILE *file, const char *kind, unsigned width, unsigned height,
               struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned));

#endif
