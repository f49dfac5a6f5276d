/*
 * The parts of crew-thumbs that are pure functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "area.h"
#include "budget.h"
#include "lateness.h"
#include "names.h"
#include "picture.h"
#include "taps.h"

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("%s:%d: %s\n", __func__, __LINE__, #condition); \
            failures++; \
        } \
    } while (0)

static void the_budget_lets_in_what_fits_and_one_alone(void)
{
    struct budget budget = {.max_bytes = 100, .max_images = 3};

    CHECK(budget_take(&budget, 60));
    CHECK(!budget_take(&budget, 41));
    CHECK(budget_take(&budget, 40));
    CHECK(!budget_take(&budget, 1));
    budget_give(&budget, 60);
    CHECK(budget_take(&budget, 1));
    CHECK(budget_take(&budget, 1));
    CHECK(!budget_take(&budget, 1)); /* three are three */
    budget_give(&budget, 1);
    budget_give(&budget, 1);
    CHECK(!budget_take(&budget, 1000));
    budget_give(&budget, 40);
    CHECK(budget_take(&budget, 1000)); /* too large, but alone */
    CHECK(!budget_take(&budget, 1));
    budget_give(&budget, 1000);
    CHECK(budget.bytes == 0 && budget.images == 0);
}

static void lateness_counts_every_tick(void)
{
    struct lateness lateness = {.ticks = 0};
    int i;

    for (i = 0; i < 9990; i++)
        lateness_add(&lateness, 50 * 1000);
    for (i = 0; i < 10; i++)
        lateness_add(&lateness, 300 * 1000 * 1000);
    CHECK(lateness.ticks == 10000);
    CHECK(lateness.longest_ns == 300 * 1000 * 1000);
    CHECK(lateness_quantile(&lateness, 0.999) >= 50 * 1000);
    CHECK(lateness_quantile(&lateness, 0.999) <= 54 * 1000);
    CHECK(lateness_quantile(&lateness, 0.9995) == 300 * 1000 * 1000);
}

static void buckets_round_up_by_a_sixteenth_at_most(void)
{
    int64_t us;

    for (us = 1; us < 100000000; us += us / 7 + 1) {
        struct lateness lateness = {.ticks = 0};
        int64_t edge;

        lateness_add(&lateness, us * 1000);
        lateness_add(&lateness, 200000000000);
        edge = lateness_quantile(&lateness, 0.5);
        CHECK(edge > us * 1000);
        CHECK(edge <= us * 1000 + us * 1000 / 16 + 1000);
    }
}

static void sizes_keep_proportions(void)
{
    static const unsigned cases[][5] = {
        /* width, height, side: width, height */
        {5640, 3172, 256, 256, 144}, {1, 1, 256, 1, 1},
        {1, 20000, 256, 1, 256},     {20000, 1, 256, 256, 1},
        {100, 50, 256, 100, 50},     {1900, 1200, 256, 256, 162},
        {65535, 65535, 1, 1, 1},     {256, 256, 256, 256, 256},
    };
    unsigned i, width, height;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        picture_fit(cases[i][0], cases[i][1], cases[i][2], &width, &height);
        CHECK(width == cases[i][3] && height == cases[i][4]);
    }
}

static void spans_cover_each_pixel_once(void)
{
    static const unsigned sizes[][2] = {{7, 3},    {100, 99},    {100, 100},
                                        {1000, 1}, {65535, 256}, {5, 5}};
    unsigned c, i, p;

    for (c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        const unsigned in = sizes[c][0], out = sizes[c][1];
        unsigned *sum = calloc(in, sizeof *sum);

        if (!sum)
            abort();
        for (i = 0; i < out; i++) {
            const struct span span = area_span(in << 8, in, out, i);

            CHECK(span.last < in);
            sum[span.first] += span.first_weight;
            for (p = span.first + 1; p < span.last; p++)
                sum[p] += 256;
            sum[span.last] += span.last_weight;
        }
        for (p = 0; p < in; p++)
            CHECK(sum[p] == 256);
        free(sum);
    }
}

static void an_area_is_the_mean_of_its_pixels(void)
{
    static const uint8_t gray[4 * 2] = {0, 100, 200, 200, 50, 50, 10, 30};
    const struct area area = {LAYOUT_GRAY, 4, 2, 4 << 8, 2 << 8, 2, 1};
    uint8_t out[2 * 3];
    void *scratch = malloc(area_scratch_bytes(&area));

    if (!scratch)
        abort();
    area_scale(&area, gray, 0, 1, out, scratch);
    CHECK(out[0] == 50 && out[1] == 50 && out[2] == 50);
    CHECK(out[3] == 110 && out[5] == 110);
    free(scratch);
}

static void alpha_is_put_on_white(void)
{
    static const uint8_t rgba[3 * 4] = {9, 8, 7, 255, 0, 0, 0, 0, 0, 0, 0, 51};
    uint8_t rgb[9];

    flatten_row(LAYOUT_RGBA, rgba, 3, rgb);
    CHECK(rgb[0] == 9 && rgb[1] == 8 && rgb[2] == 7);
    CHECK(rgb[3] == 255 && rgb[4] == 255 && rgb[5] == 255);
    CHECK(rgb[6] == 204 && rgb[7] == 204 && rgb[8] == 204);
}

static void weights_add_up_to_one(void)
{
    static const unsigned sizes[][2] = {{1, 1},      {2, 1},     {7, 3},
                                        {1024, 256}, {768, 256}, {300, 300}};
    struct taps taps;
    unsigned c, i, t;

    for (c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        const unsigned in = sizes[c][0], out = sizes[c][1];

        if (taps_create(&taps, in << 8, in, out) < 0)
            abort();
        for (i = 0; i < out; i++) {
            int sum = 0;

            for (t = 0; t < taps.count; t++)
                sum += taps.weights[i * taps.count + t];
            CHECK(sum == 1 << TAPS_BITS);
            CHECK(taps.first[i] + taps.count <= in);
        }
        taps_destroy(&taps);
    }
}

static void thumbnails_are_named_after_images(void)
{
    static const char *const cases[][2] = {
        {"a/b.png", "b.jpg"},  {"b.JPEG", "b.jpg"},  {"x.y.jpg", "x.y.jpg"},
        {"/a.png/b", "b.jpg"}, {".jpg", ".jpg.jpg"}, {"b.gif", "b.gif.jpg"},
    };
    unsigned i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = name_of_thumbnail(cases[i][0]);

        if (!name)
            abort();
        CHECK(strcmp(name, cases[i][1]) == 0);
        free(name);
    }
}

int main(void)
{
    the_budget_lets_in_what_fits_and_one_alone();
    lateness_counts_every_tick();
    buckets_round_up_by_a_sixteenth_at_most();
    sizes_keep_proportions();
    spans_cover_each_pixel_once();
    an_area_is_the_mean_of_its_pixels();
    alpha_is_put_on_white();
    weights_add_up_to_one();
    thumbnails_are_named_after_images();
    return failures ? 1 : 0;
}
