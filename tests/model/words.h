/*
 * The words of an execution: what memory.c (atomic words) and plain.c (plain
 * words, and memory that goes) keep of them.
 */
#ifndef CREW_MODEL_WORDS_H
#define CREW_MODEL_WORDS_H

#include "internal.h"

enum { SLOTS = 1024 };

struct write {
    uint64_t value;
    uint8_t rank;
    uint8_t thread;
    bool update;  /* a read-modify-write: follows what it read */
    bool message; /* who acquires it gets `view` */
    struct view view;
};

struct location {
    uintptr_t address;
    unsigned size;
    unsigned count;
    uint8_t by_rank[WRITES];
    uint8_t in_order; /* the newest that a seq_cst operation read or wrote */
    uint16_t touched[MODEL_THREADS]; /* clock of the last access, or 0 */
    struct write writes[WRITES];
};

extern struct location model_locations[LOCATIONS];
extern unsigned model_location_count;

static inline unsigned model_hash(uintptr_t address)
{
    return (unsigned)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
}

/* Where an address stands in a table (0: words, 1: plain words); the index is
 * `fresh` where it is new, or is to be renewed. */
unsigned model_find(unsigned table, uintptr_t address, unsigned fresh,
                    bool renew);

/* ---- plain.c ----------------------------------------------------------- */

void model_plain_begin(void); /* of an execution */
/* An error where this address is gone. */
void model_check_gone(uintptr_t address, const char *what);

/* ---- names.c ----------------------------------------------------------- */

void model_names_begin(void); /* of an execution */

#endif
