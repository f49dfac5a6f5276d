/*
 * What is done to which image, and when: names the thumbnails, finds those
 * that would overwrite each other or an image, and puts the longest work
 * first, so that no worker is left with it at the end.
 */
#ifndef THUMBS_PLAN_H
#define THUMBS_PLAN_H

#include <crew/self.h>

#include "catalog.h"

/*
 * Fills names, cells, `order` and `planned` of a catalog whose images were
 * probed. Images that cannot be done get their reason. `output` is the
 * directory of the thumbnails. 0, -ECANCELED or -ENOMEM.
 */
int plan_run(struct catalog *catalog, int output, crew_self *self);

#endif
