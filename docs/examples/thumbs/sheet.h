/*
 * The contact sheet: one picture of all thumbnails. Its size is bounded
 * whatever their number: cells become smaller, and from SHEET_CELLS on the
 * rest is left out.
 *
 * Cells do not overlap, so each is drawn by the thread that made the
 * thumbnail.
 */
#ifndef THUMBS_SHEET_H
#define THUMBS_SHEET_H

#include "failure.h"
#include "picture.h"

enum {
    SHEET_PIXELS = 1024 * 1024,
    SHEET_MAX_SIDE = 160, /* of a cell */
    SHEET_MIN_SIDE = 16,
    SHEET_CELLS = SHEET_PIXELS / (SHEET_MIN_SIDE * SHEET_MIN_SIDE)
};

struct sheet {
    struct picture picture;
    unsigned side; /* of a cell, in pixels */
    unsigned columns;
    unsigned cells; /* how many are shown */
};

int sheet_create(struct sheet *sheet, size_t images, struct failure *failure);
void sheet_destroy(struct sheet *sheet);

/* Draws a thumbnail in the middle of a cell; nothing if it is left out. */
int sheet_draw(struct sheet *sheet, unsigned cell,
               const struct picture *thumbnail, struct failure *failure);

#endif
