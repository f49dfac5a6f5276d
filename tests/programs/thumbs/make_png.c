#include "make_png.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

struct kind {
    const char *name;
    int type, depth;
    bool transparent, gamma, exif;
};

static const struct kind kinds[] = {
    {"rgb", PNG_COLOR_TYPE_RGB, 8, false, false, false},
    {"rgba", PNG_COLOR_TYPE_RGB_ALPHA, 8, true, false, false},
    {"gray", PNG_COLOR_TYPE_GRAY, 8, false, false, false},
    {"gray-alpha", PNG_COLOR_TYPE_GRAY_ALPHA, 8, true, false, false},
    {"gray1", PNG_COLOR_TYPE_GRAY, 1, false, false, false},
    {"palette", PNG_COLOR_TYPE_PALETTE, 8, false, false, false},
    {"palette-alpha", PNG_COLOR_TYPE_PALETTE, 8, true, false, false},
    {"rgb16", PNG_COLOR_TYPE_RGB, 16, false, false, false},
    {"rgba16", PNG_COLOR_TYPE_RGB_ALPHA, 16, true, false, false},
    {"gray16", PNG_COLOR_TYPE_GRAY, 16, false, false, false},
    {"gamma", PNG_COLOR_TYPE_RGB, 16, false, true, false},
    {"exif6", PNG_COLOR_TYPE_RGB, 8, false, false, true},
};

/* Little-endian TIFF, one entry: orientation 6. */
static png_byte exif_block[] = {
    'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3,
    0,   1,   0,  0, 0, 6, 0, 0, 0, 0, 0,    0,    0,
};

static const png_color palette[4] = {
    {200, 40, 40}, {40, 160, 40}, {40, 40, 200}, {0, 0, 0}};

static png_byte nearest(struct pixel pixel)
{
    if (pixel.r > 150)
        return 0;
    if (pixel.g > 150)
        return 1;
    return pixel.b > 150 ? 2 : 3;
}

/* One sample of `depth` bits, 8 or 16; linear light where gamma is told. */
static png_bytep put(const struct kind *kind, png_bytep to, uint8_t value)
{
    unsigned wide = value * 257u;

    if (kind->gamma)
        wide = (unsigned)(65535 * pow(value / 255.0, 2.2) + 0.5);
    *to++ = (png_byte)(wide >> 8);
    if (kind->depth == 16)
        *to++ = (png_byte)(wide & 255);
    return to;
}

static void put_pixel(const struct kind *kind, png_bytep row, unsigned x,
                      struct pixel pixel)
{
    const unsigned bytes = (unsigned)kind->depth / 8;
    png_bytep to;

    if (kind->depth == 1) {
        if (scene_gray(pixel) > 90)
            row[x / 8] = (png_byte)(row[x / 8] | 0x80 >> x % 8);
    } else if (kind->type == PNG_COLOR_TYPE_PALETTE) {
        row[x] = nearest(pixel);
    } else if (kind->type & PNG_COLOR_MASK_COLOR) {
        to = row + x * bytes * (kind->transparent ? 4 : 3);
        to = put(kind, to, pixel.r);
        to = put(kind, to, pixel.g);
        to = put(kind, to, pixel.b);
        if (kind->transparent)
            put(kind, to, pixel.a);
    } else {
        to = row + x * bytes * (kind->transparent ? 2 : 1);
        to = put(kind, to, scene_gray(pixel));
        if (kind->transparent)
            put(kind, to, pixel.a);
    }
}

static void write_header(png_structp png, png_infop info,
                         const struct kind *kind, unsigned width,
                         unsigned height, bool interlaced)
{
    png_byte alpha[4] = {255, 255, 255, 0};

    png_set_IHDR(png, info, width, height, kind->depth, kind->type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind->type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    if (kind->type == PNG_COLOR_TYPE_PALETTE && kind->transparent)
        png_set_tRNS(png, info, alpha, 4, NULL);
    if (kind->gamma)
        png_set_gAMA(png, info, 1.0);
    if (kind->exif)
        png_set_eXIf_1(png, info, sizeof exif_block, exif_block);
    png_set_compression_level(png, 1);
    png_write_info(png, info);
}

static void write_rows(png_structp png, const struct kind *kind, unsigned width,
                       unsigned height, int passes,
                       struct pixel (*scene)(unsigned, unsigned, unsigned,
                                             unsigned))
{
    png_bytep row = malloc((size_t)width * 8 + 8);
    unsigned x, y;

    if (!row)
        png_error(png, "no memory");
    for (; passes > 0; passes--) {
        for (y = 0; y < height; y++) {
            memset(row, 0, (size_t)width * 8 + 8);
            for (x = 0; x < width; x++)
                put_pixel(kind, row, x, scene(x, y, width, height));
            png_write_row(png, row);
        }
    }
    free(row);
}

static const struct kind *find_kind(const char *name, bool *interlaced)
{
    static const char ending[] = "-interlaced";
    size_t length = strlen(name), i;

    *interlaced = length > sizeof ending &&
                  strcmp(name + length - sizeof ending + 1, ending) == 0;
    if (*interlaced)
        length -= sizeof ending - 1;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].name) == length &&
            strncmp(kinds[i].name, name, length) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* Without a handler of its own, libpng ends the program on an error. */
bool make_png(FILE *file, const char *name, unsigned width, unsigned height,
              struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned))
{
    bool interlaced;
    const struct kind *kind = find_kind(name, &interlaced);
    png_structp png;
    png_infop info;

    if (!kind)
        return false;
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png ? png_create_info_struct(png) : NULL;
    if (!info)
        abort();
    png_init_io(png, file);
    write_header(png, info, kind, width, height, interlaced);
    write_rows(png, kind, width, height, png_set_interlace_handling(png),
               scene);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}
