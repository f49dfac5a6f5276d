#include "sheet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "area.h"

enum { GAP = 4 }; /* pixels of white around a thumbnail in its cell */

/* A little wider than high. */
static unsigned choose_columns(unsigned cells)
{
    unsigned columns = 1;

    while (columns * columns * 5 < cells * 6)
        columns++;
    return columns;
}

static unsigned count_rows(const struct sheet *sheet)
{
    return (sheet->cells + sheet->columns - 1) / sheet->columns;
}

int sheet_create(struct sheet *sheet, size_t images, struct failure *failure)
{
    int r;

    sheet->cells = images < SHEET_CELLS ? (unsigned)images : SHEET_CELLS;
    sheet->columns = choose_columns(sheet->cells);
    sheet->side = SHEET_MAX_SIDE;
    while (sheet->side > SHEET_MIN_SIDE &&
           sheet->side * sheet->side * sheet->cells > SHEET_PIXELS)
        sheet->side--;
    r = picture_create(&sheet->picture, sheet->columns * sheet->side,
                       count_rows(sheet) * sheet->side);
    if (r < 0)
        return fail_errno(failure, r, "no contact sheet");
    return 0;
}

void sheet_destroy(struct sheet *sheet)
{
    picture_destroy(&sheet->picture);
}

static void paste(struct sheet *sheet, unsigned cell, const uint8_t *rgb,
                  unsigned width, unsigned height)
{
    const unsigned x = cell % sheet->columns * sheet->side +
                       (sheet->side - width) / 2;
    const unsigned y = cell / sheet->columns * sheet->side +
                       (sheet->side - height) / 2;
    unsigned i;

    for (i = 0; i < height; i++)
        memcpy(sheet->picture.rgb +
                   ((size_t)(y + i) * sheet->picture.width + x) * 3,
               rgb + (size_t)i * width * 3, (size_t)width * 3);
}

int sheet_draw(struct sheet *sheet, unsigned cell,
               const struct picture *thumbnail, struct failure *failure)
{
    struct picture small;
    struct area area = {0};
    void *scratch;

    if (cell >= sheet->cells)
        return 0;
    area.layout = LAYOUT_RGB;
    area.in_width = thumbnail->width;
    area.in_height = thumbnail->height;
    area.x_length = thumbnail->width << 8;
    area.y_length = thumbnail->height << 8;
    picture_fit(thumbnail->width, thumbnail->height, sheet->side - 2 * GAP,
                &area.out_width, &area.out_height);
    scratch = malloc(area_scratch_bytes(&area));
    if (!scratch ||
        picture_create(&small, area.out_width, area.out_height) < 0) {
        free(scratch);
        return fail_errno(failure, -ENOMEM, "contact sheet");
    }
    area_scale(&area, thumbnail->rgb, 0, area.out_height, small.rgb, scratch);
    paste(sheet, cell, small.rgb, small.width, small.height);
    picture_destroy(&small);
    free(scratch);
    return 0;
}
