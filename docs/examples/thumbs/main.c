/*
 * crew-thumbs: thumbnails of photographs, made by a pool of pinned threads
 * while the main loop keeps turning. See --help, and work.h for the way that
 * an image takes.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inlined.h"
#include "options.h"
#include "output.h"
#include "pooled.h"
#include "report.h"
#include "work.h"

/* Images are large and short-lived: their memory goes back to the system at
 * once, which keeps the peak where the budget wants it. */
static void tune_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

static int exit_code(const struct work *work)
{
    if (work->loop.signal != 0)
        return 128 + work->loop.signal;
    if (work->error.text[0] != '\0' || work->failed > 0 || work->sheet_failed)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}

static int run(struct work *work)
{
    struct report report;
    int code;

    report_begin(&report);
    bar_init(&work->bar);
    loop_block_signals();
    if (work->options->run_inline)
        inlined_run(work);
    else
        pooled_run(work, &report);
    bar_clear(&work->bar);
    if (work->error.text[0] != '\0')
        work_say(work, "%s", work->error.text);
    report_print(&report, work);
    report_fini(&report);
    code = exit_code(work);
    if (fflush(stdout) != 0 && code == EXIT_SUCCESS)
        code = EXIT_FAILURE;
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    struct work work = {0};
    int code;

    code = options_read(&options, argc, argv);
    if (code >= 0)
        return code;
    tune_malloc();
    work.options = &options;
    work.output = output_open(options.output, options.make_output, &work.error);
    if (work.output < 0) {
        fprintf(stderr, "crew-thumbs: output directory %s: %s\n",
                options.output, work.error.text);
        return EXIT_FAILURE;
    }
    code = run(&work);
    sheet_destroy(&work.sheet);
    catalog_fini(&work.catalog);
    close(work.output);
    return code;
}
