#include "decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resample.h"
#include "stop.h"

enum {
    MAX_PROFILE_BYTES = 1024 * 1024,
    ROWS_PER_LOOK = 32 /* between two looks whether to stop */
};

int decode_begin(struct decoder *decoder, enum layout layout, unsigned width,
                 unsigned height, unsigned eighths, bool whole)
{
    struct draft *draft = &decoder->draft;
    int r;

    draft_choose(draft, layout, width, height, eighths, decoder->side);
    r = picture_create(&decoder->picture, draft->area.out_width,
                       draft->area.out_height);
    if (r == 0)
        r = strips_create(&decoder->strips, &draft->area, whole,
                          decoder->picture.rgb, decoder->self);
    if (r < 0)
        return fail_errno(decoder->failure, r, "cannot hold the image");
    decoder->streaming = true;
    return 0;
}

int decode_row_done(struct decoder *decoder)
{
    const int r = strips_row_done(&decoder->strips);

    if (decoder->strips.row % ROWS_PER_LOOK == 0 && stop_wanted(decoder->self))
        return fail(decoder->failure, -ECANCELED, "stopped");
    if (r < 0)
        return fail_errno(decoder->failure, r, "cannot scale");
    return 0;
}

void decode_keep_profile(struct decoder *decoder, const uint8_t *profile,
                         unsigned size)
{
    struct thumbnail *out = decoder->out;

    /* Bytes 16 to 19 of a profile name the colours that it is for. */
    if (size < 128 || size > MAX_PROFILE_BYTES ||
        memcmp(profile + 16, "RGB ", 4) != 0)
        return;
    free(out->profile);
    out->profile = malloc(size);
    if (!out->profile)
        return;
    memcpy(out->profile, profile, size);
    out->profile_size = size;
}

/* From the draft to the thumbnail. */
static int finish(struct decoder *decoder)
{
    const struct draft *draft = &decoder->draft;
    struct picture *out = &decoder->out->picture;
    int r;

    r = picture_create(out, draft->width, draft->height);
    if (r == 0)
        r = resample(&decoder->picture, draft->x_length, draft->y_length, out,
                     decoder->self);
    if (r == 0)
        r = picture_upright(out, decoder->orientation);
    if (r < 0)
        fail_errno(decoder->failure, r, "cannot scale");
    return r;
}

static int decode_source(struct decoder *decoder, enum format format)
{
    int r;

    r = format == FORMAT_PNG ? png_decode(decoder) : jpeg_decode(decoder);
    if (r == 0) {
        r = strips_finish(&decoder->strips);
        if (r < 0)
            fail_errno(decoder->failure, r, "cannot scale");
    }
    if (decoder->streaming)
        strips_destroy(&decoder->strips);
    if (r == 0 && stop_wanted(decoder->self))
        r = -ECANCELED;
    if (r == 0)
        r = finish(decoder);
    picture_destroy(&decoder->picture);
    return r;
}

int decode_thumbnail(const char *path, enum format format, unsigned side,
                     crew_self *self, struct thumbnail *out,
                     struct failure *failure)
{
    /* With a buffer in it, too large for the small stack of a worker. */
    struct decoder *decoder = calloc(1, sizeof *decoder);
    int r;

    memset(out, 0, sizeof *out);
    if (!decoder)
        return fail_errno(failure, -ENOMEM, "cannot read");
    decoder->side = side;
    decoder->self = self;
    decoder->failure = failure;
    decoder->out = out;
    decoder->orientation = 1;
    r = source_open(&decoder->source, path, self, failure);
    if (r == 0) {
        r = decode_source(decoder, format);
        source_close(&decoder->source);
    }
    if (r < 0)
        thumbnail_destroy(out);
    free(decoder);
    return r;
}

void thumbnail_destroy(struct thumbnail *thumbnail)
{
    picture_destroy(&thumbnail->picture);
    free(thumbnail->profile);
    thumbnail->profile = NULL;
    thumbnail->profile_size = 0;
}
