/*
 * Hubs: what one member posts, all others get. A member is a port with a queue
 * under a lock of its own; the hub's lock makes a post one step for all, so
 * that it is refused before anybody has it, and all see one order.
 *
 * Locks, in this order: the table of names, a hub, a port, a member's queue.
 * No callback of the program runs under any.
 *
 * A hub is in the table while it has members; its memory goes with the last of
 * them.
 *
 * Edges
 *   hub-last   release -> the last release   what members did with it happens
 *              before it goes.
 *   hub-room   want_room -> take   seq_cst; the queue's lock lies between, so
 *              of  want room; look at the queue  ||  take; look whether room is
 *              wanted  at least one sees the other.
 */
#include "base/assert.h"
#include "base/list.h"
#include "port/port.h"
#include "runtime/buffer.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_MESSAGES 1024u
#define DEFAULT_BYTES    ((size_t)16 << 20)

struct hub {
    struct crew__link link; /* in the table */
    crew__a64 references;   /* members that have not been released */
    crew__a32 room_wanted;
    struct crew__lock lock;
    struct crew__link members; /* under the lock, with their number */
    size_t count;
    char name[];
};

struct member {
    struct crew_port port;
    crew__a32 token;
    struct hub *hub;
    struct crew__link link; /* under the hub's lock, ... */
    bool has_left;          /* ... and so is this */
    size_t max_messages;
    size_t max_bytes;
    crew_full when_full;
    crew__a64 references;
    crew__a64 dropped;
    /* The queue, under its lock. More comes under the hub's lock alone, so who
     * holds that may look without this one: it sees as much room as there is,
     * or less. */
    struct crew__lock lock;
    struct crew__node *oldest;
    struct crew__node **newest; /* the link that ends it */
    crew__a64 messages;
    crew__a64 bytes;
};

static struct member *member_of(const crew_port *port)
{
    return (struct member *)(uintptr_t)port;
}

static struct member *member_at(struct crew__link *link)
{
    return (struct member *)(void *)((char *)link -
                                     offsetof(struct member, link));
}

/* ---- the queue -------------------------------------------------------------- */

static bool has_room(struct member *member, size_t size)
{
    /* under one of the locks, see above */
    size_t messages = crew__load_relaxed(&member->messages);
    size_t bytes = crew__load_relaxed(&member->bytes);

    return messages == 0 ||
           (messages < member->max_messages && size <= member->max_bytes &&
            bytes <= member->max_bytes - size);
}

static void count(struct member *member, size_t messages, size_t bytes)
{
    /* under the lock */
    crew__store_relaxed(&member->messages,
                        crew__load_relaxed(&member->messages) + messages);
    /* under the lock */
    crew__store_relaxed(&member->bytes,
                        crew__load_relaxed(&member->bytes) + bytes);
}

static struct crew__message *pop(struct member *member)
{
    struct crew__message *first = (struct crew__message *)(void *)
                                      member->oldest;

    if (!first)
        return NULL;
    member->oldest = first->at.node.next;
    if (!member->oldest)
        member->newest = &member->oldest;
    count(member, (size_t)-1, 0 - first->public.size);
    return first;
}

/* What it drops for that goes on *dropped. */
static void push(struct member *member, struct crew__message *message,
                 struct crew__node **dropped)
{
    crew__lock(&member->lock);
    while (!has_room(member, message->public.size)) {
        struct crew__message *first = pop(member);

        crew__add_relaxed(&member->dropped, 1); /* a figure */
        first->at.node.next = *dropped;
        *dropped = &first->at.node;
    }
    message->at.node.next = NULL;
    *member->newest = &message->at.node;
    member->newest = &message->at.node.next;
    count(member, 1, message->public.size);
    crew__unlock(&member->lock);
}

/* ---- room ------------------------------------------------------------------ */

/* Under the hub's lock: whether one of the others refuses; `exactly`: what has
 * been taken by now is seen. */
static bool is_refused(struct hub *hub, const struct member *self, size_t size,
                       bool exactly)
{
    bool refused = false;

    for (struct crew__link *at = hub->members.next;
         at != &hub->members && !refused; at = at->next) {
        struct member *member = member_at(at);

        if (member == self || member->when_full != CREW_FULL_REFUSE)
            continue;
        if (exactly)
            crew__lock(&member->lock);
        refused = !has_room(member, size);
        if (exactly)
            crew__unlock(&member->lock);
    }
    return refused;
}

static bool want_room(crew_port *port, size_t size)
{
    struct member *self = member_of(port);
    bool refused;

    crew__exchange_seq_cst(&self->hub->room_wanted,
                           1); /* edge:hub-room, release */
    crew__lock(&self->hub->lock);
    refused = is_refused(self->hub, self, size, true);
    crew__unlock(&self->hub->lock);
    return !refused;
}

/* One has taken, or left: whoever was refused tries again. */
static void tell_room(struct hub *hub)
{
    /* edge:hub-room, acquire */
    if (!crew__load_seq_cst(&hub->room_wanted) ||
        !crew__exchange_seq_cst(&hub->room_wanted, 0))
        return;
    crew__lock(&hub->lock);
    for (struct crew__link *at = hub->members.next; at != &hub->members;
         at = at->next)
        crew__port_tell_room(&member_at(at)->port);
    crew__unlock(&hub->lock);
}

/* ---- posting --------------------------------------------------------------- */

static int check(struct member *self, const crew_message *message)
{
    if (crew__port_state(&self->port) & CREW__PORT_CLOSED)
        return -EPIPE;
    if (crew__message_check(message) < 0 || message->port_count > 0)
        return -EINVAL;
    for (size_t i = 0; i < message->buffer_count; i++) {
        if (!crew__buffer_has_others(message->buffers[i]))
            return -EINVAL; /* it cannot move to several */
    }
    return 0;
}

/* What is posted, and a copy for each that is to have one. */
struct post {
    const crew_message *message;
    struct crew__body *body;
    uint64_t stamp;
    struct crew__node *copies;
    size_t made;
};

/* One for one member, with a reference of each buffer. */
static bool add_copy(struct post *post)
{
    const crew_message *message = post->message;
    struct crew__message *made = crew__message_of_body(post->body, message,
                                                       post->stamp);

    if (!made)
        return false;
    for (size_t i = 0; i < message->buffer_count; i++)
        crew_buffer_retain(message->buffers[i]);
    made->at.node.next = post->copies;
    post->copies = &made->at.node;
    return true;
}

/* Until there are so many. */
static bool add_copies(struct post *post, size_t wanted)
{
    size_t before = post->made;

    while (post->made < wanted && add_copy(post))
        post->made++;
    crew__body_retain(post->body, post->made - before);
    return post->made == wanted;
}

/* Under the hub's lock, with a copy for each. */
static void give_all(struct member *self, struct post *post,
                     struct crew__node **dropped)
{
    struct hub *hub = self->hub;

    for (struct crew__link *at = hub->members.next; at != &hub->members;
         at = at->next) {
        struct member *member = member_at(at);
        struct crew__node *copy = post->copies;

        if (member == self)
            continue;
        post->copies = copy->next;
        push(member, (struct crew__message *)(void *)copy, dropped);
        crew__port_tell(&member->port);
    }
}

/* Copies are made without the lock, so more may have joined by then. */
static int give(struct member *self, struct post *post,
                struct crew__node **dropped)
{
    struct hub *hub = self->hub;

    for (;;) {
        size_t wanted;
        bool refused;
        bool left;

        crew__lock(&hub->lock);
        left = self->has_left;
        wanted = hub->count - 1;
        refused = !left && is_refused(hub, self, post->message->size, false);
        if (!left && !refused && post->made >= wanted)
            give_all(self, post, dropped);
        crew__unlock(&hub->lock);
        if (left || refused)
            return left ? -EPIPE : -EAGAIN;
        if (post->made >= wanted)
            return 0;
        if (!add_copies(post, wanted))
            return -ENOMEM;
    }
}

static int post(crew_port *port, const crew_message *message)
{
    struct member *self = member_of(port);
    struct post post = {.message = message};
    struct crew__node *dropped = NULL;
    int r = check(self, message);

    if (r < 0)
        return r;
    post.stamp = crew__message_stamp();
    post.body = crew__body_make(message->bytes, message->size);
    if (!post.body)
        return -ENOMEM;
    r = give(self, &post, &dropped);
    crew__body_release(post.body);
    crew__messages_release(post.copies); /* more than there were members */
    crew__messages_release(dropped);
    if (r < 0)
        return r;
    for (size_t i = 0; i < message->buffer_count; i++)
        crew_buffer_release(message->buffers[i]);
    if (message->reserved[0])
        crew__message_moved(message);
    return 0;
}

/* ---- receiving ------------------------------------------------------------- */

static int take(crew_port *port, struct crew__message **out)
{
    struct member *member = member_of(port);
    struct crew__message *first;

    crew__lock(&member->lock);
    first = pop(member);
    crew__unlock(&member->lock);
    if (!first)
        return -EAGAIN;
    tell_room(member->hub);
    *out = first;
    return 0;
}

static uint64_t peek(crew_port *port)
{
    struct member *member = member_of(port);
    uint64_t stamp = 0;

    crew__lock(&member->lock);
    if (member->oldest)
        stamp = ((struct crew__message *)(void *)member->oldest)->stamp;
    crew__unlock(&member->lock);
    return stamp;
}

static size_t waiting(crew_port *port)
{
    struct member *member = member_of(port);
    size_t count;

    crew__lock(&member->lock);
    /* under the lock */
    count = crew__load_relaxed(&member->messages);
    crew__unlock(&member->lock);
    return count;
}

/* A hub has no other side that could close. */
static bool is_over(crew_port *port)
{
    (void)port;
    return false;
}

static bool has_news(crew_port *port)
{
    return waiting(port) > 0;
}

/* In a forked child the lock may be held by a thread that is not here. */
static struct crew__node *drain(crew_port *port)
{
    struct member *member = member_of(port);
    bool forked = crew__port_is_forked(port);
    struct crew__node *chain;

    if (!forked)
        crew__lock(&member->lock);
    chain = member->oldest;
    member->oldest = NULL;
    member->newest = &member->oldest;
    /* under the lock */
    crew__store_relaxed(&member->messages, 0);
    /* under the lock */
    crew__store_relaxed(&member->bytes, 0);
    if (!forked)
        crew__unlock(&member->lock);
    return chain;
}

/* ---- coming and going ------------------------------------------------------ */

/* Under the lock of what this copy of the library shares; a forked child begins
 * with a table of its own. */
static struct crew__link table;
static uint64_t table_generation;

static struct hub *find(const char *name)
{
    uint64_t generation = crew__fork_current();

    if (table_generation != generation) {
        table_generation = generation;
        crew__list_init(&table);
    }
    for (struct crew__link *at = table.next; at != &table; at = at->next) {
        struct hub *hub = (struct hub *)(void *)at;

        if (strcmp(hub->name, name) == 0)
            return hub;
    }
    return NULL;
}

static void shut(crew_port *port)
{
    struct member *member = member_of(port);
    struct hub *hub = member->hub;

    crew__lock(crew__fork_lock());
    crew__lock(&hub->lock);
    crew__list_unlink(&member->link);
    member->has_left = true;
    hub->count--;
    crew__unlock(&hub->lock);
    if (hub->count == 0)
        crew__list_unlink(&hub->link);
    crew__unlock(crew__fork_lock());
    tell_room(hub);
}

static void bury(crew_port *port)
{
    (void)port;
}

static bool is_itself(const crew_port *port, const crew_port *moved)
{
    return port == moved;
}

static void move(crew_port *port)
{
    (void)port;
}

static void retain(crew_port *port)
{
    crew__add_relaxed(&member_of(port)->references, 1); /* the caller has one */
}

static void release_hub(struct hub *hub)
{
    /* edge:hub-last, release */
    /* edge:hub-last, acquire */
    if (crew__add_acq_rel(&hub->references, (uint64_t)-1) > 1)
        return;
    crew__census_died(CREW__CENSUS_HUB, hub);
    crew__memory_free(hub);
}

static void release(crew_port *port)
{
    struct member *member = member_of(port);
    /* edge:hub-last, release */
    /* edge:hub-last, acquire */
    uint64_t before = crew__add_acq_rel(&member->references, (uint64_t)-1);

    crew__guard(before > 0);
    if (before > 1)
        return;
    release_hub(member->hub);
    crew__memory_free(member);
}

static const struct crew__transport transport = {
    .post = post,
    .want_room = want_room,
    .take = take,
    .peek = peek,
    .waiting = waiting,
    .is_over = is_over,
    .has_news = has_news,
    .drain = drain,
    .shut = shut,
    .bury = bury,
    .is_itself = is_itself,
    .move = move,
    .retain = retain,
    .release = release,
};

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

static struct member *make_member(const crew_hub_options *options)
{
    struct member *member = crew__memory_aligned(64, sizeof *member);

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

static struct hub *make_hub(const char *name)
{
    size_t length = strlen(name);
    struct hub *hub = crew__memory_zero(sizeof *hub + length + 1);

    if (!hub)
        return NULL;
    memcpy(hub->name, name, length + 1);
    crew__list_init(&hub->members);
    return hub;
}

/* Joins the one that is there, or `made`; whether that is used. */
static bool join(struct member *member, struct hub *made)
{
    struct hub *hub;

    crew__lock(crew__fork_lock());
    hub = find(made->name);
    if (!hub) {
        hub = made;
        crew__list_push_last(&table, &hub->link);
    }
    member->hub = hub;
    crew__add_relaxed(&hub->references, 1); /* under the lock */
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
    struct member *member;
    struct hub *hub;

    if (check_options(out, name, options) < 0)
        return -EINVAL;
    member = make_member(options);
    hub = make_hub(name);
    if (!member || !hub) {
        crew__memory_free(member);
        crew__memory_free(hub);
        return -ENOMEM;
    }
    crew__port_init(&member->port, &transport, &member->token);
    if (join(member, hub))
        crew__census_born(CREW__CENSUS_HUB, hub);
    else
        crew__memory_free(hub);
    *out = &member->port;
    return 0;
}

uint64_t crew_hub_dropped(crew_port *port)
{
    if (!port || port->transport != &transport)
        return 0;
    return crew__load_relaxed(&member_of(port)->dropped); /* a figure */
}
