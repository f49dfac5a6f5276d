/*
 * A hint that a line is about to be written. `address` may lie anywhere: a
 * prefetch of what is nowhere does no harm.
 */
#ifndef CREW_BASE_PREFETCH_H
#define CREW_BASE_PREFETCH_H

#include <stdint.h>

static inline void crew__prefetch_write(const void *address)
{
#if defined(__x86_64__)
    /* The builtin asks for writing only where the compiler is told that the
     * processor can; those that can't take this for a nop. Fetched for reading
     * alone, the line of a submitter is shared, and the store has to wait for
     * it once more. */
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/* The line that a walk comes to soon, as far as it can be guessed: what is
 * linked often lies in an array. */
static inline void crew__prefetch_along(const void *at, const void *next)
{
    uintptr_t step = (uintptr_t)next - (uintptr_t)at;

    crew__prefetch_write((const void *)((uintptr_t)next + 4 * step));
}

#endif
