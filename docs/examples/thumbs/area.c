#include "area.h"

#include <stdbool.h>
#include <string.h>

struct span area_span(uint32_t length, unsigned in, unsigned out, unsigned i)
{
    uint64_t from = (uint64_t)i * length / out;
    uint64_t to = ((uint64_t)i + 1) * length / out;
    struct span span;

    if (to == from)
        to++;
    span.first = (unsigned)(from >> 8);
    span.last = (unsigned)((to - 1) >> 8);
    if (span.last >= in)
        span.last = in - 1;
    if (span.first >= span.last) {
        span.first = span.last;
        span.first_weight = (uint16_t)(to - from);
        span.last_weight = 0;
    } else {
        span.first_weight = (uint16_t)(256 - (from & 255));
        span.last_weight = (uint16_t)(to - ((uint64_t)span.last << 8));
    }
    return span;
}

struct span area_rows(const struct area *area, unsigned out_row)
{
    return area_span(area->y_length, area->in_height, area->out_height,
                     out_row);
}

size_t area_row_bytes(const struct area *area)
{
    return area->in_width * layout_bytes(area->layout);
}

/* One row of sums, then one row as RGB. */
size_t area_scratch_bytes(const struct area *area)
{
    return (size_t)area->in_width * 3 * (sizeof(uint32_t) + 1);
}

/*
 * The inner loop: every byte of the image passes here. 255 * 256 fits in 16
 * bits, so compilers turn it into 16-bit vector multiplications.
 */
static void add_row(uint32_t *restrict sums, const uint8_t *restrict row,
                    size_t n, uint16_t weight)
{
    size_t i;

    for (i = 0; i < n; i++)
        sums[i] += (uint16_t)(row[i] * weight);
}

/* The sums of a column of pixels become one row of the result. */
static void reduce_row(const struct area *area, const uint32_t *sums,
                       uint32_t rows_weight, uint8_t *out)
{
    unsigned x, i;

    for (x = 0; x < area->out_width; x++, out += 3) {
        struct span span = area_span(area->x_length, area->in_width,
                                     area->out_width, x);
        const uint32_t *in = sums + (size_t)span.first * 3;
        uint64_t r = (uint64_t)in[0] * span.first_weight;
        uint64_t g = (uint64_t)in[1] * span.first_weight;
        uint64_t b = (uint64_t)in[2] * span.first_weight;
        uint64_t weight = span.first_weight;
        double scale;

        for (i = span.first + 1; i < span.last; i++) {
            in += 3;
            r += (uint64_t)in[0] << 8;
            g += (uint64_t)in[1] << 8;
            b += (uint64_t)in[2] << 8;
            weight += 256;
        }
        if (span.last > span.first) {
            in += 3;
            r += (uint64_t)in[0] * span.last_weight;
            g += (uint64_t)in[1] * span.last_weight;
            b += (uint64_t)in[2] * span.last_weight;
            weight += span.last_weight;
        }
        scale = 1.0 / ((double)weight * (double)rows_weight);
        out[0] = (uint8_t)((double)(int64_t)r * scale + 0.5);
        out[1] = (uint8_t)((double)(int64_t)g * scale + 0.5);
        out[2] = (uint8_t)((double)(int64_t)b * scale + 0.5);
    }
}

/* Where nothing is to be scaled, rows only become RGB. */
static void copy_rows(const struct area *area, const uint8_t *rows,
                      unsigned count, uint8_t *out)
{
    const size_t out_bytes = (size_t)area->in_width * 3;
    const uint8_t *rgb;

    for (; count > 0; count--, out += out_bytes) {
        rgb = flatten_row(area->layout, rows, area->in_width, out);
        if (rgb != out)
            memcpy(out, rgb, out_bytes);
        rows += area_row_bytes(area);
    }
}

static bool is_copy(const struct area *area)
{
    return area->in_width == area->out_width &&
           area->in_height == area->out_height &&
           area->x_length == area->in_width << 8 &&
           area->y_length == area->in_height << 8;
}

static void scale_rows(const struct area *area, const uint8_t *rows,
                       unsigned from, unsigned to, uint8_t *out, void *scratch)
{
    const size_t samples = (size_t)area->in_width * 3;
    const size_t row_bytes = area_row_bytes(area);
    uint32_t *sums = scratch;
    uint8_t *rgb = (uint8_t *)(sums + samples);
    const unsigned first_row = area_rows(area, from).first;
    unsigned y, i;

    for (y = from; y < to; y++, out += (size_t)area->out_width * 3) {
        struct span span = area_rows(area, y);
        uint32_t rows_weight = 0;

        memset(sums, 0, samples * sizeof *sums);
        for (i = span.first; i <= span.last; i++) {
            const uint8_t *row = rows + (i - first_row) * row_bytes;
            uint16_t weight = 256;

            if (i == span.first)
                weight = span.first_weight;
            else if (i == span.last)
                weight = span.last_weight;
            add_row(sums, flatten_row(area->layout, row, area->in_width, rgb),
                    samples, weight);
            rows_weight += weight;
        }
        reduce_row(area, sums, rows_weight, out);
    }
}

void area_scale(const struct area *area, const uint8_t *rows, unsigned from,
                unsigned to, uint8_t *out, void *scratch)
{
    if (is_copy(area))
        copy_rows(area, rows, to - from, out);
    else
        scale_rows(area, rows, from, to, out, scratch);
}
