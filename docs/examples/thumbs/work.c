#include "work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <crew/base.h>

#include "names.h"
#include "output.h"
#include "plan.h"
#include "probe.h"
#include "scan.h"

int work_scan(struct work *work, crew_self *self)
{
    const struct scan scan = {
        .arguments = work->options->inputs,
        .count = work->options->input_count,
        .output = work->output,
    };

    return scan_run(&scan, &work->catalog, self);
}

int work_probe(struct work *work, size_t from, size_t to, crew_self *self)
{
    int r = 0;

    for (; from < to && r == 0; from++)
        r = probe_image(&work->catalog.images[from], work->options->side, self);
    return r;
}

int work_plan(struct work *work, crew_self *self)
{
    const int r = plan_run(&work->catalog, work->output, self);

    if (r < 0 || work->catalog.planned == 0)
        return r;
    return sheet_create(&work->sheet, work->catalog.planned, &work->error);
}

int work_write_sheet(struct work *work, struct failure *failure)
{
    return output_picture(work->output, SHEET_NAME, &work->sheet.picture, NULL,
                          0, failure);
}

void work_begin_images(struct work *work)
{
    struct catalog *catalog = &work->catalog;
    size_t i;

    for (i = 0; i < catalog->count; i++) {
        if (catalog->images[i].reason)
            work_image_failed(work, &catalog->images[i],
                              catalog->images[i].reason);
    }
    work->total = catalog->planned * work->options->repeat;
}

struct image *work_next(struct work *work, bool *repeated)
{
    const unsigned repeat = work->options->repeat;
    struct image *image;

    while (work->next < work->total) {
        image = &work->catalog.images[work->catalog.order[work->next / repeat]];
        *repeated = work->next % repeat != 0;
        if (!image->failed)
            return image;
        work->next++;
    }
    return NULL;
}

void work_image_done(struct work *work, const struct image *image)
{
    work->done++;
    work->megapixels += (double)image->width * image->height / 1e6;
}

/* Names come from anywhere: control characters do not reach the terminal. */
static void print_name(const char *name)
{
    for (; *name; name++) {
        const unsigned char c = (unsigned char)*name;

        putc(c < 0x20 || c == 0x7f ? '?' : c, stderr);
    }
}

void work_image_failed(struct work *work, struct image *image,
                       const char *reason)
{
    if (image->failed)
        return;
    image->failed = true;
    work->failed++;
    bar_clear(&work->bar);
    fputs("crew-thumbs: ", stderr);
    print_name(image->path);
    fputs(": ", stderr);
    print_name(reason);
    fputc('\n', stderr);
    fflush(stderr);
}

void work_sheet_done(struct work *work, int status,
                     const struct failure *failure)
{
    if (status >= 0 || status == -ECANCELED)
        return;
    work->sheet_failed = true;
    work_say(work, "%s: %s", SHEET_NAME, failure->text);
}

void work_abort(struct work *work, int error, const char *what)
{
    fail(&work->error, error, "%s: %s", what, crew_strerror(error));
    work->stopping = true;
}

void work_say(struct work *work, const char *format, ...)
{
    va_list args;

    bar_clear(&work->bar);
    fputs("crew-thumbs: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
}
