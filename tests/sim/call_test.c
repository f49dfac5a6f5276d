/*
 * Calls (R1, R3, R4): each ends once, with its buffer released once, whoever
 * cancels it, whenever its handle goes, and also in a pool that is stopped.
 */
#include "job.h"

#define CALLS 12

struct play {
    struct loop loop;
    crew_call_handle *handles[CALLS]; /* of who cancels; NULL: given back */
    bool asked[CALLS];                /* for a handle */
    unsigned runs, releases;
    unsigned dones[CALLS];
    int canceled[CALLS]; /* what cancel said last; 2: nothing */
};

struct end {
    struct play *play;
    unsigned number;
};

static void count_release(void *data, void *arg)
{
    (void)data;
    (*(unsigned *)arg)++;
}

static int run_call(crew_self *self, crew_message *in, crew_message *out)
{
    struct play *play = (struct play *)(uintptr_t)in->tag;

    play->runs++;
    if (sim_chance(2)) {
        sim_check_equal(crew_message_add_buffer(out, in->buffers[0]), 0);
        in->buffers[0] = NULL;
    }
    if (sim_chance(3))
        sim_work((crew_ns)sim_random(CREW_MS));
    if (sim_chance(4))
        return crew_self_fail(self, -EIO, "text");
    return crew_self_canceled(self);
}

static void note_end(const crew_result *result, void *arg)
{
    struct end *end = arg;
    struct play *play = end->play;
    unsigned number = end->number;

    play->dones[number]++;
    sim_check_equal(result->text != NULL, result->status == -EIO);
    sim_check(result->text || result->status == 0 ||
              result->status == -ECANCELED);
    if (play->asked[number] && play->handles[number])
        sim_check_equal(crew_call_cancel(play->handles[number]), -EALREADY);
    if (play->canceled[number] == 0)
        sim_check_equal(result->status, -ECANCELED);
    free(end);
}

static unsigned make_calls(struct play *play)
{
    static const crew_callable callable = {"sim/call", run_call};
    static char byte;
    unsigned count = 1 + (unsigned)sim_random(CALLS);

    for (unsigned i = 0; i < count; i++) {
        struct end *end = malloc(sizeof *end);
        crew_buffer *buffer = NULL;
        crew_message in = {
            .buffers = &buffer, .buffer_count = 1, .tag = (uintptr_t)play};
        crew_call_options options = {.priority = (crew_priority)sim_random(3)};

        if (!end)
            abort();
        *end = (struct end){play, i};
        play->asked[i] = !sim_chance(4);
        play->canceled[i] = 2;
        sim_check_equal(
            crew_buffer_wrap(&buffer, &byte, 1, count_release, &play->releases),
            0);
        sim_check_equal(crew_call(play->asked[i] ? &play->handles[i] : NULL,
                                  load.pool, &callable, &in, &options,
                                  play->loop.inbox, note_end, end),
                        0);
    }
    return count;
}

/* A fiber beside the loop's: what it does lies between any two steps. */
static void cancel_some(void *arg)
{
    struct play *play = arg;

    for (unsigned i = 0; i < CALLS; i++) {
        crew_call_handle *handle = play->handles[i];

        if (sim_chance(3))
            sim_work((crew_ns)sim_random(CREW_MS));
        if (!handle)
            continue;
        if (sim_chance(2)) {
            int r = crew_call_cancel(handle);

            sim_check(r == 0 || r == 1 || r == -EALREADY);
            if (r == 0)
                sim_check(crew_call_cancel(handle) == -EALREADY);
            play->canceled[i] = r;
        }
        play->handles[i] = NULL;
        crew_call_destroy(handle);
    }
}

static void calls_end_once(void *arg)
{
    struct play play = {.runs = 0};
    struct sim_thread *thread;
    unsigned count;

    (void)arg;
    load_begin(0, 4, 0);
    loop_begin(&play.loop);
    count = make_calls(&play);
    thread = sim_spawn("canceler", cancel_some, &play);
    if (sim_chance(4)) {
        sim_work((crew_ns)sim_random(CREW_MS));
        sim_check_equal(load_stop(CREW_FOREVER), 0);
    }
    loop_empty(&play.loop);
    sim_join(thread);
    for (unsigned i = 0; i < count; i++)
        sim_check_equal(play.dones[i], 1);
    sim_check_equal(play.releases, count);
    sim_check(play.runs <= count);
    loop_end(&play.loop);
    load_end();
}

const struct scenario call_scenarios[] = {
    {.name = "call.ends_once",
     .main_fiber = calls_end_once,
     .seeds = 20000,
     .reaches = REACHES(CANCEL_QUEUED) | REACHES(CANCEL_LATE) |
                REACHES(STOP_SWEPT)},
    {.name = NULL},
};
