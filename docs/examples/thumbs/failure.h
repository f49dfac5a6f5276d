/*
 * Why something did not work, in words for the person at the terminal. Each
 * image carries one from the thread where it failed to the main loop, which
 * prints it.
 */
#ifndef THUMBS_FAILURE_H
#define THUMBS_FAILURE_H

struct failure {
    char text[512]; /* "" where nothing failed */
};

/*
 * Words the failure, unless an earlier one is there: the first cause is the
 * true one. Returns `error`, so that `return fail(f, -EIO, "...")` reads well.
 */
int fail(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a call of the system that failed with `error`. */
int fail_errno(struct failure *failure, int error, const char *what);

#endif
