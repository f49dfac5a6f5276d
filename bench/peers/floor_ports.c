/*
 * ports.c asked of what is least: two spinning threads and a cache line each
 * way; two threads that sleep in epoll, and an eventfd each way.
 */
#include "ports.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static pthread_t thread;

/* ---- both awake ---------------------------------------------------------- */

#define LAST UINT64_MAX

static _Alignas(LAB_APART) _Atomic uint64_t there;
static _Alignas(LAB_APART) _Atomic uint64_t back;
static _Alignas(LAB_APART) uint64_t trip;

static void *echo(void *unused)
{
    uint64_t seen = 0;

    lab_pin(1);
    while (seen != LAST) {
        uint64_t now = atomic_load_explicit(&there, memory_order_acquire);

        if (now != seen)
            atomic_store_explicit(&back, now, memory_order_release);
        seen = now;
    }
    return unused;
}

static void start(void)
{
    trip = 0;
    atomic_store(&there, 0);
    atomic_store(&back, 0);
    lab_must(-pthread_create(&thread, NULL, echo, NULL), "thread");
    lab_pin(0);
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        trip++;
        atomic_store_explicit(&there, trip, memory_order_release);
        while (atomic_load_explicit(&back, memory_order_acquire) != trip)
            ;
    }
}

static void stop(void)
{
    atomic_store(&there, LAST);
    pthread_join(thread, NULL);
    lab_unpin();
}

static const struct wait_contender words = {start, run, stop};

/* ---- both asleep --------------------------------------------------------- */

/* A thread's descriptor, and what it sleeps in. */
struct loop {
    int event;
    int epoll;
};

static struct loop near, far;
static atomic_bool over;

static void loop_init(struct loop *loop)
{
    struct epoll_event wish = {.events = EPOLLIN | EPOLLET};

    loop->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->event < 0 || loop->epoll < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->event, &wish))
        lab_must(-errno, "epoll");
}

static void loop_tell(struct loop *loop)
{
    uint64_t one = 1;

    if (write(loop->event, &one, sizeof one) < 0)
        lab_must(-errno, "eventfd");
}

static void loop_sleep(struct loop *loop)
{
    struct epoll_event seen;

    while (epoll_wait(loop->epoll, &seen, 1, -1) != 1)
        ;
}

static void loop_fini(struct loop *loop)
{
    close(loop->event);
    close(loop->epoll);
}

static bool pinned;

static void *turn_far(void *unused)
{
    if (pinned)
        lab_pin(1);
    for (;;) {
        loop_sleep(&far);
        if (atomic_load(&over))
            return unused;
        loop_tell(&near);
    }
}

static void start_loops(const struct trips *trips)
{
    (void)trips;
    atomic_store(&over, false);
    loop_init(&near);
    loop_init(&far);
    lab_must(-pthread_create(&thread, NULL, turn_far, NULL), "thread");
    if (pinned)
        lab_pin(0);
}

static void start_pinned(const struct trips *trips)
{
    pinned = true;
    start_loops(trips);
}

static void run_loops(const struct trips *trips, struct lab_times *times)
{
    for (size_t i = 0; i < trips->count; i++) {
        int64_t begin = trip_begin(trips);

        loop_tell(&far);
        loop_sleep(&near);
        lab_times_add(times, lab_now() - begin);
    }
}

static void stop_loops(void)
{
    atomic_store(&over, true);
    loop_tell(&far);
    pthread_join(thread, NULL);
    loop_fini(&near);
    loop_fini(&far);
    lab_unpin();
    pinned = false;
}

static const struct trip_contender loops = {start_pinned, run_loops,
                                            stop_loops};
static const struct trip_contender free_loops = {start_loops, run_loops,
                                                 stop_loops};

const crew_bench_case ports_floor[] = {PING_CASE(words, "pingpong", "floor"),
                                       PING_ASLEEP(loops, "asleep", "floor"),
                                       PING_ASLEEP(free_loops, "free", "floor"),
                                       {.name = NULL}};
