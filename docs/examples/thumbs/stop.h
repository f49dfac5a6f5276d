/*
 * Whether the work at hand should end. Long work asks this every few hundred
 * microseconds; that is all it takes for Ctrl-C to be answered at once.
 */
#ifndef THUMBS_STOP_H
#define THUMBS_STOP_H

#include <stdbool.h>

#include <crew/self.h>

/*
 * `self` is the worker's place; NULL on the main loop (--inline), where nobody
 * can cancel: there a signal that waits to be read by the loop counts.
 */
bool stop_wanted(crew_self *self);

#endif
