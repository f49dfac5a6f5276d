/* The loop of a worker, and what it is measured to use: W14, W16, NR2, NR4, NT11, NT12, NZ4,
 * NZ5. */
#include "workers.h"

/* ---- what holds it ------------------------------------------------------- */

static void answers(crew_port *port, crew_message *message, void *arg)
{
    (void)arg;
    check_equal(crew_post(port, message), 0);
    if (message->tag == 9)
        crew_port_unref(port);
}

static int listens(crew_self *self, crew_message *start)
{
    crew_listener listener = {.on_message = answers};

    (void)start;
    check_equal(
        crew_listen(crew_self_port(self), crew_self_inbox(self), &listener), 0);
    return crew_inbox_run(crew_self_inbox(self)) >= 0 ? 0 : -1;
}

CREW_TEST(W16_NR4_a_loop_ends_when_nothing_holds_it)
{
    crew_worker *worker = start_plain(listens, NULL);
    crew_message *message;
    crew_exit how;

    for (uint64_t i = 0; i < 10; i++) {
        check_equal(post_tag(crew_worker_port(worker), i), 0);
        assert_int_equal(
            crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
        check_equal(message->tag, i);
        crew_message_free(message);
    }
    end_worker(worker, &how);
    check_equal(how.code, 0);
    worker = start_plain(listens, NULL);
    check_equal(crew_worker_finish(worker), 0);
    end_worker(worker, &how); /* its port was over, and held nothing */
    check_equal(how.code, 0);
}

/* ---- workers that hold nothing ------------------------------------------- */

CREW_TEST(NR2_a_running_worker_holds_the_run_of_its_inbox_unless_unreferenced)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(echoes, inbox, &heard, NULL);

    while (heard.count == 0)
        check_at_least(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check(crew_inbox_is_alive(inbox));
    crew_worker_unref(worker);
    check(!crew_inbox_is_alive(inbox));
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0);
    crew_worker_ref(worker);
    crew_worker_ref(worker);
    check(crew_inbox_is_alive(inbox));
    check_equal(crew_inbox_pending(inbox), 1);
    crew_worker_unref(worker);
    crew_worker_unref(worker);
    check_equal(crew_inbox_run(inbox), 0);
    /* It is heard nevertheless, and the inbox stays. */
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    while (heard.messages == 0)
        check_at_least(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    /* The loop has ended first. */
    check_equal(crew_worker_finish(worker), 0);
    end_worker(worker, NULL);
    crew_inbox_run(inbox);
    check(strchr(heard.order, 'x') == NULL);
    check_equal(crew_inbox_destroy(inbox), 0);
    crew_worker_ref(NULL);
    crew_worker_unref(NULL);
}

struct unrefer {
    crew_worker *worker;
    crew_inbox *inbox;
};

static void unrefer_beside_run(unsigned index, void *arg)
{
    struct unrefer *all = arg;

    if (index == 0)
        check_at_least(crew_inbox_run(all->inbox), 0);
    else
        crew_worker_unref(all->worker);
}

CREW_TEST(NR2_NT11_a_run_ends_by_an_unref_and_an_exit_comes_by_terminate)
{
    for (unsigned i = 0; i < MANY(1000); i++) {
        struct told heard = {.count = 0};
        struct unrefer all = {.inbox = make_inbox()};

        all.worker = start_heard(waits_for_terminate, all.inbox, &heard, NULL);
        test_threads(2, unrefer_beside_run, &all);
        check(strchr(heard.order, 'x') == NULL);
        check_equal(crew_worker_terminate(all.worker), 0);
        crew_inbox_run(all.inbox); /* goes on until its end is told */
        check(strchr(heard.order, 'x') != NULL);
        check(heard.how.canceled);
        check_equal(crew_worker_destroy(all.worker), 0);
        check_equal(crew_inbox_destroy(all.inbox), 0);
    }
}

struct unheld {
    crew_worker *worker;
    unsigned messages, exits;
};

static void unrefer_again(crew_port *port, crew_message *message, void *arg)
{
    struct unheld *unheld = arg;

    (void)port;
    check_equal(message->tag, unheld->messages++);
    crew_worker_unref(unheld->worker);
    if (message->tag % 3 == 0)
        crew_worker_ref(unheld->worker);
}

static void count_exit(crew_worker *worker, const crew_exit *how, void *arg)
{
    struct unheld *unheld = arg;

    (void)how;
    crew_worker_unref(worker);
    unheld->exits++;
}

CREW_TEST(NT12_unreferenced_again_and_again_while_it_posts_and_exits)
{
    for (unsigned i = 0; i < MANY(200); i++) {
        crew_inbox *inbox = make_inbox();
        struct unheld unheld = {.messages = 0};
        crew_listener listener = {.on_message = unrefer_again, .arg = &unheld};
        crew_worker_options options = {.inbox = inbox,
                                       .listener = &listener,
                                       .on_exit = count_exit,
                                       .arg = &unheld};

        check_equal(crew_worker_start(&unheld.worker, posts_thousand, &options),
                    0);
        crew_worker_unref(unheld.worker);
        while (unheld.exits == 0)
            check_at_least(crew_inbox_wait(inbox, LONG_WAIT), 1);
        check_equal(unheld.messages, 1000);
        crew_worker_unref(unheld.worker);
        check(!crew_inbox_is_alive(inbox));
        end_worker(unheld.worker, NULL);
        check_equal(crew_inbox_destroy(inbox), 0);
    }
}

/* ---- tasks from a worker ------------------------------------------------- */

static crew_pool *shared_pool;

static int task_run(crew_self *self, crew_task *task)
{
    (void)self;
    *(int *)task->data += 1;
    return 0;
}

static void task_done(crew_task *task)
{
    *(int *)task->data += 10;
}

static int uses_a_pool(crew_self *self, crew_message *start)
{
    int sum = 0;
    crew_task noticed = {.run = task_run, .done = task_done, .data = &sum};
    crew_task waited = {.run = task_run, .data = &sum};

    (void)start;
    check_equal(crew_submit(shared_pool, &waited, NULL), 0);
    check_equal(crew_task_wait(&waited, LONG_WAIT), 0);
    check_equal(crew_submit(shared_pool, &noticed, crew_self_inbox(self)), 0);
    check(crew_inbox_run(crew_self_inbox(self)) > 0);
    return sum;
}

CREW_TEST(a_worker_gives_tasks_to_a_pool)
{
    crew_exit how;

    shared_pool = make_pool(2);
    end_worker(start_plain(uses_a_pool, NULL), &how);
    check_equal(how.code, 12);
    check_equal(crew_pool_destroy(shared_pool), 0);
}

/* ---- usage --------------------------------------------------------------- */

struct phases {
    crew_ns computed;
};

/* Idle, busy, idle; the starter is told between. */
static int computes_a_third(crew_self *self, crew_message *start)
{
    struct phases *phases = (struct phases *)(uintptr_t)start->tag;
    crew_port *port = crew_self_port(self);
    crew_ns begin;

    check_equal(post_tag(port, 1), 0);
    check_equal(receive_tag(port, LONG_WAIT), 1);
    check_equal(crew_sleep(self, 400 * CREW_MS), 0);
    begin = test_now();
    test_burn(300 * CREW_MS);
    phases->computed = test_now() - begin;
    check_equal(crew_sleep(self, 300 * CREW_MS), 0);
    check_equal(post_tag(port, 2), 0);
    return (int)receive_tag(port, LONG_WAIT);
}

/* Of a worker that is about to wait: when it does. */
static crew_usage usage_of_waiting(crew_worker *worker)
{
    crew_usage first;
    crew_usage second;

    do {
        check_equal(crew_worker_usage(worker, &first), 0);
        test_burn(CREW_US);
        check_equal(crew_worker_usage(worker, &second), 0);
    } while (first.busy != second.busy || first.idle == second.idle);
    return second;
}

static double part_of(crew_ns busy, crew_ns all)
{
    return all > 0 ? (double)busy / (double)all : 0;
}

CREW_TEST(W14_NZ4_utilisation_is_what_it_computed_of_the_time_between)
{
    struct phases phases = {0};
    crew_message start = {.tag = (uint64_t)(uintptr_t)&phases};
    crew_worker *worker = start_plain(computes_a_third, &start);
    crew_usage before;
    crew_usage after;
    crew_ns all;
    double told;
    double own;

    check_equal(crew_worker_usage(worker, &before), 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 1);
    before = usage_of_waiting(worker);
    check_equal(post_tag(crew_worker_port(worker), 1), 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 2);
    after = usage_of_waiting(worker);
    all = after.busy + after.idle - before.busy - before.idle;
    told = part_of(after.busy - before.busy, all);
    own = part_of(phases.computed, all); /* 0.3, where it has a core */
    printf("utilisation %.3f, by its own clock %.3f\n", told, own);
    check_at_least(after.busy - before.busy, phases.computed);
    check_at_least(after.idle - before.idle, 700 * CREW_MS);
    check(told - own <= 0.05);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(crew_worker_usage(worker, &before), 0);
    check_equal(crew_worker_usage(worker, &after), 0); /* it stands still */
    check_equal(before.busy, after.busy);
    check_equal(before.idle, after.idle);
    check_equal(crew_worker_destroy(worker), 0);
}

CREW_TEST(W14_one_that_is_blocked_is_not_busy)
{
    crew_worker *worker = start_plain(waits_for_terminate, NULL);
    crew_usage before = usage_of_waiting(worker);
    crew_usage after;

    test_burn(20 * CREW_MS);
    check_equal(crew_worker_usage(worker, &after), 0);
    check_equal(after.busy, before.busy);
    check_at_least(after.idle - before.idle, 20 * CREW_MS);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
}

static int computes_a_little(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    test_burn(3 * CREW_MS);
    return 0;
}

CREW_TEST(NZ5_cpu_time_seen_from_outside_never_falls)
{
    crew_usage usage;

    check_equal(crew_worker_usage(NULL, &usage), -EINVAL);
    for (unsigned i = 0; i < 50; i++) {
        crew_worker *worker = start_plain(computes_a_little, NULL);
        crew_ns last = 0;
        bool ended;

        check_equal(crew_worker_usage(worker, NULL), -EINVAL);
        do {
            ended = crew_worker_wait(worker, NULL, 0) == 0;
            check_equal(crew_worker_usage(worker, &usage), 0);
            check_at_least(usage.cpu_user + usage.cpu_system, last);
            last = usage.cpu_user + usage.cpu_system;
        } while (!ended);
        check_at_least(last, 1);
        end_worker(worker, NULL);
    }
}

CREW_TEST(usage_may_be_asked_while_it_ends)
{
    for (unsigned i = 0; i < 20; i++) {
        crew_worker *worker = start_plain(posts_thousand, NULL);
        crew_usage usage;
        crew_usage later;

        do
            check_equal(crew_worker_usage(worker, &usage), 0);
        while (crew_worker_wait(worker, NULL, 0) == -ETIMEDOUT);
        check_equal(crew_worker_usage(worker, &usage), 0);
        check_equal(crew_worker_usage(worker, &later), 0);
        check_equal(usage.busy, later.busy);
        check_equal(usage.idle, later.idle);
        end_worker(worker, NULL);
    }
}
