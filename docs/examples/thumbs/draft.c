#include "draft.h"

#include "picture.h"

/* Pixels of a draft for one of the thumbnail. Images that have not many more
 * are left as they are. */
enum { DRAFT_PIXELS = 3, FEW_PIXELS = 4 };

/*
 * One side: `in` pixels, of which `length` / 256 count, become `out` in the
 * end; *draft is chosen between. What ends within a pixel is cut off by the
 * step that scales: the first, or the second where the first only copies.
 */
static void choose_side(unsigned in, unsigned out, uint32_t *length,
                        unsigned *draft, uint32_t *draft_length)
{
    if (in > out * FEW_PIXELS) {
        *draft = out * DRAFT_PIXELS;
        *draft_length = *draft << 8;
    } else {
        *draft = in;
        *draft_length = *length;
        *length = in << 8;
    }
}

void draft_choose(struct draft *draft, enum layout layout, unsigned width,
                  unsigned height, unsigned eighths, unsigned side)
{
    struct area *area = &draft->area;

    area->layout = layout;
    area->in_width = (width * eighths + 7) / 8;
    area->in_height = (height * eighths + 7) / 8;
    area->x_length = width * eighths * 32;
    area->y_length = height * eighths * 32;
    picture_fit(width, height, side, &draft->width, &draft->height);
    choose_side(area->in_width, draft->width, &area->x_length, &area->out_width,
                &draft->x_length);
    choose_side(area->in_height, draft->height, &area->y_length,
                &area->out_height, &draft->y_length);
}

uint64_t draft_memory(const struct draft *draft)
{
    return ((uint64_t)draft->area.out_width * draft->area.out_height +
            (uint64_t)draft->width * draft->height) *
           3;
}
