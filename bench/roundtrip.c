/*
 * One task at a time: submit, run on a worker, the descriptor is readable,
 * epoll_wait(-1) returns, the completion is called. In us: median and p99.9.
 *
 *   fd        a task that does nothing, one trip after the other
 *   ten       a task of about 10 us
 *   wait_ten  the same through crew_inbox_wait, without a descriptor; the
 *             floor is that of "ten"
 *
 * Two workers; the submitting thread is pinned to the first CPU, crew's workers
 * by the pool, the floor's to the second CPU (crew.one: as the floor, one
 * worker on the other CPU). The peers are as they come: not pinned.
 */
#include "roundtrip.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- what is measured ---------------------------------------------------- */

int64_t trip_begin(const struct trips *trips)
{
    if (trips->silence_ns)
        lab_sleep(trips->silence_ns);
    return lab_now();
}

void trip_measure(crew_bench *b)
{
    const struct trip_case *it = bench_data(b);
    struct trips trips = it->trips;
    struct trips before;
    struct lab_times times, unused;

    trips.count = lab_scaled(trips.count, 5);
    before = trips;
    before.count = trips.count / 10;
    lab_times_init(&times, trips.count);
    lab_times_init(&unused, trips.count);
    it->who->start(&trips);
    it->who->run(&before, &unused);
    for (int64_t n = bench_count(b); n; n--)
        it->who->run(&trips, &times);
    bench_end(b);
    it->who->stop();
    lab_times_report(&times, b, 1000, 1);
    lab_times_fini(&times);
    lab_times_fini(&unused);
}

/* ---- crew ---------------------------------------------------------------- */

static crew_pool *pool;
static crew_inbox *inbox;
static int loop;
static crew_task task;
static bool ended;

static int run(crew_self *self, crew_task *it)
{
    (void)self;
    lab_work((uint64_t)(uintptr_t)it->data);
    return 0;
}

static void done(crew_task *it)
{
    (void)it;
    ended = true;
}

static void start(const struct trips *trips, const crew_pool_options *options)
{
    struct epoll_event event = {.events = EPOLLIN};

    pool = lab_pool(options);
    lab_must(crew_inbox_create(&inbox, NULL), "inbox");
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0 ||
        epoll_ctl(loop, EPOLL_CTL_ADD, crew_inbox_fd(inbox), &event))
        lab_must(-errno, "epoll");
    task = (crew_task){
        .run = run, .done = done, .data = (void *)(uintptr_t)trips->steps};
}

/* The pool goes where this thread may when it is made: this is pinned later. */
static void start_pinned(const struct trips *trips)
{
    start(trips, &(crew_pool_options){.workers = LAB_WORKERS});
    lab_pin(0);
}

static void start_one(const struct trips *trips)
{
    char cpu[16];

    snprintf(cpu, sizeof cpu, "%d", lab_cpu(1));
    start(trips, &(crew_pool_options){.workers = 1, .placement_list = cpu});
    lab_pin(0);
}

static void start_free(const struct trips *trips)
{
    start(trips, &(crew_pool_options){.workers = LAB_WORKERS,
                                      .placement = CREW_PLACE_NONE});
}

static void go_by_fd(const struct trips *trips, struct lab_times *times)
{
    for (size_t i = 0; i < trips->count; i++) {
        int64_t begin = trip_begin(trips);

        ended = false;
        crew_submit(pool, &task, inbox);
        while (!ended) {
            struct epoll_event event;

            epoll_wait(loop, &event, 1, -1);
            crew_inbox_dispatch(inbox, 0);
        }
        lab_times_add(times, lab_now() - begin);
    }
}

static void go_by_wait(const struct trips *trips, struct lab_times *times)
{
    for (size_t i = 0; i < trips->count; i++) {
        int64_t begin = trip_begin(trips);

        ended = false;
        crew_submit(pool, &task, inbox);
        while (!ended)
            crew_inbox_wait(inbox, CREW_FOREVER);
        lab_times_add(times, lab_now() - begin);
    }
}

static void stop(void)
{
    crew_pool_destroy(pool);
    lab_must(crew_inbox_destroy(inbox), "inbox");
    close(loop);
    lab_unpin();
}

const struct trip_contender trip_crew_fd = {start_pinned, go_by_fd, stop};
const struct trip_contender trip_crew_free = {start_free, go_by_fd, stop};
static const struct trip_contender crew_one = {start_one, go_by_fd, stop};
static const struct trip_contender crew_wait = {start_pinned, go_by_wait, stop};

const crew_bench_case roundtrip_crew[] = {
    TRIP_WARM(trip_crew_fd, "roundtrip/fd", "crew"),
    TRIP_WARM(crew_one, "roundtrip/fd", "crew.one"),
    TRIP_TEN(trip_crew_fd, "roundtrip/ten", "crew"),
    TRIP_TEN(crew_one, "roundtrip/ten", "crew.one"),
    TRIP_TEN(crew_wait, "roundtrip/wait_ten", "crew"),
    {.name = NULL}};
