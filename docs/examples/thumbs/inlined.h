/*
 * The same run without a pool: the work is done on the main loop, one image a
 * turn, so that one can see what that does to the loop.
 */
#ifndef THUMBS_INLINED_H
#define THUMBS_INLINED_H

#include "work.h"

/* 0, or a negative errno where work->error says why. */
int inlined_run(struct work *work);

#endif
