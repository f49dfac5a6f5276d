#ifndef CREW_ADAPTERS_LOOP_H
#define CREW_ADAPTERS_LOOP_H

/*
 * Attaches it.
 *
 * Threads: the loop's.
 */
static inline int crew_loop_attach(void)
{
    return 0;
}

#endif
