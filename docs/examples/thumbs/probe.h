/*
 * What the first bytes of an image tell: its format and size, and from these
 * how long decoding takes and how much memory it needs. Nothing is decoded.
 */
#ifndef THUMBS_PROBE_H
#define THUMBS_PROBE_H

#include <crew/self.h>

#include "catalog.h"

/*
 * Describes an image whose thumbnail will have `side` pixels; what is no image
 * gets its reason. 0, or -ECANCELED.
 */
int probe_image(struct image *image, unsigned side, crew_self *self);

#endif
