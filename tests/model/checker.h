/*
 * A stateless model checker for the sources that are built with CREW_MODEL.
 *
 * A model is a few threads of a few dozen steps. The checker runs it again and
 * again, each time with other choices, until there are none left: which thread
 * makes the next step, which of the writes that it may read a load reads,
 * where among the writes of others a store lands, which sleeper a wake finds,
 * when a timeout fires. A step is one operation of base/atomic.h or one call of
 * the futex.
 *
 * What is modelled
 *   - The atomics of C++20 (C11 with the repairs that compilers follow), each
 *     word with the history of its writes; each thread with a view, the oldest
 *     write of each word that it may still read, and a clock; both travel
 *     along release and acquire. A read-modify-write continues the release
 *     sequence of what it read; a relaxed store of the same thread does not.
 *   - seq_cst operations take place in one order, the order of the steps; one
 *     that reads or writes a word comes after what earlier ones read or wrote
 *     there.
 *   - A compare-and-swap that fails is a load, and may read an old write.
 *   - Plain words that go through crew__plain_read and crew__plain_write:
 *     two accesses, one of them a write, that are not ordered are an error.
 *   - Memory that goes (model_gone): what was done to it must be ordered
 *     before, and nobody may touch it afterwards.
 *   - Futex, clock, event and yield of os/os.h. A thread that yields goes on
 *     when another has written something, or looks once more, at the newest
 *     writes, when nobody else can run.
 *
 * What is not modelled
 *   - Load buffering: a load never reads a write that is made later. Compilers
 *     and machines may do that to relaxed operations without dependencies.
 *   - Fences: the library has none.
 *   - Consume.
 *   - Words that are accessed in pieces.
 *
 * With a bound on preemptions all executions are run that have at most so many
 * switches away from a thread that could go on. Without one, all there are, but
 * for those that differ from another only in the order of steps that do not
 * meet (sleep sets, Godefroid 1996). A word that only one thread touches, or
 * nobody writes, is no reason to switch: such words are learned, and the search
 * begins again when one turns out to be shared.
 *
 * Sources: Norris and Demsky 2013 (CDSChecker), Kang et al. 2017 (views),
 * Musuvathi et al. 2008 (bounds), Burckhardt et al. 2010 (PCT).
 */
#ifndef CREW_MODEL_CHECKER_H
#define CREW_MODEL_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_THREADS = 6 };

#define MODEL_ALL (-1)

struct model {
    const char *name;
    unsigned threads;
    /* Makes the world, before all threads. Also names words. */
    void (*begin)(void);
    void (*thread)(unsigned me);
    /* Nobody can run and somebody sleeps: NULL where that is a good end, else
     * what is wrong. Without it, it is a deadlock. */
    const char *(*rest)(void);
    /* Looks at the world after all threads, or at rest. */
    void (*end)(void);
    /* Below 64; see struct model_result. */
    unsigned (*outcome)(void);
    int bound;            /* preemptions, or MODEL_ALL */
    bool stores_in_order; /* a store never lands before one made earlier */
    unsigned spurious;    /* futex waits that may return for nothing */
    /* One thread may stop for good before any of its steps, one of the first
     * `stops`; `stopper` is its number. 0: none does. */
    unsigned stops;
    unsigned stopper;
    uint64_t random; /* so many random executions; 0: all */
    uint64_t seed;
};

struct model_result {
    char error[256];     /* "": none */
    char schedule[1024]; /* that of the error */
    uint64_t executions;
    uint64_t cut;      /* given up, as another one stands for them */
    uint64_t outcomes; /* bit n: outcome n was seen */
    double seconds;
    bool stopped; /* not all were run: the limit came first */
};

/* Searches; at most `limit` executions (0: no limit). */
void model_check(const struct model *model, uint64_t limit,
                 struct model_result *result);
/* Runs one schedule; with `tell` each step is printed. */
void model_replay(const struct model *model, const char *schedule, bool tell,
                  struct model_result *result);

/* ---- for the code of a model ------------------------------------------- */

/* Ends the execution with an error. */
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define model_assert(condition) \
    ((condition) \
         ? (void)0 \
         : model_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

/* For the steps of a trace. A name lasts for the execution. */
void model_name(const void *word, const char *name);

/* Memory begins to be something else, and ends to be anything. */
void model_born(void *memory, size_t size);
void model_gone(void *memory, size_t size);

/* Zeroed memory that lasts for the execution. */
void *model_memory(size_t alignment, size_t size);

/* How many pieces of memory the sources have asked for and not freed. */
unsigned model_pieces(void);

/* The thread that runs; MODEL_THREADS outside. */
unsigned model_self(void);
/* How many steps the thread that runs has made. */
unsigned model_made(void);
/* Whether the thread that may stop has done so. */
bool model_is_stopped(void);

/* ---- memory orders made weaker ----------------------------------------- */

/*
 * Each operation in a source that is built with sites.h in front is a site. One
 * of them can be made weaker; with it the same line of a header in all other
 * sources.
 */
struct model_site {
    const char *file;
    int line;
    const char *function;
    const char *operation;
    int order;
    int failure;                    /* of a compare-and-swap, else -1 */
    const char *source;             /* that is compiled */
    const struct model_site *first; /* of those that are the same, or itself */
};

struct model_weaker {
    const struct model_site *site;
    int order;
    int failure;
};

extern struct model_weaker model_weaker; /* site NULL: none */

#endif
