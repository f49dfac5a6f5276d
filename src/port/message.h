/*
 * A message on its way: what the program sees of it, and around that the link
 * of its queue and its home. Its bytes and entries follow it in one piece of
 * memory: a small one of CREW__MESSAGE_BYTES, whose home is a shelf, or a
 * large one of its exact size, whose home is the allocator. The bytes of what
 * went to several receivers lie in a body that they share.
 *
 *   reserved[0]      meaning
 *   0                the program made it
 *   mark             the library made it; mark is made of its own address, so
 *                    a copy of it is neither
 *   mark | GIVEN     it is inside its callback, and goes when that returns
 *   mark | EMPTIED   the program has freed it there already
 *   mark | LENT      with GIVEN: it is part of something larger, and cannot be
 *                    kept
 *   mark | DRAFT     with these: the program may add to it
 *
 * Edges
 *   body-last   release -> the last release   the others' reading of the bytes
 *               happens before they go.
 */
#ifndef CREW_PORT_MESSAGE_H
#define CREW_PORT_MESSAGE_H

#include <crew/port.h>

#include "lockfree/stack.h"

struct crew__shelf;

struct crew__body {
    crew__a64 references;
    size_t size;
    /* size bytes and a NUL follow, aligned to 16 */
};

struct crew__message {
    union {
        struct crew__node node;
        bool *kept; /* inside its callback: where keep notes itself */
    } at;
    struct crew__shelf *home; /* NULL: the allocator */
    uint64_t stamp;           /* when it was posted; never 0 */
    struct crew__body *body;  /* or NULL */
    uint64_t ticket;          /* a pipe's: its place in the order */
    uint64_t unused;
    crew_message public;
    char storage[]; /* bytes, a NUL, then the entries */
};

/* 0, or -EINVAL; what can be seen of it alone. */
int crew__message_check(const crew_message *message);

/* A copy of it, in a message of `shelf` or, where that is too small, of its
 * own. Nothing has moved yet. NULL: no memory. */
struct crew__message *crew__message_make(struct crew__shelf *shelf,
                                         const crew_message *message);
/* The same in memory that a shelf has given. */
void crew__message_fill(struct crew__message *made, const crew_message *message,
                        uint64_t stamp);
/* With what lies in words of CREW__FEW bytes in all: `buffers`, then `size`
 * bytes. */
#define CREW__FEW 24u
void crew__message_fill_few(struct crew__message *made, void *const *words,
                            size_t buffers, size_t size, uint64_t tag,
                            uint64_t stamp);
uint64_t crew__message_stamp(void);
/* One that shares `body`, which it takes a reference of. */
struct crew__message *crew__message_share(struct crew__body *body,
                                          const crew_message *message);
/* The same from a shelf and with the caller's stamp; the reference is the
 * caller's to add, for many at once, before anybody else has the message. */
struct crew__message *crew__message_of_body(struct crew__shelf *shelf,
                                            struct crew__body *body,
                                            const crew_message *message,
                                            uint64_t stamp);
/* One in memory of its own, before whose bytes lie `lead` more, a multiple of
 * 16, zeroed, for a layer above; and where they are. */
struct crew__message *crew__message_make_led(size_t lead,
                                             const crew_message *message);
void *crew__message_lead(const crew_message *message);
/* Undoes that. */
void crew__message_unmake(struct crew__message *message);
/* The same in the caller's memory. How much its bytes, a NUL and its entries
 * need; 0: more than there can be. Then the copy; `room` is aligned to 16. */
size_t crew__message_room(const crew_message *message);
void crew__message_copy(crew_message *to, char *room,
                        const crew_message *message);
/* Such a one is the program's to look at, to take from and to empty. */
void crew__message_lend(crew_message *message, bool is_draft);
bool crew__message_is_draft(const crew_message *message);
/* Releases what is in it, however deep. */
void crew__message_empty(crew_message *message);
/* It has been posted: the entries of a received one go. */
void crew__message_moved(const crew_message *message);

struct crew__body *crew__body_make(const void *bytes, size_t size);
void crew__body_retain(struct crew__body *body, size_t count);
void crew__body_release(struct crew__body *body);

/* Gives it to the program: for good, or for a callback, after which _finish
 * frees it, unless *kept has been set. */
crew_message *crew__message_receive(struct crew__message *message);
crew_message *crew__message_give(struct crew__message *message, bool *kept);
/* The one around what was received. */
struct crew__message *crew__message_of(crew_message *received);
void crew__message_finish(struct crew__message *message);

/* Frees a chain with all that is in it, also messages that wait in ports that
 * wait in it, however deep. */
void crew__messages_release(struct crew__node *chain);

#endif
