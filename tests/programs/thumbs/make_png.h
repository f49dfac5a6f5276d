/*
 * PNG files of every kind.
 */
#ifndef THUMBS_TEST_MAKE_PNG_H
#define THUMBS_TEST_MAKE_PNG_H

#include <stdbool.h>
#include <stdio.h>

#include "scene.h"

/* Draws a scene as kind "rgb", "rgba", "gray", "gray-alpha", "gray1",
 * "palette", "palette-alpha", "rgb16", "rgba16", "gray16", "gamma", "exif6";
 * "-interlaced" may follow. False: no such kind. */
bool make_png(FILE *file, const char *kind, unsigned width, unsigned height,
              struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned));

#endif
