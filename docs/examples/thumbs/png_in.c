/*
 * PNG to rows, by libpng. Rows are scaled as they come; an interlaced image
 * has to be held as a whole.
 *
 * libpng leaves a call that failed by on_error, which jumps to guarded_read.
 * Everything that lives across the jump is in memory that guarded_read was
 * given, none in its own variables.
 */
#include "decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

#include <png.h>

#include "exif.h"
#include "stop.h"

struct png_in {
    png_structp png;
    png_infop info;
    struct decoder *decoder;
    int status;
    jmp_buf failed;
};

static _Noreturn void leave(struct png_in *in, int status)
{
    in->status = status;
    longjmp(in->failed, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_in *in = png_get_error_ptr(png);

    leave(in, fail(in->decoder->failure, -EILSEQ, "cannot decode: %s", text));
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t size)
{
    struct png_in *in = png_get_io_ptr(png);
    const int r = source_read(&in->decoder->source, to, size);

    if (r < 0)
        leave(in, r);
}

/* What was stored only with its gamma is brought to that of sRGB. */
static void set_gamma(struct png_in *in)
{
    double gamma;

    if (png_get_valid(in->png, in->info, PNG_INFO_sRGB | PNG_INFO_iCCP))
        return;
    if (png_get_gAMA(in->png, in->info, &gamma) && gamma > 0)
        png_set_gamma(in->png, PNG_DEFAULT_sRGB, gamma);
}

/* Has libpng deliver 8-bit gray or RGB, each with or without alpha. */
static enum layout set_transforms(struct png_in *in)
{
    const png_byte type = png_get_color_type(in->png, in->info);
    const bool transparent = png_get_valid(in->png, in->info, PNG_INFO_tRNS);

    png_set_expand(in->png);
    png_set_scale_16(in->png);
    set_gamma(in);
    if (type == PNG_COLOR_TYPE_GRAY)
        return transparent ? LAYOUT_GRAY_ALPHA : LAYOUT_GRAY;
    if (type == PNG_COLOR_TYPE_GRAY_ALPHA)
        return LAYOUT_GRAY_ALPHA;
    if (type == PNG_COLOR_TYPE_RGB_ALPHA || transparent)
        return LAYOUT_RGBA;
    return LAYOUT_RGB;
}

static void read_profile(struct png_in *in)
{
    png_charp name;
    png_bytep profile;
    png_uint_32 size;
    int compression;

    if (png_get_iCCP(in->png, in->info, &name, &compression, &profile, &size))
        decode_keep_profile(in->decoder, profile, size);
}

static void read_orientation(struct png_in *in)
{
    png_uint_32 size;
    png_bytep exif;

    if (png_get_eXIf_1(in->png, in->info, &size, &exif))
        in->decoder->orientation = exif_orientation(exif, size);
}

static void begin(struct png_in *in, bool whole)
{
    const enum layout layout = set_transforms(in);
    const unsigned width = png_get_image_width(in->png, in->info);
    const unsigned height = png_get_image_height(in->png, in->info);
    int r;

    png_read_update_info(in->png, in->info);
    if (png_get_rowbytes(in->png, in->info) != width * layout_bytes(layout))
        png_error(in->png, "rows of an unexpected length");
    r = decode_begin(in->decoder, layout, width, height, 8, whole);
    if (r < 0)
        leave(in, r);
}

static void read_streamed(struct png_in *in)
{
    unsigned left = in->decoder->strips.area.in_height;
    int r;

    for (; left > 0; left--) {
        png_read_row(in->png, strips_row(&in->decoder->strips), NULL);
        r = decode_row_done(in->decoder);
        if (r < 0)
            leave(in, r);
    }
}

/* Each pass fills in some pixels of the rows; all passes make the image. */
static void read_whole(struct png_in *in, int passes)
{
    struct strips *strips = &in->decoder->strips;
    unsigned y;
    int r;

    for (; passes > 0; passes--) {
        for (y = 0; y < strips->area.in_height; y++) {
            png_read_row(in->png, strips_row_at(strips, y), NULL);
            if (y % 64 == 0 && stop_wanted(in->decoder->self))
                leave(in, fail(in->decoder->failure, -ECANCELED, "stopped"));
        }
    }
    r = strips_whole_done(strips);
    if (r < 0)
        leave(in, fail_errno(in->decoder->failure, r, "cannot scale"));
}

static void read_all(struct png_in *in)
{
    int passes;

    png_set_read_fn(in->png, in, on_read);
    png_set_user_limits(in->png, AREA_MAX_SIDE, AREA_MAX_SIDE);
    png_read_info(in->png, in->info);
    read_profile(in);
    read_orientation(in);
    passes = png_set_interlace_handling(in->png);
    begin(in, passes > 1);
    if (passes > 1)
        read_whole(in, passes);
    else
        read_streamed(in);
    png_read_end(in->png, in->info);
    read_orientation(in); /* it may also stand after the pixels */
}

/* Here calls of libpng that fail come back. */
static void guarded_read(struct png_in *in)
{
    if (setjmp(in->failed) != 0)
        return;
    in->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, in, on_error,
                                     on_warning);
    if (in->png)
        in->info = png_create_info_struct(in->png);
    if (!in->info)
        leave(in, fail_errno(in->decoder->failure, -ENOMEM, "cannot read"));
    read_all(in);
}

int png_decode(struct decoder *decoder)
{
    struct png_in *in = calloc(1, sizeof *in);
    int r;

    if (!in)
        return fail_errno(decoder->failure, -ENOMEM, "cannot read");
    in->decoder = decoder;
    guarded_read(in);
    png_destroy_read_struct(&in->png, &in->info, NULL);
    r = in->status;
    free(in);
    return r;
}
