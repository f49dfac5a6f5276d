/* os/park.c: the token of a parker, a parker that goes, and the small lock. */
#include "suite.h"

#include "os/os.h"

#include <string.h>

static struct crew__parker *parker;
static struct crew__lock lock;
static crew__aptr waiter;
static crew__a32 flag;
static int data;
static int more;
static unsigned count;

static void begin(void)
{
    parker = model_memory(64, sizeof *parker);
    crew__park_init(parker);
    lock.word.raw = 0;
    waiter.raw = NULL;
    flag.raw = 0;
    data = more = 0;
    count = 0;
    model_name(&parker->token, "token");
    model_name(&lock.word, "lock");
    model_name(&waiter, "waiter");
    model_name(&flag, "flag");
    model_name(&data, "data");
    model_name(&more, "more");
}

/* ---- the token --------------------------------------------------------- */

/* What the giver did before is seen; the wake is never lost. */
static void token(unsigned me)
{
    if (me == 0) {
        crew__plain_write(data, 1);
        crew__unpark(parker);
    } else {
        model_assert(crew__park(parker, CREW__NEVER));
        model_assert(crew__plain_read(data) == 1);
    }
}

/* A giver that stops before any of its steps, also between the token and the
 * wake, keeps nobody asleep whom another wakes. */
static void stopped_giver(unsigned me)
{
    if (me == 0) {
        crew__unpark(parker);
    } else if (me == 1) {
        crew__store_relaxed(&flag, 1);
        crew__unpark(parker);
    } else {
        while (!crew__load_relaxed(&flag))
            (void)crew__park(parker, CREW__NEVER);
        count = 1;
    }
}

/* Two givers: one token or two, but never none; and what each did before is
 * seen once a token of its own has been taken. */
static void givers(unsigned me)
{
    if (me < 2) {
        (void)crew__or_seq_cst(&flag, me + 1);
        crew__unpark(parker);
    } else {
        while (crew__load_relaxed(&flag) != 3)
            (void)crew__park(parker, CREW__NEVER);
        count = 1;
    }
}

static void givers_end(void)
{
    model_assert(count == 1);
}

/* Twice, one after the other. */
static void twice(unsigned me)
{
    if (me == 0) {
        crew__plain_write(data, 1);
        crew__unpark(parker);
        while (crew__load_acquire(&flag) == 0)
            crew__yield();
        crew__plain_write(data, 2);
        crew__unpark(parker);
    } else {
        (void)crew__park(parker, CREW__NEVER);
        model_assert(crew__plain_read(data) == 1);
        crew__store_release(&flag, 1);
        (void)crew__park(parker, CREW__NEVER);
        model_assert(crew__plain_read(data) == 2);
    }
}

/* The deadline and the token meet: a token that was given is taken now or
 * by the next park. */
static void deadline(unsigned me)
{
    if (me == 0) {
        crew__plain_write(data, 1);
        crew__unpark(parker);
    } else if (crew__park(parker, 100)) {
        model_assert(crew__plain_read(data) == 1);
        count = 1;
    } else {
        model_assert(crew__clock_now() >= 100);
        (void)crew__park(parker, CREW__NEVER);
        model_assert(crew__plain_read(data) == 1);
        count = 2;
    }
}

static unsigned deadline_outcome(void)
{
    return count;
}

/* ---- the waiter that goes ---------------------------------------------- */

/*
 * The last touch: the teller takes the waiter by an exchange and gives its
 * token; a waiter whose deadline came takes its registration back, or waits
 * for the token that is on its way. Then its parker is gone.
 */
static void wait_and_go(bool broken)
{
    void *mine = parker;
    void *none = NULL;

    if (!crew__cas_acq_rel(&waiter, &none, mine)) {
        model_assert(crew__plain_read(data) == 1); /* it had ended */
        return;
    }
    if (!crew__park(parker, 100) && !crew__cas_acq_rel(&waiter, &mine, NULL) &&
        !broken)
        (void)crew__park(parker, CREW__NEVER);
    if (crew__load_acquire(&waiter) == &flag)
        model_assert(crew__plain_read(data) == 1);
    model_gone(parker, sizeof *parker);
}

static void tell_end(void)
{
    void *seen;

    crew__plain_write(data, 1);
    seen = crew__exchange_acq_rel(&waiter, (void *)&flag);
    if (seen)
        crew__unpark(seen);
}

static void last_touch(unsigned me)
{
    if (me == 0)
        tell_end();
    else
        wait_and_go(false);
}

static void no_token(unsigned me)
{
    if (me == 0)
        tell_end();
    else
        wait_and_go(true);
}

/* ---- the lock ---------------------------------------------------------- */

static void add_one(void)
{
    crew__lock(&lock);
    crew__plain_write(data, crew__plain_read(data) + 1);
    crew__unlock(&lock);
}

static void lock_two(unsigned me)
{
    (void)me;
    add_one();
    add_one();
}

static void lock_two_end(void)
{
    model_assert(data == 4 && lock.word.raw == 0);
}

static void lock_three(unsigned me)
{
    (void)me;
    add_one();
}

static void lock_three_end(void)
{
    model_assert(data == 3 && lock.word.raw == 0);
}

static bool must_fail(const struct model *model)
{
    return !strncmp(model->name, "broken_", 7);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "token",
     .threads = 2,
     .begin = begin,
     .thread = token,
     .bound = MODEL_ALL,
     .spurious = 2},
    {.name = "stopped_giver",
     .threads = 3,
     .begin = begin,
     .thread = stopped_giver,
     .end = givers_end,
     .bound = MODEL_ALL,
     .stops = 3,
     .stopper = 0},
    {.name = "givers",
     .threads = 3,
     .begin = begin,
     .thread = givers,
     .end = givers_end,
     .bound = MODEL_ALL},
    {.name = "twice",
     .threads = 2,
     .begin = begin,
     .thread = twice,
     .bound = MODEL_ALL,
     .spurious = 1},
    {.name = "deadline",
     .threads = 2,
     .begin = begin,
     .thread = deadline,
     .outcome = deadline_outcome,
     .bound = MODEL_ALL},
    {.name = "last_touch",
     .threads = 2,
     .begin = begin,
     .thread = last_touch,
     .bound = MODEL_ALL,
     .spurious = 1},
    {.name = "broken_no_token",
     .threads = 2,
     .begin = begin,
     .thread = no_token,
     .bound = MODEL_ALL},
    {.name = "lock_twice_by_two",
     .threads = 2,
     .begin = begin,
     .thread = lock_two,
     .end = lock_two_end,
     .bound = MODEL_ALL},
    {.name = "lock_by_three",
     .threads = 3,
     .begin = begin,
     .thread = lock_three,
     .end = lock_three_end,
     .bound = MODEL_ALL},
};

static const struct model_excess excess[] = {
    {"crew__lock", "cas", 1, "fails relaxed", "it is not held"},
    {"crew__lock", "cas", 2, "fails relaxed", "it is not held"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "os/park.c",
    .limit = 100000,
    .must_fail = must_fail,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
