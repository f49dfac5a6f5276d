/*
 * runtime/cancel.c: a thread that parks, or waits on a word of the program's,
 * while another cancels it, and a third gives the token or changes the word.
 * What it parks on is gone afterwards. And what would go wrong if the canceler
 * gave a token, or took no lock.
 */
#include "suite.h"

#include "runtime/cancel.h"

#include <errno.h>
#include <string.h>

static struct crew__cancel *cancel;
static struct crew__parker *parker;
static crew__aptr registered; /* the parker, or &told */
static char told;
static crew__a32 word;
static int why;  /* written before it is fired */
static int data; /* written before the token, before the word */

static void begin(void)
{
    cancel = model_memory(64, sizeof *cancel);
    parker = model_memory(64, sizeof *parker);
    crew__cancel_init(cancel);
    crew__park_init(parker);
    registered.raw = NULL;
    word.raw = 0;
    why = data = 0;
    model_name(&cancel->word, "fired");
    model_name(&cancel->lock.word, "lock");
    model_name(&parker->token, "token");
    model_name(&registered, "registered");
    model_name(&word, "word");
}

static void fire(void)
{
    crew__plain_write(why, 1);
    crew__cancel_fire(cancel);
}

static void expect_why(void)
{
    model_assert(crew__plain_read(why) == 1);
    model_assert(crew__cancel_is_fired(cancel));
}

/* ---- a canceled park ------------------------------------------------------ */

static void park_alone(unsigned me)
{
    if (me == 0) {
        fire();
        return;
    }
    crew__cancel_set_current(cancel);
    model_assert(crew__cancel_park(parker, CREW__NEVER) == -ECANCELED);
    expect_why();
    model_assert(crew__cancel_park(parker, CREW__NEVER) == -ECANCELED);
    model_gone(parker, sizeof *parker);
}

static void park_until(unsigned me)
{
    int r;

    if (me == 0) {
        fire();
        return;
    }
    crew__cancel_set_current(cancel);
    r = crew__cancel_park(parker, 100);
    model_assert(r == -ECANCELED || r == -ETIMEDOUT);
    if (r == -ECANCELED)
        expect_why();
    model_assert(parker->token.raw == 0);
    model_gone(parker, sizeof *parker);
}

static void fire_twice(unsigned me)
{
    if (me < 2) {
        crew__cancel_fire(cancel);
        return;
    }
    crew__cancel_set_current(cancel);
    model_assert(crew__cancel_park(parker, CREW__NEVER) == -ECANCELED);
    model_gone(parker, sizeof *parker);
}

/* ---- the token and the cancel meet ---------------------------------------- */

static void tell(void)
{
    void *seen;

    crew__plain_write(data, 1);
    seen = crew__exchange_acq_rel(&registered, (void *)&told);
    if (seen)
        crew__unpark(seen);
}

/* false: it has been told. */
static bool enter(void)
{
    void *none = NULL;

    return crew__cas_acq_rel(&registered, &none, (void *)parker);
}

/* false: the token is on its way. */
static bool take_back(void)
{
    void *mine = parker;

    return crew__cas_acq_rel(&registered, &mine, NULL);
}

/* Who is canceled takes his registration back, or finds the token. */
static void wait_with(int (*park)(struct crew__parker *, crew_ns),
                      crew_ns deadline)
{
    bool was_told = true;
    int r;

    crew__cancel_set_current(cancel);
    if (enter()) {
        r = park(parker, deadline);
        if (r == -ECANCELED)
            expect_why();
        if (r != 0 && take_back())
            was_told = false;
        else if (r != 0)
            model_assert(crew__park(parker, CREW__NEVER));
    }
    if (was_told)
        model_assert(crew__plain_read(data) == 1);
    model_gone(parker, sizeof *parker);
}

static void token_and_cancel(unsigned me)
{
    if (me == 0)
        fire();
    else if (me == 1)
        tell();
    else
        wait_with(crew__cancel_park, CREW__NEVER);
}

static void token_cancel_and_deadline(unsigned me)
{
    if (me == 0)
        fire();
    else if (me == 1)
        tell();
    else
        wait_with(crew__cancel_park, 100);
}

/* ---- what would go wrong -------------------------------------------------- */

/* The canceler gives a token: the one that is owed may be the same. */
static void fire_by_token(void)
{
    crew__plain_write(why, 1);
    crew__lock(&cancel->lock);
    crew__store_release(&cancel->word, 1);
    if (cancel->parker)
        crew__unpark(cancel->parker);
    crew__unlock(&cancel->lock);
}

static int park_for_either(struct crew__parker *mine, crew_ns deadline)
{
    bool token;

    crew__lock(&cancel->lock);
    cancel->parker = mine;
    token = crew__load_relaxed(&cancel->word) == 0;
    crew__unlock(&cancel->lock);
    token = token && crew__park(mine, deadline);
    crew__lock(&cancel->lock);
    cancel->parker = NULL;
    crew__unlock(&cancel->lock);
    if (crew__cancel_is_fired(cancel))
        return -ECANCELED;
    return token ? 0 : -ETIMEDOUT;
}

static void canceled_by_token(unsigned me)
{
    if (me == 0)
        fire_by_token();
    else if (me == 1)
        tell();
    else
        wait_with(park_for_either, CREW__NEVER);
}

/* The canceler takes no lock: the parker may be gone. */
static void fire_without_lock(void)
{
    struct crew__parker *seen;

    crew__plain_write(why, 1);
    crew__lock(&cancel->lock);
    crew__store_release(&cancel->word, 1);
    seen = cancel->parker;
    crew__unlock(&cancel->lock);
    if (seen)
        crew__park_nudge(seen);
}

static void canceled_without_lock(unsigned me)
{
    if (me == 0)
        fire_without_lock();
    else if (me == 1)
        tell();
    else
        wait_with(crew__cancel_park, CREW__NEVER);
}

static bool must_fail(const struct model *model)
{
    return !strncmp(model->name, "broken_", 7);
}

/* ---- a word of the program's ---------------------------------------------- */

static void word_alone(unsigned me)
{
    if (me == 0) {
        fire();
        return;
    }
    crew__cancel_set_current(cancel);
    model_assert(crew__cancel_wait(&word, 0, CREW__NEVER) == -ECANCELED);
    expect_why();
}

static void notify(void)
{
    crew__plain_write(data, 1);
    crew__store_release(&word, 1);
    crew__futex_wake_shared(&word, 1);
}

static void word_and_cancel(unsigned me)
{
    int r;

    if (me == 0) {
        fire();
        return;
    } else if (me == 1) {
        notify();
        return;
    }
    crew__cancel_set_current(cancel);
    r = crew__cancel_wait(&word, 0, CREW__NEVER);
    model_assert(r == 0 || r == -EAGAIN || r == -ECANCELED);
    if (r == -ECANCELED)
        expect_why();
    else if (crew__load_acquire(&word) == 1)
        model_assert(crew__plain_read(data) == 1);
}

/* Without a current one nobody can end it but the word. Who is woken looks
 * again, as programs do: a wake is no edge. */
static void word_without(unsigned me)
{
    int r;

    if (me == 0) {
        notify();
        return;
    }
    crew__cancel_set_current(NULL);
    while (crew__load_acquire(&word) == 0) {
        r = crew__cancel_wait(&word, 0, CREW__NEVER);
        model_assert(r == 0 || r == -EAGAIN);
    }
    model_assert(crew__plain_read(data) == 1);
}

/* ---- the tables ----------------------------------------------------------- */

static const struct model models[] = {
    {.name = "park_alone",
     .threads = 2,
     .begin = begin,
     .thread = park_alone,
     .bound = MODEL_ALL,
     .spurious = 1},
    {.name = "park_until",
     .threads = 2,
     .begin = begin,
     .thread = park_until,
     .bound = MODEL_ALL},
    {.name = "fire_twice",
     .threads = 3,
     .begin = begin,
     .thread = fire_twice,
     .bound = 2},
    {.name = "token_and_cancel",
     .threads = 3,
     .begin = begin,
     .thread = token_and_cancel,
     .bound = 3},
    {.name = "token_cancel_and_deadline",
     .threads = 3,
     .begin = begin,
     .thread = token_cancel_and_deadline,
     .bound = 2},
    {.name = "broken_canceled_by_token",
     .threads = 3,
     .begin = begin,
     .thread = canceled_by_token,
     .bound = 3},
    {.name = "broken_without_lock",
     .threads = 3,
     .begin = begin,
     .thread = canceled_without_lock,
     .bound = 3},
    {.name = "word_alone",
     .threads = 2,
     .begin = begin,
     .thread = word_alone,
     .bound = MODEL_ALL},
    {.name = "word_and_cancel",
     .threads = 3,
     .begin = begin,
     .thread = word_and_cancel,
     .bound = MODEL_ALL},
    {.name = "word_without",
     .threads = 2,
     .begin = begin,
     .thread = word_without,
     .bound = MODEL_ALL},
};

static const struct model_excess excess[] = {
    {"look", "load", 1, "acquire", "for the program's own other words"},
    {"look", "load", 1, "relaxed", "for the program's own other words"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "runtime/cancel.c",
    .limit = 100000,
    .must_fail = must_fail,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
