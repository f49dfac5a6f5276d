/*
 * The round trip of roundtrip.c with everything asleep: 2 ms of silence before
 * each trip.
 *
 *   pinned  submitter and workers pinned; the floor is a worker that sleeps on
 *           a futex and a submitter that sleeps on an eventfd, each on a CPU of
 *           its own
 *   free    nobody pinned (CREW_PLACE_NONE), as libuv is
 */
#include "roundtrip.h"

const crew_bench_case asleep_crew[] = {
    TRIP_ASLEEP(trip_crew_fd, "asleep/pinned", "crew"),
    TRIP_ASLEEP(trip_crew_free, "asleep/free", "crew"),
    {.name = NULL}};
