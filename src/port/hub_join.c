#include "port/hub.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_MESSAGES 1024u
#define DEFAULT_BYTES    ((size_t)16 << 20)

/* ---- the table ------------------------------------------------------------ */

/* Under the lock of what this copy of the library shares; a forked child begins
 * with a table of its own. */
static struct crew__link table;
static uint64_t table_generation = UINT64_MAX; /* there is none yet */

static struct crew__hub *find(const char *name)
{
    uint64_t generation = crew__fork_current();

    if (table_generation != generation) {
        table_generation = generation;
        crew__list_init(&table);
    }
    for (struct crew__link *at = table.next; at != &table; at = at->next) {
        struct crew__hub *hub = (struct crew__hub *)(void *)at;

        if (strcmp(hub->name, name) == 0)
            return hub;
    }
    return NULL;
}

void crew__hub_shut(crew_port *port)
{
    struct crew__member *member = crew__member_of(port);
    struct crew__hub *hub = member->hub;

    crew__lock(crew__fork_lock());
    crew__lock(&hub->lock);
    crew__list_unlink(&member->link);
    member->has_left = true;
    hub->count--;
    crew__unlock(&hub->lock);
    if (hub->count == 0)
        crew__list_unlink(&hub->link);
    crew__unlock(crew__fork_lock());
    crew__hub_tell_room(hub);
}

/* ---- who keeps it --------------------------------------------------------- */

void crew__hub_retain(crew_port *port)
{
    crew__add_relaxed(&crew__member_of(port)->references,
                      1); /* the caller has one */
}

static void release_hub(struct crew__hub *hub)
{
    /* edge:hub-last, release */
    /* edge:hub-last, acquire */
    if (crew__add_acq_rel(&hub->references, (uint64_t)-1) > 1)
        return;
    crew__census_died(CREW__CENSUS_HUB, hub);
    crew__memory_free(hub);
}

static struct crew__hub *hub_of(struct crew__shelf *shelf)
{
    return (struct crew__hub *)(void *)((char *)shelf -
                                        offsetof(struct crew__hub, shelf));
}

static void retain_shelf(struct crew__shelf *shelf)
{
    /* the caller posts, so there is a holder */
    crew__add_relaxed(&hub_of(shelf)->references, 1);
}

static void release_shelf(struct crew__shelf *shelf)
{
    release_hub(hub_of(shelf));
}

static const struct crew__shelf_ops shelf_ops = {retain_shelf, release_shelf};

static void leave_hub(struct crew__hub *hub)
{
    /* edge:hub-last, release */
    /* edge:hub-last, acquire */
    if (crew__add_acq_rel(&hub->holders, (uint64_t)-1) > 1)
        return;
    crew__shelf_close(&hub->shelf);
    release_hub(hub);
}

void crew__hub_release(crew_port *port)
{
    struct crew__member *member = crew__member_of(port);
    /* edge:hub-last, release */
    /* edge:hub-last, acquire */
    uint64_t before = crew__add_acq_rel(&member->references, (uint64_t)-1);

    crew__guard(before > 0);
    if (before > 1)
        return;
    leave_hub(member->hub);
    crew__memory_free(member);
}

/* ---- joining -------------------------------------------------------------- */

static int check_options(crew_port **out, const char *name,
                         const crew_hub_options *options)
{
    if (!out || !name || !*name)
        return -EINVAL;
    for (unsigned i = 0; options && i < 8; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    if (options && options->when_full != CREW_FULL_REFUSE &&
        options->when_full != CREW_FULL_DROP_OLDEST)
        return -EINVAL;
    return 0;
}

static struct crew__member *make_member(const crew_hub_options *options)
{
    struct crew__member *member = crew__memory_aligned(64, sizeof *member);

    if (!member)
        return NULL;
    member->max_messages = options && options->max_messages
                               ? options->max_messages
                               : DEFAULT_MESSAGES;
    member->max_bytes = options && options->max_bytes ? options->max_bytes
                                                      : DEFAULT_BYTES;
    member->when_full = options ? options->when_full : CREW_FULL_REFUSE;
    member->newest = &member->oldest;
    crew__store_relaxed(&member->references, 1); /* not shared yet */
    return member;
}

static struct crew__hub *make_hub(const char *name)
{
    size_t length = strlen(name);
    struct crew__hub *hub = crew__memory_aligned(64, sizeof *hub + length + 1);

    if (!hub)
        return NULL;
    memcpy(hub->name, name, length + 1);
    crew__list_init(&hub->members);
    crew__shelf_init(&hub->shelf, &hub->rear, &shelf_ops);
    crew__store_relaxed(&hub->references, 1); /* not shared yet */
    return hub;
}

/* Joins the one that is there, or `made`; whether that is used. */
static bool join(struct crew__member *member, struct crew__hub *made)
{
    struct crew__hub *hub;

    crew__lock(crew__fork_lock());
    hub = find(made->name);
    if (!hub) {
        hub = made;
        crew__list_push_last(&table, &hub->link);
    }
    member->hub = hub;
    crew__add_relaxed(&hub->holders, 1); /* under the lock */
    crew__lock(&hub->lock);
    crew__list_push_last(&hub->members, &member->link);
    hub->count++;
    crew__unlock(&hub->lock);
    crew__unlock(crew__fork_lock());
    return hub == made;
}

int crew_hub_join(crew_port **out, const char *name,
                  const crew_hub_options *options)
{
    struct crew__member *member;
    struct crew__hub *hub;

    if (check_options(out, name, options) < 0)
        return -EINVAL;
    member = make_member(options);
    hub = make_hub(name);
    if (!member || !hub) {
        crew__memory_free(member);
        crew__memory_free(hub);
        return -ENOMEM;
    }
    crew__port_init(&member->port, &crew__hub_transport, &member->token);
    if (join(member, hub))
        crew__census_born(CREW__CENSUS_HUB, hub);
    else
        crew__memory_free(hub);
    *out = &member->port;
    return 0;
}

uint64_t crew_hub_dropped(crew_port *port)
{
    if (!port || port->transport != &crew__hub_transport)
        return 0;
    return crew__load_relaxed(&crew__member_of(port)->dropped); /* a figure */
}
