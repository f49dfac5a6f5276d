/* crew/adapters/ev.h in a libev loop. */
#include "cases.h"

#include <crew/adapters/ev.h>

#include <stdlib.h>

struct loop {
    struct ticker ticker;
    struct ev_loop *ev;
    ev_timer timer;       /* does not hold the loop */
    crew_ev *adapters[2]; /* each gone when it is detached */
};

static void tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    ticker_tick(timer->data);
}

static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->ev = ev_loop_new(EVFLAG_NOENV);
    ev_timer_init(&loop->timer, tick, 0.001, 0.001);
    loop->timer.data = loop;
    return loop;
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    ev_loop_destroy(loop->ev);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;
    crew_ev *adapter = loop->adapters[slot];
    int r;

    if (!adapter)
        adapter = calloc(1, sizeof *adapter);
    assert_non_null(adapter);
    r = crew_ev_attach(adapter, loop->ev, inbox);
    if (r < 0 && !loop->adapters[slot])
        free(adapter);
    else
        loop->adapters[slot] = adapter;
    return r;
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;
    int r = crew_ev_detach(loop->adapters[slot]);

    if (r == 0) {
        free(loop->adapters[slot]);
        loop->adapters[slot] = NULL;
    }
    return r;
}

static void run(void *arg)
{
    struct loop *loop = arg;

    ticker_start(&loop->ticker);
    ev_now_update(loop->ev);
    ev_timer_start(loop->ev, &loop->timer);
    ev_unref(loop->ev);
    ev_run(loop->ev, 0);
    ev_ref(loop->ev);
    ev_timer_stop(loop->ev, &loop->timer);
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    ev_break(loop->ev, EVBREAK_ONE);
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

/* ---- what holds a libev loop --------------------------------------------- */

struct last {
    crew_task task;
    crew_pool *pool;
    crew_inbox *inbox;
    unsigned done;
};

static void count_done(crew_task *task)
{
    struct last *last = (struct last *)(void *)task;

    last->done++;
}

static void submit_last(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct last *last = timer->data;

    (void)ev;
    (void)events;
    check_equal(crew_submit(last->pool, &last->task, last->inbox), 0);
}

/* Also by a loop that has ended before. */
CREW_TEST(L1_a_submit_in_the_last_timer_holds_the_loop)
{
    struct last last = {.task = {.run = return_zero, .done = count_done},
                        .pool = make_pool(1),
                        .inbox = make_inbox()};
    struct loop *loop = open_loop();
    ev_timer timer;

    assert_non_null(loop);
    check_equal(attach(loop, 0, last.inbox), 0);
    for (unsigned i = 0; i < 3; i++) {
        ev_timer_init(&timer, submit_last, 0.002, 0.);
        timer.data = &last;
        ev_timer_start(loop->ev, &timer);
        run(loop);
        check_equal(last.done, i + 1);
    }
    check_equal(crew_submit(last.pool, &last.task, last.inbox), 0);
    run(loop);
    check_equal(last.done, 4);
    check_equal(detach(loop, 0), 0);
    close_loop(loop);
    end_all(last.pool, NULL, last.inbox);
}
