/*
 * JPEG to rows, by libjpeg-turbo. The library scales while it decodes, to the
 * smallest of its fast sizes (1/8, 1/4, 1/2) that leaves at least two pixels
 * for each of the thumbnail.
 *
 * libjpeg leaves a call that failed by error_exit, which must not return: it
 * jumps to jpeg_decode. Everything that lives across the jump is in memory
 * that jpeg_decode was given, none in its own variables.
 */
#include "decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

#include "exif.h"
#include "stop.h"

enum {
    MAX_SCANS = 500, /* of a progressive image; more is an attack */
    EXIF_MARKER = JPEG_APP0 + 1,
    ICC_MARKER = JPEG_APP0 + 2
};

struct jpeg_in {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr bytes;
    struct jpeg_progress_mgr progress;
    struct decoder *decoder;
    JOCTET *profile;
    int status;
    jmp_buf failed;
};

static _Noreturn void leave(struct jpeg_in *in, int status)
{
    in->status = status;
    longjmp(in->failed, 1);
}

static _Noreturn void on_error(j_common_ptr info)
{
    struct jpeg_in *in = info->client_data;
    char text[JMSG_LENGTH_MAX];

    info->err->format_message(info, text);
    leave(in, fail(in->decoder->failure, -EILSEQ, "cannot decode: %s", text));
}

/* Warnings that mean lost pixels are errors here; others are harmless. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        on_error(info);
    default:
        break;
    }
}

static boolean refill(j_decompress_ptr info)
{
    struct jpeg_in *in = info->client_data;
    struct source *source = &in->decoder->source;
    const int r = source_refill(source);

    if (r < 0)
        leave(in, r);
    if (r == 0)
        leave(in, fail(in->decoder->failure, -ENODATA,
                       "truncated: the file ends in the middle"));
    info->src->next_input_byte = source->buffer;
    info->src->bytes_in_buffer = source->filled;
    return TRUE;
}

static void skip(j_decompress_ptr info, long count)
{
    struct jpeg_source_mgr *bytes = info->src;

    while (count > (long)bytes->bytes_in_buffer) {
        count -= (long)bytes->bytes_in_buffer;
        refill(info);
    }
    if (count > 0) {
        bytes->next_input_byte += count;
        bytes->bytes_in_buffer -= (size_t)count;
    }
}

static void nothing(j_decompress_ptr info)
{
    (void)info;
}

/* Comes for every row of blocks, also while a progressive file is taken in. */
static void on_progress(j_common_ptr info)
{
    struct jpeg_in *in = info->client_data;

    if (stop_wanted(in->decoder->self))
        leave(in, fail(in->decoder->failure, -ECANCELED, "stopped"));
    if (in->info.input_scan_number > MAX_SCANS)
        leave(in, fail(in->decoder->failure, -EILSEQ,
                       "broken JPEG: more than %d scans", MAX_SCANS));
}

static void set_up(struct jpeg_in *in)
{
    in->info.client_data = in;
    in->bytes.fill_input_buffer = refill;
    in->bytes.skip_input_data = skip;
    in->bytes.resync_to_restart = jpeg_resync_to_restart;
    in->bytes.init_source = nothing;
    in->bytes.term_source = nothing;
    in->info.src = &in->bytes;
    in->progress.progress_monitor = on_progress;
    in->info.progress = &in->progress;
    jpeg_save_markers(&in->info, EXIF_MARKER, 0xffff);
    jpeg_save_markers(&in->info, ICC_MARKER, 0xffff);
}

static void read_markers(struct jpeg_in *in)
{
    const struct jpeg_marker_struct *marker;
    unsigned size;

    for (marker = in->info.marker_list; marker; marker = marker->next) {
        /* "Exif", two zeros, then the block. */
        if (marker->marker == EXIF_MARKER && marker->data_length > 6 &&
            marker->data[0] == 'E' && marker->data[1] == 'x') {
            in->decoder->orientation = exif_orientation(
                marker->data + 6, marker->data_length - 6);
            break;
        }
    }
    if (jpeg_read_icc_profile(&in->info, &in->profile, &size))
        decode_keep_profile(in->decoder, in->profile, size);
}

static enum layout choose_layout(struct jpeg_in *in)
{
    switch (in->info.jpeg_color_space) {
    case JCS_GRAYSCALE:
        in->info.out_color_space = JCS_GRAYSCALE;
        return LAYOUT_GRAY;
    case JCS_CMYK:
    case JCS_YCCK:
        in->info.out_color_space = JCS_CMYK;
        return in->info.saw_Adobe_marker ? LAYOUT_CMYK_INVERTED : LAYOUT_CMYK;
    default:
        in->info.out_color_space = JCS_RGB;
        return LAYOUT_RGB;
    }
}

static void begin(struct jpeg_in *in)
{
    struct jpeg_decompress_struct *info = &in->info;
    const enum layout layout = choose_layout(in);
    const unsigned eighths = jpeg_eighths(info->image_width, info->image_height,
                                          in->decoder->side);
    const struct area *area = &in->decoder->draft.area;
    int r;

    info->scale_num = eighths;
    info->scale_denom = 8;
    info->do_fancy_upsampling = FALSE; /* it is scaled anyway */
    jpeg_start_decompress(info);
    r = decode_begin(in->decoder, layout, info->image_width, info->image_height,
                     eighths, false);
    if (r < 0)
        leave(in, r);
    if (info->output_width != area->in_width ||
        info->output_height != area->in_height)
        leave(in, fail(in->decoder->failure, -EINVAL,
                       "decoded to an unexpected size"));
}

static void read_all(struct jpeg_in *in)
{
    JSAMPROW row;
    int r;

    jpeg_read_header(&in->info, TRUE);
    read_markers(in);
    begin(in);
    while (in->info.output_scanline < in->info.output_height) {
        row = strips_row(&in->decoder->strips);
        if (jpeg_read_scanlines(&in->info, &row, 1) != 1)
            continue;
        r = decode_row_done(in->decoder);
        if (r < 0)
            leave(in, r);
    }
    jpeg_finish_decompress(&in->info);
}

/* Here calls of libjpeg that fail come back. */
static void guarded_read(struct jpeg_in *in)
{
    in->info.err = jpeg_std_error(&in->errors);
    in->errors.error_exit = on_error;
    in->errors.emit_message = on_message;
    if (setjmp(in->failed) != 0)
        return;
    jpeg_create_decompress(&in->info);
    set_up(in);
    read_all(in);
}

int jpeg_decode(struct decoder *decoder)
{
    struct jpeg_in *in = calloc(1, sizeof *in);
    int r;

    if (!in)
        return fail_errno(decoder->failure, -ENOMEM, "cannot read");
    in->decoder = decoder;
    in->info.client_data = in;
    guarded_read(in);
    jpeg_destroy_decompress(&in->info); /* copes with a half-made one */
    r = in->status;
    free(in->profile);
    free(in);
    return r;
}
