/* Names for the steps of a trace. */
#include "words.h"

#include <stdio.h>

enum { NAMES = 128 };

static struct {
    uintptr_t address;
    const char *name;
} names[NAMES];
static unsigned name_count;

void model_names_begin(void)
{
    name_count = 0;
}

void model_name(const void *word, const char *name)
{
    if (name_count < NAMES) {
        names[name_count].address = (uintptr_t)word;
        names[name_count++].name = name;
    }
}

const char *model_name_of(uintptr_t address)
{
    static char text[4][32];
    static unsigned next;

    for (unsigned i = 0; i < name_count; i++) {
        if (names[i].address == address)
            return names[i].name;
    }
    next = (next + 1) % 4;
    snprintf(text[next], sizeof text[next], "%#lx", (unsigned long)address);
    return text[next];
}

const char *model_order_name(int order)
{
    switch (order) {
    case __ATOMIC_RELAXED:
        return "relaxed";
    case __ATOMIC_ACQUIRE:
        return "acquire";
    case __ATOMIC_RELEASE:
        return "release";
    case __ATOMIC_ACQ_REL:
        return "acq_rel";
    default:
        return "seq_cst";
    }
}
