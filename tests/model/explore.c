/*
 * The search: which choices to make. An execution is a path of choices; the
 * next one is the path with its last choice that has an alternative changed
 * to the next alternative, and cut there.
 */
#include "internal.h"
#include "schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATH = 8192, STEPS = 4000 };

enum verdict { GOES_ON, DONE, RESTED, CUT, FAILED, AGAIN };

struct thread model_threads[MODEL_THREADS];
struct thread *model_running;
const struct model *model_current;
bool model_tell;
uint64_t model_writes;
unsigned model_spurious;

static char stacks[MODEL_THREADS][STACK] __attribute__((aligned(64)));
static struct fiber outside;
static struct thread *ahead_for; /* who waits until the running one pauses */

static struct {
    uint8_t count;
    uint8_t chosen;
} path[PATH];
static unsigned depth;  /* choices made */
static unsigned length; /* choices that are prescribed */

static enum verdict verdict;
static char error[256];
static uint32_t sleeping; /* threads whose next step has been tried */
static int preemptions;
static unsigned steps;
static unsigned stop_at; /* the stopper makes so many steps less one; 0: all */
static bool stopped_some;

/* Random executions. */
static bool random_mode;
static uint64_t random_state;
static unsigned priorities[MODEL_THREADS];
static unsigned change_at[2];
static unsigned last_steps;

/* ---- choices ----------------------------------------------------------- */

static uint32_t draw(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33);
}

static void leave(enum verdict why)
{
    struct thread *thread = model_running;

    verdict = why;
    model_running = NULL;
    if (thread)
        fiber_switch(&thread->fiber, &outside);
}

static unsigned record(unsigned count, unsigned preferred)
{
    if (depth == PATH) {
        model_fail("too many choices: it does not end");
        return 0;
    }
    if (depth >= length) {
        path[depth].count = (uint8_t)count;
        path[depth].chosen = (uint8_t)preferred;
        length = depth + 1;
    } else if (path[depth].count != count) {
        fprintf(stderr, "model: %s does not repeat itself\n",
                model_current->name);
        abort();
    }
    return path[depth++].chosen;
}

unsigned model_choose(unsigned count)
{
    if (count <= 1 || !model_running)
        return 0;
    /* Old values and odd places are seldom what it takes. */
    if (schedule_replays())
        return schedule_choice(count);
    return schedule_note_choice(
        record(count, random_mode && draw() % 2 ? draw() % count : 0));
}

static bool next_path(void)
{
    length = depth;
    while (length > 0) {
        if (path[length - 1].chosen + 1 < path[length - 1].count) {
            path[length - 1].chosen++;
            return true;
        }
        length--;
    }
    return false;
}

/* ---- who is next ------------------------------------------------------- */

static uint32_t bit(const struct thread *thread)
{
    return UINT32_C(1) << number_of(thread);
}

static bool is_halted(const struct thread *thread)
{
    return stop_at && number_of(thread) == model_current->stopper &&
           thread->made + 1 >= stop_at && thread->state != ENDED;
}

static bool is_able(const struct thread *thread)
{
    if (is_halted(thread))
        return false;
    switch (thread->state) {
    case READY:
        return true;
    case YIELDED:
        return model_writes != thread->yielded_at;
    case ASLEEP:
        return thread->deadline != INT64_MAX; /* it may come now */
    default:
        return false;
    }
}

static uint32_t all_able(void)
{
    uint32_t able = 0;

    for (unsigned i = 0; i < model_current->threads; i++) {
        if (is_able(&model_threads[i]))
            able |= UINT32_C(1) << i;
    }
    return able;
}

/* Those that have yielded and have not looked since the last write. */
static uint32_t last_looks(void)
{
    uint32_t able = 0;

    for (unsigned i = 0; i < model_current->threads; i++) {
        struct thread *thread = &model_threads[i];

        if (thread->state == YIELDED && !thread->looked && !is_halted(thread))
            able |= UINT32_C(1) << i;
    }
    return able;
}

static bool meet(const struct pending *a, const struct pending *b)
{
    if (!a->address || a->address != b->address)
        return false;
    /* Two seq_cst loads have an order: the later may not read the older. */
    return a->kind != LOAD || b->kind != LOAD || (a->seq_cst && b->seq_cst);
}

/* In the random mode every other execution runs the thread with the highest
 * priority, which changes twice; the others flip coins. */
static unsigned prefer(struct thread *list[], unsigned count)
{
    unsigned best = 0;

    if (!random_mode)
        return 0;
    if (!priorities[0])
        return draw() % 4 ? 0 : draw() % count;
    for (unsigned i = 0; i < 2; i++) {
        if (steps == change_at[i])
            priorities[number_of(list[0])] = 2 - i;
    }
    for (unsigned i = 1; i < count; i++) {
        if (priorities[number_of(list[i])] > priorities[number_of(list[best])])
            best = i;
    }
    return best;
}

static unsigned list_able(struct thread *me, uint32_t able,
                          struct thread *list[])
{
    bool first = me && (able & bit(me));
    unsigned count = 0;

    if (first)
        list[count++] = me;
    if (first && model_current->bound >= 0 && !model_current->random &&
        preemptions >= model_current->bound)
        return count;
    for (unsigned i = 0; i < model_current->threads; i++) {
        if ((able & (UINT32_C(1) << i)) && &model_threads[i] != me)
            list[count++] = &model_threads[i];
    }
    return count;
}

static void make_sleep(struct thread *list[], unsigned chosen)
{
    if (model_current->bound >= 0 || model_current->random)
        return;
    for (unsigned i = 0; i < chosen; i++)
        sleeping |= bit(list[i]);
    sleeping &= ~bit(list[chosen]);
    for (unsigned i = 0; i < model_current->threads; i++) {
        if (meet(&model_threads[i].pending, &list[chosen]->pending))
            sleeping &= ~(UINT32_C(1) << i);
    }
}

static struct thread *set_going(struct thread *thread)
{
    if (thread->state == YIELDED) {
        thread->newest = model_writes == thread->yielded_at;
        thread->looked = thread->newest;
    } else if (thread->state == ASLEEP) {
        thread->timed_out = true;
        if (thread->now < thread->deadline)
            thread->now = thread->deadline;
    }
    thread->state = READY;
    return thread;
}

/* NULL: the execution is over. */
static struct thread *pick(struct thread *me)
{
    struct thread *list[MODEL_THREADS];
    uint32_t able = all_able();
    bool goes_on = me && (able & bit(me)) && me->state == READY;
    unsigned count;
    unsigned chosen;

    if (!able)
        able = last_looks();
    if (!able) {
        verdict = RESTED;
        return NULL;
    }
    if (++steps > STEPS) {
        model_fail("too many steps: it does not end");
        return NULL;
    }
    if (schedule_replays())
        return set_going(schedule_next(goes_on ? me : NULL, able));
    able &= ~sleeping;
    if (!able) {
        verdict = CUT;
        return NULL;
    }
    count = list_able(me, able, list);
    chosen = count > 1 ? record(count, prefer(list, count)) : 0;
    make_sleep(list, chosen);
    if (goes_on && list[chosen] != me)
        preemptions++;
    schedule_note_next(goes_on ? me : NULL, list[chosen]);
    return set_going(list[chosen]);
}

static void switch_from(struct thread *me, struct thread *next)
{
    if (next == me)
        return;
    model_running = next;
    fiber_switch(&me->fiber, next ? &next->fiber : &outside);
}

/* Goes back to who waits until this thread pauses, or to the next. */
static void pause_here(struct thread *me)
{
    struct thread *next = ahead_for;

    if (next) {
        ahead_for = NULL;
        model_running = next == me ? NULL : next;
        fiber_switch(&me->fiber, next == me ? &outside : &next->fiber);
        return;
    }
    switch_from(me, pick(me));
}

void model_go_on(struct thread *thread)
{
    struct thread *me = model_running;

    thread->state = READY;
    thread->pending.kind = NOTHING;
    thread->pending.address = 0;
    sleeping &= ~bit(thread);
    /* Its own number stands for the outside. */
    ahead_for = me ? me : thread;
    model_running = thread;
    fiber_switch(me ? &me->fiber : &outside, &thread->fiber);
}

void model_step(struct pending pending, bool shared)
{
    struct thread *me = model_running;

    if (shared || schedule_replays() || is_halted(me)) {
        me->pending = pending;
        pause_here(me);
    }
    me->made++;
}

void model_rest(void)
{
    struct thread *me = model_running;

    if (me->state == YIELDED) {
        me->pending.kind = NOTHING;
        me->pending.address = 0;
    }
    pause_here(me);
}

void model_begin_again(void)
{
    leave(AGAIN);
}

/* ---- one execution ----------------------------------------------------- */

static void thread_main(void)
{
    struct thread *me = model_running;

    model_current->thread(number_of(me));
    me->state = ENDED;
    me->pending.address = 0;
    pause_here(me);
    abort();
}

static void begin_threads(void)
{
    for (unsigned i = 0; i < model_current->threads; i++) {
        struct thread *thread = &model_threads[i];
        struct fiber fiber = thread->fiber;

        memset(thread, 0, sizeof *thread);
        thread->fiber = fiber;
        thread->now = 1;
        thread->view.clock[i] = 1;
        fiber_make(&thread->fiber, stacks[i], STACK, thread_main);
    }
    ahead_for = NULL;
    for (unsigned i = 0; i < model_current->threads && verdict == GOES_ON; i++)
        model_go_on(&model_threads[i]);
}

static bool all_ended(void)
{
    for (unsigned i = 0; i < model_current->threads; i++) {
        if (model_threads[i].state != ENDED && !is_halted(&model_threads[i]))
            return false;
    }
    return true;
}

static void tell_deadlock(void)
{
    const char *what = NULL;

    if (model_current->rest)
        what = model_current->rest();
    else
        what = "nobody can run: a deadlock";
    if (what)
        model_fail("%s", what);
}

static void choose_stop(void)
{
    stop_at = 0;
    if (model_current->stops) {
        unsigned count = model_current->stops + 1;

        if (schedule_replays())
            stop_at = schedule_stop();
        else
            stop_at = record(count, random_mode ? draw() % count : 0);
        schedule_note_stop(stop_at);
    }
}

static void run_once(void)
{
    verdict = GOES_ON;
    error[0] = 0;
    depth = 0;
    sleeping = 0;
    preemptions = 0;
    steps = 0;
    model_writes = 0;
    model_spurious = 0;
    model_running = NULL;
    model_memory_begin();
    if (model_current->begin)
        model_current->begin();
    choose_stop();
    begin_threads();
    if (verdict == GOES_ON) {
        model_running = pick(NULL);
        if (model_running)
            fiber_switch(&outside, &model_running->fiber);
    }
    model_running = NULL;
    last_steps = steps;
    if (verdict == RESTED) {
        if (all_ended())
            verdict = DONE;
        else
            tell_deadlock();
    }
    if (verdict == RESTED)
        verdict = DONE;
    if (verdict == DONE && model_current->end)
        model_current->end();
}

bool model_is_stopped(void)
{
    return is_halted(&model_threads[model_current->stopper]);
}

void model_fail(const char *format, ...)
{
    va_list list;

    if (verdict != FAILED) {
        va_start(list, format);
        vsnprintf(error, sizeof error, format, list);
        va_end(list);
        if (model_tell)
            printf("  error: %s\n", error);
    }
    leave(FAILED);
}

unsigned model_self(void)
{
    return model_running ? number_of(model_running) : MODEL_THREADS;
}

unsigned model_made(void)
{
    return model_running ? model_running->made : 0;
}

/* ---- the search -------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t; /* of the processor, whoever else uses it */

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void note(struct model_result *result)
{
    if (verdict == CUT) {
        result->cut++;
        return;
    }
    result->executions++;
    if (verdict == FAILED) {
        strcpy(result->error, error);
    } else if (model_current->outcome) {
        result->outcomes |= UINT64_C(1) << (model_current->outcome() & 63);
    }
}

static void begin_search(const struct model *model, struct model_result *result)
{
    memset(result, 0, sizeof *result);
    model_current = model;
    model_lessons_forget();
    length = 0;
    stopped_some = false;
}

static void draw_priorities(uint64_t number)
{
    random_state = (model_current->seed + number) *
                       UINT64_C(0x9e3779b97f4a7c15) +
                   1;
    draw();
    priorities[0] = 0;
    if (number % 2 == 0)
        return;
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        priorities[i] = 16 + draw() % 1024;
    for (unsigned i = 0; i < 2; i++)
        change_at[i] = 1 + draw() % (last_steps + 1);
}

static void search_at_random(struct model_result *result)
{
    random_mode = true;
    for (uint64_t i = 0; i < model_current->random; i++) {
        draw_priorities(i);
        length = 0;
        run_once();
        if (verdict == AGAIN)
            continue;
        note(result);
        if (verdict == FAILED)
            break;
    }
    random_mode = false;
    result->stopped = true;
}

/* Once a stop comes too late to stop anything, later ones do too. */
static bool is_past_last_stop(void)
{
    return model_current->stops && length == 1 && path[0].chosen > 1 &&
           !stopped_some;
}

static void search_all(uint64_t limit, struct model_result *result)
{
    for (;;) {
        run_once();
        if (verdict == AGAIN) {
            length = 0;
            memset(result, 0, sizeof *result);
            continue;
        }
        note(result);
        stopped_some = stopped_some || model_is_stopped();
        if (verdict == FAILED || !next_path() || is_past_last_stop())
            return;
        if (model_current->stops && length == 1)
            stopped_some = false;
        if (limit && result->executions >= limit) {
            result->stopped = true;
            return;
        }
    }
}

/* Runs the path that failed once more, with its schedule written down. */
static void write_down(struct model_result *result)
{
    schedule_write();
    length = depth;
    run_once();
    schedule_print(result->schedule, sizeof result->schedule);
    schedule_forget();
}

void model_check(const struct model *model, uint64_t limit,
                 struct model_result *result)
{
    double begun = seconds();

    begin_search(model, result);
    if (model->random)
        search_at_random(result);
    else
        search_all(limit, result);
    if (result->error[0])
        write_down(result);
    result->seconds = seconds() - begun;
}

void model_replay(const struct model *model, const char *schedule, bool tell,
                  struct model_result *result)
{
    schedule_read(schedule); /* it may lie in *result */
    begin_search(model, result);
    model_tell = tell;
    run_once();
    model_tell = false;
    schedule_forget();
    note(result);
}
