/*
 * The memory of the checker: words with their histories, and what each thread
 * may read of them.
 *
 * Writes of one word have ranks: their modification order. A write is numbered
 * when it is made and keeps its number; a store that lands before others moves
 * their ranks. Nothing lands between a read-modify-write and what it read.
 */
#include "words.h"

#include "base/atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 1 << 16 };

struct location model_locations[LOCATIONS];
unsigned model_location_count;

static struct {
    uint64_t execution;
    uintptr_t address;
    unsigned index;
} slots[2][SLOTS]; /* words, plain words */
static uint64_t execution;

static char arena[ARENA] __attribute__((aligned(4096)));
static size_t arena_used;

/* ---- tables ------------------------------------------------------------ */

unsigned model_find(unsigned table, uintptr_t address, unsigned fresh,
                    bool renew)
{
    unsigned i = model_hash(address);

    while (slots[table][i].execution == execution &&
           slots[table][i].address != address)
        i = (i + 1) % SLOTS;
    if (slots[table][i].execution != execution || renew) {
        slots[table][i].execution = execution;
        slots[table][i].address = address;
        slots[table][i].index = fresh;
    }
    return slots[table][i].index;
}

void model_memory_begin(void)
{
    execution++;
    model_location_count = 0;
    model_plain_begin();
    model_names_begin();
    memset(arena, 0, arena_used);
    arena_used = 0;
    model_world_begin();
}

void *model_memory(size_t alignment, size_t size)
{
    arena_used = (arena_used + alignment - 1) & ~(alignment - 1);
    if (arena_used + size > ARENA) {
        model_fail("the arena is too small");
        return NULL;
    }
    arena_used += size;
    return arena + arena_used - size;
}

static void tell(const char *operation, const struct location *location,
                 int order, uint64_t value, const struct write *from)
{
    char text[64] = "";

    if (!model_tell)
        return;
    if (from)
        snprintf(text, sizeof text, " <- %#llx%s",
                 (unsigned long long)from->value,
                 from->rank + 1u < location->count ? " (old)" : "");
    printf("  %c%-4u %-8s %-8s %-16s %#llx%s\n", 'A' + (char)model_self(),
           model_running->made, operation, model_order_name(order),
           model_name_of(location->address), (unsigned long long)value, text);
}

/* ---- views ------------------------------------------------------------- */

static void join(struct view *into, const struct view *from)
{
    for (unsigned i = 0; i < model_location_count; i++) {
        const struct write *writes = model_locations[i].writes;

        if (into->seen[i] != from->seen[i] &&
            writes[into->seen[i]].rank < writes[from->seen[i]].rank)
            into->seen[i] = from->seen[i];
    }
    for (unsigned i = 0; i < MODEL_THREADS; i++) {
        if (into->clock[i] < from->clock[i])
            into->clock[i] = from->clock[i];
    }
}

static bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

/* ---- words ------------------------------------------------------------- */

static uint64_t raw_read(const void *word, unsigned size)
{
    if (size != 4 && size != 8)
        abort();
    return size == 4 ? *(const uint32_t *)word : *(const uint64_t *)word;
}

static void raw_write(void *word, unsigned size, uint64_t value)
{
    if (size == 4)
        *(uint32_t *)word = (uint32_t)value;
    else
        *(uint64_t *)word = value;
}

static uint64_t cut(uint64_t value, unsigned size)
{
    return size == 4 ? (uint32_t)value : value;
}

static struct location *make_location(const void *word, unsigned size)
{
    struct location *location;

    if (model_location_count == LOCATIONS) {
        model_fail("too many words");
        return &model_locations[0];
    }
    location = &model_locations[model_location_count];
    for (unsigned i = 0; i < model_current->threads; i++)
        model_threads[i].view.seen[model_location_count] = 0;
    model_location_count++;
    location->address = (uintptr_t)word;
    location->size = size;
    location->count = 1;
    location->by_rank[0] = 0;
    location->in_order = 0;
    memset(location->touched, 0, sizeof location->touched);
    location->writes[0].value = raw_read(word, size);
    location->writes[0].rank = 0;
    location->writes[0].thread = MODEL_THREADS;
    location->writes[0].update = false;
    location->writes[0].message = false;
    return location;
}

static struct location *location_of(const void *word, unsigned size)
{
    uintptr_t address = (uintptr_t)word;
    unsigned index = model_find(0, address, model_location_count, false);

    if (index < model_location_count &&
        model_locations[index].address == address)
        return &model_locations[index];
    if (index != model_location_count) /* it was born again */
        model_find(0, address, model_location_count, true);
    return make_location(word, size);
}

static struct location *step(enum kind kind, const void *word, unsigned size,
                             bool seq_cst)
{
    uintptr_t address = (uintptr_t)word;
    struct pending pending = {kind, address, seq_cst};
    struct location *location;
    unsigned me;

    model_step(pending, model_is_shared(address, kind != LOAD, false));
    model_check_gone(address, "an access");
    location = location_of(word, size);
    me = model_self();
    location->touched[me] = model_running->view.clock[me];
    return location;
}

static uint8_t *seen_of(const struct location *location)
{
    return &model_running->view.seen[location - model_locations];
}

/* The lowest rank that may be read, or written after. */
static unsigned floor_of(const struct location *location, bool seq_cst)
{
    unsigned rank = location->writes[*seen_of(location)].rank;
    unsigned in_order = location->writes[location->in_order].rank;

    return seq_cst && in_order > rank ? in_order : rank;
}

static const struct write *at_rank(const struct location *location,
                                   unsigned rank)
{
    return &location->writes[location->by_rank[rank]];
}

static void read_write(struct location *location, const struct write *from,
                       int order)
{
    uint8_t number = (uint8_t)(from - location->writes);

    *seen_of(location) = number;
    if (acquires(order) && from->message)
        join(&model_running->view, &from->view);
    if (order == __ATOMIC_SEQ_CST)
        location->in_order = number;
}

/* A write lands after the one of rank `after`, which it may have read. */
static void add_write(struct location *location, unsigned after, uint64_t value,
                      int order, bool update)
{
    const struct write *from = at_rank(location, after);
    unsigned number = location->count;
    struct write *write = &location->writes[number];
    unsigned me = model_self();

    if (number == WRITES) {
        model_fail("too many writes of %s", model_name_of(location->address));
        return;
    }
    for (unsigned i = number; i > after + 1; i--) {
        location->by_rank[i] = location->by_rank[i - 1];
        location->writes[location->by_rank[i]].rank = (uint8_t)i;
    }
    location->count++;
    location->by_rank[after + 1] = (uint8_t)number;
    write->rank = (uint8_t)(after + 1);
    write->value = value;
    write->thread = (uint8_t)me;
    write->update = update;
    *seen_of(location) = (uint8_t)number;
    write->message = releases(order);
    if (write->message) {
        write->view = model_running->view;
        if (update && from->message)
            join(&write->view, &from->view);
        model_running->view.clock[me]++;
    } else if (update && from->message) {
        write->message = true;
        write->view = from->view;
    }
    if (order == __ATOMIC_SEQ_CST)
        location->in_order = (uint8_t)number;
    if (after + 2u == location->count)
        raw_write((void *)location->address, location->size, value);
    model_writes++;
    model_running->newest = false;
}

/* Whether something may land right after this rank. */
static bool has_place(const struct location *location, unsigned rank)
{
    return rank + 1 == location->count ||
           (!model_current->stores_in_order &&
            !at_rank(location, rank + 1)->update);
}

static unsigned choose_place(const struct location *location, bool seq_cst)
{
    unsigned ranks[WRITES];
    unsigned count = 0;
    unsigned low = floor_of(location, seq_cst);

    for (unsigned rank = location->count; rank-- > low;) {
        if (has_place(location, rank))
            ranks[count++] = rank;
        if (model_running->newest)
            break;
    }
    return ranks[model_choose(count)];
}

/* ---- the operations of base/atomic.h ----------------------------------- */

uint64_t model_read_newest(const void *word, unsigned size)
{
    struct location *location = location_of(word, size);
    const struct write *newest = at_rank(location, location->count - 1);

    read_write(location, newest, __ATOMIC_RELAXED);
    return newest->value;
}

uint64_t crew__model_load(const void *word, unsigned size, int order)
{
    bool seq_cst = order == __ATOMIC_SEQ_CST;
    struct location *location;
    const struct write *from;
    unsigned span;

    if (!model_running)
        return raw_read(word, size);
    location = step(LOAD, word, size, seq_cst);
    span = model_running->newest
               ? 1
               : location->count - floor_of(location, seq_cst);
    from = at_rank(location, location->count - 1 - model_choose(span));
    read_write(location, from, order);
    tell("load", location, order, from->value, from);
    return from->value;
}

void crew__model_store(void *word, unsigned size, uint64_t value, int order)
{
    bool seq_cst = order == __ATOMIC_SEQ_CST;
    struct location *location;

    value = cut(value, size);
    if (!model_running) {
        raw_write(word, size, value);
        return;
    }
    location = step(STORE, word, size, seq_cst);
    tell("store", location, order, value, NULL);
    add_write(location, choose_place(location, seq_cst), value, order, false);
}

enum change { EXCHANGE, ADD, OR, AND };

static uint64_t changed(uint64_t before, uint64_t value, enum change change)
{
    switch (change) {
    case ADD:
        return before + value;
    case OR:
        return before | value;
    case AND:
        return before & value;
    default:
        return value;
    }
}

static uint64_t update(void *word, unsigned size, uint64_t value, int order,
                       enum change change)
{
    static const char *const texts[] = {"exchange", "add", "or", "and"};
    bool seq_cst = order == __ATOMIC_SEQ_CST;
    struct location *location;
    const struct write *from;
    unsigned rank;
    uint64_t before;

    if (!model_running) {
        before = raw_read(word, size);
        raw_write(word, size, cut(changed(before, value, change), size));
        return before;
    }
    location = step(UPDATE, word, size, seq_cst);
    rank = choose_place(location, seq_cst);
    from = at_rank(location, rank);
    before = from->value;
    value = cut(changed(before, value, change), size);
    tell(texts[change], location, order, value, from);
    read_write(location, from, order);
    add_write(location, rank, value, order, true);
    return before;
}

uint64_t crew__model_exchange(void *word, unsigned size, uint64_t value,
                              int order)
{
    return update(word, size, value, order, EXCHANGE);
}

uint64_t crew__model_add(void *word, unsigned size, uint64_t value, int order)
{
    return update(word, size, value, order, ADD);
}

uint64_t crew__model_or(void *word, unsigned size, uint64_t value, int order)
{
    return update(word, size, value, order, OR);
}

uint64_t crew__model_and(void *word, unsigned size, uint64_t value, int order)
{
    return update(word, size, value, order, AND);
}

/* The ranks that a compare-and-swap may read: where it succeeds there must be
 * a place after it, where it fails it is a load. */
static unsigned cas_ranks(const struct location *location, uint64_t expected,
                          bool seq_cst, bool fail_seq_cst, unsigned ranks[])
{
    unsigned low = floor_of(location, seq_cst);
    unsigned low_fail = floor_of(location, fail_seq_cst);
    unsigned count = 0;

    for (unsigned rank = location->count; rank-- > 0;) {
        bool equal = at_rank(location, rank)->value == expected;

        if (equal ? rank >= low && has_place(location, rank) : rank >= low_fail)
            ranks[count++] = rank;
        if (model_running->newest)
            break;
    }
    return count;
}

bool crew__model_cas(void *word, unsigned size, uint64_t *expected,
                     uint64_t desired, int order, int failure)
{
    bool seq_cst = order == __ATOMIC_SEQ_CST;
    unsigned ranks[WRITES];
    struct location *location;
    const struct write *from;
    unsigned count;
    unsigned rank;
    bool equal;

    if (!model_running) {
        equal = raw_read(word, size) == *expected;
        *expected = raw_read(word, size);
        if (equal)
            raw_write(word, size, desired);
        return equal;
    }
    location = step(UPDATE, word, size, seq_cst);
    count = cas_ranks(location, *expected, seq_cst, failure == __ATOMIC_SEQ_CST,
                      ranks);
    rank = ranks[model_choose(count)];
    from = at_rank(location, rank);
    equal = from->value == *expected;
    *expected = from->value;
    tell(equal ? "cas" : "cas fails", location, equal ? order : failure,
         equal ? cut(desired, size) : from->value, from);
    read_write(location, from, equal ? order : failure);
    if (equal)
        add_write(location, rank, cut(desired, size), order, true);
    return equal;
}
