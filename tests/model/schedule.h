/*
 * A schedule: one execution, as a short string.
 *
 *   "A3BC7A/5b2a"   thread 0 runs until it has made 3 steps, thread 1 until it
 *                   can't go on, thread 2 until it has made 7, then thread 0
 *                   again; of the choices of values the sixth is 2 and the
 *                   ninth 1, all others 0.
 *   "12!A..."       the thread that may stop does so before its 12th step.
 *
 * It names steps, not decisions of the search, so that it does not depend on
 * what the search has learned.
 */
#ifndef CREW_MODEL_SCHEDULE_H
#define CREW_MODEL_SCHEDULE_H

#include "internal.h"

void schedule_write(void);            /* from now on what is noted is kept */
void schedule_read(const char *text); /* from now on it is replayed */
void schedule_forget(void);
bool schedule_replays(void);

void schedule_note_stop(unsigned stop);
/* `me`: who could have gone on, or NULL. */
void schedule_note_next(const struct thread *me, const struct thread *next);
unsigned schedule_note_choice(unsigned chosen); /* returns it */
void schedule_print(char *out, size_t size);

unsigned schedule_stop(void);
struct thread *schedule_next(struct thread *me, uint32_t able);
unsigned schedule_choice(unsigned count);

#endif
