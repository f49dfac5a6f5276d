/*
 * check-image FILE WIDTH HEIGHT [KIND]: whether a JPEG has that size and shows
 * the quarters of scene.h, as far as that kind of image can show them:
 *
 *   any        nothing is said about the colours
 *   colour     as they are, the last one black (the default)
 *   alpha      the last one white
 *   gray       shades of gray, the last one black
 *   gray-alpha
 *   profile    colour, and the profile of make_jpeg.c is in it
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "scene.h"

enum { TOLERANCE = 12 };

static struct pixel expected(const char *kind, unsigned quarter)
{
    struct pixel pixel = scene_quarters(quarter % 2, quarter / 2, 2, 2);

    if (pixel.a == 0)
        pixel.r = pixel.g = pixel.b = strstr(kind, "alpha") ? 255 : 0;
    if (strncmp(kind, "gray", 4) == 0)
        pixel.r = pixel.g = pixel.b = scene_gray(pixel);
    return pixel;
}

static bool is_near(int a, int b)
{
    return abs(a - b) <= TOLERANCE;
}

static bool check_quarters(const char *name, const char *kind,
                           const uint8_t *rgb, unsigned width, unsigned height)
{
    bool right = true;
    unsigned i;

    for (i = 0; i < 4; i++) {
        const unsigned x = (i % 2 * 2 + 1) * width / 4;
        const unsigned y = (i / 2 * 2 + 1) * height / 4;
        const uint8_t *seen = rgb + ((size_t)y * width + x) * 3;
        const struct pixel want = expected(kind, i);

        if (is_near(seen[0], want.r) && is_near(seen[1], want.g) &&
            is_near(seen[2], want.b))
            continue;
        printf("%s: quarter %u is %d %d %d, not %d %d %d\n", name, i, seen[0],
               seen[1], seen[2], want.r, want.g, want.b);
        right = false;
    }
    return right;
}

static bool check_profile(struct jpeg_decompress_struct *info)
{
    JOCTET *profile;
    unsigned size;
    bool right;

    if (!jpeg_read_icc_profile(info, &profile, &size))
        return false;
    right = size > 7 && memcmp(profile + size - 7, "the end", 7) == 0;
    free(profile);
    return right;
}

static uint8_t *read_rows(struct jpeg_decompress_struct *info)
{
    uint8_t *rgb = malloc((size_t)info->output_width * info->output_height * 3);
    JSAMPROW row = rgb;

    if (!rgb)
        abort();
    while (info->output_scanline < info->output_height) {
        jpeg_read_scanlines(info, &row, 1);
        row += (size_t)info->output_width * 3;
    }
    return rgb;
}

static bool check(FILE *file, const char *name, unsigned width, unsigned height,
                  const char *kind)
{
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    bool right = true;
    uint8_t *rgb;

    info.err = jpeg_std_error(&errors); /* ends the program */
    jpeg_create_decompress(&info);
    jpeg_stdio_src(&info, file);
    jpeg_save_markers(&info, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
    rgb = read_rows(&info);
    if (info.output_width != width || info.output_height != height) {
        printf("%s: %u x %u, not %u x %u\n", name, info.output_width,
               info.output_height, width, height);
        right = false;
    }
    if (right && strcmp(kind, "any") != 0)
        right = check_quarters(name, kind, rgb, width, height);
    if (right && strcmp(kind, "profile") == 0 && !check_profile(&info)) {
        printf("%s: the profile is not in it\n", name);
        right = false;
    }
    free(rgb);
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return right;
}

int main(int argc, char **argv)
{
    FILE *file;
    bool right;

    if (argc < 4)
        return 2;
    file = fopen(argv[1], "rb");
    if (!file) {
        printf("%s: there is none\n", argv[1]);
        return 1;
    }
    right = check(file, argv[1], (unsigned)strtoul(argv[2], NULL, 10),
                  (unsigned)strtoul(argv[3], NULL, 10),
                  argc > 4 ? argv[4] : "colour");
    fclose(file);
    return right ? 0 : 1;
}
