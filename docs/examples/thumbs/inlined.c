#include "inlined.h"

#include <errno.h>

#include "flight.h"

struct inlined {
    struct work *work;
    /* What the next turn does; -ECANCELED from it means that a signal waits
     * for the loop. NULL: all is done. */
    int (*step)(struct inlined *inlined);
    size_t probed;
};

static int step_sheet(struct inlined *inlined)
{
    struct failure failure = {""};
    int r;

    inlined->step = NULL;
    if (inlined->work->done == 0)
        return 0;
    r = work_write_sheet(inlined->work, &failure);
    work_sheet_done(inlined->work, r, &failure);
    return 0;
}

static int step_image(struct inlined *inlined)
{
    struct work *work = inlined->work;
    struct flight flight = {0};
    struct image *image;
    bool repeated;
    int r;

    image = work_next(work, &repeated);
    if (!image) {
        inlined->step = step_sheet;
        return 0;
    }
    work->next++;
    flight_begin(&flight, work, image, repeated);
    r = flight_decode(&flight, NULL);
    if (r == 0)
        r = flight_encode(&flight);
    flight_end(&flight, r);
    return r == -ECANCELED ? r : 0;
}

static int step_plan(struct inlined *inlined)
{
    const int r = work_plan(inlined->work, NULL);

    if (r == 0)
        work_begin_images(inlined->work);
    inlined->step = step_image;
    return r;
}

static int step_probe(struct inlined *inlined)
{
    const size_t left = inlined->work->catalog.count - inlined->probed;
    const size_t n = left < PROBE_IMAGES ? left : PROBE_IMAGES;
    const size_t from = inlined->probed;

    inlined->probed += n;
    if (n == left)
        inlined->step = step_plan;
    return work_probe(inlined->work, from, from + n, NULL);
}

static int step_scan(struct inlined *inlined)
{
    inlined->step = step_probe;
    return work_scan(inlined->work, NULL);
}

static void on_draw(void *arg)
{
    struct work *work = arg;

    bar_draw(&work->bar, work->done, work->total,
             work->loop.lateness.longest_ns);
}

static void on_signal(int signal, void *arg)
{
    struct work *work = arg;

    (void)signal;
    work_say(work, "stopping");
    work->stopping = true;
}

int inlined_run(struct work *work)
{
    const struct loop_handlers handlers = {on_draw, on_signal, work};
    struct inlined inlined = {.work = work, .step = step_scan};
    int r = loop_init(&work->loop, NULL, &handlers);

    if (r < 0) {
        work_abort(work, r, "cannot start");
        return r;
    }
    while (inlined.step && !work->stopping) {
        r = inlined.step(&inlined);
        if (r < 0 && r != -ECANCELED)
            work_abort(work, r, "cannot go on");
        r = loop_turn(&work->loop, false);
        if (r < 0)
            work_abort(work, r, "main loop");
    }
    loop_fini(&work->loop);
    return work->error.text[0] != '\0' ? -1 : 0;
}
