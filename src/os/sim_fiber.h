/*
 * Fibers: a stack each, and a switch that saves what a call must not change.
 * The sanitizers are told of every switch: AddressSanitizer knows the stacks,
 * ThreadSanitizer sees each fiber as a thread of its own, and a switch orders
 * nothing, so that it judges the library's own edges.
 *
 * Here lies all that depends on the processor.
 */
#ifndef CREW_OS_SIM_FIBER_H
#define CREW_OS_SIM_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct sim_stack {
    struct sim_stack *next; /* kept for the next fiber */
    char *low;              /* above the guard page */
    size_t size;
};

struct sim_context {
    void *sp;                /* of a fiber that does not run */
    struct sim_stack *stack; /* NULL: the thread's own */
    void (*entry)(void *);
    void *arg;
    void *fake_stack; /* AddressSanitizer's */
    const void *asan_low;
    size_t asan_size;
    void *tsan;
    void *ucontext; /* where there is no switch of our own */
};

/* The calling thread's own context, to switch back to. */
void sim_context_root(struct sim_context *root);
/* A fiber that will run entry(arg), which never returns. false: no memory. */
bool sim_context_make(struct sim_context *context, size_t stack_bytes,
                      void (*entry)(void *), void *arg);
/* Of a fiber that does not run and never will. */
void sim_context_free(struct sim_context *context);
/* `last`: `from` never runs again. */
void sim_context_switch(struct sim_context *from, struct sim_context *to,
                        bool last);
/* What is ordered beside the library's own edges: a start, a join. For
 * ThreadSanitizer. */
void sim_context_release(void *address);
void sim_context_acquire(void *address);
/* The return addresses of a fiber that does not run, innermost first. */
unsigned sim_context_trace(const struct sim_context *context, void **out,
                           unsigned most);

#endif
