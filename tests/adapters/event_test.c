/* crew/adapters/event.h in a libevent loop. */
#include "cases.h"

#include <crew/adapters/event.h>

#include <stdlib.h>

struct loop {
    struct ticker ticker;
    struct event_base *base;
    struct event *timer;
    crew_event *adapters[2]; /* each gone when it is detached */
};

/* One of two may be idle while the other is not. */
static void stop_when_idle(void *arg)
{
    struct loop *loop = arg;

    for (unsigned i = 0; i < 2; i++) {
        if (loop->adapters[i] && crew_inbox_is_alive(loop->adapters[i]->inbox))
            return;
    }
    event_base_loopbreak(loop->base);
}

static void tick(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    ticker_tick(arg);
}

static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->base = event_base_new();
    loop->timer = event_new(loop->base, -1, EV_PERSIST, tick, loop);
    return loop;
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    event_free(loop->timer);
    event_base_free(loop->base);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;
    crew_event *adapter = loop->adapters[slot];
    int r;

    if (!adapter)
        adapter = calloc(1, sizeof *adapter);
    assert_non_null(adapter);
    adapter->on_idle = stop_when_idle;
    adapter->arg = loop;
    r = crew_event_attach(adapter, loop->base, inbox);
    if (r < 0 && !loop->adapters[slot])
        free(adapter);
    else
        loop->adapters[slot] = adapter;
    return r;
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;
    int r = crew_event_detach(loop->adapters[slot]);

    if (r == 0) {
        free(loop->adapters[slot]);
        loop->adapters[slot] = NULL;
    }
    return r;
}

static void run(void *arg)
{
    const struct timeval every = {0, 1000};
    struct loop *loop = arg;

    ticker_start(&loop->ticker);
    event_add(loop->timer, &every);
    event_base_dispatch(loop->base);
    event_del(loop->timer);
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    event_base_loopbreak(loop->base);
}

static const struct loop_kind kind = {open_loop, close_loop, attach,
                                      detach,    run,        stop};

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

static void detach_when_idle(void *arg)
{
    check_equal(crew_event_detach(arg), 0);
}

/* Without a timer: the loop has nothing else and ends as libevent's do. */
CREW_TEST(L1_detached_when_idle_the_loop_ends)
{
    struct event_base *base = event_base_new();
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = return_zero, .done = ignore_done};
    crew_event adapter = {.on_idle = detach_when_idle, .arg = &adapter};

    check_equal(crew_event_attach(&adapter, base, inbox), 0);
    check_equal(crew_submit(pool, &task, inbox), 0);
    check_equal(event_base_dispatch(base), 1); /* nothing is left */
    event_base_free(base);
    end_all(pool, NULL, inbox);
}
