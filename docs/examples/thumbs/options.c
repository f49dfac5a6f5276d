#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <crew/base.h>

enum {
    EXIT_USAGE = 2,
    MAX_SIDE = 16384,
    MAX_WORKERS = 1024,
    MAX_REPEAT = 1000000
};

enum {
    OPTION_INLINE = 256,
    OPTION_REPEAT,
    OPTION_TRACE,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"size", required_argument, NULL, 's'},
    {"output", required_argument, NULL, 'o'},
    {"workers", required_argument, NULL, 'j'},
    {"inline", no_argument, NULL, OPTION_INLINE},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: crew-thumbs [-s PIXELS] [-o DIR] [-j WORKERS] [--inline]\n"
    "                   [--repeat N] [--trace FILE] FILES-OR-DIRS...\n";

static const char help[] =
    "Makes small JPEGs of photographs while its main loop keeps turning.\n"
    "\n"
    "Example:\n"
    "  crew-thumbs -s 256 ~/Pictures\n"
    "      a thumbnail of every JPEG and PNG below ~/Pictures in ./thumbs,\n"
    "      and thumbs/"
    "contact-sheet.jpg, which shows them all\n"
    "\n";

static const char help_options[] =
    "\n"
    "  -s, --size PIXELS    longest side of a thumbnail, 1 to 16384 (256);\n"
    "                       smaller images keep their size\n"
    "  -o, --output DIR     directory for the thumbnails; it has to exist\n"
    "                       (without -o: ./thumbs, which is made)\n"
    "  -j, --workers N      worker threads, 1 to 1024 (one per core)\n"
    "      --inline         do the work on the main loop, one image a turn,\n"
    "                       to see what that does to it\n"
    "      --repeat N       take the whole set N times, to measure\n"
    "      --trace FILE     write what the pool did when, for Perfetto\n"
    "                       (ui.perfetto.dev) or speedscope\n"
    "      --help           this text\n"
    "      --version        the version\n"
    "\n"
    "Directories are searched for *.jpg, *.jpeg and *.png. Alpha becomes\n"
    "white, EXIF orientation is applied, RGB colour profiles are kept.\n"
    "\n"
    "Exit status: 0 all done, 1 something failed (it is named), 2 wrong\n"
    "usage, 130 stopped by Ctrl-C (a second one quits at once).\n";

static int wrong_usage(void)
{
    fputs(usage, stderr);
    fputs("Try: crew-thumbs --help\n", stderr);
    return EXIT_USAGE;
}

/* A whole number from 1 to max, nothing else. 0: it is none. */
static unsigned read_number(const char *text, unsigned max)
{
    unsigned long value;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return 0;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > max)
        return 0;
    return (unsigned)value;
}

static bool take_number(unsigned *value, const char *what, unsigned max)
{
    *value = read_number(optarg, max);
    if (*value == 0)
        fprintf(stderr, "crew-thumbs: %s is a number from 1 to %u, not '%s'\n",
                what, max, optarg);
    return *value != 0;
}

static int take_option(struct options *options, int option)
{
    switch (option) {
    case 's':
        return take_number(&options->side, "-s", MAX_SIDE) ? -1 : EXIT_USAGE;
    case 'j':
        return take_number(&options->workers, "-j", MAX_WORKERS) ? -1
                                                                 : EXIT_USAGE;
    case OPTION_REPEAT:
        return take_number(&options->repeat, "--repeat", MAX_REPEAT)
                   ? -1
                   : EXIT_USAGE;
    case 'o':
        options->output = optarg;
        options->make_output = false;
        return -1;
    case OPTION_INLINE:
        options->run_inline = true;
        return -1;
    case OPTION_TRACE:
        options->trace = optarg;
        return -1;
    case OPTION_HELP:
        printf("%s%s%s", help, usage, help_options);
        return EXIT_SUCCESS;
    case OPTION_VERSION:
        printf("crew-thumbs %s\n", crew_version());
        return EXIT_SUCCESS;
    default: /* getopt_long has said what is wrong */
        return EXIT_USAGE;
    }
}

int options_read(struct options *options, int argc, char **argv)
{
    int option, result;

    *options = (struct options){.side = 256,
                                .output = DEFAULT_OUTPUT,
                                .make_output = true,
                                .repeat = 1};
    while ((option = getopt_long(argc, argv, "s:o:j:", long_options, NULL)) !=
           -1) {
        result = take_option(options, option);
        if (result == EXIT_USAGE)
            return wrong_usage();
        if (result >= 0)
            return result;
    }
    if (options->trace && options->run_inline) {
        fputs("crew-thumbs: --trace shows a pool; --inline has none\n", stderr);
        return wrong_usage();
    }
    if (optind == argc) {
        fputs("crew-thumbs: no files or directories given\n", stderr);
        return wrong_usage();
    }
    options->inputs = argv + optind;
    options->input_count = (size_t)(argc - optind);
    return -1;
}
