#include "os/os.h"

#include <time.h>

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
