/*
 * The machines of this folder, for tests.
 */
#ifndef CREW_TESTS_MACHINE_H
#define CREW_TESTS_MACHINE_H

#include "runtime/topology.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file of a machine; static memory. */
static inline const char *machine_file(const char *name)
{
    static char path[1024];
    const char *slash = strrchr(__FILE__, '/');

    snprintf(path, sizeof path, "%.*s/%s.xml", (int)(slash - __FILE__),
             __FILE__, name);
    return path;
}

static inline struct crew__topology *machine_load(const char *name)
{
    struct crew__topology *topology = NULL;

    assert_int_equal(crew__topology_load(&topology, machine_file(name)), 0);
    return topology;
}

/* "0-3,8", of which the test knows that it is well formed. */
static inline struct crew__cpuset cpus(const char *text)
{
    struct crew__cpuset set = {{0}};

    while (*text) {
        char *end;
        unsigned long first = strtoul(text, &end, 10);
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

        for (unsigned long cpu = first; cpu <= last; cpu++)
            crew__cpuset_add(&set, (unsigned)cpu);
        text = *end == ',' ? end + 1 : end;
    }
    return set;
}

#endif
