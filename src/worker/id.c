/*
 * Workers by their ids. A worker can be found from its start until its main
 * has returned. The table and the last id are guarded by the lock of what this
 * copy of the library shares; who finds a worker takes a reference under it.
 *
 * In a forked child the table may be as a thread of the parent had it halfway,
 * and says nothing that is true there: a generation that differs means empty.
 */
#include "worker/worker.h"

#include <string.h>

#define CHAINS 64u

static struct {
    uint64_t generation;
    uint64_t last; /* id that was given; outlives the fork */
    crew_worker *chains[CHAINS];
} table;

static crew_worker **chain_of(uint64_t id)
{
    return &table.chains[id % CHAINS];
}

void crew__id_add(crew_worker *worker)
{
    crew_worker **chain;

    crew__lock(crew__fork_lock());
    if (table.generation != worker->generation) {
        memset(table.chains, 0, sizeof table.chains);
        table.generation = worker->generation;
    }
    worker->id = ++table.last;
    chain = chain_of(worker->id);
    worker->next_by_id = *chain;
    *chain = worker;
    crew__unlock(crew__fork_lock());
}

void crew__id_remove(crew_worker *worker)
{
    crew_worker **at;

    crew__lock(crew__fork_lock());
    at = chain_of(worker->id);
    while (*at != worker)
        at = &(*at)->next_by_id;
    *at = worker->next_by_id;
    crew__unlock(crew__fork_lock());
}

crew_worker *crew__id_find(uint64_t id)
{
    crew_worker *found = NULL;

    if (crew__fork_current() == 0)
        return NULL; /* nothing was created here, not even the lock */
    crew__lock(crew__fork_lock());
    if (table.generation == crew__fork_current())
        found = *chain_of(id);
    while (found && found->id != id)
        found = found->next_by_id;
    if (found)
        crew__add_relaxed(&found->references, 1); /* its thread has one */
    crew__unlock(crew__fork_lock());
    return found;
}
