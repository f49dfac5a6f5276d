#include "jpeg_out.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

enum { QUALITY = 95 };

/* As in jpeg_in.c: nothing of guarded_encode's own lives across the jump. */
struct jpeg_out {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    struct failure *failure;
    unsigned char *bytes;
    unsigned long size;
    int status;
    jmp_buf failed;
};

static _Noreturn void on_error(j_common_ptr info)
{
    struct jpeg_out *out = info->client_data;
    char text[JMSG_LENGTH_MAX];

    info->err->format_message(info, text);
    out->status = fail(out->failure, -EIO, "cannot encode: %s", text);
    longjmp(out->failed, 1);
}

static void on_message(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

static void encode(struct jpeg_out *out, const struct picture *picture,
                   const uint8_t *profile, unsigned profile_size)
{
    struct jpeg_compress_struct *info = &out->info;
    JSAMPROW row = picture->rgb;

    jpeg_mem_dest(info, &out->bytes, &out->size);
    info->image_width = picture->width;
    info->image_height = picture->height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, QUALITY, TRUE);
    /* Thumbnails show edges: colour keeps its full resolution. */
    info->comp_info[0].h_samp_factor = 1;
    info->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(info, TRUE);
    if (profile)
        jpeg_write_icc_profile(info, profile, profile_size);
    while (info->next_scanline < info->image_height) {
        if (jpeg_write_scanlines(info, &row, 1) == 1)
            row += (size_t)picture->width * 3;
    }
    jpeg_finish_compress(info);
}

static void guarded_encode(struct jpeg_out *out, const struct picture *picture,
                           const uint8_t *profile, unsigned profile_size)
{
    out->info.err = jpeg_std_error(&out->errors);
    out->errors.error_exit = on_error;
    out->errors.emit_message = on_message;
    out->info.client_data = out;
    if (setjmp(out->failed) != 0)
        return;
    jpeg_create_compress(&out->info);
    encode(out, picture, profile, profile_size);
}

int jpeg_encode(const struct picture *picture, const uint8_t *profile,
                unsigned profile_size, unsigned char **bytes,
                unsigned long *size, struct failure *failure)
{
    struct jpeg_out *out = calloc(1, sizeof *out);
    int r;

    if (!out)
        return fail_errno(failure, -ENOMEM, "cannot encode");
    out->failure = failure;
    guarded_encode(out, picture, profile, profile_size);
    jpeg_destroy_compress(&out->info);
    r = out->status;
    if (r == 0) {
        *bytes = out->bytes;
        *size = out->size;
    } else {
        free(out->bytes);
    }
    free(out);
    return r;
}
