/*
 * How a worker or a process ended, and what it used: never folded into one
 * number.
 */
#ifndef CREW_EXIT_H
#define CREW_EXIT_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Filled in by the library. */
typedef struct crew_usage {
    crew_ns busy;         /* online and not waiting in a call of this library */
    crew_ns idle;         /* waiting there */
    crew_ns cpu_user;     /* of a thread that still runs: with the next */
    crew_ns cpu_system;   /* ... which is then 0 */
    uint64_t messages_in; /* that it has received on its port */
    uint64_t messages_out; /* that have been received from it */
    uint64_t queued_bytes;
    uint64_t max_resident_bytes; /* of a process */
    uintptr_t reserved[8];
} crew_usage;

typedef enum crew_step {
    CREW_STEP_NONE,
    CREW_STEP_CHDIR,
    CREW_STEP_EXEC,
    CREW_STEP_CREDENTIALS,
    CREW_STEP_LIMITS
} crew_step;

/* Filled in by the library. */
typedef struct crew_exit {
    int code;         /* exit code, or -1 when a signal ended it, when it has
                         none or it is not known */
    int signal;       /* or 0 */
    bool core_dumped; /* of a process */
    bool timed_out;
    bool canceled;  /* it was terminated before it ended */
    bool forced;    /* it took SIGKILL */
    bool cut;       /* a stream was cut off by drain_timeout */
    crew_step step; /* of a start that failed, ... */
    int error;      /* ... and the negative errno */
    crew_usage usage;
    uintptr_t reserved[4];
} crew_exit;

#ifdef __cplusplus
}
#endif

#endif
