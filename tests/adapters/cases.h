/*
 * The cases that every adapter passes (L1 to L3 and NO6 of the acceptance
 * tests), over the few things in which the loops differ. Each *_test.c here
 * describes its loop and names the cases.
 */
#ifndef CREW_TESTS_ADAPTERS_CASES_H
#define CREW_TESTS_ADAPTERS_CASES_H

#include "../acceptance/work.h"

/* A timer of 1 ms, and how late it was. */
struct ticker {
    int64_t last;
    int64_t waited;    /* of schedstat, at `last` */
    int64_t worst;     /* between two ticks, less a millisecond */
    int64_t worst_own; /* the same without waiting for a core */
    unsigned ticks;
    int schedstat;
};

void ticker_start(struct ticker *ticker);
/* At each expiry. */
void ticker_tick(struct ticker *ticker);
/* When the loop has ended. */
void ticker_end(struct ticker *ticker);

/* What a loop of some kind can do; `slot` is 0 or 1. */
struct loop_kind {
    void *(*open)(void); /* begins with its struct ticker */
    void (*close)(void *loop);
    int (*attach)(void *loop, unsigned slot, crew_inbox *inbox);
    int (*detach)(void *loop, unsigned slot);
    void (*run)(void *loop);  /* until nothing is outstanding, with a ticker */
    void (*stop)(void *loop); /* ends it inside a callback */
};

/* L1: each returns when the loop has ended by itself. */
void case_tasks(const struct loop_kind *kind);
void case_tasks_that_wait(const struct loop_kind *kind);
void case_calls(const struct loop_kind *kind);
void case_messages(const struct loop_kind *kind);
void case_port(const struct loop_kind *kind);
void case_nothing_outstanding(const struct loop_kind *kind);
void case_room(const struct loop_kind *kind);
/* NO6 */
void case_submitted_again(const struct loop_kind *kind);
/* L2 */
void case_detached_in_a_callback(const struct loop_kind *kind);
void case_another_thread(const struct loop_kind *kind);
/* L3 */
void case_two_inboxes(const struct loop_kind *kind);
void case_attached_twice(const struct loop_kind *kind);

#endif
