/* crew/adapters/epoll.h in a loop around epoll_wait. */
#include "cases.h"

#include <crew/adapters/epoll.h>

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct loop {
    struct ticker ticker;
    int epoll;
    int timer;
    bool stopped;
    uint32_t flags;
    crew_epoll *adapters[2]; /* each gone when it is detached */
};

static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct epoll_event event = {.events = EPOLLIN};

    if (!loop)
        return NULL;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    check_equal(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timer, &event), 0);
    return loop;
}

static void *open_edge_triggered(void)
{
    struct loop *loop = open_loop();

    if (loop)
        loop->flags = EPOLLET;
    return loop;
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    close(loop->timer);
    close(loop->epoll);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;
    crew_epoll *adapter = loop->adapters[slot];
    int r;

    if (!adapter)
        adapter = calloc(1, sizeof *adapter);
    assert_non_null(adapter);
    adapter->flags = loop->flags;
    r = crew_epoll_attach(adapter, loop->epoll, inbox);
    if (r < 0 && !loop->adapters[slot])
        free(adapter);
    else
        loop->adapters[slot] = adapter;
    return r;
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;
    int r = crew_epoll_detach(loop->adapters[slot]);

    if (r == 0) {
        free(loop->adapters[slot]);
        loop->adapters[slot] = NULL;
    }
    return r;
}

static bool is_alive(const struct loop *loop)
{
    for (unsigned i = 0; i < 2 && !loop->stopped; i++) {
        if (loop->adapters[i] && crew_inbox_is_alive(loop->adapters[i]->inbox))
            return true;
    }
    return false;
}

static void tick(struct loop *loop)
{
    uint64_t expirations;

    if (read(loop->timer, &expirations, sizeof expirations) > 0)
        ticker_tick(&loop->ticker);
}

static void run(void *arg)
{
    const struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    struct loop *loop = arg;

    ticker_start(&loop->ticker);
    check_equal(timerfd_settime(loop->timer, 0, &every, NULL), 0);
    while (is_alive(loop)) {
        struct epoll_event events[4];
        int n = epoll_wait(loop->epoll, events, 4, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                check_at_least(crew_epoll_dispatch(events[i].data.ptr), 0);
            else
                tick(loop);
        }
    }
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    loop->stopped = true;
}

static const struct loop_kind kind = {open_loop, close_loop, attach,
                                      detach,    run,        stop};
static const struct loop_kind edge = {
    open_edge_triggered, close_loop, attach, detach, run, stop};

CREW_TEST(L1_ten_thousand_tasks)
{
    case_tasks(&kind);
}

CREW_TEST(L1_ten_thousand_tasks_that_have_ended)
{
    case_tasks_that_wait(&kind);
}

CREW_TEST(L1_ten_thousand_calls)
{
    case_calls(&kind);
}

CREW_TEST(L1_ten_thousand_messages)
{
    case_messages(&kind);
}

CREW_TEST(L1_a_port_that_listens_holds_the_loop)
{
    case_port(&kind);
}

CREW_TEST(L1_with_nothing_outstanding_it_ends)
{
    case_nothing_outstanding(&kind);
}

CREW_TEST(L1_a_callback_for_room_holds_the_loop)
{
    case_room(&kind);
}

CREW_TEST(L2_detached_in_a_callback_nothing_is_lost)
{
    case_detached_in_a_callback(&kind);
}

CREW_TEST(L2_the_rest_arrives_on_another_thread)
{
    case_another_thread(&kind);
}

CREW_TEST(L3_two_inboxes_on_one_loop)
{
    case_two_inboxes(&kind);
}

CREW_TEST(L3_an_inbox_attached_twice_is_busy)
{
    case_attached_twice(&kind);
}

CREW_TEST(NO6_tasks_submitted_again_leave_the_timer_its_turn)
{
    case_submitted_again(&kind);
}

/* ---- what this loop alone has -------------------------------------------- */

CREW_TEST(L1_ten_thousand_tasks_edge_triggered)
{
    case_tasks(&edge);
    case_tasks_that_wait(&edge);
}

CREW_TEST(L2_edge_triggered_nothing_is_lost)
{
    case_detached_in_a_callback(&edge);
}

CREW_TEST(L3_the_event_carries_what_the_program_chose)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    crew_epoll adapter = {.data.fd = 4711};
    crew_inbox *inbox = make_inbox();
    struct epoll_event event;

    check_equal(crew_epoll_attach(&adapter, -1, inbox), -EBADF);
    check_equal(crew_epoll_dispatch(NULL), -EINVAL);
    check_equal(crew_epoll_dispatch(&adapter), 0);
    check_equal(crew_epoll_attach(&adapter, epoll, inbox), 0);
    check_equal(epoll_wait(epoll, &event, 1, 0), 1); /* to look once */
    check_equal(event.data.fd, 4711);
    check_equal(crew_epoll_dispatch(&adapter), 0);
    check_equal(epoll_wait(epoll, &event, 1, 0), 0);
    check_equal(crew_epoll_detach(&adapter), 0);
    close(epoll);
    check_equal(crew_inbox_destroy(inbox), 0);
}
