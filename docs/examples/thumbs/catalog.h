/*
 * The images of one run: found by scan, described by probe, named and ordered
 * by plan. Small, since there may be many.
 */
#ifndef THUMBS_CATALOG_H
#define THUMBS_CATALOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

struct image {
    char *path;
    char *name;   /* of the thumbnail; NULL until it is planned */
    char *reason; /* why there is none; NULL: nothing failed */
    dev_t device; /* which file it is */
    ino_t inode;
    uint64_t cost;   /* of decoding, about nanoseconds */
    uint64_t memory; /* of decoding, bytes */
    uint32_t width, height;
    uint32_t cell; /* its place on the contact sheet */
    enum format format;
    bool failed; /* told; only the main loop looks at it */
};

struct catalog {
    struct image *images; /* in the order in which they were found */
    size_t count, room;
    size_t *order;  /* indices into images, see plan.h */
    size_t planned; /* how many there are in order */
};

/* Adds a path, which is copied. `reason` is NULL, or why it is no image; it
 * is copied too. 0 or -ENOMEM. */
int catalog_add(struct catalog *catalog, const char *path, const char *reason);

/* Notes why an image fails, where nothing is noted yet. */
void catalog_fail(struct image *image, const char *reason);

void catalog_fini(struct catalog *catalog);

#endif
