/*
 * roundtrip.c and asleep.c asked of a hand-written pair: a word that the
 * submitter counts up, an eventfd that the worker writes. The worker spins
 * before it sleeps on the word's futex, or does not spin.
 *
 * `asleep` and the word form a Dekker pair: each side writes its own and then
 * reads the other's, both seq_cst.
 */
#include "roundtrip.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPIN 5000 /* rounds of relax */
#define LAST UINT32_MAX

static _Alignas(LAB_APART) atomic_uint sent;
static _Alignas(LAB_APART) atomic_uint asleep;
static _Alignas(LAB_APART) unsigned spin;
static uint64_t steps;
static int event, loop;
static pthread_t thread;
static unsigned trip;

static unsigned wait_for_other(unsigned seen)
{
    for (unsigned spun = 0;; spun++) {
        unsigned now = atomic_load_explicit(&sent, memory_order_acquire);

        if (now != seen)
            return now;
        if (spun < spin) {
            lab_relax();
            continue;
        }
        atomic_store(&asleep, 1);
        if (atomic_load(&sent) == seen)
            syscall(SYS_futex, &sent, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        atomic_store(&asleep, 0);
        spun = 0;
    }
}

static void *worker(void *unused)
{
    uint64_t one = 1;
    unsigned seen = 0;

    lab_pin(1);
    while ((seen = wait_for_other(seen)) != LAST) {
        lab_work(steps);
        if (write(event, &one, sizeof one) < 0)
            break;
    }
    return unused;
}

static void send_trip(unsigned number)
{
    atomic_store(&sent, number);
    if (atomic_load(&asleep))
        syscall(SYS_futex, &sent, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void start(const struct trips *trips)
{
    struct epoll_event wish = {.events = EPOLLIN | EPOLLET};

    event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (event < 0 || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, event, &wish))
        lab_must(-errno, "epoll");
    steps = trips->steps;
    trip = 0;
    atomic_store(&sent, 0);
    lab_must(-pthread_create(&thread, NULL, worker, NULL), "thread");
    lab_pin(0);
}

static void start_spinning(const struct trips *trips)
{
    spin = SPIN;
    start(trips);
}

static void start_sleeping(const struct trips *trips)
{
    spin = 0;
    start(trips);
}

static void run(const struct trips *trips, struct lab_times *times)
{
    struct epoll_event seen;

    for (size_t i = 0; i < trips->count; i++) {
        int64_t begin = trip_begin(trips);

        send_trip(++trip);
        epoll_wait(loop, &seen, 1, -1);
        lab_times_add(times, lab_now() - begin);
    }
}

static void stop(void)
{
    send_trip(LAST);
    pthread_join(thread, NULL);
    close(event);
    close(loop);
    lab_unpin();
}

static const struct trip_contender spinning = {start_spinning, run, stop};
static const struct trip_contender sleeping = {start_sleeping, run, stop};

const crew_bench_case roundtrip_floor[] = {
    TRIP_WARM(spinning, "roundtrip/fd", "floor"),
    TRIP_TEN(spinning, "roundtrip/ten", "floor"),
    TRIP_TEN(spinning, "roundtrip/wait_ten", "floor"),
    {.name = NULL}};
const crew_bench_case asleep_floor[] = {
    TRIP_ASLEEP(sleeping, "asleep/pinned", "floor"), {.name = NULL}};
