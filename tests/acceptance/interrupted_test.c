/* T14: the kernel interrupts, and others spoil the inbox's counter. */
#include "work.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static unsigned interrupts;

static void interrupt(int signal)
{
    (void)signal;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
}

/* A signal every 100 us that no call restarts after; 0: no more. */
static void storm(int microseconds)
{
    struct sigaction action = {.sa_handler = interrupt};
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

struct counted {
    crew_task task;
    unsigned done;
};

static void count_end(crew_task *task)
{
    check_equal(task->status, 0);
    ((struct counted *)(void *)task)->done++;
}

/* The task takes a while, so that its waiter sleeps. */
static int take_a_while(crew_self *self, crew_task *task)
{
    (void)task;
    return crew_sleep(self, 200 * CREW_US);
}

static void dispatch_through(crew_pool *pool, crew_inbox *inbox, bool with_loop)
{
    enum { N = 200 };
    static struct counted tasks[N];

    for (int i = 0; i < N; i++) {
        tasks[i] = (struct counted){{.run = take_a_while, .done = count_end},
                                    0};
        check_equal(crew_submit(pool, &tasks[i].task, inbox), 0);
    }
    if (with_loop)
        check_equal(loop_until_quiet(inbox), N);
    else
        check_equal(crew_inbox_run(inbox), N);
    for (int i = 0; i < N; i++)
        check_equal(tasks[i].done, 1);
}

static void wait_through(crew_pool *pool)
{
    enum { N = 100 };
    crew_task tasks[N];
    crew_group *group = make_group(false);
    int64_t before;

    for (int i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = take_a_while,
                               .group = i % 2 ? group : NULL};
        check_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    for (int i = 0; i < N; i += 2)
        check_equal(crew_task_wait(&tasks[i], LONG_WAIT), 0);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_error(group), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_group_destroy(group), 0);
    tasks[0].run = take_a_while;
    before = test_now();
    check_equal(crew_submit(pool, &tasks[0], NULL), 0);
    check_equal(crew_task_wait(&tasks[0], LONG_WAIT), 0);
    check_at_least(test_now() - before, 200 * CREW_US);
}

CREW_TEST(T14_a_storm_of_signals_changes_nothing)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool;
    int64_t before;

    storm(100);
    pool = make_pool(2);
    dispatch_through(pool, inbox, true);
    dispatch_through(pool, inbox, false);
    wait_through(pool);
    before = test_now();
    check_equal(crew_inbox_wait(inbox, 20 * CREW_MS), -ETIMEDOUT);
    check_at_least(test_now() - before, 20 * CREW_MS);
    end_all(pool, NULL, inbox);
    storm(0);
    printf("%u signals\n", interrupts);
    check_at_least(interrupts, 10);
}

/* As full as it gets: another write would block. A post at the same moment may
 * empty or fill it in between; then once more. */
static void saturate(int fd)
{
    uint64_t most = UINT64_MAX - 1;
    uint64_t count;

    while (write(fd, &most, sizeof most) < 0) {
        check_equal(errno, EAGAIN);
        if (read(fd, &count, sizeof count) < 0)
            check_equal(errno, EAGAIN);
    }
}

CREW_TEST(T14_a_saturated_counter_loses_nothing)
{
    enum { N = 100 };
    struct counted tasks[N];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    int fd = crew_inbox_fd(inbox);

    for (int round = 0; round < 20; round++) {
        saturate(fd);
        for (int i = 0; i < N; i++) {
            tasks[i] = (struct counted){{.run = return_zero, .done = count_end},
                                        0};
            check_equal(crew_submit(pool, &tasks[i].task, inbox), 0);
            if (i == N / 2)
                saturate(fd);
        }
        if (round % 2)
            check_equal(loop_until_quiet(inbox), N);
        else
            check_equal(crew_inbox_run(inbox), N);
        for (int i = 0; i < N; i++)
            check_equal(tasks[i].done, 1);
    }
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_destroy(inbox), 0);
}
