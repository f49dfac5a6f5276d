/*
 * The words that every other header uses: durations, the names of the
 * objects, errors in words, the version.
 *
 * Conventions of the whole library:
 *   - A function that can fail returns int: 0 or a positive count on success,
 *     a negative errno value on failure (include <errno.h> for the names). A
 *     failed call changes nothing, and *out is untouched. -ETIMEDOUT alone
 *     means "not yet".
 *   - Every duration is a crew_ns. As an argument 0 never waits, in a
 *     structure 0 is the documented default, CREW_FOREVER means without
 *     limit in both; other negative values are -EINVAL.
 *   - Reserved words are zero, or the call is -EINVAL.
 *   - In a forked child every call on an inherited pool, inbox, group or port
 *     that returns int gives -EOWNERDEAD; their destroy or close works, and so
 *     does creating new ones.
 */
#ifndef CREW_BASE_H
#define CREW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(CREW_STATIC)
#define CREW_API
#elif defined(__GNUC__)
#define CREW_API __attribute__((visibility("default")))
#else
#define CREW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds, relative to now: 5 * CREW_MS. */
typedef int64_t crew_ns;

#define CREW_US      INT64_C(1000)
#define CREW_MS      INT64_C(1000000)
#define CREW_S       INT64_C(1000000000)
#define CREW_FOREVER ((crew_ns)-1)

typedef struct crew_self crew_self;     /* the place that code runs at */
typedef struct crew_inbox crew_inbox;   /* where completions arrive */
typedef struct crew_pool crew_pool;     /* pinned threads that run tasks */
typedef struct crew_task crew_task;     /* one piece of work */
typedef struct crew_group crew_group;   /* tasks that are waited for together */
typedef struct crew_buffer crew_buffer; /* counted, aligned memory */
typedef struct crew_port crew_port;     /* one end of a way for messages */
typedef struct crew_message crew_message; /* what travels between ports */
typedef struct crew_worker crew_worker; /* a function with a loop of its own */

/*
 * Words an error of this library: crew_strerror(-EAGAIN). A value that is no
 * error is worded too. The text is static and in English.
 *
 * Since:   0.1
 */
CREW_API const char *crew_strerror(int error);

/*
 * The version of the library that runs, "0.1.0".
 *
 * Since:   0.1
 */
CREW_API const char *crew_version(void);

#ifdef __cplusplus
}
#endif

#endif
