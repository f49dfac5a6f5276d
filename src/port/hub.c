#include "port/hub.h"

#include "base/assert.h"
#include "runtime/buffer.h"

#include <errno.h>

static struct crew__member *member_at(struct crew__link *link)
{
    return (struct crew__member *)(void *)((char *)link -
                                           offsetof(struct crew__member, link));
}

/* ---- the queue -------------------------------------------------------------- */

static bool has_room(struct crew__member *member, size_t size)
{
    /* under one of the locks, see above */
    size_t messages = crew__load_relaxed(&member->messages);
    size_t bytes = crew__load_relaxed(&member->bytes);

    return messages == 0 ||
           (messages < member->max_messages && size <= member->max_bytes &&
            bytes <= member->max_bytes - size);
}

static void count(struct crew__member *member, size_t messages, size_t bytes)
{
    /* under the lock */
    crew__store_relaxed(&member->messages,
                        crew__load_relaxed(&member->messages) + messages);
    /* under the lock */
    crew__store_relaxed(&member->bytes,
                        crew__load_relaxed(&member->bytes) + bytes);
}

static struct crew__message *pop(struct crew__member *member)
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
static void push(struct crew__member *member, struct crew__message *message,
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
static bool is_refused(struct crew__hub *hub, const struct crew__member *self,
                       size_t size, bool exactly)
{
    bool refused = false;

    for (struct crew__link *at = hub->members.next;
         at != &hub->members && !refused; at = at->next) {
        struct crew__member *member = member_at(at);

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
    struct crew__member *self = crew__member_of(port);
    bool refused;

    crew__exchange_seq_cst(&self->hub->room_wanted,
                           1); /* edge:hub-room, release */
    crew__lock(&self->hub->lock);
    refused = is_refused(self->hub, self, size, true);
    crew__unlock(&self->hub->lock);
    return !refused;
}

void crew__hub_tell_room(struct crew__hub *hub)
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

static int check(struct crew__member *self, const crew_message *message)
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
    struct crew__shelf *shelf;
    struct crew__body *body;
    uint64_t stamp;
    struct crew__node *copies;
    size_t made;
};

/* One for one member, with a reference of each buffer. */
static bool add_copy(struct post *post)
{
    const crew_message *message = post->message;
    struct crew__message *made = crew__message_of_body(post->shelf, post->body,
                                                       message, post->stamp);

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
static void give_all(struct crew__member *self, struct post *post,
                     struct crew__node **dropped)
{
    struct crew__hub *hub = self->hub;

    for (struct crew__link *at = hub->members.next; at != &hub->members;
         at = at->next) {
        struct crew__member *member = member_at(at);
        struct crew__node *copy = post->copies;

        if (member == self)
            continue;
        post->copies = copy->next;
        push(member, (struct crew__message *)(void *)copy, dropped);
        crew__port_tell(&member->port);
    }
}

/* Copies are made without the lock, so more may have joined by then. */
static int give(struct crew__member *self, struct post *post,
                struct crew__node **dropped)
{
    struct crew__hub *hub = self->hub;

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
    struct crew__member *self = crew__member_of(port);
    struct post post = {.message = message, .shelf = &self->hub->shelf};
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
    struct crew__member *member = crew__member_of(port);
    struct crew__message *first;

    crew__lock(&member->lock);
    first = pop(member);
    crew__unlock(&member->lock);
    if (!first)
        return -EAGAIN;
    crew__hub_tell_room(member->hub);
    *out = first;
    return 0;
}

static uint64_t peek(crew_port *port)
{
    struct crew__member *member = crew__member_of(port);
    uint64_t stamp = 0;

    crew__lock(&member->lock);
    if (member->oldest)
        stamp = ((struct crew__message *)(void *)member->oldest)->stamp;
    crew__unlock(&member->lock);
    return stamp;
}

static size_t waiting(crew_port *port)
{
    struct crew__member *member = crew__member_of(port);
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
    struct crew__member *member = crew__member_of(port);
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

/* ---- the transport --------------------------------------------------------- */

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

const struct crew__transport crew__hub_transport = {
    .post = post,
    .want_room = want_room,
    .take = take,
    .peek = peek,
    .waiting = waiting,
    .is_over = is_over,
    .has_news = has_news,
    .drain = drain,
    .shut = crew__hub_shut,
    .bury = bury,
    .is_itself = is_itself,
    .move = move,
    .retain = crew__hub_retain,
    .release = crew__hub_release,
};
