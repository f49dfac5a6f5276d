#include "pooled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <crew/crew.h>

#include "budget.h"
#include "flight.h"

/* How much decoding may hold together, by the images' headers. */
#define BUDGET_BYTES (UINT64_C(256) << 20)

struct probe_batch {
    crew_task task;
    struct pooled *pooled;
    size_t from, to;
};

struct pooled {
    struct work *work;
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group; /* of all tasks: cancels them */
    crew_task scan, plan, sheet;
    struct probe_batch *batches;
    size_t batches_left;
    struct budget budget;
    struct flight *flights; /* budget.max_images of them */
    struct failure sheet_failure;
    bool finished;
};

static void on_all_ended(crew_group *group, void *arg)
{
    struct pooled *pooled = arg;

    (void)group;
    pooled->finished = true;
}

/* No more is handed out; the end comes when all that runs has noticed. */
static void stop(struct pooled *pooled)
{
    int r;

    pooled->work->stopping = true;
    crew_group_cancel(pooled->group);
    r = crew_group_notify(pooled->group, pooled->inbox, on_all_ended, pooled);
    if (r < 0 && r != -EBUSY) /* -EBUSY: it was stopped before */
        pooled->finished = true;
}

static void give_up(struct pooled *pooled, int error, const char *what)
{
    work_abort(pooled->work, error, what);
    stop(pooled);
}

/*
 * A phase's task ended: whether the run goes on. A task that was canceled says
 * nothing; one that failed ends the run.
 */
static bool goes_on(struct pooled *pooled, int status, const char *what)
{
    if (pooled->work->stopping)
        return false;
    if (status < 0)
        give_up(pooled, status, what);
    return status >= 0;
}

static int submit(struct pooled *pooled, crew_task *task)
{
    const int r = crew_submit(pooled->pool, task, pooled->inbox);

    if (r < 0)
        give_up(pooled, r, "cannot submit");
    return r;
}

static int run_scan(crew_self *self, crew_task *task)
{
    const struct pooled *pooled = task->data;

    return work_scan(pooled->work, self);
}

static int run_probe(crew_self *self, crew_task *task)
{
    const struct probe_batch *batch = task->data;

    return work_probe(batch->pooled->work, batch->from, batch->to, self);
}

static int run_plan(crew_self *self, crew_task *task)
{
    const struct pooled *pooled = task->data;

    return work_plan(pooled->work, self);
}

static int run_sheet(crew_self *self, crew_task *task)
{
    struct pooled *pooled = task->data;

    (void)self;
    return work_write_sheet(pooled->work, &pooled->sheet_failure);
}

static int run_decode(crew_self *self, crew_task *task)
{
    return flight_decode(task->data, self);
}

static int run_encode(crew_self *self, crew_task *task)
{
    (void)self;
    return flight_encode(task->data);
}

static void on_sheet(crew_task *task)
{
    struct pooled *pooled = task->data;

    work_sheet_done(pooled->work, task->status, &pooled->sheet_failure);
    if (!pooled->work->stopping)
        pooled->finished = true;
}

static struct flight *free_flight(struct pooled *pooled)
{
    struct flight *flight = pooled->flights;

    while (flight->image)
        flight++;
    return flight;
}

/* Lets in as many images as the budget allows, in their order. */
static void admit(struct pooled *pooled)
{
    struct work *work = pooled->work;
    struct flight *flight;
    struct image *image = NULL;
    bool repeated;

    while (!work->stopping && (image = work_next(work, &repeated)) != NULL &&
           budget_take(&pooled->budget, image->memory)) {
        work->next++;
        flight = free_flight(pooled);
        flight_begin(flight, work, image, repeated);
        if (submit(pooled, &flight->decode) < 0)
            flight_end(flight, -ECANCELED);
    }
    if (work->stopping || image || pooled->budget.images > 0)
        return;
    if (work->done > 0)
        submit(pooled, &pooled->sheet);
    else
        pooled->finished = true;
}

static void land(struct pooled *pooled, struct flight *flight, int status)
{
    budget_give(&pooled->budget, flight->image->memory);
    flight_end(flight, status);
    admit(pooled);
}

static void on_encoded(crew_task *task)
{
    struct flight *flight = task->data;

    land(flight->driver, flight, task->status);
}

static void on_decoded(crew_task *task)
{
    struct flight *flight = task->data;
    struct pooled *pooled = flight->driver;

    if (task->status < 0 || submit(pooled, &flight->encode) < 0)
        land(pooled, flight, task->status);
}

static void on_planned(crew_task *task)
{
    struct pooled *pooled = task->data;

    if (!goes_on(pooled, task->status, "cannot plan"))
        return;
    work_begin_images(pooled->work);
    admit(pooled);
}

static void on_probed(crew_task *task)
{
    const struct probe_batch *batch = task->data;
    struct pooled *pooled = batch->pooled;

    pooled->batches_left--;
    if (goes_on(pooled, task->status, "cannot look at the images") &&
        pooled->batches_left == 0)
        submit(pooled, &pooled->plan);
}

static void init_task(struct pooled *pooled, crew_task *task, const char *name,
                      int (*run)(crew_self *, crew_task *),
                      void (*done)(crew_task *), void *data)
{
    task->name = name;
    task->run = run;
    task->done = done;
    task->data = data;
    task->group = pooled->group;
}

static void submit_batches(struct pooled *pooled)
{
    const size_t images = pooled->work->catalog.count;
    const size_t count = (images + PROBE_IMAGES - 1) / PROBE_IMAGES;
    size_t i;

    pooled->batches = calloc(count, sizeof *pooled->batches);
    if (!pooled->batches) {
        give_up(pooled, -ENOMEM, "cannot look at the images");
        return;
    }
    pooled->batches_left = count;
    for (i = 0; i < count; i++) {
        struct probe_batch *batch = &pooled->batches[i];

        batch->pooled = pooled;
        batch->from = i * PROBE_IMAGES;
        batch->to = i + 1 < count ? batch->from + PROBE_IMAGES : images;
        init_task(pooled, &batch->task, "probe", run_probe, on_probed, batch);
        if (submit(pooled, &batch->task) < 0)
            return;
    }
}

static void on_scanned(crew_task *task)
{
    struct pooled *pooled = task->data;

    if (goes_on(pooled, task->status, "cannot search"))
        submit_batches(pooled);
}

static void on_draw(void *arg)
{
    const struct pooled *pooled = arg;
    struct work *work = pooled->work;

    bar_draw(&work->bar, work->done, work->total,
             work->loop.lateness.longest_ns);
}

static void on_signal(int signal, void *arg)
{
    struct pooled *pooled = arg;

    (void)signal;
    work_say(pooled->work, "stopping; Ctrl-C again quits at once");
    stop(pooled);
}

/* Twice as many flights as workers, so that a worker which is done finds the
 * next image waiting, and one that is being encoded does not hold it up. */
static int init_flights(struct pooled *pooled)
{
    const unsigned count = 2 * crew_pool_workers(pooled->pool) + 2;
    unsigned i;

    pooled->budget.max_bytes = BUDGET_BYTES;
    pooled->budget.max_images = count;
    pooled->flights = calloc(count, sizeof *pooled->flights);
    if (!pooled->flights)
        return -ENOMEM;
    for (i = 0; i < count; i++) {
        struct flight *flight = &pooled->flights[i];

        flight->driver = pooled;
        init_task(pooled, &flight->decode, "decode", run_decode, on_decoded,
                  flight);
        init_task(pooled, &flight->encode, "encode", run_encode, on_encoded,
                  flight);
        flight->encode.priority = CREW_HIGH; /* it frees what is held */
    }
    return 0;
}

static int init(struct pooled *pooled, struct work *work)
{
    const struct loop_handlers handlers = {on_draw, on_signal, pooled};
    const crew_pool_options options = {.workers = work->options->workers,
                                       .name = "thumbs"};
    int r;

    pooled->work = work;
    r = crew_inbox_create(&pooled->inbox, NULL);
    if (r == 0)
        r = crew_group_create(&pooled->group, NULL);
    if (r == 0)
        r = crew_pool_create(&pooled->pool, &options);
    if (r == 0)
        r = init_flights(pooled);
    if (r == 0)
        r = loop_init(&work->loop, pooled->inbox, &handlers);
    if (r < 0)
        return r;
    init_task(pooled, &pooled->scan, "scan", run_scan, on_scanned, pooled);
    init_task(pooled, &pooled->plan, "plan", run_plan, on_planned, pooled);
    init_task(pooled, &pooled->sheet, "sheet", run_sheet, on_sheet, pooled);
    return 0;
}

static void fini(struct pooled *pooled)
{
    crew_pool_destroy(pooled->pool);
    /* After a loop that failed, completions may still wait. */
    while (pooled->inbox && crew_inbox_pending(pooled->inbox) > 0 &&
           crew_inbox_wait(pooled->inbox, CREW_S) > 0)
        continue;
    crew_group_destroy(pooled->group);
    crew_inbox_destroy(pooled->inbox);
    free(pooled->flights);
    free(pooled->batches);
}

static void begin_trace(struct pooled *pooled)
{
    const char *path = pooled->work->options->trace;
    const int r = path ? crew_trace_start(pooled->pool, path) : 0;

    if (r < 0)
        give_up(pooled, r, path);
}

/* -EALREADY: it never began. */
static void end_trace(struct pooled *pooled)
{
    const char *path = pooled->work->options->trace;
    const int r = path ? crew_trace_stop(pooled->pool) : 0;

    if (r < 0 && r != -EALREADY)
        work_abort(pooled->work, r, path);
}

int pooled_run(struct work *work, struct report *report)
{
    struct pooled pooled = {0};
    int r = init(&pooled, work);

    if (r < 0) {
        work_abort(work, r, "cannot start");
        goto done;
    }
    begin_trace(&pooled);
    submit(&pooled, &pooled.scan);
    while (!pooled.finished && r == 0)
        r = loop_turn(&work->loop, true);
    if (r < 0)
        work_abort(work, r, "main loop");
    report_workers(report, pooled.pool);
    end_trace(&pooled);
    loop_fini(&work->loop);

done:
    fini(&pooled);
    return work->error.text[0] != '\0' ? -1 : 0;
}
