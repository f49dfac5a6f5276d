/* crew/adapters/uv.h in a libuv loop. */
#include "cases.h"

#include <crew/adapters/uv.h>

#include <stdlib.h>

struct loop {
    struct ticker ticker;
    uv_loop_t uv;
    uv_timer_t timer;     /* does not hold the loop */
    crew_uv *adapters[2]; /* each gone when it is detached */
};

static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop || uv_loop_init(&loop->uv) < 0)
        return NULL;
    uv_timer_init(&loop->uv, &loop->timer);
    uv_unref((uv_handle_t *)&loop->timer);
    loop->timer.data = loop;
    return loop;
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    uv_close((uv_handle_t *)&loop->timer, NULL);
    check_equal(uv_run(&loop->uv, UV_RUN_DEFAULT), 0);
    check_equal(uv_loop_close(&loop->uv), 0);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;
    crew_uv *adapter = loop->adapters[slot];
    int r;

    if (!adapter)
        adapter = calloc(1, sizeof *adapter);
    assert_non_null(adapter);
    r = crew_uv_attach(adapter, &loop->uv, inbox);
    if (r < 0 && !loop->adapters[slot])
        free(adapter);
    else
        loop->adapters[slot] = adapter;
    return r;
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;
    int r = crew_uv_detach(loop->adapters[slot]);

    if (r == 0) {
        free(loop->adapters[slot]);
        loop->adapters[slot] = NULL;
    }
    return r;
}

static void tick(uv_timer_t *timer)
{
    ticker_tick(timer->data);
}

static void run(void *arg)
{
    struct loop *loop = arg;

    ticker_start(&loop->ticker);
    uv_timer_start(&loop->timer, tick, 1, 1);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_timer_stop(&loop->timer);
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    uv_stop(&loop->uv);
}

/* libuv keeps a pipe from its first loop on: before descriptors are counted. */
__attribute__((constructor)) static void open_first_loop(void)
{
    uv_loop_t loop;

    if (uv_loop_init(&loop) == 0)
        uv_loop_close(&loop);
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

/* ---- what holds a libuv loop --------------------------------------------- */

struct last {
    crew_task task;
    struct loop *loop;
    crew_pool *pool;
    crew_inbox *inbox;
    uv_timer_t timer;
    unsigned done;
};

static void count_done(crew_task *task)
{
    struct last *last = (struct last *)(void *)task;

    last->done++;
}

static void submit_last(struct last *last)
{
    last->task.run = return_zero;
    last->task.done = count_done;
    check_equal(crew_submit(last->pool, &last->task, last->inbox), 0);
}

static void submit_in_timer(uv_timer_t *timer)
{
    submit_last(timer->data);
}

static void submit_in_close(uv_handle_t *handle)
{
    submit_last(handle->data);
}

static void close_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, submit_in_close);
}

static void last_init(struct last *last)
{
    *last = (struct last){
        .loop = open_loop(), .pool = make_pool(1), .inbox = make_inbox()};
    assert_non_null(last->loop);
    check_equal(attach(last->loop, 0, last->inbox), 0);
    uv_timer_init(&last->loop->uv, &last->timer);
    last->timer.data = last;
}

static void last_fini(struct last *last)
{
    check_equal(detach(last->loop, 0), 0);
    close_loop(last->loop);
    end_all(last->pool, NULL, last->inbox);
}

CREW_TEST(L1_a_submit_in_the_last_timer_holds_the_loop)
{
    struct last last;

    last_init(&last);
    uv_timer_start(&last.timer, submit_in_timer, 2, 0);
    run(last.loop);
    check_equal(last.done, 1);
    uv_close((uv_handle_t *)&last.timer, NULL);
    last_fini(&last);
}

CREW_TEST(L1_a_submit_in_the_last_close_holds_the_loop)
{
    struct last last;

    last_init(&last);
    uv_timer_start(&last.timer, close_timer, 2, 0);
    run(last.loop);
    check_equal(last.done, 1);
    last_fini(&last);
}

CREW_TEST(L1_a_loop_that_has_ended_is_run_again)
{
    crew_uv unused = {0};
    struct last last;

    last_init(&last);
    uv_close((uv_handle_t *)&last.timer, NULL);
    run(last.loop);
    submit_last(&last);
    check_equal(crew_uv_hold(last.loop->adapters[0]), 0);
    run(last.loop);
    check_equal(last.done, 1);
    check_equal(crew_uv_hold(NULL), -EINVAL);
    check_equal(crew_uv_hold(&unused), -EINVAL);
    last_fini(&last);
}
