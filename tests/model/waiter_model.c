/*
 * runtime/waiter.c: a thread from outside and a worker that wait for an end
 * that is told by an exchange; both may give up at a deadline, or are roused
 * for another reason; then all that they waited on is gone.
 */
#include "suite.h"

#include "runtime/waiter.h"

static crew__aptr word; /* the waiter, or &told */
static char told;
static struct crew__waiter *waiter;
static struct crew__parker *parker; /* the worker's */
static crew__a32 *tellers;
static int data;

static void begin(void)
{
    word.raw = NULL;
    data = 0;
    waiter = model_memory(64, sizeof *waiter);
    parker = model_memory(64, sizeof *parker);
    tellers = model_memory(64, sizeof *tellers);
    crew__park_init(parker);
    model_name(&word, "word");
    model_name(&waiter->own.token, "own token");
    model_name(&waiter->told, "told");
    model_name(&parker->token, "worker's token");
    model_name(tellers, "tellers");
}

static void tell(void)
{
    void *seen;

    crew__plain_write(data, 1);
    seen = crew__exchange_acq_rel(&word, (void *)&told);
    if (seen)
        crew__waiter_tell(seen);
}

/* false: it has ended. */
static bool enter(void)
{
    void *none = NULL;

    return crew__cas_acq_rel(&word, &none, (void *)waiter);
}

/* false: its token is on the way. */
static bool take_back(void)
{
    void *mine = waiter;

    return crew__cas_acq_rel(&word, &mine, NULL);
}

/* As wait_registered in pool/wait.c. */
static void wait(crew_ns deadline)
{
    bool ended = false;

    if (!enter()) {
        ended = true;
    } else if (crew__waiter_park(waiter, deadline)) {
        ended = true;
    } else if (!take_back()) {
        while (!crew__waiter_park(waiter, CREW__NEVER))
            ;
        ended = true;
    }
    if (ended)
        model_assert(crew__plain_read(data) == 1);
    model_gone(waiter, sizeof *waiter);
}

static void from_outside(unsigned me)
{
    if (me == 0) {
        tell();
    } else {
        crew__waiter_init(waiter);
        wait(100);
    }
}

/* Its parker and the count outlive the wait; the pool's destroy waits for the
 * tellers. Thread 2 rouses it for another reason. */
static void from_a_worker(unsigned me)
{
    if (me == 0) {
        tell();
    } else if (me == 2) {
        crew__unpark(parker);
    } else {
        crew__waiter_init_worker(waiter, parker, tellers);
        wait(100);
    }
}

static void worker_and_destroy(unsigned me)
{
    if (me == 0) {
        tell();
        return;
    }
    crew__waiter_init_worker(waiter, parker, tellers);
    wait(CREW__NEVER);
    while (crew__load_acquire(tellers))
        crew__yield();
    model_gone(parker, sizeof *parker);
    model_gone(tellers, sizeof *tellers);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "from_outside",
     .threads = 2,
     .begin = begin,
     .thread = from_outside,
     .bound = MODEL_ALL,
     .spurious = 1},
    {.name = "from_a_worker",
     .threads = 3,
     .begin = begin,
     .thread = from_a_worker,
     .bound = 3},
    {.name = "a_worker_and_destroy",
     .threads = 2,
     .begin = begin,
     .thread = worker_and_destroy,
     .bound = MODEL_ALL},
};

static const struct model_excess excess[] = {
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "runtime/waiter.c",
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
