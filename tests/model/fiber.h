/*
 * The threads of a model: stacks of their own on one kernel thread, switched
 * by a few instructions, as a checker switches millions of times a second.
 */
#ifndef CREW_MODEL_FIBER_H
#define CREW_MODEL_FIBER_H

#include <stddef.h>

struct fiber {
    void *sp;      /* where its registers lie while it does not run */
    void *context; /* where there is no switch of our own */
};

/* `entry` never returns. Making it again on the same stack forgets what was
 * left there. */
void fiber_make(struct fiber *fiber, void *stack, size_t size,
                void (*entry)(void));
void fiber_switch(struct fiber *from, struct fiber *to);

#endif
