#include "strips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE_STRIPS = 16 }; /* pieces of an image that is held as a whole */

/* Rows of the draft in one strip: as many as fit, at least one. */
static unsigned rows_per_strip(const struct area *area, bool whole)
{
    const uint64_t row_bytes = (uint64_t)area->in_width *
                               layout_bytes(area->layout);
    const uint64_t in_rows = STRIP_BYTES / row_bytes;
    uint64_t rows = in_rows * area->out_height / area->in_height;

    if (whole)
        rows = area->out_height / WHOLE_STRIPS + 1;
    if (rows > area->out_height)
        rows = area->out_height;
    return rows > 0 ? (unsigned)rows : 1;
}

/* Image rows that any strip may cover: its share, and one that is cut at
 * either end. */
static unsigned rows_covered(const struct area *area, unsigned out_rows)
{
    const uint64_t share = (uint64_t)out_rows * area->y_length /
                           area->out_height / 256;
    const uint64_t rows = share + 3;

    return rows < area->in_height ? (unsigned)rows : area->in_height;
}

static size_t rows_in_memory(const struct area *area, bool whole)
{
    if (whole)
        return area->in_height;
    return (size_t)STRIP_COUNT *
           rows_covered(area, rows_per_strip(area, false));
}

uint64_t strips_memory(const struct area *area, bool whole)
{
    return (uint64_t)rows_in_memory(area, whole) * area_row_bytes(area) +
           STRIP_COUNT * (uint64_t)area_scratch_bytes(area);
}

static int scale_strip(crew_self *self, crew_task *task)
{
    struct strip *strip = task->data;
    void *scratch = crew_self_scratch(self, area_scratch_bytes(strip->area));

    if (!scratch)
        return -ENOMEM;
    area_scale(strip->area, strip->rows, strip->from, strip->to, strip->out,
               scratch);
    return 0;
}

/* Says which rows of the draft a strip makes, and of the image it takes. */
static void set_range(struct strips *strips, struct strip *strip, unsigned from)
{
    const unsigned left = strips->area.out_height - from;
    const unsigned n = left < strips->out_rows ? left : strips->out_rows;

    strip->from = from;
    strip->to = from + n;
    strip->first = area_rows(&strips->area, from).first;
    strip->last = area_rows(&strips->area, from + n - 1).last;
    strip->out = strips->out + (size_t)from * strips->area.out_width * 3;
}

/* Gives each strip its memory: its part of the whole image, or its own. */
static void init_strips(struct strips *strips, bool whole)
{
    const size_t row_bytes = area_row_bytes(&strips->area);
    const unsigned rows = rows_covered(&strips->area, strips->out_rows);
    unsigned i;

    for (i = 0; i < strips->count; i++) {
        struct strip *strip = &strips->all[i];

        strip->area = &strips->area;
        strip->task.run = scale_strip;
        strip->task.data = strip;
        strip->task.group = strips->group;
        strip->task.name = "scale";
        if (whole || i == 0)
            set_range(strips, strip, i * strips->out_rows);
        strip->rows = strips->rows +
                      row_bytes * (whole ? strip->first : i * rows);
    }
}

static unsigned count_strips(const struct strips *strips, bool whole)
{
    if (!whole)
        return STRIP_COUNT;
    return (strips->area.out_height + strips->out_rows - 1) / strips->out_rows;
}

int strips_create(struct strips *strips, const struct area *area, bool whole,
                  uint8_t *out, crew_self *self)
{
    int r = 0;

    memset(strips, 0, sizeof *strips);
    strips->area = *area;
    strips->out = out;
    strips->out_rows = rows_per_strip(area, whole);
    strips->count = count_strips(strips, whole);
    if (self) {
        strips->pool = crew_self_pool(self);
        r = crew_group_create(&strips->group, NULL);
    } else {
        strips->scratch = malloc(area_scratch_bytes(area));
    }
    strips->all = calloc(strips->count, sizeof *strips->all);
    strips->rows = malloc(rows_in_memory(area, whole) * area_row_bytes(area));
    if (r == 0 &&
        (!strips->all || !strips->rows || (!self && !strips->scratch)))
        r = -ENOMEM;
    if (r < 0) {
        strips_destroy(strips);
        return r;
    }
    init_strips(strips, whole);
    return 0;
}

static int hand_over(struct strips *strips, struct strip *strip)
{
    int r;

    if (!strips->pool) {
        area_scale(&strips->area, strip->rows, strip->from, strip->to,
                   strip->out, strips->scratch);
        return 0;
    }
    r = crew_submit(strips->pool, &strip->task, NULL);
    if (r == 0)
        strip->submitted = true;
    return r;
}

static uint8_t *strip_row(struct strips *strips, struct strip *strip,
                          unsigned y)
{
    return strip->rows + (y - strip->first) * area_row_bytes(&strips->area);
}

/* The other strip becomes the current one, once its rows are scaled. */
static int turn(struct strips *strips, struct strip *full)
{
    struct strip *next;
    unsigned y;
    int r;

    strips->current = (strips->current + 1) % strips->count;
    next = &strips->all[strips->current];
    if (next->submitted) {
        r = crew_task_wait(&next->task, CREW_FOREVER);
        if (r < 0)
            return r;
        next->submitted = false;
        if (next->task.status < 0)
            return next->task.status;
    }
    set_range(strips, next, full->to);
    for (y = next->first; y < strips->row; y++)
        memcpy(strip_row(strips, next, y), strip_row(strips, full, y),
               area_row_bytes(&strips->area));
    return 0;
}

uint8_t *strips_row(struct strips *strips)
{
    return strip_row(strips, &strips->all[strips->current], strips->row);
}

int strips_row_done(struct strips *strips)
{
    struct strip *strip = &strips->all[strips->current];
    int r;

    if (strips->row++ < strip->last)
        return 0;
    r = hand_over(strips, strip);
    if (r == 0 && strip->to < strips->area.out_height)
        r = turn(strips, strip);
    return r;
}

uint8_t *strips_row_at(struct strips *strips, unsigned y)
{
    return strips->rows + y * area_row_bytes(&strips->area);
}

int strips_whole_done(struct strips *strips)
{
    unsigned i;
    int r = 0;

    for (i = 0; i < strips->count && r == 0; i++)
        r = hand_over(strips, &strips->all[i]);
    return r;
}

int strips_finish(struct strips *strips)
{
    int r;

    if (!strips->group)
        return 0;
    r = crew_group_wait(strips->group, CREW_FOREVER);
    return r < 0 ? r : crew_group_error(strips->group);
}

void strips_destroy(struct strips *strips)
{
    if (strips->group) {
        /* A decoder that failed leaves with strips under way. */
        crew_group_cancel(strips->group);
        crew_group_wait(strips->group, CREW_FOREVER);
        crew_group_destroy(strips->group);
    }
    free(strips->all);
    free(strips->rows);
    free(strips->scratch);
    memset(strips, 0, sizeof *strips);
}
