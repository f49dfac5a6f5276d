/* What the parts of the checker share: see checker.h for what it does. */
#ifndef CREW_MODEL_INTERNAL_H
#define CREW_MODEL_INTERNAL_H

#include "checker.h"
#include "fiber.h"

enum { LOCATIONS = 96, WRITES = 96, PLAINS = 256, STACK = 65536 };

/* What a thread, or a message between threads, knows. */
struct view {
    uint8_t seen[LOCATIONS]; /* per word: the oldest write that may be read */
    uint16_t clock[MODEL_THREADS]; /* of each thread: what happened before */
};

enum kind { NOTHING, LOAD, STORE, UPDATE, SLEEP, WAKE };

/* The next step of a thread: known before it is made. */
struct pending {
    enum kind kind;
    uintptr_t address;
    bool seq_cst;
};

enum state { READY, YIELDED, ASLEEP, ENDED };

struct thread {
    enum state state;
    struct pending pending;
    struct view view;
    unsigned made;       /* steps */
    bool newest;         /* reads the newest writes until it meets something */
    bool looked;         /* has looked once more since the last write */
    uint64_t yielded_at; /* the number of writes then */
    uintptr_t sleeps_on;
    uintptr_t also;  /* another word that it is queued on, or 0 */
    bool woken_also; /* by a wake on that */
    int64_t deadline;
    bool timed_out;
    int64_t now;
    struct fiber fiber;
};

extern struct thread model_threads[MODEL_THREADS];
extern struct thread *model_running; /* NULL: outside, before or after */
extern const struct model *model_current;
extern bool model_tell;         /* print each step */
extern uint64_t model_writes;   /* by all threads: progress */
extern unsigned model_spurious; /* futex waits that have returned for nothing */

static inline unsigned number_of(const struct thread *thread)
{
    return (unsigned)(thread - model_threads);
}

/* ---- explore.c --------------------------------------------------------- */

/* One of `count`; 0 first. */
unsigned model_choose(unsigned count);
/* Waits for the turn of the calling thread to make this step. `shared` is
 * false where the step can meet no other. */
void model_step(struct pending pending, bool shared);
/* The calling thread lets others run; its state says until when. */
void model_rest(void);
/* A thread that has been woken comes to its next step. */
void model_go_on(struct thread *thread);
/* Words that are shared have been learned: the search begins again. */
void model_begin_again(void);

/* ---- lessons.c --------------------------------------------------------- */

void model_lessons_forget(void); /* at the begin of a model */
/* Whether a step on this word can meet another; learns. */
bool model_is_shared(uintptr_t address, bool write, bool always);

/* ---- memory.c ---------------------------------------------------------- */

void model_memory_begin(void); /* of an execution */
/* The newest value of a word: what the kernel reads for the thread. */
uint64_t model_read_newest(const void *word, unsigned size);

/* ---- names.c ----------------------------------------------------------- */

const char *model_name_of(uintptr_t address);
const char *model_order_name(int order);

/* ---- world.c ----------------------------------------------------------- */

void model_world_begin(void);

#endif
