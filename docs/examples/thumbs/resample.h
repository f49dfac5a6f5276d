/*
 * The second and last step of scaling: Lanczos, three lobes, from a draft that
 * is a few times as large to the thumbnail. The rows are split into tasks.
 *
 * Why two steps: the area filter takes in a row of any image in one pass over
 * it but is soft; Lanczos is sharp but looks at each pixel six times. On a
 * draft of three pixels for one that costs next to nothing.
 */
#ifndef THUMBS_RESAMPLE_H
#define THUMBS_RESAMPLE_H

#include <stdint.h>

#include <crew/self.h>

#include "picture.h"

/*
 * Fills `to` from `from`, which is x_length / 256 by y_length / 256 pixels
 * large (it may end within its last pixel). `self` is the caller's place, to
 * whose pool the rows go; NULL: all here. 0 or a negative errno.
 */
int resample(const struct picture *from, uint32_t x_length, uint32_t y_length,
             struct picture *to, crew_self *self);

#endif
