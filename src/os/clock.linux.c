#include "os/os.h"

#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

static crew_ns read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (crew_ns)t.tv_sec * CREW_S + t.tv_nsec;
}

crew_ns crew__clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

crew_ns crew__clock_coarse(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

crew_ns crew__clock_step(void)
{
    struct timespec t;

    clock_getres(CLOCK_MONOTONIC_COARSE, &t);
    return (crew_ns)t.tv_sec * CREW_S + t.tv_nsec;
}

#if defined(__x86_64__)

/* Counts at one rate on all CPUs, whatever they do: CPUID 80000007h, EDX bit
 * 8 (Intel SDM, AMD APM). */
static bool is_invariant(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d >> 8 & 1);
}

uint64_t crew__clock_ticks(void)
{
    static crew__a32 kind; /* 0: not asked yet, 1: usable, 2: not */
    /* any thread finds the same */
    uint32_t known = crew__load_relaxed(&kind);

    if (!known) {
        known = is_invariant() ? 1 : 2;
        crew__store_relaxed(&kind, known); /* any thread finds the same */
    }
    return known == 1 ? __rdtsc() : (uint64_t)crew__clock_now();
}

#else

uint64_t crew__clock_ticks(void)
{
    return (uint64_t)crew__clock_now();
}

#endif
