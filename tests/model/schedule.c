#include "schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 4096, CHOICES = 4096, NO_END = 0xffff };

static enum { OFF, WRITES_DOWN, REPLAYS } mode;

/* A thread, and how many steps it has made when the part ends. */
static struct {
    uint8_t thread;
    uint16_t until;
} parts[PARTS];
static unsigned part_count;
static unsigned part_at; /* the next one */

static uint8_t choices[CHOICES];
static unsigned choice_count;
static unsigned choice_at;
static unsigned stop;

void schedule_forget(void)
{
    mode = OFF;
    part_count = part_at = 0;
    choice_count = choice_at = 0;
    stop = 0;
    memset(choices, 0, sizeof choices);
}

void schedule_write(void)
{
    schedule_forget();
    mode = WRITES_DOWN;
}

bool schedule_replays(void)
{
    return mode == REPLAYS;
}

/* ---- writing ----------------------------------------------------------- */

void schedule_note_stop(unsigned value)
{
    stop = value;
}

void schedule_note_next(const struct thread *me, const struct thread *next)
{
    if (mode != WRITES_DOWN || me == next || part_count == PARTS)
        return;
    if (me)
        parts[part_count - 1].until = (uint16_t)me->made;
    parts[part_count].thread = (uint8_t)number_of(next);
    parts[part_count++].until = NO_END;
}

unsigned schedule_note_choice(unsigned chosen)
{
    if (mode == WRITES_DOWN && choice_count < CHOICES)
        choices[choice_count++] = (uint8_t)chosen;
    return chosen;
}

struct text {
    char *at;
    size_t left;
};

static void put(struct text *text, const char *format, unsigned value)
{
    int n = snprintf(text->at, text->left, format, value);

    if (n > 0 && (size_t)n < text->left) {
        text->at += n;
        text->left -= (size_t)n;
    }
}

void schedule_print(char *out, size_t size)
{
    struct text text = {out, size};
    unsigned zeros = 0;

    out[0] = 0;
    if (stop)
        put(&text, "%u!", stop);
    for (unsigned i = 0; i < part_count; i++) {
        put(&text, "%c", 'A' + parts[i].thread);
        if (parts[i].until != NO_END)
            put(&text, "%u", parts[i].until);
    }
    put(&text, "/", 0);
    for (unsigned i = 0; i < choice_count; i++) {
        if (choices[i] == 0) {
            zeros++;
            continue;
        }
        if (zeros)
            put(&text, "%u", zeros);
        zeros = 0;
        put(&text, "%c", (unsigned)'a' + choices[i] - 1);
    }
}

/* ---- reading ----------------------------------------------------------- */

static unsigned number(const char **text, unsigned otherwise)
{
    char *end;
    unsigned value;

    if (!isdigit((unsigned char)**text))
        return otherwise;
    value = (unsigned)strtoul(*text, &end, 10);
    *text = end;
    return value;
}

static void read_choices(const char *text)
{
    while (*text) {
        choice_count += number(&text, 0);
        if (*text && choice_count < CHOICES)
            choices[choice_count++] = (uint8_t)(*text++ - 'a' + 1);
    }
}

void schedule_read(const char *text)
{
    schedule_forget();
    mode = REPLAYS;
    if (strchr(text, '!')) {
        stop = number(&text, 0);
        text++;
    }
    while (*text && *text != '/' && part_count < PARTS) {
        parts[part_count].thread = (uint8_t)(*text++ - 'A');
        parts[part_count++].until = (uint16_t)number(&text, NO_END);
    }
    if (*text == '/')
        read_choices(text + 1);
}

unsigned schedule_stop(void)
{
    return stop;
}

struct thread *schedule_next(struct thread *me, uint32_t able)
{
    if (me && part_at && me->made < parts[part_at - 1].until)
        return me;
    if (part_at < part_count) {
        unsigned thread = parts[part_at++].thread;

        if (thread < MODEL_THREADS && (able >> thread & 1))
            return &model_threads[thread];
    }
    return me ? me : &model_threads[__builtin_ctz(able)];
}

unsigned schedule_choice(unsigned count)
{
    unsigned chosen = choice_at < CHOICES ? choices[choice_at++] : 0;

    return chosen < count ? chosen : 0;
}
