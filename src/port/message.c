#include "port/message.h"

#include "base/tunables.h"
#include "os/os.h"
#include "port/port.h"
#include "port/shelf.h"
#include "runtime/buffer.h"

#include <errno.h>
#include <string.h>

#define MARK    ((uintptr_t)0x6372657700000000u) /* low bits: as below */
#define GIVEN   ((uintptr_t)1)
#define EMPTIED ((uintptr_t)2)
#define LENT    ((uintptr_t)4)
#define DRAFT   ((uintptr_t)8)
#define FLAGS   ((uintptr_t)15)

#define INLINE (CREW__MESSAGE_BYTES - sizeof(struct crew__message))

_Static_assert(sizeof(struct crew__message) % 16 == 0, "bytes are aligned");
_Static_assert(sizeof(struct crew__body) % 16 == 0, "bytes are aligned");
_Static_assert(INLINE >= CREW__FEW + sizeof(void *) + CREW__FEW,
               "there is room for few");
_Static_assert(offsetof(struct crew__message, public) % 16 == 0,
               "flags fit into the mark");

static uintptr_t mark_of(const crew_message *message)
{
    return (uintptr_t)message ^ MARK;
}

static bool is_ours(const crew_message *message)
{
    return ((message->reserved[0] ^ mark_of(message)) & ~FLAGS) == 0;
}

static struct crew__message *whole(const crew_message *message)
{
    return (
        struct crew__message *)(void *)((char *)(uintptr_t)message -
                                        offsetof(struct crew__message, public));
}

/* ---- what the program may post ------------------------------------------- */

/* Each is there, and once. */
static bool is_proper(void *const *entries, size_t count)
{
    if (count > 0 && !entries)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i])
            return false;
        for (size_t j = 0; j < i; j++) {
            if (entries[j] == entries[i])
                return false;
        }
    }
    return true;
}

int crew__message_check(const crew_message *message)
{
    if (message->size > 0 && !message->bytes)
        return -EINVAL;
    if (message->reserved[0] != 0 && !is_ours(message))
        return -EINVAL;
    if (!is_proper((void *const *)message->buffers, message->buffer_count) ||
        !is_proper((void *const *)message->ports, message->port_count))
        return -EINVAL;
    return 0;
}

void crew__message_moved(const crew_message *message)
{
    if (!is_ours(message))
        return;
    for (size_t i = 0; i < message->buffer_count; i++)
        message->buffers[i] = NULL;
    for (size_t i = 0; i < message->port_count; i++)
        message->ports[i] = NULL;
}

/* ---- making ---------------------------------------------------------------- */

static size_t round_up(size_t size)
{
    return (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
}

/* 0: more than there can be. */
static size_t storage_bytes(size_t size, const crew_message *message)
{
    size_t entries = message->buffer_count + message->port_count;

    if (size >= CREW__TOO_LARGE || message->buffer_count > SIZE_MAX / 64 ||
        message->port_count > SIZE_MAX / 64)
        return 0;
    return round_up(size + 1) + entries * sizeof(void *);
}

static struct crew__message *get_memory(struct crew__shelf *shelf, size_t bytes)
{
    if (bytes == 0)
        return NULL;
    if (shelf && bytes <= INLINE)
        return crew__shelf_get(shelf);
    return crew__memory_zero(sizeof(struct crew__message) + bytes);
}

/* The entries, behind `size` bytes and their NUL. */
static void copy_entries(crew_message *to, char *room, size_t size,
                         const crew_message *message)
{
    void **at = (void **)(void *)(room + round_up(size + 1));

    to->buffers = NULL;
    to->ports = NULL;
    to->buffer_count = message->buffer_count;
    to->port_count = message->port_count;
    if (message->buffer_count > 0) {
        to->buffers = (crew_buffer **)at;
        memcpy(at, message->buffers, message->buffer_count * sizeof *at);
        at += message->buffer_count;
    }
    if (message->port_count > 0) {
        to->ports = (crew_port **)at;
        memcpy(at, message->ports, message->port_count * sizeof *at);
    }
}

size_t crew__message_room(const crew_message *message)
{
    return storage_bytes(message->size, message);
}

void crew__message_copy(crew_message *to, char *room,
                        const crew_message *message)
{
    size_t size = message->size;

    if (size > 0)
        memcpy(room, message->bytes, size);
    room[size] = '\0';
    to->bytes = room;
    to->size = size;
    to->tag = message->tag;
    copy_entries(to, room, size, message);
}

uint64_t crew__message_stamp(void)
{
    return crew__clock_ticks() | 1;
}

static void born(struct crew__message *made, uint64_t stamp)
{
    made->stamp = stamp;
    made->public.reserved[0] = mark_of(&made->public);
    crew__census_born(CREW__CENSUS_MESSAGE, made);
}

void crew__message_fill(struct crew__message *made, const crew_message *message,
                        uint64_t stamp)
{
    made->body = NULL;
    crew__message_copy(&made->public, made->storage, message);
    born(made, stamp);
}

void crew__message_fill_few(struct crew__message *made, void *const *words,
                            size_t buffers, size_t size, uint64_t tag,
                            uint64_t stamp)
{
    void **bytes = (void **)(void *)made->storage;
    void **entries = bytes + round_up(CREW__FEW + 1) / sizeof *bytes;

    for (size_t i = buffers; i < CREW__FEW / sizeof *words; i++)
        bytes[i - buffers] = words[i];
    for (size_t i = 0; i < buffers; i++)
        entries[i] = words[i];
    made->storage[size] = '\0';
    made->body = NULL;
    made->public.bytes = bytes;
    made->public.size = size;
    made->public.buffers = buffers > 0 ? (crew_buffer **)entries : NULL;
    made->public.buffer_count = buffers;
    made->public.ports = NULL;
    made->public.port_count = 0;
    made->public.tag = tag;
    born(made, stamp);
}

struct crew__message *crew__message_make(struct crew__shelf *shelf,
                                         const crew_message *message)
{
    struct crew__message *made = get_memory(shelf, crew__message_room(message));

    if (made)
        crew__message_fill(made, message, crew__message_stamp());
    return made;
}

struct crew__message *crew__message_make_led(size_t lead,
                                             const crew_message *message)
{
    size_t bytes = crew__message_room(message);
    struct crew__message *made = get_memory(NULL, bytes ? lead + bytes : 0);

    if (!made)
        return NULL;
    crew__message_copy(&made->public, made->storage + lead, message);
    born(made, crew__message_stamp());
    return made;
}

void *crew__message_lead(const crew_message *message)
{
    return whole(message)->storage;
}

struct crew__message *crew__message_of_body(struct crew__shelf *shelf,
                                            struct crew__body *body,
                                            const crew_message *message,
                                            uint64_t stamp)
{
    struct crew__message *made = get_memory(shelf, storage_bytes(0, message));

    if (!made)
        return NULL;
    made->body = body;
    made->public.bytes = body + 1;
    made->public.size = body->size;
    made->public.tag = message->tag;
    copy_entries(&made->public, made->storage, 0, message);
    born(made, stamp);
    return made;
}

struct crew__message *crew__message_share(struct crew__body *body,
                                          const crew_message *message)
{
    struct crew__message *made = crew__message_of_body(NULL, body, message,
                                                       crew__message_stamp());

    if (made)
        crew__body_retain(body, 1);
    return made;
}

struct crew__body *crew__body_make(const void *bytes, size_t size)
{
    struct crew__body *body;

    if (size >= CREW__TOO_LARGE)
        return NULL;
    body = crew__memory_zero(sizeof *body + size + 1);
    if (!body)
        return NULL;
    body->size = size;
    if (size > 0)
        memcpy(body + 1, bytes, size);
    crew__store_relaxed(&body->references, 1); /* not shared yet */
    return body;
}

void crew__body_retain(struct crew__body *body, size_t count)
{
    crew__add_relaxed(&body->references, count); /* the caller holds one */
}

void crew__body_release(struct crew__body *body)
{
    /* edge:body-last, release */
    /* edge:body-last, acquire */
    if (body && crew__add_acq_rel(&body->references, (uint64_t)-1) == 1)
        crew__memory_free(body);
}

/* ---- the end --------------------------------------------------------------- */

void crew__message_unmake(struct crew__message *message)
{
    struct crew__shelf *home = message->home;

    crew__body_release(message->body);
    crew__census_died(CREW__CENSUS_MESSAGE, message);
#if defined(CREW_TESTING)
    /* Who looks at it from now on finds nonsense. */
    message->body = NULL;
    memset(&message->public, 0xdb, sizeof message->public);
    if (home)
        memset(message->storage, 0xdb, INLINE);
#endif
    if (home)
        crew__shelf_put(home, &message->at.node, &message->at.node);
    else
        crew__memory_free(message);
}

/* Releases what is in it; the queues of its ports go before `chain`. */
static struct crew__node *empty(crew_message *message, struct crew__node *chain)
{
    for (size_t i = 0; i < message->port_count; i++) {
        if (message->ports[i])
            chain = crew__port_drop(message->ports[i], chain);
    }
    message->port_count = 0;
    for (size_t i = 0; i < message->buffer_count; i++)
        crew_buffer_release(message->buffers[i]);
    message->buffer_count = 0;
    return chain;
}

void crew__messages_release(struct crew__node *chain)
{
    while (chain) {
        struct crew__message *first = (struct crew__message *)(void *)chain;

        chain = empty(&first->public, chain->next);
        crew__message_unmake(first);
    }
}

void crew__message_empty(crew_message *message)
{
    crew__messages_release(empty(message, NULL));
}

/* ---- the program's hands --------------------------------------------------- */

crew_message *crew__message_receive(struct crew__message *message)
{
    return &message->public;
}

crew_message *crew__message_give(struct crew__message *message, bool *kept)
{
    message->at.kept = kept;
    message->public.reserved[0] |= GIVEN;
    return &message->public;
}

struct crew__message *crew__message_of(crew_message *received)
{
    return whole(received);
}

void crew__message_lend(crew_message *message, bool is_draft)
{
    message->reserved[0] = mark_of(message) | GIVEN | LENT |
                           (is_draft ? DRAFT : 0);
}

bool crew__message_is_draft(const crew_message *message)
{
    return is_ours(message) && message->reserved[0] & DRAFT;
}

void crew__message_finish(struct crew__message *message)
{
    if (message->public.port_count + message->public.buffer_count == 0) {
        crew__message_unmake(message);
        return;
    }
    message->at.node.next = NULL;
    crew__messages_release(&message->at.node);
}

void crew_message_keep(crew_message *message)
{
    if (!message || !is_ours(message) || !(message->reserved[0] & GIVEN) ||
        message->reserved[0] & (EMPTIED | LENT))
        return;
    *whole(message)->at.kept = true;
    message->reserved[0] = mark_of(message);
}

void crew_message_free(crew_message *message)
{
    if (!message || !is_ours(message))
        return;
    if (message->reserved[0] & GIVEN) {
        message->reserved[0] |= EMPTIED;
        crew__message_empty(message);
        return;
    }
    crew__message_finish(whole(message));
}
