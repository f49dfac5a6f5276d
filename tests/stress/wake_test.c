/*
 * Lost wake-ups: a million rounds of sleeping and being woken, for each way in
 * which somebody sleeps. Between two rounds a random pause moves the moments
 * at which one announces its sleep and the other publishes across each other.
 *
 * A wait that outlasts 20 s is a lost wake-up. Each case ends after its share
 * of time, where the machine is too slow for its rounds, and says how many
 * there were.
 */
#include "base/mark.h"

#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS  SCALED(100000u)
#define LONG    (20 * CREW_S)
#define MOST_NS (SCALED(4 * CREW_S) + CREW_S)

struct sleepers {
    crew_pool *pool;
    crew_inbox *inbox;
    struct test_random random;
    int64_t until;
    unsigned rounds;
};

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void nothing_to_do(crew_task *task)
{
    (void)task;
}

static void begin(struct sleepers *s, unsigned workers, crew_idle idle)
{
    crew_pool_options options = {.workers = workers, .idle = idle};

    assert_int_equal(crew_pool_create(&s->pool, &options), 0);
    assert_int_equal(crew_inbox_create(&s->inbox, NULL), 0);
    test_random_init(&s->random, 1);
    s->until = test_now() + MOST_NS;
    s->rounds = 0;
}

static void end(struct sleepers *s)
{
    assert_int_equal(crew_pool_destroy(s->pool), 0);
    assert_int_equal(crew_inbox_destroy(s->inbox), 0);
    printf("measured: %u rounds\n", s->rounds);
}

/* Whether to go on; pauses for up to a few microseconds. */
static bool next(struct sleepers *s)
{
    uint64_t pause = test_random_next(&s->random) % 4096;

    if (pause >= 1024)
        pause %= 64;
    for (volatile uint64_t i = 0; i < pause; i++)
        ;
    if (s->rounds % 256 == 0 && test_now() > s->until)
        return false;
    return s->rounds++ < ROUNDS && test_failures() == 0;
}

/* ---- a submitter and two workers that sleep at once ----------------------- */

static void submit_and_wait(crew_idle idle, unsigned burst)
{
    struct sleepers s;
    crew_task tasks[4];

    begin(&s, 2, idle);
    while (next(&s)) {
        for (unsigned i = 0; i < burst; i++) {
            tasks[i] = (crew_task){.run = return_zero};
            check_equal(crew_submit(s.pool, &tasks[i], NULL), 0);
        }
        for (unsigned i = 0; i < burst; i++) {
            if (!check_equal(crew_task_wait(&tasks[i], LONG), 0))
                return;
        }
    }
    end(&s);
}

CREW_TEST(one_submitter_and_workers_that_sleep_at_once)
{
    submit_and_wait(CREW_IDLE_POWER, 1);
    /* A window of nanoseconds, which a busy machine may miss each time; that
     * the simulation does not (task.once). */
    printf("measured: %" PRIu64 " second looks found work\n",
           crew__mark_count(CREW__MARK_LOOK_FOUND));
}

CREW_TEST(bursts_and_workers_that_sleep_at_once)
{
    submit_and_wait(CREW_IDLE_POWER, 3);
    check_marked(CREW__MARK_BATON_PASSED);
}

CREW_TEST(bursts_and_workers_that_look_first)
{
    submit_and_wait(CREW_IDLE_BALANCED, 3);
}

CREW_TEST(workers_that_are_woken_by_name)
{
    struct sleepers s;
    crew_task task = {.run = return_zero};

    begin(&s, 2, CREW_IDLE_POWER);
    while (next(&s)) {
        check_equal(crew_submit_to(s.pool, s.rounds % 2, &task, NULL), 0);
        if (!check_equal(crew_task_wait(&task, LONG), 0))
            return;
    }
    end(&s);
}

CREW_TEST(drains)
{
    struct sleepers s;
    crew_task task = {.run = return_zero};

    begin(&s, 2, CREW_IDLE_POWER);
    while (next(&s)) {
        check_equal(crew_submit(s.pool, &task, NULL), 0);
        if (!check_equal(crew_pool_drain(s.pool, LONG), 0))
            return;
    }
    end(&s);
    check_marked(CREW__MARK_DRAIN_SEEN);
}

static void submit_beside(unsigned index, void *arg)
{
    struct sleepers *all = arg;
    struct sleepers own = {.pool = all->pool, .until = all->until};

    test_random_init(&own.random, index);
    while (next(&own)) {
        crew_task task = {.run = return_zero};

        check_equal(crew_submit(own.pool, &task, NULL), 0);
        if (!check_equal(crew_task_wait(&task, LONG), 0))
            crew_task_wait(&task, CREW_FOREVER);
    }
    __atomic_add_fetch(&all->rounds, own.rounds, __ATOMIC_RELAXED);
}

CREW_TEST(three_submitters_and_three_workers)
{
    struct sleepers s;

    begin(&s, 3, CREW_IDLE_POWER);
    test_threads(3, submit_beside, &s);
    end(&s);
}

/* ---- an inbox ------------------------------------------------------------- */

CREW_TEST(an_inbox_that_is_waited_for)
{
    struct sleepers s;
    crew_task task = {.run = return_zero, .done = nothing_to_do};

    begin(&s, 2, CREW_IDLE_POWER);
    while (next(&s)) {
        check_equal(crew_submit(s.pool, &task, s.inbox), 0);
        if (!check_equal(crew_inbox_wait(s.inbox, LONG), 1))
            return;
    }
    end(&s);
    check_marked(CREW__MARK_INBOX_UNPARKED);
}

CREW_TEST(an_inbox_that_is_run)
{
    struct sleepers s;
    crew_task tasks[3];

    begin(&s, 2, CREW_IDLE_BALANCED);
    while (next(&s)) {
        for (unsigned i = 0; i < 3; i++) {
            tasks[i] = (crew_task){.run = return_zero, .done = nothing_to_do};
            check_equal(crew_submit(s.pool, &tasks[i], s.inbox), 0);
        }
        if (!check_equal(crew_inbox_run(s.inbox), 3))
            return;
    }
    end(&s);
}

/* Until something could be dispatched. */
static bool poll_and_dispatch(struct sleepers *s, struct pollfd *item)
{
    int count = 0;

    while (count == 0) {
        if (!check_equal(poll(item, 1, 20000), 1))
            return false;
        count = crew_inbox_dispatch(s->inbox, 1);
    }
    return check_equal(count, 1);
}

CREW_TEST(an_inbox_that_is_polled)
{
    struct sleepers s;
    struct pollfd item = {.events = POLLIN};
    crew_task tasks[2];

    begin(&s, 2, CREW_IDLE_POWER);
    item.fd = crew_inbox_fd(s.inbox);
    while (next(&s)) {
        for (unsigned i = 0; i < 2; i++) {
            tasks[i] = (crew_task){.run = return_zero, .done = nothing_to_do};
            check_equal(crew_submit(s.pool, &tasks[i], s.inbox), 0);
        }
        if (!poll_and_dispatch(&s, &item) || !poll_and_dispatch(&s, &item))
            return;
    }
    end(&s);
}

/* ---- workers that wait ---------------------------------------------------- */

struct waiting {
    crew_task task;
    struct sleepers *s;
    bool by_group;
};

/* One member is for another worker, so that this one sleeps for its end; the
 * other member comes from there. */
static int submit_member(crew_self *self, crew_task *task)
{
    crew_task *member = task->data;

    return crew_submit(crew_self_pool(self), member, NULL);
}

static bool wait_for_two(struct waiting *waiting, crew_pool *pool,
                         crew_group *group)
{
    crew_task last = {.run = return_zero, .group = group};
    crew_task first = {.run = submit_member, .data = &last, .group = group};
    bool told;

    check_equal(crew_submit_to(pool, 1, &first, NULL), 0);
    if (waiting->by_group)
        return check_equal(crew_group_wait(group, LONG), 0);
    told = check_equal(crew_task_wait(&first, LONG), 0);
    return told && check_equal(crew_task_wait(&last, LONG), 0);
}

static int wait_often(crew_self *self, crew_task *task)
{
    struct waiting *waiting = (struct waiting *)(void *)task;
    crew_group *group = NULL;

    if (waiting->by_group)
        check_equal(crew_group_create(&group, NULL), 0);
    while (next(waiting->s)) {
        if (!wait_for_two(waiting, crew_self_pool(self), group))
            abort();
    }
    return crew_group_destroy(group);
}

static void wait_on_a_worker(bool by_group)
{
    struct sleepers s;
    struct waiting waiting = {{.run = wait_often}, &s, by_group};

    begin(&s, 2, CREW_IDLE_POWER);
    check_equal(crew_submit_to(s.pool, 0, &waiting.task, NULL), 0);
    assert_int_equal(crew_task_wait(&waiting.task, CREW_FOREVER), 0);
    assert_int_equal(waiting.task.status, 0);
    end(&s);
}

CREW_TEST(a_worker_that_waits_for_a_group)
{
    wait_on_a_worker(true);
    check_marked(CREW__MARK_GROUP_POKED);
    check_marked(CREW__MARK_GROUP_MEMBER_RUN);
}

CREW_TEST(a_worker_that_waits_for_a_task)
{
    wait_on_a_worker(false);
}
