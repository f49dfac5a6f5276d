#include "resample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <crew/crew.h>

#include "taps.h"

enum {
    PIECES = 4,    /* that the rows are split into */
    KEPT_BITS = 6, /* below the point, between the two directions */
    DROPPED_BITS = TAPS_BITS - KEPT_BITS,
    LAST_BITS = TAPS_BITS + KEPT_BITS
};

struct resampling {
    const struct picture *from;
    struct picture *to;
    struct taps x, y;
};

struct piece {
    crew_task task;
    const struct resampling *resampling;
    unsigned first, end; /* rows of the result */
};

/* The inner loop; 16-bit vector multiplications. */
static void add_row(int32_t *restrict sums, const uint8_t *restrict row,
                    size_t n, int16_t weight)
{
    size_t i;

    for (i = 0; i < n; i++)
        sums[i] += (int16_t)row[i] * weight;
}

static void drop_bits(const int32_t *restrict sums, int16_t *restrict row,
                      size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        row[i] = (int16_t)((sums[i] + (1 << (DROPPED_BITS - 1))) >>
                           DROPPED_BITS);
}

static uint8_t to_byte(int32_t value)
{
    value = (value + (1 << (LAST_BITS - 1))) >> LAST_BITS;
    if (value < 0)
        return 0;
    return value > 255 ? 255 : (uint8_t)value;
}

static void reduce_row(const struct taps *x, const int16_t *row, unsigned width,
                       uint8_t *out)
{
    unsigned i, t;

    for (i = 0; i < width; i++, out += 3) {
        const int16_t *weights = x->weights + (size_t)i * x->count;
        const int16_t *in = row + (size_t)x->first[i] * 3;
        int32_t r = 0, g = 0, b = 0;

        for (t = 0; t < x->count; t++, in += 3) {
            r += weights[t] * in[0];
            g += weights[t] * in[1];
            b += weights[t] * in[2];
        }
        out[0] = to_byte(r);
        out[1] = to_byte(g);
        out[2] = to_byte(b);
    }
}

static size_t scratch_bytes(const struct resampling *resampling)
{
    return (size_t)resampling->from->width * 3 *
           (sizeof(int32_t) + sizeof(int16_t));
}

static void resample_rows(const struct resampling *resampling, unsigned first,
                          unsigned end, void *scratch)
{
    const struct taps *taps = &resampling->y;
    const size_t samples = (size_t)resampling->from->width * 3;
    const size_t out_bytes = (size_t)resampling->to->width * 3;
    int32_t *sums = scratch;
    int16_t *kept = (int16_t *)(sums + samples);
    unsigned y, t;

    for (y = first; y < end; y++) {
        const uint8_t *row = resampling->from->rgb + taps->first[y] * samples;

        memset(sums, 0, samples * sizeof *sums);
        for (t = 0; t < taps->count; t++)
            add_row(sums, row + t * samples, samples,
                    taps->weights[(size_t)y * taps->count + t]);
        drop_bits(sums, kept, samples);
        reduce_row(&resampling->x, kept, resampling->to->width,
                   resampling->to->rgb + y * out_bytes);
    }
}

static int run_piece(crew_self *self, crew_task *task)
{
    const struct piece *piece = task->data;
    void *scratch = crew_self_scratch(self, scratch_bytes(piece->resampling));

    if (!scratch)
        return -ENOMEM;
    resample_rows(piece->resampling, piece->first, piece->end, scratch);
    return 0;
}

/* Hands the rows out and waits; the worker that waits does its share. */
static int resample_split(const struct resampling *resampling, crew_pool *pool)
{
    const unsigned height = resampling->to->height;
    struct piece pieces[PIECES] = {0};
    crew_task *tasks[PIECES];
    crew_group *group;
    unsigned i;
    int r = crew_group_create(&group, NULL);

    if (r < 0)
        return r;
    for (i = 0; i < PIECES; i++) {
        pieces[i].resampling = resampling;
        pieces[i].first = height * i / PIECES;
        pieces[i].end = height * (i + 1) / PIECES;
        pieces[i].task.run = run_piece;
        pieces[i].task.data = &pieces[i];
        pieces[i].task.group = group;
        pieces[i].task.name = "resample";
        tasks[i] = &pieces[i].task;
    }
    r = crew_submit_many(pool, tasks, PIECES, NULL);
    if (r == 0)
        r = crew_group_wait(group, CREW_FOREVER);
    if (r == 0)
        r = crew_group_error(group);
    crew_group_destroy(group);
    return r;
}

static int resample_here(const struct resampling *resampling)
{
    void *scratch = malloc(scratch_bytes(resampling));

    if (!scratch)
        return -ENOMEM;
    resample_rows(resampling, 0, resampling->to->height, scratch);
    free(scratch);
    return 0;
}

int resample(const struct picture *from, uint32_t x_length, uint32_t y_length,
             struct picture *to, crew_self *self)
{
    struct resampling resampling = {.from = from, .to = to};
    int r;

    r = taps_create(&resampling.x, x_length, from->width, to->width);
    if (r == 0)
        r = taps_create(&resampling.y, y_length, from->height, to->height);
    if (r == 0 && self)
        r = resample_split(&resampling, crew_self_pool(self));
    else if (r == 0)
        r = resample_here(&resampling);
    taps_destroy(&resampling.x);
    taps_destroy(&resampling.y);
    return r;
}
