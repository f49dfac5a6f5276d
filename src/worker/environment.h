/*
 * Environment data from the inside: an array of values, sorted by key, that
 * never changes once others can see it. A change makes a new array, which
 * shares the values that stay; so what a worker inherits is one reference, and
 * no change can reach it. NULL is the empty one.
 *
 *   whose         guarded by
 *   the program's   the lock of what this copy of the library shares
 *   a worker's      nothing: its own thread alone reads and changes it
 *
 * Edges
 *   environment-last   release -> the last release   what all holders did with
 *                      an array, or a value, happens before it goes.
 */
#ifndef CREW_WORKER_ENVIRONMENT_H
#define CREW_WORKER_ENVIRONMENT_H

#include <crew/environment.h>

#include "base/atomic.h"
#include "port/message.h"

struct crew__variable {
    crew__a64 references; /* arrays that it stands in */
    struct crew__message *value;
    char key[];
};

struct crew__environment {
    crew__a64 references;
    size_t count; /* not 0 */
    struct crew__variable *variables[];
};

/* The calling thread's, with a reference for the caller. */
struct crew__environment *crew__environment_here(void);
void crew__environment_release(struct crew__environment *environment);

#endif
