/*
 * Plain words, which the checker watches for races, and memory that goes:
 * whatever was done to it must have happened before.
 */
#include "words.h"

#include "base/atomic.h"

#include <stdio.h>
#include <string.h>

enum { RANGES = 32 };

struct plain {
    uintptr_t address;
    uint16_t read[MODEL_THREADS];
    uint16_t written; /* clock of the last write, or 0 */
    uint8_t writer;
};

struct range {
    uintptr_t low;
    uintptr_t high;
};

static struct plain plains[PLAINS];
static unsigned plain_count;
static struct range gone[RANGES];
static unsigned gone_count;

void model_plain_begin(void)
{
    plain_count = 0;
    gone_count = 0;
}

/* ---- memory that goes -------------------------------------------------- */

void model_check_gone(uintptr_t address, const char *what)
{
    for (unsigned i = 0; i < gone_count; i++) {
        if (gone[i].low <= address && address < gone[i].high) {
            model_fail("%s of %s, which is gone", what, model_name_of(address));
            return;
        }
    }
}

void model_born(void *memory, size_t size)
{
    uintptr_t low = (uintptr_t)memory;

    for (unsigned i = 0; i < gone_count; i++) {
        if (gone[i].low >= low && gone[i].high <= low + size)
            gone[i--] = gone[--gone_count];
    }
    for (unsigned i = 0; i < model_location_count; i++) {
        if (model_locations[i].address >= low &&
            model_locations[i].address < low + size)
            model_locations[i].address = 0; /* what it was stays in the views */
    }
    for (unsigned i = 0; i < plain_count; i++) {
        if (plains[i].address >= low && plains[i].address < low + size) {
            memset(plains[i].read, 0, sizeof plains[i].read);
            plains[i].written = 0;
        }
    }
}

static void check_ordered(const uint16_t touched[], uintptr_t address,
                          const char *what)
{
    unsigned me = model_self();

    for (unsigned i = 0; i < MODEL_THREADS; i++) {
        if (i != me && touched[i] > model_running->view.clock[i]) {
            model_fail("%s of %s by thread %c, and %s, are not ordered",
                       "an access", model_name_of(address), 'A' + (char)i,
                       what);
            return;
        }
    }
}

void model_gone(void *memory, size_t size)
{
    uintptr_t low = (uintptr_t)memory;

    if (gone_count == RANGES) {
        model_fail("too much that is gone");
        return;
    }
    gone[gone_count].low = low;
    gone[gone_count++].high = low + size;
    if (!model_running)
        return;
    if (model_tell)
        printf("  %c     gone %s\n", 'A' + (char)model_self(),
               model_name_of(low));
    for (unsigned i = 0; i < model_location_count; i++) {
        struct location *location = &model_locations[i];

        if (location->address >= low && location->address < low + size)
            check_ordered(location->touched, location->address, "its end");
    }
    for (unsigned i = 0; i < plain_count; i++) {
        struct plain *plain = &plains[i];

        if (plain->address < low || plain->address >= low + size)
            continue;
        check_ordered(plain->read, plain->address, "its end");
        if (plain->written > model_running->view.clock[plain->writer])
            model_fail("a write of %s and its end are not ordered",
                       model_name_of(plain->address));
    }
}

/* ---- plain words ------------------------------------------------------- */

static struct plain *plain_at(const void *address, const char *what)
{
    unsigned index;

    model_check_gone((uintptr_t)address, what);
    index = model_find(1, (uintptr_t)address, plain_count, false);
    if (index == plain_count) {
        if (plain_count == PLAINS) {
            model_fail("too many plain words");
            return &plains[0];
        }
        memset(&plains[plain_count], 0, sizeof plains[0]);
        plains[plain_count++].address = (uintptr_t)address;
    }
    return &plains[index];
}

static void check_race(const struct plain *plain, const char *what)
{
    if (plain->written > model_running->view.clock[plain->writer])
        model_fail("a race: %s of %s with a write by thread %c", what,
                   model_name_of(plain->address), 'A' + (char)plain->writer);
}

void crew__model_plain_read(const void *address, unsigned size)
{
    struct plain *plain;
    unsigned me = model_self();

    (void)size;
    if (!model_running)
        return;
    plain = plain_at(address, "a read");
    check_race(plain, "a read");
    plain->read[me] = model_running->view.clock[me];
}

void crew__model_plain_write(void *address, unsigned size)
{
    struct plain *plain;
    unsigned me = model_self();

    (void)size;
    if (!model_running)
        return;
    plain = plain_at(address, "a write");
    check_race(plain, "a write");
    check_ordered(plain->read, plain->address, "a write");
    plain->writer = (uint8_t)me;
    plain->written = model_running->view.clock[me];
}
