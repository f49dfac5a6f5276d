#include "cases.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TASKS 10000u
#define BURN  (20 * CREW_US) /* a callback: 200 ms for all */
/* A timer of 1 ms is never more than 5 ms late; ten times that is told. */
#define LATE  (50 * CREW_MS)

/* ---- the timer ----------------------------------------------------------- */

/* How long this thread has waited for a core; 0 where the kernel does not
 * say. */
static int64_t read_waited(int schedstat)
{
    char text[128] = "";
    long long ran;
    long long waited;

    if (schedstat < 0 || pread(schedstat, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "%lld %lld", &ran, &waited) != 2)
        return 0;
    return waited;
}

void ticker_start(struct ticker *ticker)
{
    *ticker = (struct ticker){
        .schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)};
    ticker->waited = read_waited(ticker->schedstat);
    ticker->last = test_now();
}

static void look(struct ticker *ticker)
{
    int64_t now = test_now();
    int64_t waited = read_waited(ticker->schedstat);
    int64_t late = now - ticker->last - CREW_MS;
    int64_t own = late - (waited - ticker->waited);

    if (late > ticker->worst)
        ticker->worst = late;
    if (own > ticker->worst_own)
        ticker->worst_own = own;
    ticker->last = now;
    ticker->waited = waited;
}

void ticker_tick(struct ticker *ticker)
{
    look(ticker);
    ticker->ticks++;
}

void ticker_end(struct ticker *ticker)
{
    look(ticker);
    if (ticker->schedstat >= 0)
        close(ticker->schedstat);
}

/* What the kernel kept it waiting for a core is not the loop's fault. */
static void check_ticker(const struct ticker *ticker)
{
    printf("timer of 1 ms: %u ticks, at most %.1f ms late, %.1f without "
           "waiting for a core\n",
           ticker->ticks, (double)ticker->worst / 1e6,
           (double)ticker->worst_own / 1e6);
    check_at_least(ticker->ticks, 2);
    check_at_most(ticker->worst_own, LATE);
}

/* ---- tasks and calls that count ------------------------------------------ */

struct traffic {
    pthread_t thread; /* of the loop: everything arrives there */
    unsigned arrived;
    unsigned again;     /* how many tasks are to be submitted again */
    unsigned detach_at; /* arrivals; 0: never */
    const struct loop_kind *kind;
    void *loop;
    crew_pool *pool;
    crew_inbox *inbox;
    struct job *jobs;
};

struct job {
    crew_task task;
    struct traffic *traffic;
    unsigned arrived;
};

static void arrive(struct traffic *traffic)
{
    check(pthread_equal(pthread_self(), traffic->thread));
    traffic->arrived++;
    test_burn(BURN);
}

static void arrive_by_call(void *arg)
{
    arrive(arg);
}

static void arrive_by_task(crew_task *task)
{
    struct job *job = (struct job *)(void *)task;
    struct traffic *traffic = job->traffic;

    job->arrived++;
    arrive(traffic);
    if (traffic->again > 0) {
        traffic->again--;
        check_equal(crew_submit(traffic->pool, task, traffic->inbox), 0);
    }
    if (traffic->arrived == traffic->detach_at) {
        check_equal(traffic->kind->detach(traffic->loop, 0), 0);
        traffic->kind->stop(traffic->loop);
    }
}

static void traffic_init(struct traffic *traffic, const struct loop_kind *kind)
{
    *traffic = (struct traffic){.thread = pthread_self(),
                                .kind = kind,
                                .loop = kind->open(),
                                .pool = make_pool(2),
                                .inbox = make_inbox(),
                                .jobs = calloc(TASKS, sizeof(struct job))};
    assert_non_null(traffic->loop);
    assert_non_null(traffic->jobs);
}

static void traffic_submit(struct traffic *traffic, unsigned first,
                           unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        struct job *job = &traffic->jobs[i];

        job->task.run = return_zero;
        job->task.done = arrive_by_task;
        job->traffic = traffic;
        check_equal(crew_submit(traffic->pool, &job->task, traffic->inbox), 0);
    }
}

static void traffic_fini(struct traffic *traffic)
{
    traffic->kind->close(traffic->loop);
    end_all(traffic->pool, NULL, traffic->inbox);
    free(traffic->jobs);
}

static void check_each_once(const struct traffic *traffic, unsigned count)
{
    check_equal(traffic->arrived, count);
    check_equal(crew_inbox_pending(traffic->inbox), 0);
    check(!crew_inbox_is_alive(traffic->inbox));
    for (unsigned i = 0; i < count; i++) {
        if (!check_equal(traffic->jobs[i].arrived, 1))
            return;
    }
}

/* ---- L1, NO6 ------------------------------------------------------------- */

void case_tasks(const struct loop_kind *kind)
{
    struct traffic traffic;

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    traffic_submit(&traffic, 0, TASKS);
    kind->run(traffic.loop);
    check_each_once(&traffic, TASKS);
    check_ticker(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    traffic_fini(&traffic);
}

void case_tasks_that_wait(const struct loop_kind *kind)
{
    struct traffic traffic;

    traffic_init(&traffic, kind);
    traffic_submit(&traffic, 0, TASKS);
    check_equal(crew_pool_drain(traffic.pool, LONG_WAIT), 0);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    kind->run(traffic.loop);
    check_each_once(&traffic, TASKS);
    check_ticker(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    traffic_fini(&traffic);
}

void case_submitted_again(const struct loop_kind *kind)
{
    struct traffic traffic;

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    traffic.again = TASKS - 200;
    traffic_submit(&traffic, 0, 200);
    kind->run(traffic.loop);
    check_equal(traffic.arrived, TASKS);
    check_ticker(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    traffic_fini(&traffic);
}

static int make_calls(crew_self *self, crew_task *task)
{
    struct traffic *traffic = task->data;

    (void)self;
    for (unsigned i = 0; i < TASKS; i++)
        check_equal(crew_inbox_call(traffic->inbox, arrive_by_call, traffic),
                    0);
    return 0;
}

void case_calls(const struct loop_kind *kind)
{
    struct traffic traffic;
    crew_task task = {.run = make_calls, .done = ignore_done, .data = &traffic};

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    check_equal(crew_submit(traffic.pool, &task, traffic.inbox), 0);
    kind->run(traffic.loop);
    check_equal(traffic.arrived, TASKS);
    check_ticker(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    traffic_fini(&traffic);
}

void case_nothing_outstanding(const struct loop_kind *kind)
{
    struct traffic traffic;

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    kind->run(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    traffic_fini(&traffic);
}

struct room {
    struct holder holder;
    unsigned came;
};

static void let_go(void *arg)
{
    test_gate_open(arg);
}

static void room_came(crew_pool *pool, void *arg)
{
    struct room *room = arg;

    (void)pool;
    room->came++;
}

/* All that the loop goes on for, once the call has been made, is the room. */
void case_room(const struct loop_kind *kind)
{
    crew_pool_options options = {.workers = 1, .queue_limit = 1};
    crew_task task = {.run = return_zero};
    struct room room = {.came = 0};
    crew_pool *limited = NULL;
    struct traffic traffic;

    traffic_init(&traffic, kind);
    assert_int_equal(crew_pool_create(&limited, &options), 0);
    hold_worker(&room.holder, limited, 0);
    check_equal(crew_submit(limited, &task, NULL), 0);
    check_equal(crew_pool_on_room(limited, traffic.inbox, room_came, &room), 0);
    check_equal(crew_inbox_call(traffic.inbox, let_go, &room.holder.leave), 0);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    kind->run(traffic.loop);
    check_equal(room.came, 1);
    check_equal(kind->detach(traffic.loop, 0), 0);
    let_go_of_worker(&room.holder);
    check_equal(crew_pool_destroy(limited), 0);
    traffic_fini(&traffic);
}

/* ---- L1, of ports -------------------------------------------------------- */

static void arrive_by_message(crew_port *port, crew_message *message, void *arg)
{
    struct traffic *traffic = arg;

    (void)port;
    check_equal(message->tag, traffic->arrived);
    arrive(traffic);
}

static int post_messages(crew_self *self, crew_task *task)
{
    crew_port *port = task->data;

    (void)self;
    for (unsigned i = 0; i < TASKS; i++) {
        crew_message message = {.tag = i};

        check_equal(crew_post(port, &message), 0);
    }
    crew_port_close(port);
    return 0;
}

/* The loop ends when the other side has closed. */
void case_messages(const struct loop_kind *kind)
{
    crew_channel_options options = {.max_messages = TASKS};
    crew_listener listener = {.on_message = arrive_by_message};
    crew_task task = {.run = post_messages};
    crew_port *here = NULL;
    crew_port *there = NULL;
    struct traffic traffic;

    traffic_init(&traffic, kind);
    assert_int_equal(crew_channel_create(&here, &there, &options), 0);
    listener.arg = &traffic;
    check_equal(crew_listen(here, traffic.inbox, &listener), 0);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    task.data = there;
    check_equal(crew_submit(traffic.pool, &task, NULL), 0);
    kind->run(traffic.loop);
    check_equal(traffic.arrived, TASKS);
    check_ticker(traffic.loop);
    check_equal(kind->detach(traffic.loop, 0), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    crew_port_close(here);
    traffic_fini(&traffic);
}

static void let_loop_go(void *arg)
{
    crew_port_unref(arg);
}

static int let_loop_go_later(crew_self *self, crew_task *task)
{
    (void)self;
    test_burn(5 * CREW_MS); /* the loop may sleep by then, or not */
    crew_port_unref(task->data);
    return 0;
}

/* A port that listens holds the loop, until it is unreferenced: by the loop,
 * then by a worker while the loop sleeps. */
void case_port(const struct loop_kind *kind)
{
    crew_listener listener = {.on_message = NULL};
    crew_task task = {.run = let_loop_go_later};

    for (int by_worker = 0; by_worker < 2; by_worker++) {
        struct traffic traffic;
        crew_port *here = NULL;
        crew_port *there = NULL;

        traffic_init(&traffic, kind);
        assert_int_equal(crew_channel_create(&here, &there, NULL), 0);
        check_equal(crew_listen(here, traffic.inbox, &listener), 0);
        check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
        task.data = here;
        if (by_worker)
            check_equal(crew_submit(traffic.pool, &task, NULL), 0);
        else
            check_equal(crew_inbox_call(traffic.inbox, let_loop_go, here), 0);
        kind->run(traffic.loop);
        check_equal(crew_pool_drain(traffic.pool, LONG_WAIT), 0);
        check_equal(kind->detach(traffic.loop, 0), 0);
        crew_port_close(here);
        crew_port_close(there);
        check_at_least(crew_inbox_run(traffic.inbox), 0); /* its on_close */
        traffic_fini(&traffic);
    }
}

/* ---- L2 ------------------------------------------------------------------ */

void case_detached_in_a_callback(const struct loop_kind *kind)
{
    struct traffic traffic;
    void *other;

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    traffic.detach_at = 100;
    traffic_submit(&traffic, 0, 1000);
    check_equal(crew_pool_drain(traffic.pool, LONG_WAIT), 0);
    kind->run(traffic.loop);
    check_at_least(traffic.arrived, 100);
    check_at_most(traffic.arrived, 200);
    check_equal(crew_inbox_pending(traffic.inbox), 1000 - traffic.arrived);
    check_equal(crew_inbox_destroy(traffic.inbox), -EBUSY);

    other = kind->open();
    assert_non_null(other);
    check_equal(kind->attach(other, 0, traffic.inbox), 0);
    kind->run(other);
    check_each_once(&traffic, 1000);
    check_equal(kind->detach(other, 0), 0);
    kind->close(other);
    traffic_fini(&traffic);
}

static void *run_elsewhere(void *arg)
{
    struct traffic *traffic = arg;
    void *other = traffic->kind->open();

    traffic->thread = pthread_self();
    check_equal(traffic->kind->attach(other, 0, traffic->inbox), 0);
    traffic->kind->run(other);
    check_equal(traffic->kind->detach(other, 0), 0);
    traffic->kind->close(other);
    return NULL;
}

void case_another_thread(const struct loop_kind *kind)
{
    struct traffic traffic;
    pthread_t thread;

    traffic_init(&traffic, kind);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    traffic_submit(&traffic, 0, 500);
    kind->run(traffic.loop);
    traffic_submit(&traffic, 500, 500);
    check_equal(kind->detach(traffic.loop, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, &traffic), 0);
    pthread_join(thread, NULL);
    check_each_once(&traffic, 1000);
    traffic_fini(&traffic);
}

/* ---- L3 ------------------------------------------------------------------ */

void case_two_inboxes(const struct loop_kind *kind)
{
    struct traffic few;
    struct traffic many;

    traffic_init(&few, kind);
    traffic_init(&many, kind);
    check_equal(kind->attach(many.loop, 0, few.inbox), 0);
    check_equal(kind->attach(many.loop, 1, many.inbox), 0);
    traffic_submit(&few, 0, 10);
    traffic_submit(&many, 0, 2000);
    kind->run(many.loop);
    check_each_once(&few, 10);
    check_each_once(&many, 2000);
    check_equal(kind->detach(many.loop, 0), 0);
    check_equal(kind->detach(many.loop, 1), 0);
    traffic_fini(&few);
    traffic_fini(&many);
}

void case_attached_twice(const struct loop_kind *kind)
{
    struct traffic traffic;
    void *other = kind->open();

    traffic_init(&traffic, kind);
    assert_non_null(other);
    check_equal(kind->detach(traffic.loop, 0), -EINVAL);
    check_equal(kind->attach(traffic.loop, 0, NULL), -EINVAL);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), 0);
    check_equal(kind->attach(traffic.loop, 0, traffic.inbox), -EBUSY);
    check_equal(kind->attach(traffic.loop, 1, traffic.inbox), -EBUSY);
    check_equal(kind->attach(other, 0, traffic.inbox), -EBUSY);
    check_equal(kind->detach(other, 0), -EINVAL);
    check_equal(crew_inbox_destroy(traffic.inbox), -EBUSY);
    traffic_submit(&traffic, 0, 100);
    kind->run(traffic.loop);
    check_each_once(&traffic, 100);

    check_equal(kind->detach(traffic.loop, 0), 0);
    check_equal(kind->detach(traffic.loop, 0), -EINVAL);
    check_equal(kind->attach(other, 1, traffic.inbox), 0);
    check_equal(kind->detach(other, 1), 0);
    kind->close(other);
    traffic_fini(&traffic);
}
