#include "make_jpeg.h"

#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { EXIF_MARKER = JPEG_APP0 + 1, PROFILE_BYTES = 200000 };

struct picture {
    unsigned width, height; /* as it is seen */
    unsigned orientation;   /* 1 to 8 */
    struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned);
};

/*
 * EXIF 2.3, tag 0x0112: on which side of what is seen the stored row 0 and
 * column 0 lie.
 */
enum side { TOP, BOTTOM, LEFT, RIGHT };

static const enum side row_side[9] = {TOP,  TOP,   TOP,   BOTTOM, BOTTOM,
                                      LEFT, RIGHT, RIGHT, LEFT};
static const enum side column_side[9] = {LEFT, LEFT, RIGHT,  RIGHT, LEFT,
                                         TOP,  TOP,  BOTTOM, BOTTOM};

static void place(enum side side, unsigned index, const struct picture *seen,
                  unsigned *x, unsigned *y)
{
    switch (side) {
    case TOP:
        *y = index;
        break;
    case BOTTOM:
        *y = seen->height - 1 - index;
        break;
    case LEFT:
        *x = index;
        break;
    case RIGHT:
        *x = seen->width - 1 - index;
        break;
    }
}

static struct pixel stored_pixel(const struct picture *seen, unsigned column,
                                 unsigned row)
{
    unsigned x = 0, y = 0;

    place(row_side[seen->orientation], row, seen, &x, &y);
    place(column_side[seen->orientation], column, seen, &x, &y);
    return seen->scene(x, y, seen->width, seen->height);
}

/* A pixel as `components` samples: gray, RGB, or ink as Adobe stores it. */
static void put_pixel(JSAMPLE *to, int components, struct pixel pixel)
{
    if (components == 1) {
        to[0] = scene_gray(pixel);
        return;
    }
    to[0] = pixel.r;
    to[1] = pixel.g;
    to[2] = pixel.b;
    if (components == 4)
        to[3] = 255; /* inverted: no black */
}

static void write_rows(struct jpeg_compress_struct *info,
                       const struct picture *seen)
{
    const int components = info->input_components;
    JSAMPROW row = malloc((size_t)info->image_width * 4);
    unsigned x, y;

    if (!row)
        abort();
    for (y = 0; y < info->image_height; y++) {
        for (x = 0; x < info->image_width; x++)
            put_pixel(row + (size_t)x * (size_t)components, components,
                      stored_pixel(seen, x, y));
        jpeg_write_scanlines(info, &row, 1);
    }
    free(row);
}

/* Big-endian TIFF, one entry. */
static void write_exif(struct jpeg_compress_struct *info, unsigned orientation)
{
    JOCTET block[] = {
        'E',  'x',
        'i',  'f',
        0,    0,
        'M',  'M',
        0,    42,
        0,    0,
        0,    8,
        0,    1,
        0x01, 0x12,
        0,    3,
        0,    0,
        0,    1,
        0,    (JOCTET)orientation,
        0,    0,
        0,    0,
        0,    0,
    };

    jpeg_write_marker(info, EXIF_MARKER, block, sizeof block);
}

/* No real profile, but one that says that it is for RGB; more than one
 * marker can hold. */
static void write_profile(struct jpeg_compress_struct *info)
{
    JOCTET *profile = calloc(1, PROFILE_BYTES);

    if (!profile)
        abort();
    memcpy(profile + 16, "RGB XYZ ", 8);
    memcpy(profile + PROFILE_BYTES - 7, "the end", 7);
    jpeg_write_icc_profile(info, profile, PROFILE_BYTES);
    free(profile);
}

static void set_colours(struct jpeg_compress_struct *info, const char *kind)
{
    const bool gray = strcmp(kind, "jpeg-gray") == 0;
    const bool cmyk = strcmp(kind, "jpeg-cmyk") == 0;
    const bool ycck = strcmp(kind, "jpeg-ycck") == 0;

    info->input_components = gray ? 1 : cmyk || ycck ? 4 : 3;
    info->in_color_space = gray           ? JCS_GRAYSCALE
                           : cmyk || ycck ? JCS_CMYK
                                          : JCS_RGB;
    jpeg_set_defaults(info);
    if (ycck)
        jpeg_set_colorspace(info, JCS_YCCK);
    if (strcmp(kind, "jpeg-progressive") == 0)
        jpeg_simple_progression(info);
    jpeg_set_quality(info, 92, TRUE);
}

static bool is_known(const char *kind)
{
    static const char *const kinds[] = {
        "jpeg",      "jpeg-progressive", "jpeg-gray",
        "jpeg-cmyk", "jpeg-ycck",        "jpeg-icc",
    };
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return strncmp(kind, "jpeg-exif", 9) == 0 && kind[9] >= '1' &&
           kind[9] <= '8' && kind[10] == '\0';
}

bool make_jpeg(FILE *file, const char *kind, unsigned width, unsigned height,
               struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned))
{
    struct picture seen = {width, height, 1, scene};
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    const bool exif = strncmp(kind, "jpeg-exif", 9) == 0;

    if (!is_known(kind))
        return false;
    if (exif)
        seen.orientation = (unsigned)(kind[9] - '0');
    info.err = jpeg_std_error(&errors); /* ends the program */
    jpeg_create_compress(&info);
    jpeg_stdio_dest(&info, file);
    info.image_width = seen.orientation > 4 ? height : width;
    info.image_height = seen.orientation > 4 ? width : height;
    set_colours(&info, kind);
    jpeg_start_compress(&info, TRUE);
    if (exif)
        write_exif(&info, seen.orientation);
    if (strcmp(kind, "jpeg-icc") == 0)
        write_profile(&info);
    write_rows(&info, &seen);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return true;
}
