#include "worker/line.h"

#include <string.h>

static struct crew__claim *of_link(struct crew__link *link)
{
    return (struct crew__claim *)(void *)((char *)link -
                                          offsetof(struct crew__claim, link));
}

/* FNV-1a. */
static uint64_t hash_of(const char *name, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct crew__link *bucket_of(struct crew__line *line, uint64_t hash)
{
    return &line->buckets[hash % CREW__LINE_BUCKETS];
}

static bool same_name(const struct crew__claim *a, const struct crew__claim *b)
{
    return a->hash == b->hash && a->name_size == b->name_size &&
           memcmp(a->name, b->name, a->name_size) == 0;
}

void crew__line_init(struct crew__line *line)
{
    for (unsigned i = 0; i < CREW__LINE_BUCKETS; i++)
        crew__list_init(&line->buckets[i]);
}

void crew__line_make_claim(struct crew__claim *claim, const char *name,
                           size_t size, crew_lock_mode mode)
{
    *claim = (struct crew__claim){.name = name,
                                  .name_size = size,
                                  .hash = hash_of(name, size),
                                  .mode = mode};
}

/* ---- entering -------------------------------------------------------------- */

static struct crew__claim *last_of_name(struct crew__link *bucket,
                                        const struct crew__claim *claim)
{
    struct crew__link *at = bucket->prev;

    while (at != bucket && !same_name(of_link(at), claim))
        at = at->prev;
    return at == bucket ? NULL : of_link(at);
}

/* By L1 and L2 the last of its name tells of all. */
static bool is_free_for(const struct crew__claim *claim,
                        const struct crew__claim *last)
{
    return !last ||
           (last->state == CREW__CLAIM_HELD && last->mode == CREW_LOCK_SHARED &&
            claim->mode == CREW_LOCK_SHARED);
}

/* Those that wait stay; their turn comes after the thief's. */
static void take_from_holders(struct crew__link *bucket,
                              const struct crew__claim *thief,
                              struct crew__line_changes *changes)
{
    struct crew__claim **stolen = &changes->stolen;
    struct crew__link *next;

    for (struct crew__link *at = bucket->next; at != bucket; at = next) {
        struct crew__claim *holder = of_link(at);

        next = at->next;
        if (!same_name(holder, thief))
            continue;
        if (holder->state != CREW__CLAIM_HELD)
            return;
        crew__list_unlink(&holder->link);
        holder->state = CREW__CLAIM_STOLEN;
        holder->next_stolen = NULL;
        *stolen = holder;
        stolen = &holder->next_stolen;
    }
}

bool crew__line_enter(struct crew__line *line, struct crew__claim *claim,
                      enum crew__line_way way,
                      struct crew__line_changes *changes)
{
    struct crew__link *bucket = bucket_of(line, claim->hash);

    *changes = (struct crew__line_changes){NULL, NULL};
    if (way == CREW__LINE_STEAL) {
        take_from_holders(bucket, claim, changes);
        claim->state = CREW__CLAIM_HELD;
        crew__list_push_first(bucket, &claim->link);
        return true;
    }
    if (is_free_for(claim, last_of_name(bucket, claim)))
        claim->state = CREW__CLAIM_HELD;
    else if (way == CREW__LINE_WAIT)
        claim->state = CREW__CLAIM_WAITS;
    else
        return false;
    crew__list_push_last(bucket, &claim->link);
    return true;
}

/* ---- leaving --------------------------------------------------------------- */

/* After one of that name has gone: L3. */
static void grant_next(struct crew__link *bucket,
                       const struct crew__claim *gone,
                       struct crew__line_changes *changes)
{
    struct crew__claim **granted = &changes->granted;
    bool shared = false; /* it is held so */

    for (struct crew__link *at = bucket->next; at != bucket; at = at->next) {
        struct crew__claim *claim = of_link(at);

        if (!same_name(claim, gone))
            continue;
        if (claim->mode == CREW_LOCK_EXCLUSIVE &&
            (shared || claim->state == CREW__CLAIM_HELD))
            return;
        if (claim->state == CREW__CLAIM_WAITS) {
            claim->state = CREW__CLAIM_HELD;
            claim->next_granted = NULL;
            *granted = claim;
            granted = &claim->next_granted;
        }
        if (claim->mode == CREW_LOCK_EXCLUSIVE)
            return;
        shared = true;
    }
}

void crew__line_leave(struct crew__line *line, struct crew__claim *claim,
                      struct crew__line_changes *changes)
{
    *changes = (struct crew__line_changes){NULL, NULL};
    if (!crew__list_is_linked(&claim->link))
        return;
    crew__list_unlink(&claim->link);
    claim->state = CREW__CLAIM_LEFT;
    grant_next(bucket_of(line, claim->hash), claim, changes);
}

/* ---- looking --------------------------------------------------------------- */

struct crew__claim *crew__line_next(struct crew__line *line,
                                    const struct crew__claim *claim)
{
    struct crew__link *bucket = line->buckets;

    if (claim) {
        bucket = bucket_of(line, claim->hash);
        if (claim->link.next != bucket)
            return of_link(claim->link.next);
        bucket++;
    }
    while (bucket < line->buckets + CREW__LINE_BUCKETS &&
           crew__list_is_empty(bucket))
        bucket++;
    return bucket < line->buckets + CREW__LINE_BUCKETS ? of_link(bucket->next)
                                                       : NULL;
}
