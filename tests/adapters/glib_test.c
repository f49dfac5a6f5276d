/* crew/adapters/glib.h in a GLib main loop. */
#include "cases.h"

#include <crew/adapters/glib.h>

#include <stdlib.h>

struct loop {
    struct ticker ticker;
    GMainContext *context;
    GMainLoop *main;
    crew_glib *adapters[2]; /* each gone when it is detached */
};

/* One of two may be idle while the other is not. */
static void quit_when_idle(void *arg)
{
    struct loop *loop = arg;

    for (unsigned i = 0; i < 2; i++) {
        if (loop->adapters[i] && crew_inbox_is_alive(loop->adapters[i]->inbox))
            return;
    }
    g_main_loop_quit(loop->main);
}

static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->context = g_main_context_new();
    loop->main = g_main_loop_new(loop->context, FALSE);
    return loop;
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    g_main_loop_unref(loop->main);
    g_main_context_unref(loop->context);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;
    crew_glib *adapter = loop->adapters[slot];
    int r;

    if (!adapter)
        adapter = calloc(1, sizeof *adapter);
    assert_non_null(adapter);
    adapter->on_idle = quit_when_idle;
    adapter->arg = loop;
    r = crew_glib_attach(adapter, loop->context, inbox);
    if (r < 0 && !loop->adapters[slot])
        free(adapter);
    else
        loop->adapters[slot] = adapter;
    return r;
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;
    int r = crew_glib_detach(loop->adapters[slot]);

    if (r == 0) {
        free(loop->adapters[slot]);
        loop->adapters[slot] = NULL;
    }
    return r;
}

static gboolean tick(gpointer arg)
{
    ticker_tick(arg);
    return G_SOURCE_CONTINUE;
}

static void run(void *arg)
{
    struct loop *loop = arg;
    GSource *timer = g_timeout_source_new(1);

    ticker_start(&loop->ticker);
    g_source_set_callback(timer, tick, loop, NULL);
    g_source_attach(timer, loop->context);
    g_main_loop_run(loop->main);
    g_source_destroy(timer);
    g_source_unref(timer);
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    g_main_loop_quit(loop->main);
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
