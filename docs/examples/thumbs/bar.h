/*
 * The progress bar: one line on the terminal, drawn anew ten times a second.
 * Where there is no terminal there is no bar and no escape code.
 */
#ifndef THUMBS_BAR_H
#define THUMBS_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bar {
    bool shown;    /* output and messages go to a terminal that can */
    bool coloured; /* and NO_COLOR is not set */
    int drawn;     /* columns that the bar fills now */
};

void bar_init(struct bar *bar);

/* `late_ns`: the longest time that the main loop stood still so far. */
void bar_draw(struct bar *bar, size_t done, size_t total, int64_t late_ns);

/* Makes room for a message. */
void bar_clear(struct bar *bar);

#endif
