/*
 * What the models of src/port share: a channel, its posters, its receiver. Each
 * message carries a buffer: it is released once, by who was given it, and after
 * all that was done to it. At the end no memory is left.
 */
#ifndef CREW_MODEL_CHANNEL_H
#define CREW_MODEL_CHANNEL_H

#include "suite.h"

#include "port/port.h"
#include "runtime/buffer.h"
#include "runtime/cancel.h"

#include <errno.h>
#include <string.h>

enum { EACH = 4, BUFFERS = 16, FRESH = 0, FILLED = 1, RELEASED = 2 };

struct crew_buffer {
    int state;
};

static crew_port *a, *b; /* A channel; b receives. */
static crew_port *c, *d; /* another */
static struct crew_buffer buffers[BUFFERS];
static crew_inbox *inbox;
static struct crew__cancel *cancel;
static crew__a32 flag;

/* What who receives has seen: `came` of all, and the next of each poster. */
static unsigned came, rooms, closes;
static unsigned next[MODEL_THREADS];
static unsigned posted[MODEL_THREADS]; /* by each, and taken */

/* ---- the world ------------------------------------------------------------- */

void crew_buffer_release(crew_buffer *buffer)
{
    model_assert(crew__plain_read(buffer->state) == FILLED);
    crew__plain_write(buffer->state, RELEASED);
}

void model_sleeper_begins(struct crew__port_sleeper *sleeper)
{
    model_born(sleeper, sizeof *sleeper);
    (crew__port_sleeper_init)(sleeper);
}

void model_sleeper_ends(struct crew__port_sleeper **sleeper)
{
    model_gone(*sleeper, sizeof **sleeper);
}

static inline void name_port(crew_port *port, const char *const names[4])
{
    model_name(port->token, names[0]);
    model_name(&port->wants, names[1]);
    model_name(&port->state, names[2]);
    model_name(&port->lock.word, names[3]);
}

static inline void begin_limited(size_t messages)
{
    static const char *const of_a[] = {"a's token", "a's wants", "a's state",
                                       "a's lock"};
    static const char *const of_b[] = {"b's token", "b's wants", "b's state",
                                       "b's lock"};
    crew_channel_options options = {.max_messages = messages};

    memset(buffers, 0, sizeof buffers);
    memset(next, 0, sizeof next);
    memset(posted, 0, sizeof posted);
    came = rooms = closes = 0;
    flag.raw = 0;
    c = d = NULL;
    inbox = NULL;
    crew__cancel_set_current(NULL);
    model_assert(crew_channel_create(&a, &b, &options) == 0);
    name_port(a, of_a);
    name_port(b, of_b);
}

static inline void begin(void)
{
    begin_limited(0);
}

static inline void begin_any(void)
{
    begin();
    model_assert(crew_channel_create(&c, &d, NULL) == 0);
}

/* What is still open is closed; then nothing is left. */
static inline void end(void)
{
    crew_port_close(a);
    crew_port_close(b);
    crew_port_close(c);
    crew_port_close(d);
    if (inbox)
        model_assert(crew_inbox_destroy(inbox) == 0);
    for (unsigned i = 0; i < BUFFERS; i++)
        model_assert(buffers[i].state != FILLED);
    if (cancel)
        crew__memory_free(cancel);
    cancel = NULL;
    model_assert(model_pieces() == 0);
}

static inline void close_port(crew_port **port)
{
    crew_port_close(*port);
    *port = NULL;
}

/* ---- what the threads do --------------------------------------------------- */

/* The next of this poster's. What is refused is still his. */
static inline int post(crew_port *port, unsigned poster, crew_ns timeout)
{
    unsigned number = poster * EACH + posted[poster];
    crew_buffer *buffer = &buffers[number];
    crew_message message = {
        .buffers = &buffer, .buffer_count = 1, .tag = number};
    int r;

    crew__plain_write(buffer->state, FILLED);
    r = timeout ? crew_post_wait(port, &message, timeout)
                : crew_post(port, &message);
    if (r == 0) {
        posted[poster]++;
        return 0;
    }
    model_assert(crew__plain_read(buffer->state) == FILLED);
    crew__plain_write(buffer->state, FRESH);
    return r;
}

static inline void note(const crew_message *message)
{
    unsigned poster = (unsigned)message->tag / EACH;

    model_assert(message->tag % EACH == next[poster]); /* in order, all */
    model_assert(crew__plain_read(message->buffers[0]->state) == FILLED);
    next[poster]++;
    came++;
}

static inline int receive(crew_port *port, crew_ns timeout)
{
    crew_message *message = NULL;
    int r = crew_receive(port, &message, timeout);

    if (r == 0) {
        note(message);
        crew_message_free(message);
    }
    return r;
}

#endif
