/*
 * runtime/idle.c with the loop of a worker as pool/worker.c has it, and queues
 * that are sets: a submit puts a task's bit in, a take takes one out.
 *
 * A task may run until all tasks of the model have been started, so that a
 * wake-up that is lost shows even where the same worker would find the work
 * later.
 */
#include "suite.h"

#include "runtime/idle.h"

#include <string.h>

enum { WORKERS = 2 };

static struct crew__idle idle;
static crew__a32 waiting;          /* tasks for any worker */
static crew__a32 mailbox[WORKERS]; /* tasks for one */
static crew__a32 started;          /* how many */
static crew__a32 swept;
static unsigned meet;   /* so many tasks are started before one ends */
static bool only_mail;  /* of these, those by name alone wait */
static unsigned tasks;  /* that have been started */
static unsigned pushed; /* ... that are in a queue, or were */

/* What is left out. */
enum { SECOND_LOOK = 1, PASSING = 2, ANNOUNCING_FIRST = 4 };
static unsigned without;

static void begin_with(unsigned meeting)
{
    memset(&idle, 0, sizeof idle);
    waiting.raw = started.raw = swept.raw = 0;
    mailbox[0].raw = mailbox[1].raw = 0;
    meet = meeting;
    only_mail = false;
    tasks = pushed = 0;
    without = 0;
    (void)crew__idle_init(&idle, WORKERS);
    model_name(&idle.word, "word");
    model_name(&idle.sleeping[0], "sleeping");
    model_name(&idle.parkers[0], "parker 0");
    model_name(&idle.parkers[1], "parker 1");
    model_name(&waiting, "waiting");
    model_name(&mailbox[0], "mailbox 0");
    model_name(&mailbox[1], "mailbox 1");
    model_name(&started, "started");
    model_name(&swept, "swept");
}

static void begin_alone(void)
{
    begin_with(1);
}

static void begin_two(void)
{
    begin_with(2);
}

/* ---- a worker, as in pool/worker.c ------------------------------------- */

/* A task's bit, or 0. */
static uint32_t take_from(crew__a32 *queue)
{
    uint32_t seen = crew__load_seq_cst(queue);

    while (seen) {
        if (crew__cas_seq_cst(queue, &seen, seen & (seen - 1)))
            return seen & -seen;
    }
    return 0;
}

static bool seems_busy(unsigned me)
{
    return crew__load_seq_cst(&waiting) || crew__load_seq_cst(&mailbox[me]);
}

static void run(uint32_t task, bool waits)
{
    uint32_t seen = crew__add_seq_cst(&started, 1) + 1;

    model_assert(!(tasks & task));
    tasks |= task;
    if (seen == meet)
        crew__futex_wake(&started, MODEL_THREADS);
    while (waits && seen < meet) {
        crew__futex_wait(&started, seen, CREW__NEVER);
        seen = crew__load_seq_cst(&started);
    }
}

static bool rest(unsigned me, bool searching)
{
    for (;;) {
        searching = searching || crew__idle_search_begin(&idle, me);
        if (searching && seems_busy(me))
            return searching;
        if (without & ANNOUNCING_FIRST) {
            bool empty = !seems_busy(me);

            crew__idle_announce(&idle, me);
            if (empty)
                crew__idle_park(&idle, me);
        } else {
            crew__idle_announce(&idle, me);
            if ((without & SECOND_LOOK) || !seems_busy(me))
                crew__idle_park(&idle, me);
        }
        searching = crew__idle_leave(&idle, me);
        if (seems_busy(me))
            return searching || crew__idle_search_begin(&idle, me);
    }
}

static void pass_on(unsigned me, bool searching)
{
    if (!searching)
        return;
    crew__idle_search_end(&idle, me);
    if (!(without & PASSING) && crew__load_seq_cst(&waiting))
        (void)crew__idle_publish(&idle);
}

static void work(unsigned me)
{
    bool searching = false;

    for (;;) {
        uint32_t mail = take_from(&mailbox[me]);
        uint32_t task = mail ? mail : take_from(&waiting);

        if (task) {
            pass_on(me, searching);
            searching = false;
            run(task, mail || !only_mail);
        } else {
            searching = rest(me, searching);
        }
    }
}

/* ---- who submits ------------------------------------------------------- */

static void push(crew__a32 *queue, uint32_t task)
{
    (void)crew__or_seq_cst(queue, task);
    pushed |= task;
}

static void submit(uint32_t task)
{
    push(&waiting, task);
    (void)crew__idle_publish(&idle);
}

static void submit_to(unsigned worker, uint32_t task)
{
    push(&mailbox[worker], task);
    crew__idle_rouse(&idle, worker);
}

/* The task of a submitter that has stopped may wait for the next submit. */
static const char *at_rest(void)
{
    uint32_t late = model_is_stopped() ? 1 : 0;

    if (((waiting.raw | mailbox[0].raw | mailbox[1].raw) & ~late) != 0)
        return "all sleep, and a task waits: a wake-up was lost";
    if ((tasks ^ pushed) & ~late)
        return "a task was lost";
    return NULL;
}

/* ---- the models -------------------------------------------------------- */

/* One task. */
static void one(unsigned me)
{
    if (me < WORKERS)
        work(me);
    submit(1);
}

/* Two tasks, one after the other. */
static void two(unsigned me)
{
    if (me < WORKERS)
        work(me);
    submit(1);
    submit(2);
}

/* Two tasks of two submitters; the first may be one that stops. */
static void each_one(unsigned me)
{
    if (me < WORKERS)
        work(me);
    submit(me == WORKERS ? 1 : 2);
}

/* The first, which may stop, rouses a worker by name as the other does. */
static void each_by_name(unsigned me)
{
    if (me < WORKERS)
        work(me);
    submit_to(0, me == WORKERS ? 1 : 2);
}

static void begin_named(void)
{
    begin_with(2);
    only_mail = true;
}

/* One for any worker, and one for worker 0 that waits for it: a worker that
 * was appointed and runs what came by name does not keep the search. */
static void named(unsigned me)
{
    if (me < WORKERS)
        work(me);
    if (me == WORKERS)
        submit_to(0, 1);
    else
        submit(2);
}

/* ---- the end of a pool ------------------------------------------------- */

static void sweep(void)
{
    while (take_from(&waiting))
        (void)crew__add_seq_cst(&swept, 1);
}

/* The last worker closes and sweeps; a submit that finds it closed sweeps. */
static void closing(unsigned me)
{
    if (me == 0) {
        crew__idle_close(&idle);
        sweep();
        return;
    }
    push(&waiting, 1);
    if (!crew__idle_publish(&idle))
        sweep();
}

static void closing_to(unsigned me)
{
    if (me == 0) {
        crew__idle_close(&idle);
        sweep();
        return;
    }
    push(&waiting, 1);
    crew__idle_rouse(&idle, 0);
    if (crew__idle_is_closed(&idle))
        sweep();
}

static void closing_end(void)
{
    model_assert(waiting.raw == 0 && swept.raw == 1);
}

/* ---- what is needed ---------------------------------------------------- */

static void begin_no_second_look(void)
{
    begin_with(1);
    without = SECOND_LOOK;
}

static void begin_look_before(void)
{
    begin_with(1);
    without = ANNOUNCING_FIRST;
}

static void begin_no_passing(void)
{
    begin_with(2);
    without = PASSING;
}

static bool must_fail(const struct model *model)
{
    return !strncmp(model->name, "broken_", 7);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "one_task",
     .threads = 3,
     .begin = begin_alone,
     .thread = one,
     .rest = at_rest,
     .bound = 3},
    {.name = "two_tasks",
     .threads = 3,
     .begin = begin_two,
     .thread = two,
     .rest = at_rest,
     .bound = 2},
    {.name = "two_submitters",
     .threads = 4,
     .begin = begin_two,
     .thread = each_one,
     .rest = at_rest,
     .bound = 1},
    {.name = "one_by_name",
     .threads = 4,
     .begin = begin_named,
     .thread = named,
     .rest = at_rest,
     .bound = 1},
    {.name = "submitter_stops",
     .threads = 4,
     .begin = begin_alone,
     .thread = each_one,
     .rest = at_rest,
     .bound = 1,
     .stops = 16,
     .stopper = 2},
    {.name = "submitter_by_name_stops",
     .threads = 4,
     .begin = begin_alone,
     .thread = each_by_name,
     .rest = at_rest,
     .bound = 1,
     .stops = 8,
     .stopper = 2},
    {.name = "closing",
     .threads = 2,
     .begin = begin_alone,
     .thread = closing,
     .end = closing_end,
     .bound = MODEL_ALL},
    {.name = "closing_by_name",
     .threads = 2,
     .begin = begin_alone,
     .thread = closing_to,
     .end = closing_end,
     .bound = MODEL_ALL},
    {.name = "broken_no_second_look",
     .threads = 3,
     .begin = begin_no_second_look,
     .thread = one,
     .rest = at_rest,
     .bound = 2},
    {.name = "broken_look_then_announce",
     .threads = 3,
     .begin = begin_look_before,
     .thread = one,
     .rest = at_rest,
     .bound = 2},
    {.name = "broken_search_not_passed_on",
     .threads = 3,
     .begin = begin_no_passing,
     .thread = two,
     .rest = at_rest,
     .bound = 2},
};

static const char word[] =
    "a read-modify-write of the word reads the newest, and what decides "
    "about a sleep is the load of it or the look at the queues";
static const char looked[] =
    "with at most 64 workers crew__idle_is_attended has looked in that order";
static const char again[] =
    "the word was read by the operation before, and this one is newer";

static const struct model_excess excess[] = {
    {"ring", "cas", 1, "acq_rel", word},
    {"ring", "cas", 1, "fails acquire", "another was faster"},
    {"ring", "cas", 2, "acq_rel", word},
    {"ring", "cas", 2, "fails acquire", "another was faster"},
    {"is_asleep", "load", 1, "acquire", looked},
    {"find_sleeper", "load", 1, "acquire", looked},
    {"crew__idle_wake_one", "load", 1, "acquire", looked},
    {"crew__idle_wake_one", "load", 2, "acquire", again},
    {"crew__idle_wake_one", "load", 3, "acquire", again},
    {"crew__idle_wake_one", "cas", 1, "fails acquire",
     "who has taken the search since the load looks after it"},
    {"crew__idle_search_begin", "cas", 1, "acq_rel", word},
    {"crew__idle_search_begin", "cas", 1, "fails acquire",
     "another has the search, and looks before it sleeps"},
    {"crew__idle_search_end", "load", 1, "acquire",
     "who has the search wrote it, or is woken by who appointed it"},
    {"crew__idle_search_end", "cas", 1, "fails acquire", "it tries again"},
    {"crew__idle_leave", "cas", 1, "acq_rel", word},
    {"crew__idle_leave", "cas", 1, "fails acquire", "it tries again"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "runtime/idle.",
    .by_one = true,
    .limit = 1000,
    .random = 10000,
    .must_fail = must_fail,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
