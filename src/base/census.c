#include "base/census.h"

#if defined(CREW_TESTING)

#include "base/atomic.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[CREW__CENSUS_KINDS] = {
    "memory", "mapping", "descriptor", "thread",      "inbox",   "pool",
    "group",  "buffer",  "port",       "channel",     "message", "hub",
    "worker", "lock",    "call",       "environment",
};

/* A hash of chains under one lock of its own: the census must not go through
 * what it counts. */
#define BUCKETS 1024

struct entry {
    struct entry *next;
    const void *object;
    const char *file;
    int line;
    enum crew__census_kind kind;
};

static struct entry *buckets[BUCKETS];
static size_t live;
static char lock_word;

static void lock(void)
{
    while (__atomic_test_and_set(&lock_word, __ATOMIC_ACQUIRE))
        sched_yield();
}

static void unlock(void)
{
    __atomic_clear(&lock_word, __ATOMIC_RELEASE);
}

static struct entry **bucket_of(const void *object)
{
    return &buckets[((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15u >> 54];
}

void crew__census_add(enum crew__census_kind kind, const void *object,
                      const char *file, int line)
{
    struct entry *made = malloc(sizeof *made);
    struct entry **bucket = bucket_of(object);

    if (!made)
        abort();
    *made = (struct entry){NULL, object, file, line, kind};
    lock();
    made->next = *bucket;
    *bucket = made;
    live++;
    unlock();
}

void crew__census_drop(enum crew__census_kind kind, const void *object)
{
    struct entry **at = bucket_of(object);
    struct entry *found;

    lock();
    while (*at && ((*at)->object != object || (*at)->kind != kind))
        at = &(*at)->next;
    found = *at;
    if (!found) {
        fprintf(stderr, "crew: census: a %s that was never made\n",
                kind_names[kind]);
        abort();
    }
    *at = found->next;
    live--;
    unlock();
    free(found);
}

size_t crew__census_live(int tell)
{
    size_t count;

    lock();
    count = live;
    for (unsigned i = 0; tell && i < BUCKETS; i++) {
        for (struct entry *e = buckets[i]; e; e = e->next)
            fprintf(stderr, "crew: census: a %s of %s:%d is left\n",
                    kind_names[e->kind], e->file, e->line);
    }
    unlock();
    return count;
}

void crew__census_forget(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        buckets[i] = NULL;
    live = 0;
    lock_word = 0;
}

#else

/* A translation unit is not empty. */
extern const int crew__census_unused;
const int crew__census_unused = 0;

#endif
