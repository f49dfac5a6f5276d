/*
 * One image in flight: the tasks that make its thumbnail, and what they hand
 * to each other. There are few of them, whatever the number of images.
 */
#ifndef THUMBS_FLIGHT_H
#define THUMBS_FLIGHT_H

#include <stdbool.h>

#include <crew/task.h>

#include "catalog.h"
#include "decode.h"
#include "failure.h"

struct work;

struct flight {
    crew_task decode, encode;
    struct work *work;
    void *driver;        /* whose flight it is */
    struct image *image; /* NULL: free */
    bool repeated;       /* its cell on the sheet is drawn already */
    struct thumbnail thumbnail;
    struct failure failure;
};

void flight_begin(struct flight *flight, struct work *work, struct image *image,
                  bool repeated);

/* The two halves of the work; `self` is NULL on the main loop. */
int flight_decode(struct flight *flight, crew_self *self);
int flight_encode(struct flight *flight);

/* On the main loop: tells how it ended and gives back what it held. */
void flight_end(struct flight *flight, int status);

#endif
