#include "bar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_COLUMNS = 30 };

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value;
}

void bar_init(struct bar *bar)
{
    const char *terminal = getenv("TERM");

    bar->shown = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) && terminal &&
                 *terminal && strcmp(terminal, "dumb") != 0;
    bar->coloured = bar->shown && !is_set("NO_COLOR");
    bar->drawn = 0;
}

void bar_draw(struct bar *bar, size_t done, size_t total, int64_t late_ns)
{
    const int full = total ? (int)(done * BAR_COLUMNS / total) : 0;
    char cells[BAR_COLUMNS + 1];
    int columns;

    if (!bar->shown)
        return;
    memset(cells, '-', BAR_COLUMNS);
    memset(cells, '#', (size_t)full);
    cells[BAR_COLUMNS] = '\0';
    columns = fprintf(stderr, "\r%s[%s]%s %zu/%zu, loop at most %.1f ms late",
                      bar->coloured ? "\033[32m" : "", cells,
                      bar->coloured ? "\033[0m" : "", done, total,
                      (double)late_ns / 1e6);
    /* A line that has become shorter leaves its old end behind. */
    fprintf(stderr, "%*s", bar->drawn > columns ? bar->drawn - columns : 0, "");
    bar->drawn = columns;
    fflush(stderr);
}

void bar_clear(struct bar *bar)
{
    if (!bar->shown || bar->drawn == 0)
        return;
    fprintf(stderr, "\r%*s\r", bar->drawn, "");
    bar->drawn = 0;
}
