/*
 * What the tests of calls share: a call that notes its end, and callables.
 */
#ifndef CREW_TESTS_CALLS_H
#define CREW_TESTS_CALLS_H

#include "mail.h"

/* What a call's `done` saw. */
struct told {
    pthread_t thread;
    unsigned dones;
    int status;
    size_t size, buffers, ports;
    uint64_t tag;
    char bytes[64], text[512];
    bool has_text;
    void (*also)(struct told *, const crew_result *);
    void *data;
};

static inline struct told await_end(void)
{
    return (struct told){.thread = pthread_self(), .status = 12345};
}

static inline void note_end(const crew_result *result, void *arg)
{
    struct told *told = arg;
    const crew_message *out = result->out;
    const char *bytes = out->bytes;

    check(pthread_equal(pthread_self(), told->thread));
    told->dones++;
    told->status = result->status;
    told->size = out->size;
    told->buffers = out->buffer_count;
    told->ports = out->port_count;
    told->tag = out->tag;
    snprintf(told->bytes, sizeof told->bytes, "%s", bytes);
    check_equal((uintptr_t)bytes % 16, 0);
    check_equal(bytes[out->size], 0);
    check(result->exit == NULL);
    told->has_text = result->text != NULL;
    snprintf(told->text, sizeof told->text, "%s",
             result->text ? result->text : "");
    if (told->also)
        told->also(told, result);
}

static inline crew_message text_message(const char *text)
{
    return (crew_message){.bytes = text, .size = strlen(text)};
}

/* Calls run(in) and waits for its end. */
static inline void call_and_wait(int (*run)(crew_self *, crew_message *,
                                            crew_message *),
                                 const crew_message *in, struct told *told)
{
    const crew_callable callable = {"test/one", run};
    crew_pool *pool = make_pool(2);
    crew_inbox *inbox = make_inbox();

    check_equal(
        crew_call(NULL, pool, &callable, in, NULL, inbox, note_end, told), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(told->dones, 1);
    end_all(pool, NULL, inbox);
}

/* Notes that it runs, in the order in which calls do, where `in` has a
 * place for it. */
struct order {
    unsigned runs;
    char marks[64];
};

static inline int note_run(crew_self *self, crew_message *in, crew_message *out)
{
    struct order *order = (struct order *)(uintptr_t)in->tag;

    (void)self;
    (void)out;
    if (order)
        order->marks[order->runs++] = *(const char *)in->bytes;
    return 0;
}

#endif
