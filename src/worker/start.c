#include "worker/worker.h"

#include "base/assert.h"
#include "worker/environment.h"

#include <errno.h>
#include <string.h>

static bool is_any(const uintptr_t *words, unsigned count)
{
    uintptr_t sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum |= words[i];
    return sum != 0;
}

static int check(crew_worker **out, crew_main_fn *main,
                 const crew_worker_options *options)
{
    if (!out || !main || is_any(options->reserved, 8))
        return -EINVAL;
    if (options->isolation == CREW_PROCESS)
        return -ENOTSUP;
    if (options->isolation != CREW_THREAD || options->process ||
        options->start_timeout < CREW_FOREVER ||
        (unsigned)options->placement > CREW_PLACE_NONE)
        return -EINVAL;
    if (options->stack_size && options->stack_size < crew__thread_stack_min())
        return -EINVAL;
    if (!options->inbox && (options->listener || options->on_online ||
                            options->on_error || options->on_exit))
        return -EINVAL;
    if (options->listener && is_any(options->listener->reserved, 4))
        return -EINVAL;
    if (options->inbox && crew__inbox_is_forked(options->inbox))
        return -EOWNERDEAD;
    return 0;
}

/* ---- where it runs --------------------------------------------------------- */

/* All that the list names. */
static int mask_of_list(crew_worker *worker,
                        const struct crew__topology *topology,
                        const struct crew__placement_request *request)
{
    struct crew__placement_plan plan;
    int r = crew__placement_make(&plan, topology, request);

    if (r < 0)
        return r;
    memset(&worker->mask, 0, sizeof worker->mask);
    for (unsigned i = 0; i < plan.workers; i++)
        crew__cpuset_add(&worker->mask, plan.seats[i].cpu.os);
    crew__placement_fini(&plan);
    return 0;
}

/* Those that share an L3 with the calling thread's. */
static void mask_of_neighbours(crew_worker *worker,
                               const struct crew__topology *topology)
{
    const struct crew__cpu *here;
    struct crew__cpuset usable = worker->mask;

    here = crew__topology_find(topology, (unsigned)crew__thread_cpu());
    if (!here)
        return;
    memset(&worker->mask, 0, sizeof worker->mask);
    for (unsigned i = 0; i < topology->count; i++) {
        const struct crew__cpu *cpu = &topology->cpus[i];

        if (cpu->l3 == here->l3 && crew__cpuset_has(&usable, cpu->os))
            crew__cpuset_add(&worker->mask, cpu->os);
    }
}

static int place(crew_worker *worker, const crew_worker_options *options)
{
    struct crew__placement_request request = {
        .placement = options->placement,
        .list = options->placement_list,
        .caller_cpu = crew__thread_cpu(),
    };
    const struct crew__topology *topology;
    int r;

    worker->place.cpu = -1; /* not pinned to one */
    worker->masked = crew__pool_usable(&worker->mask) == 0;
    if (!options->placement_list && options->placement != CREW_PLACE_COMPACT)
        return 0;
    r = crew__topology_retain(&topology);
    if (r < 0)
        return r;
    if (worker->masked)
        request.usable = &worker->mask;
    if (options->placement_list)
        r = mask_of_list(worker, topology, &request);
    else
        mask_of_neighbours(worker, topology);
    crew__topology_release(topology);
    worker->masked = true;
    return r;
}

/* ---- building -------------------------------------------------------------- */

static void init(crew_worker *worker, crew_main_fn *main,
                 const crew_worker_options *options)
{
    const crew__a64 *word;

    worker->generation = crew__fork_generation(&word);
    worker->place.cancel = &worker->cancel;
    crew__cancel_init(&worker->cancel);
    worker->cancel.meter = &worker->meter;
    worker->main = main;
    worker->environment = crew__environment_here();
    worker->inbox = options->inbox;
    worker->on_online = options->on_online;
    worker->on_error = options->on_error;
    worker->on_exit = options->on_exit;
    worker->arg = options->arg;
    worker->name = crew__worker_copy_text(options->name ? options->name
                                                        : "worker");
    worker->has_start = options->start != NULL;
    worker->online.deliver = crew__worker_deliver_online;
    worker->exit.deliver = crew__worker_deliver_exit;
    crew__park_init(&worker->parker);
    crew__list_init(&worker->children);
    crew__post_init(&worker->box);
    crew__list_init(&worker->locks);
    crew__list_init(&worker->ended_locks);
    crew__store_relaxed(&worker->references, 1); /* not shared yet */
    crew__census_born(CREW__CENSUS_WORKER, worker);
}

static int build(crew_worker *worker, const crew_worker_options *options)
{
    int r = place(worker, options);

    if (r == 0 && !worker->name)
        r = -ENOMEM;
    if (r == 0)
        r = crew_inbox_create(&worker->home, NULL);
    if (r == 0)
        r = crew_channel_create(&worker->port, &worker->inner, NULL);
    if (r == 0) {
        worker->port->transport->retain(worker->port);
        crew__port_lend(worker->port);
        crew__port_lend(worker->inner);
    }
    return r;
}

static int start_thread(crew_worker *worker, const crew_worker_options *options)
{
    struct crew__thread_options how = {.stack_bytes = options->stack_size,
                                       .name = worker->name};

    crew__store_relaxed(&worker->references, 2); /* not shared yet */
    return crew__thread_start(&worker->thread, &how, crew__worker_run, worker);
}

/* The worker may be gone when it returns. */
static void open_gate(crew_worker *worker, bool may_enter)
{
    worker->may_enter = may_enter;
    crew__unpark(&worker->parker);
}

/* ---- the start message ----------------------------------------------------- */

/* The listener first, as that can be undone. Nothing comes to it meanwhile. */
static int post_start(crew_worker *worker, const crew_worker_options *options)
{
    int r = 0;

    if (options->listener)
        r = crew_listen(worker->port, options->inbox, options->listener);
    if (r < 0 || !options->start)
        return r;
    r = crew_post(worker->port, options->start);
    if (r < 0 && options->listener)
        crew_listen(worker->port, NULL, NULL);
    return r;
}

/* ---- starting -------------------------------------------------------------- */

static void expect_items(crew_worker *worker)
{
    if (!worker->inbox)
        return;
    crew__add_relaxed(&worker->references, 2); /* the caller has one */
    crew__inbox_expect(worker->inbox, 2);
}

/* It runs at the gate. */
static int let_in(crew_worker *worker, const crew_worker_options *options)
{
    crew_worker *parent = crew__worker_here();
    int r = post_start(worker, options);

    if (r == 0) {
        /* A forked child has no part in the family. */
        if (parent && !crew__worker_is_forked(parent))
            crew__worker_join_family(worker, parent);
        expect_items(worker);
        crew__id_add(worker);
    }
    open_gate(worker, r == 0);
    return r;
}

int crew_worker_start(crew_worker **out, crew_main_fn *main,
                      const crew_worker_options *options)
{
    static const crew_worker_options defaults;
    crew_worker *worker;
    bool begun = false;
    int r;

    if (!options)
        options = &defaults;
    r = check(out, main, options);
    if (r < 0)
        return r;
    worker = crew__memory_aligned(CREW__APART, sizeof *worker);
    if (!worker)
        return -ENOMEM;
    init(worker, main, options);
    r = build(worker, options);
    if (r == 0) {
        r = start_thread(worker, options);
        begun = r == 0;
    }
    if (r == 0)
        r = let_in(worker, options);
    if (r == 0) {
        *out = worker;
        return 0;
    }
    if (begun)
        crew__thread_join(&worker->thread);
    else if (crew__load_relaxed(&worker->references) == 2) /* not shared */
        crew__store_relaxed(&worker->references, 1);       /* as above */
    crew__worker_dispose(worker);
    return r;
}
