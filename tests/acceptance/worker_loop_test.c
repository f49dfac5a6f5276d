/* The loop of a worker, and what it is measured to use: W14, W16, NR2, NR4, NT11, NT12, NZ4. */
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

static int computes_a_third(crew_self *self, crew_message *start)
{
    struct timespec begin;
    struct timespec now;
    int64_t ns;

    (void)start;
    crew_sleep(self, 70 * CREW_MS);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = (now.tv_sec - begin.tv_sec) * CREW_S + now.tv_nsec - begin.tv_nsec;
    } while (ns < 30 * CREW_MS);
    return 0;
}

CREW_TEST(W14_NZ4_what_is_busy_and_idle_adds_up)
{
    crew_worker *worker = start_plain(waits_for_terminate, NULL);
    crew_usage usage;
    crew_exit how;

    check_equal(crew_worker_usage(worker, &usage), 0);
    check_equal(crew_worker_usage(NULL, &usage), -EINVAL);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
    worker = start_plain(computes_a_third, NULL);
    end_worker(worker, &how);
    printf("busy %.1f ms, idle %.1f ms of 30 and 70\n",
           (double)how.usage.busy / 1e6, (double)how.usage.idle / 1e6);
    check(how.usage.idle >= 70 * CREW_MS);
    check(how.usage.busy >= 30 * CREW_MS);
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
