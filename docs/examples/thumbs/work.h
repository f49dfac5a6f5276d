/*
 * One run of the program: what is to be done, and what became of it. Belongs
 * to the main loop; tasks see only the catalog, the sheet and the output, as
 * far as the phases allow:
 *
 *   scan    one task fills the catalog
 *   probe   tasks describe the images, each its own
 *   plan    one task names and orders them, and makes the empty sheet
 *   images  each is decoded, then encoded; the longest work first
 *   sheet   one task writes the contact sheet
 *
 * Two drivers go through the phases: pooled.h on workers, inlined.h on the
 * main loop itself.
 */
#ifndef THUMBS_WORK_H
#define THUMBS_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include "bar.h"
#include "catalog.h"
#include "failure.h"
#include "loop.h"
#include "options.h"
#include "sheet.h"

struct work {
    const struct options *options;
    int output; /* descriptor of the directory */
    struct catalog catalog;
    struct sheet sheet;
    struct bar bar;
    struct loop loop;
    size_t total; /* thumbnails to make, once it is planned */
    size_t next;  /* the next of them */
    size_t done, failed;
    double megapixels; /* of the images that are done */
    bool sheet_failed;
    bool stopping;        /* by a signal, or by an error of the program */
    struct failure error; /* of the program itself */
};

/* Which images a probe task looks at: from .. to - 1. */
enum { PROBE_IMAGES = 16 };

/* The phases' work, for either driver; `self` is NULL on the main loop. Each
 * gives 0 or a negative errno. */
int work_scan(struct work *work, crew_self *self);
int work_probe(struct work *work, size_t from, size_t to, crew_self *self);
int work_plan(struct work *work, crew_self *self);
int work_write_sheet(struct work *work, struct failure *failure);

/* After the plan, on the main loop: tells the images that failed so far. */
void work_begin_images(struct work *work);

/* The next image to take, or NULL. `repeated`: it is not its first time. */
struct image *work_next(struct work *work, bool *repeated);

/* An image came to its end, on the main loop. */
void work_image_done(struct work *work, const struct image *image);
void work_image_failed(struct work *work, struct image *image,
                       const char *reason);
void work_sheet_done(struct work *work, int status,
                     const struct failure *failure);

/* The program cannot go on: `what` failed with `error`. */
void work_abort(struct work *work, int error, const char *what);

/* A message on stderr that does not tear the bar. */
void work_say(struct work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
