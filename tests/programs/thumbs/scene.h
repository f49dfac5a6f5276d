/*
 * The pictures that the tests are about.
 *
 *   quarters   red, green, blue and a last one: a thumbnail shows at a glance
 *              whether its colours are right and which way it stands
 *   photo      smooth colours, edges and some noise, the same on every run
 */
#ifndef THUMBS_TEST_SCENE_H
#define THUMBS_TEST_SCENE_H

#include <stdint.h>

struct pixel {
    uint8_t r, g, b, a;
};

struct pixel scene_quarters(unsigned x, unsigned y, unsigned width,
                            unsigned height);
struct pixel scene_photo(unsigned x, unsigned y, unsigned width,
                         unsigned height);

/* What a gray picture shows of a pixel. */
uint8_t scene_gray(struct pixel pixel);

#endif
