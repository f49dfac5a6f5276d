/*
 * The inbox from the caller's side, as an event loop and without one: its
 * descriptor, dispatch, wait, run, stop and destroy.
 */
#include "work.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned called;

static void count_call(void *arg)
{
    (void)arg;
    called++;
}

static void count_done(crew_task *task)
{
    ++*(unsigned *)task->data;
}

/* `n` completions that have arrived and wait. */
static void fill(crew_pool *pool, crew_inbox *inbox, crew_task *tasks,
                 unsigned n, unsigned *done)
{
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = count_done, .data = done};
        check_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
}

/* ---- T4 ------------------------------------------------------------------ */

CREW_TEST(T4_bounded_dispatch_keeps_the_fd_readable)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    int fd = crew_inbox_fd(inbox);
    crew_task tasks[100];
    unsigned done = 0;

    check(!is_readable(fd, 0));
    fill(pool, inbox, tasks, 100, &done);
    for (unsigned i = 0; i < 10; i++) {
        check(is_readable(fd, 0));
        check_equal(crew_inbox_pending(inbox), 100 - i * 10);
        check_equal(crew_inbox_dispatch(inbox, 10), 10);
        check_equal(done, i * 10 + 10);
    }
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(crew_inbox_dispatch(inbox, 10), 0);
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_fd(inbox), fd); /* the same for its life */
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(T4_an_fd_that_is_asked_for_late_is_readable)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    crew_task tasks[20];
    unsigned done = 0;

    fill(pool, inbox, tasks, 20, &done);
    check_equal(crew_inbox_dispatch(inbox, 10), 10);
    check(is_readable(crew_inbox_fd(inbox), 0));
    check_equal(crew_inbox_dispatch(inbox, 0), 10);
    end_all(pool, NULL, inbox);
}

CREW_TEST(T4_wait_that_leaves_what_came_meanwhile_rings_for_it)
{
    crew_inbox *inbox = make_inbox();
    int fd = crew_inbox_fd(inbox);

    called = 0;
    check_equal(crew_inbox_call(inbox, count_call, NULL), 0);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(crew_inbox_call(inbox, count_call, NULL), 0);
    check(is_readable(fd, 0));
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int open_edge_triggered(crew_inbox *inbox)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    assert_true(epoll >= 0);
    assert_int_equal(
        epoll_ctl(epoll, EPOLL_CTL_ADD, crew_inbox_fd(inbox), &event), 0);
    return epoll;
}

/* The next edge; false, and a failed check, where it does not come. */
static bool await_edge(int epoll)
{
    struct epoll_event event;
    int n;

    do
        n = epoll_wait(epoll, &event, 1, 30000);
    while (n < 0 && errno == EINTR);
    return check_equal(n, 1);
}

CREW_TEST(T4_edge_triggered_epoll_sees_an_edge_for_each_rest)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    int epoll = open_edge_triggered(inbox);
    crew_task tasks[100];
    unsigned done = 0;

    fill(pool, inbox, tasks, 100, &done);
    while (done < 100 && await_edge(epoll))
        check_at_least(crew_inbox_dispatch(inbox, 10), 0);
    check_equal(done, 100);
    close(epoll);
    end_all(pool, NULL, inbox);
}

/* One dispatch an edge, while workers go on posting. */
CREW_TEST(T4_edge_triggered_epoll_misses_nothing_of_a_stream)
{
    const unsigned n = MANY(50000);
    crew_task *tasks = calloc(n, sizeof *tasks);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    int epoll = open_edge_triggered(inbox);
    unsigned done = 0;

    assert_non_null(tasks);
    for (unsigned i = 0; i < n;) {
        for (unsigned j = 0; j < 50; j++, i++) {
            tasks[i] = (crew_task){
                .run = return_zero, .done = count_done, .data = &done};
            check_equal(crew_submit(pool, &tasks[i], inbox), 0);
        }
        if (await_edge(epoll))
            check_at_least(crew_inbox_dispatch(inbox, i % 3 * 20), 0);
    }
    while (done < n && await_edge(epoll))
        check_at_least(crew_inbox_dispatch(inbox, 30), 0);
    check_equal(done, n);
    close(epoll);
    end_all(pool, NULL, inbox);
    free(tasks);
}

/* ---- T5 ------------------------------------------------------------------ */

/* How often this thread has given its core up to wait. */
static long count_blocks(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

CREW_TEST(T5_nothing_waiting_is_told_at_once)
{
    crew_inbox *inbox = make_inbox();

    for (int asked = 0; asked < 2; asked++) {
        long before;

        check_equal(crew_inbox_dispatch(inbox, 0), 0); /* touches its pages */
        check_equal(crew_inbox_wait(inbox, 0), -ETIMEDOUT);
        before = count_blocks();
        for (int i = 0; i < 1000; i++) {
            check_equal(crew_inbox_dispatch(inbox, 0), 0);
            check_equal(crew_inbox_dispatch(inbox, 5), 0);
            check_equal(crew_inbox_wait(inbox, 0), -ETIMEDOUT);
        }
        check_equal(count_blocks() - before, 0);
        check(!is_readable(crew_inbox_fd(inbox), 0));
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(T5_wait_takes_its_time_and_no_less)
{
    crew_inbox *inbox = make_inbox();
    int64_t before = test_now();

    check_equal(crew_inbox_wait(inbox, -2), -EINVAL);
    check_equal(crew_inbox_wait(NULL, 0), -EINVAL);
    check_equal(crew_inbox_wait(inbox, 5 * CREW_MS), -ETIMEDOUT);
    check_at_least(test_now() - before, 5 * CREW_MS);
    check_equal(crew_inbox_wait(inbox, 1), -ETIMEDOUT);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(T5_what_cannot_be_is_refused)
{
    crew_inbox_options options = {.name = "reserved"};
    crew_inbox *inbox = NULL;

    options.reserved[7] = 1;
    check_equal(crew_inbox_create(&inbox, &options), -EINVAL);
    check(inbox == NULL);
    check_equal(crew_inbox_create(NULL, NULL), -EINVAL);
    check_equal(crew_inbox_dispatch(NULL, 0), -EINVAL);
    check_equal(crew_inbox_run(NULL), -EINVAL);
    check_equal(crew_inbox_stop(NULL), -EINVAL);
    check_equal(crew_inbox_fd(NULL), -EINVAL);
    check_equal(crew_inbox_call(NULL, count_call, NULL), -EINVAL);
    check_equal(crew_inbox_pending(NULL), 0);
    check_equal(crew_inbox_destroy(NULL), 0);
    inbox = make_inbox();
    check_equal(crew_inbox_call(inbox, NULL, NULL), -EINVAL);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- T7 ------------------------------------------------------------------ */

struct destroying {
    crew_task task;
    crew_pool *pool;
    crew_inbox *own;
    crew_inbox *busy;
    crew_inbox *quiet;
};

static void destroy_all(crew_task *task)
{
    struct destroying *d = (struct destroying *)(void *)task;

    check_equal(crew_inbox_destroy(d->own), -EBUSY);
    check_equal(crew_inbox_dispatch(d->own, 0), -EBUSY);
    check_equal(crew_inbox_wait(d->own, 0), -EBUSY);
    check_equal(crew_inbox_run(d->own), -EBUSY);
    check_equal(crew_inbox_destroy(d->busy), -EBUSY);
    check_equal(crew_inbox_destroy(d->quiet), 0);
    check_equal(crew_pool_destroy(d->pool), 0);
}

static void end_either_way(crew_task *task)
{
    check(task->status == 0 || task->status == -ECANCELED);
    check_equal(crew_task_ran(task), task->status == 0);
    called++;
}

CREW_TEST(T7_done_destroys_its_pool_and_another_inbox)
{
    enum { N = 1000 };
    static crew_task tasks[N];
    struct destroying d = {{.run = return_zero, .done = destroy_all},
                           make_pool(2),
                           make_inbox(),
                           make_inbox(),
                           make_inbox()};

    called = 0;
    check_equal(crew_submit(d.pool, &d.task, d.own), 0);
    for (int i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = return_zero, .done = end_either_way};
        check_equal(crew_submit(d.pool, &tasks[i], i % 2 ? d.own : d.busy), 0);
    }
    check_equal(crew_inbox_run(d.own), 1 + N / 2);
    check_equal(crew_inbox_run(d.busy), N / 2);
    check_equal(called, N);
    check_equal(crew_inbox_destroy(d.own), 0);
    check_equal(crew_inbox_destroy(d.busy), 0);
}

/* ---- T12 ----------------------------------------------------------------- */

CREW_TEST(T12_an_inbox_with_something_outstanding_is_not_destroyed)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    struct holder holder;
    crew_task task = {.run = return_zero, .done = ignore_done};

    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &task, inbox), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY); /* queued */
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY); /* not dispatched */
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(crew_inbox_call(inbox, count_call, NULL), 0);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    end_all(pool, NULL, inbox);
}

/* The inbox goes at once after its last completion: whoever posted it must
 * have had its last touch. A descriptor that gets the same number tells. */
CREW_TEST(T12_nothing_is_written_to_an_inbox_that_is_gone)
{
    const unsigned n = MANY(20000);
    crew_pool *pool = make_pool(2);

    for (unsigned i = 0; i < n; i++) {
        crew_inbox *inbox = make_inbox();
        crew_inbox *next = NULL;
        crew_task task = {.run = return_zero, .done = ignore_done};
        int fd = i % 2 ? crew_inbox_fd(inbox) : -1;

        check_equal(crew_submit(pool, &task, inbox), 0);
        while (crew_inbox_dispatch(inbox, 0) == 0)
            ;
        check_equal(crew_inbox_destroy(inbox), 0);
        if (fd < 0)
            continue;
        next = make_inbox();
        check_equal(crew_inbox_fd(next), fd);
        check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
        check(!is_readable(fd, 0));
        check_equal(crew_inbox_destroy(next), 0);
    }
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- T13 ----------------------------------------------------------------- */

CREW_TEST(T13_run_returns_when_nothing_is_outstanding)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);
    crew_task tasks[50];
    unsigned done = 0;

    check_equal(crew_inbox_run(inbox), 0);
    for (int i = 0; i < 50; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = count_done, .data = &done};
        check_equal(crew_submit(pool, &tasks[i], inbox), 0);
    }
    check_equal(crew_inbox_run(inbox), 50);
    check_equal(done, 50);
    check_equal(crew_inbox_run(inbox), 0);
    end_all(pool, group, inbox);
}

static void stop_inbox(void *arg)
{
    check_equal(crew_inbox_stop(arg), 0);
}

CREW_TEST(T13_one_stop_ends_one_run)
{
    crew_inbox *inbox = make_inbox();

    called = 0;
    check_equal(crew_inbox_call(inbox, count_call, NULL), 0);
    check_equal(crew_inbox_stop(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0); /* at once */
    check_equal(called, 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_stop(inbox), 0);
    check_equal(crew_inbox_stop(inbox), 0);
    check_equal(crew_inbox_call(inbox, count_call, NULL), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1); /* heeds no stop */
    check_equal(crew_inbox_call(inbox, stop_inbox, inbox), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_run(inbox), 0); /* it has been taken */
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void run_or_stop(unsigned index, void *arg)
{
    struct holder *holder = arg;
    crew_inbox *inbox = holder->task.data;

    if (index == 0) {
        check_equal(crew_inbox_run(inbox), 0);
        test_gate_open(&holder->leave);
    } else {
        test_gate_wait(&holder->entered);
        check_equal(crew_inbox_stop(inbox), 0);
    }
}

CREW_TEST(T13_a_stop_from_another_thread_ends_a_run_that_waits)
{
    for (unsigned i = 0; i < MANY(200); i++) {
        crew_inbox *inbox = make_inbox();
        crew_pool *pool = make_pool(1);
        struct holder holder;

        holder_init(&holder);
        holder.task.done = ignore_done;
        holder.task.data = inbox;
        check_equal(crew_submit(pool, &holder.task, inbox), 0);
        test_threads(2, run_or_stop, &holder);
        check_equal(crew_inbox_run(inbox), 1);
        test_gate_fini(&holder.entered);
        test_gate_fini(&holder.leave);
        end_all(pool, NULL, inbox);
    }
}

/* ---- T15 ----------------------------------------------------------------- */

/* A pool's threads and topology cost far more under the sanitizers. */
#define CYCLES (IS_RESIDENT_EXACT ? 1000u : 30u)

static void cycle(void)
{
    crew_pool *pools[] = {make_pool(2), make_pool(1)};
    crew_inbox *inboxes[] = {make_inbox(), make_inbox()};
    crew_task tasks[40];
    unsigned done = 0;

    for (unsigned i = 0; i < 40; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = count_done, .data = &done};
        check_equal(crew_submit(pools[i % 2], &tasks[i], inboxes[i / 2 % 2]),
                    0);
    }
    check_equal(crew_inbox_run(inboxes[0]), 20);
    check_equal(crew_inbox_run(inboxes[1]), 20);
    check_equal(done, 40);
    end_all(pools[0], NULL, inboxes[0]);
    end_all(pools[1], NULL, inboxes[1]);
}

CREW_TEST(T15_a_thousand_pools_and_inboxes_leave_nothing)
{
    unsigned threads = test_thread_count();
    unsigned descriptors = test_descriptor_count();
    size_t resident = 0;

    for (unsigned i = 0; i < CYCLES; i++) {
        if (i == CYCLES / 10)
            resident = test_resident_bytes();
        cycle();
    }
    check_at_most(test_thread_count(), threads + 3); /* joined: none is left */
    check_equal(test_descriptor_count(), descriptors);
    printf("resident before %zu, after %zu bytes\n", resident,
           test_resident_bytes());
    if (IS_RESIDENT_EXACT)
        check_at_most(test_resident_bytes(), resident + (1 << 20));
}
