#include "worker/environment.h"

#include <crew/buffer.h>

#include "base/assert.h"
#include "os/os.h"
#include "worker/worker.h"

#include <errno.h>
#include <string.h>

/* The program's. Inherited by fork: a child finds what was there. */
static struct crew__environment *programs;

/* ---- values ---------------------------------------------------------------- */

static void retain_buffers(const crew_message *message)
{
    for (size_t i = 0; i < message->buffer_count; i++)
        crew_buffer_retain(message->buffers[i]);
}

/* NULL: no memory. */
static struct crew__message *make_value(const crew_message *message)
{
    struct crew__body *body = crew__body_make(message->bytes, message->size);
    struct crew__message *value = body ? crew__message_share(body, message)
                                       : NULL;

    crew__body_release(body);
    if (value)
        retain_buffers(message);
    return value;
}

static struct crew__variable *make_variable(const char *key,
                                            const crew_message *message)
{
    size_t size = strlen(key) + 1;
    struct crew__variable *made = crew__memory_zero(sizeof *made + size);

    if (!made)
        return NULL;
    made->value = make_value(message);
    if (!made->value) {
        crew__memory_free(made);
        return NULL;
    }
    memcpy(made->key, key, size);
    crew__store_relaxed(&made->references, 1); /* not shared yet */
    return made;
}

static struct crew__variable *retain_variable(struct crew__variable *variable)
{
    crew__add_relaxed(&variable->references, 1); /* the caller has one */
    return variable;
}

static void release_variable(struct crew__variable *variable)
{
    uint64_t before;

    if (!variable)
        return;
    /* edge:environment-last, release */
    /* edge:environment-last, acquire */
    before = crew__add_acq_rel(&variable->references, (uint64_t)-1);
    crew__guard(before > 0);
    if (before > 1)
        return;
    crew__message_finish(variable->value);
    crew__memory_free(variable);
}

/* ---- arrays ---------------------------------------------------------------- */

static struct crew__environment *retain(struct crew__environment *environment)
{
    if (environment)
        /* the caller has one, or the lock under which it is published */
        crew__add_relaxed(&environment->references, 1);
    return environment;
}

void crew__environment_release(struct crew__environment *environment)
{
    uint64_t before;

    if (!environment)
        return;
    /* edge:environment-last, release */
    /* edge:environment-last, acquire */
    before = crew__add_acq_rel(&environment->references, (uint64_t)-1);
    crew__guard(before > 0);
    if (before > 1)
        return;
    for (size_t i = 0; i < environment->count; i++)
        release_variable(environment->variables[i]);
    crew__census_died(CREW__CENSUS_ENVIRONMENT, environment);
    crew__memory_free(environment);
}

/* Whether it stands there; *at is where, or where it belongs. */
static bool find(const struct crew__environment *environment, const char *key,
                 size_t *at)
{
    size_t low = 0;
    size_t high = environment ? environment->count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(environment->variables[middle]->key, key);

        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static void append(struct crew__environment *to,
                   struct crew__variable *const *variables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to->variables[to->count++] = retain_variable(variables[i]);
}

/* What `from` becomes with `variable` (NULL: nothing) under `key`. */
static int derive(struct crew__environment **out,
                  const struct crew__environment *from, const char *key,
                  struct crew__variable *variable)
{
    size_t at;
    size_t behind = find(from, key, &at);
    size_t left = from ? from->count - behind : 0;
    size_t count = left + (variable != NULL);
    struct crew__environment *made;

    *out = NULL;
    if (count == 0)
        return 0;
    made = crew__memory_zero(sizeof *made + count * sizeof(void *));
    if (!made)
        return -ENOMEM;
    crew__store_relaxed(&made->references, 1); /* not shared yet */
    crew__census_born(CREW__CENSUS_ENVIRONMENT, made);
    if (from)
        append(made, from->variables, at);
    if (variable)
        append(made, &variable, 1);
    if (from)
        append(made, from->variables + at + behind, left - at);
    *out = made;
    return 0;
}

/* ---- whose ----------------------------------------------------------------- */

/* A lock that is free in a forked child, from the first creation on: which
 * may be this. */
static void lock_programs(void)
{
    const crew__a64 *word;

    crew__fork_generation(&word);
    crew__lock(crew__fork_lock());
}

static void unlock_programs(void)
{
    crew__unlock(crew__fork_lock());
}

struct crew__environment *crew__environment_here(void)
{
    crew_worker *worker = crew__worker_here();
    struct crew__environment *found;

    if (worker)
        return retain(worker->environment);
    lock_programs();
    found = retain(programs);
    unlock_programs();
    return found;
}

/* false: another was faster. */
static bool replace_programs(struct crew__environment *from,
                             struct crew__environment *by)
{
    bool same;

    lock_programs();
    same = programs == from;
    if (same)
        programs = by;
    unlock_programs();
    return same;
}

/* `from` is held by the caller, so no other array lies where it does. What
 * goes is released last, as a buffer's release may ask for data again. */
static bool replace(struct crew__environment *from,
                    struct crew__environment *by)
{
    crew_worker *worker = crew__worker_here();

    if (worker)
        worker->environment = by;
    else if (!replace_programs(from, by))
        return false;
    crew__environment_release(from);
    return true;
}

/* ---- the program's hands --------------------------------------------------- */

static bool is_key(const char *key)
{
    return key && *key;
}

/* Once; 0: another was faster. */
static int try_to_set(const char *key, struct crew__variable *variable)
{
    struct crew__environment *from = crew__environment_here();
    struct crew__environment *by;
    size_t at;
    int r = 1;

    if (variable || find(from, key, &at)) {
        r = derive(&by, from, key, variable);
        if (r == 0 && replace(from, by))
            r = 1;
        else if (r == 0)
            crew__environment_release(by);
    }
    crew__environment_release(from);
    return r;
}

int crew_environment_set(const char *key, const crew_message *message)
{
    struct crew__variable *variable = NULL;
    int r;

    if (!is_key(key))
        return -EINVAL;
    if (message) {
        if (message->port_count > 0 || crew__message_check(message) < 0)
            return -EINVAL;
        variable = make_variable(key, message);
        if (!variable)
            return -ENOMEM;
    }
    do
        r = try_to_set(key, variable);
    while (r == 0);
    release_variable(variable);
    return r < 0 ? r : 0;
}

static int copy(crew_message **out, const struct crew__message *value)
{
    struct crew__message *made = crew__message_share(value->body,
                                                     &value->public);

    if (!made)
        return -ENOMEM;
    retain_buffers(&value->public);
    *out = crew__message_receive(made);
    return 0;
}

int crew_environment_get(const char *key, crew_message **out)
{
    struct crew__environment *here;
    size_t at;
    int r = -ENOENT;

    if (!is_key(key) || !out)
        return -EINVAL;
    here = crew__environment_here();
    if (find(here, key, &at))
        r = copy(out, here->variables[at]->value);
    crew__environment_release(here);
    return r;
}
