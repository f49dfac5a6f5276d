/*
 * free(), for the whole program (linked with --wrap=free): in a run nothing is
 * given out twice, so that whether an address comes again, which an allocator
 * decides, does not decide what a run does: a seed means the same run in every
 * build. What is freed is filled, and at the end of the run nobody may have
 * written to it. Under AddressSanitizer its quarantine does both; under
 * ThreadSanitizer, which has none, a seed may mean another run.
 */
#include "scenario.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void __real_free(void *memory);
void __wrap_free(void *memory);

#if defined(__SANITIZE_ADDRESS__) || defined(CREW_SIM_TSAN)
#define QUARANTINED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QUARANTINED 1
#endif
#endif

#if defined(QUARANTINED)

void __wrap_free(void *memory)
{
    __real_free(memory);
}

void memory_release(void)
{
}

#else

#define PATTERN 0xd5
#define MOST    100000u

static void *freed[MOST];
static unsigned count;

void __wrap_free(void *memory)
{
    if (!memory || !sim_is_running() || count == MOST) {
        __real_free(memory);
        return;
    }
    memset(memory, PATTERN, malloc_usable_size(memory));
    freed[count++] = memory;
}

static void check_untouched(const unsigned char *memory, size_t size)
{
    if (size > 0 &&
        (memory[0] != PATTERN || memcmp(memory, memory + 1, size - 1) != 0)) {
        fprintf(stderr, "crew: simulation: freed memory was written to\n");
        abort();
    }
}

void memory_release(void)
{
    while (count > 0) {
        void *memory = freed[--count];

        check_untouched(memory, malloc_usable_size(memory));
        __real_free(memory);
    }
}

#endif
