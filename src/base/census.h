/*
 * The census: in the testing build every object is counted by kind, with the
 * place that made it, so that a test ends at zero or is told what is left.
 * Every other build compiles it to nothing.
 */
#ifndef CREW_BASE_CENSUS_H
#define CREW_BASE_CENSUS_H

#include <stddef.h>

enum crew__census_kind {
    CREW__CENSUS_MEMORY, /* what crew__memory_* gave */
    CREW__CENSUS_MAPPING,
    CREW__CENSUS_FD,
    CREW__CENSUS_THREAD,
    CREW__CENSUS_INBOX,
    CREW__CENSUS_POOL,
    CREW__CENSUS_GROUP,
    CREW__CENSUS_BUFFER,
    CREW__CENSUS_PORT,
    CREW__CENSUS_CHANNEL,
    CREW__CENSUS_MESSAGE, /* from its post until it is freed */
    CREW__CENSUS_HUB,
    CREW__CENSUS_WORKER,
    CREW__CENSUS_LOCK, /* a named one */
    CREW__CENSUS_CALL, /* until its `done` has returned and its handle is gone */
    CREW__CENSUS_ENVIRONMENT,
    CREW__CENSUS_KINDS
};

#if defined(CREW_TESTING)

void crew__census_add(enum crew__census_kind kind, const void *object,
                      const char *file, int line);
void crew__census_drop(enum crew__census_kind kind, const void *object);
/* How many live; names them on stderr where `tell` is not 0. */
size_t crew__census_live(int tell);
/* A forked child starts anew. */
void crew__census_forget(void);

#define crew__census_born(kind, object) \
    crew__census_add(kind, object, __FILE__, __LINE__)
#define crew__census_died(kind, object) crew__census_drop(kind, object)

#else

#define crew__census_born(kind, object) ((void)0)
#define crew__census_died(kind, object) ((void)0)

#endif

#endif
