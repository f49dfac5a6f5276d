#include "call/draft.h"

#include "os/os.h"
#include "port/message.h"
#include "port/port.h"

#include <errno.h>
#include <string.h>

_Static_assert(offsetof(struct crew__draft, public) == 0,
               "a draft's message is the draft");

static struct crew__draft *draft_of(crew_message *out)
{
    if (!out || !crew__message_is_draft(out))
        return NULL;
    return (struct crew__draft *)(void *)out;
}

void crew__draft_init(struct crew__draft *draft)
{
    draft->public.bytes = draft->few;
    crew__message_lend(&draft->public, true);
}

void crew__draft_close(struct crew__draft *draft)
{
    crew__message_lend(&draft->public, false);
}

void crew__draft_fini(struct crew__draft *draft)
{
    crew__message_empty(&draft->public);
    crew__memory_free(draft->bytes);
    crew__memory_free(draft->buffers.list);
    crew__memory_free(draft->ports.list);
}

/* ---- bytes ------------------------------------------------------------- */

/* `bytes` may be a part of what it replaces, which goes last. */
int crew_message_set(crew_message *out, const void *bytes, size_t size)
{
    struct crew__draft *draft = draft_of(out);
    char *made = NULL;
    char *to;

    if (!draft || (size > 0 && !bytes))
        return -EINVAL;
    if (size >= sizeof draft->few) {
        made = size < CREW__TOO_LARGE ? crew__memory_zero(size + 1) : NULL;
        if (!made)
            return -ENOMEM;
    }
    to = made ? made : draft->few;
    if (size > 0)
        memmove(to, bytes, size);
    to[size] = '\0';
    crew__memory_free(draft->bytes);
    draft->bytes = made;
    out->bytes = to;
    out->size = size;
    return 0;
}

/* ---- entries ----------------------------------------------------------- */

static void **list_of(struct crew__entries *entries)
{
    return entries->list ? entries->list : entries->few;
}

static bool has(struct crew__entries *entries, size_t count, const void *entry)
{
    for (size_t i = 0; i < count; i++) {
        if (list_of(entries)[i] == entry)
            return true;
    }
    return false;
}

/* For one more than `count`. */
static int make_room(struct crew__entries *entries, size_t count)
{
    size_t room = entries->list ? entries->room : CREW__DRAFT_ENTRIES;
    void **made;

    if (count < room)
        return 0;
    if (room > SIZE_MAX / 4 / sizeof *made)
        return -ENOMEM;
    made = crew__memory_zero(2 * room * sizeof *made);
    if (!made)
        return -ENOMEM;
    memcpy(made, list_of(entries), count * sizeof *made);
    crew__memory_free(entries->list);
    entries->list = made;
    entries->room = 2 * room;
    return 0;
}

/* 0: there is room for it, and *list is where the entries are now. */
static int admit(struct crew__entries *entries, size_t count, const void *entry)
{
    if (!entry || has(entries, count, entry))
        return -EINVAL;
    return make_room(entries, count);
}

int crew_message_add_buffer(crew_message *out, crew_buffer *buffer)
{
    struct crew__draft *draft = draft_of(out);
    int r = draft ? admit(&draft->buffers, out->buffer_count, buffer) : -EINVAL;

    if (r < 0)
        return r;
    out->buffers = (crew_buffer **)(void *)list_of(&draft->buffers);
    out->buffers[out->buffer_count++] = buffer;
    return 0;
}

int crew_message_add_port(crew_message *out, crew_port *port)
{
    const crew_message moved = {.ports = &port, .port_count = 1};
    struct crew__draft *draft = draft_of(out);
    int r = draft ? admit(&draft->ports, out->port_count, port) : -EINVAL;

    if (r < 0)
        return r;
    /* They may have moved. */
    out->ports = (crew_port **)(void *)list_of(&draft->ports);
    r = crew__ports_check(NULL, &moved);
    if (r == 0)
        r = crew__ports_prepare(&moved);
    if (r < 0)
        return r;
    crew__ports_move(&moved);
    out->ports[out->port_count++] = port;
    return 0;
}
