/*
 * From the arguments to the files: directories are searched.
 */
#ifndef THUMBS_SCAN_H
#define THUMBS_SCAN_H

#include <crew/self.h>

#include "catalog.h"

struct scan {
    char *const *arguments; /* files and directories */
    size_t count;
    int output; /* the directory of the thumbnails, which is not
                               searched unless it is an argument itself */
};

/*
 * Adds every file that is named, and every *.jpg, *.jpeg and *.png below every
 * directory that is named, in the order of the names. Links to directories are
 * not followed. What cannot be read is added with its reason.
 * 0, -ECANCELED or -ENOMEM.
 */
int scan_run(const struct scan *scan, struct catalog *catalog, crew_self *self);

#endif
