/*
 * The command line.
 */
#ifndef THUMBS_OPTIONS_H
#define THUMBS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define DEFAULT_OUTPUT "thumbs"

struct options {
    unsigned side;       /* longest one of a thumbnail, in pixels */
    const char *output;  /* directory */
    bool make_output;    /* it is the default one: make it if missing */
    unsigned workers;    /* 0: one per core */
    bool run_inline;     /* on the main loop, without a pool */
    unsigned repeat;     /* how often the whole set is taken */
    const char *trace;   /* file to trace the pool into, or NULL */
    char *const *inputs; /* files and directories */
    size_t input_count;
};

/* Returns -1: go on; else the program ends with this exit code, and what
 * there was to say has been printed. */
int options_read(struct options *options, int argc, char **argv);

#endif
