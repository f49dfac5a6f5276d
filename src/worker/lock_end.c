#include "worker/lock.h"

#include <errno.h>
#include <string.h>

/* ---- a worker's end -------------------------------------------------------- */

static crew_lock *of_own(struct crew__link *link)
{
    return (crew_lock *)(void *)((char *)link - offsetof(crew_lock, own));
}

/* The first, which moves to those that are over. */
static crew_lock *take_one(crew_worker *worker)
{
    crew_lock *lock;

    if (crew__list_is_empty(&worker->locks))
        return NULL;
    lock = of_own(worker->locks.next);
    crew__list_unlink(&lock->own);
    crew__list_push_last(&worker->ended_locks, &lock->own);
    return lock;
}

/* false: there was none. */
static bool end_one(crew_worker *worker)
{
    struct crew__line_changes changes = {NULL, NULL};
    struct crew__line *line = crew__lock_enter();
    crew_lock *lock = take_one(worker);
    bool waits = lock && crew__lock_end(line, lock, &changes);

    worker->locks_over = true;
    crew__lock_leave();
    crew__lock_tell(&changes);
    if (waits)
        crew__lock_answer(lock);
    return lock != NULL;
}

void crew__lock_end_all(crew_worker *worker)
{
    while (end_one(worker))
        continue;
}

static bool free_one(crew_worker *worker)
{
    crew_lock *lock = NULL;
    bool last = false;

    crew__lock_enter();
    if (!crew__list_is_empty(&worker->ended_locks)) {
        lock = of_own(worker->ended_locks.next);
        last = crew__lock_give_back(lock);
    }
    crew__lock_leave();
    if (last)
        crew__lock_dispose(lock);
    return lock != NULL;
}

void crew__lock_free_all(crew_worker *worker)
{
    while (free_one(worker))
        continue;
}

/* ---- the query ------------------------------------------------------------- */

static const crew_lock *of_claim(const struct crew__claim *claim)
{
    return (const crew_lock *)(const void *)((const char *)claim -
                                             offsetof(crew_lock, claim));
}

/* Room for `count` entries, and behind them their names. */
struct snapshot {
    crew_lock_info *entries;
    size_t count;
    size_t name_bytes;
};

static struct snapshot measure(struct crew__line *line)
{
    struct snapshot needs = {NULL, 0, 0};

    for (const struct crew__claim *claim = crew__line_next(line, NULL); claim;
         claim = crew__line_next(line, claim)) {
        needs.count++;
        needs.name_bytes += claim->name_size + 1;
    }
    return needs;
}

static void fill(const struct snapshot *snapshot, struct crew__line *line)
{
    char *name = (char *)(snapshot->entries + snapshot->count);
    struct crew__claim *claim = NULL;

    for (size_t i = 0; i < snapshot->count; i++) {
        claim = crew__line_next(line, claim);
        memcpy(name, claim->name, claim->name_size + 1);
        snapshot->entries[i] = (crew_lock_info){
            .name = name,
            .name_size = claim->name_size,
            .mode = claim->mode,
            .held = claim->state == CREW__CLAIM_HELD,
            .owner = of_claim(claim)->owner};
        name += claim->name_size + 1;
    }
}

/* More may have come while there was no lock. */
static int take_snapshot(struct snapshot *out)
{
    struct snapshot has = {NULL, 0, 0};

    for (;;) {
        struct crew__line *line = crew__lock_enter();
        struct snapshot needs = measure(line);
        bool fits = needs.count <= has.count &&
                    needs.name_bytes <= has.name_bytes;

        if (fits) {
            has.count = needs.count;
            fill(&has, line);
        }
        crew__lock_leave();
        if (fits) {
            *out = has;
            return 0;
        }
        crew__memory_free(has.entries);
        has = needs;
        has.entries = crew__memory_zero(has.count * sizeof *has.entries +
                                        has.name_bytes);
        if (!has.entries)
            return -ENOMEM;
    }
}

int crew_lock_query(void (*fn)(const crew_lock_info *, void *), void *arg)
{
    struct snapshot all;
    int r = take_snapshot(&all);

    if (r < 0)
        return r;
    for (size_t i = 0; fn && i < all.count; i++)
        fn(&all.entries[i], arg);
    crew__memory_free(all.entries);
    return all.count > INT32_MAX ? INT32_MAX : (int)all.count;
}
