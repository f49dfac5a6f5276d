/*
 * What waits in a queue: NG3, NG4, NG6, NG7, NG8, NG9, NH8, NH10.
 */
#include "base/fault.h"
#include "base/mark.h"
#include "lockfree/ring.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static crew_pool *make_pool(unsigned workers, size_t limit)
{
    crew_pool_options options = {.workers = workers, .queue_limit = limit};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

static int count_run(crew_self *self, crew_task *task)
{
    (void)self;
    __atomic_add_fetch((unsigned *)task->data, 1, __ATOMIC_RELAXED);
    return 0;
}

struct blocker {
    crew_task task;
    struct test_gate started, may_end;
};

static int block(crew_self *self, crew_task *task)
{
    struct blocker *blocker = (struct blocker *)(void *)task;

    (void)self;
    test_gate_open(&blocker->started);
    test_gate_wait(&blocker->may_end);
    return 0;
}

/* The only worker of `pool` is inside it when this returns. */
static void start_blocker(struct blocker *blocker, crew_pool *pool)
{
    *blocker = (struct blocker){.task = {.run = block}};
    test_gate_init(&blocker->started);
    test_gate_init(&blocker->may_end);
    assert_int_equal(crew_submit(pool, &blocker->task, NULL), 0);
    test_gate_wait(&blocker->started);
}

static void end_blocker(struct blocker *blocker)
{
    assert_int_equal(crew_task_wait(&blocker->task, CREW_FOREVER), 0);
    test_gate_fini(&blocker->started);
    test_gate_fini(&blocker->may_end);
}

/* ---- NG3 ------------------------------------------------------------------ */

static void run_hundred(crew_pool *pool)
{
    crew_task tasks[100];
    unsigned runs = 0;

    for (unsigned i = 0; i < 100; i++) {
        tasks[i] = (crew_task){.run = count_run, .data = &runs};
        check_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    check_equal(runs, 100);
}

CREW_TEST(ng3_a_pool_that_got_fewer_threads_loses_nothing)
{
    crew_pool_options options = {.workers = 4, .allow_fewer = true};
    unsigned seen = 0; /* bit n: a pool of n workers */
    unsigned failed = 1;

    for (unsigned n = 1; failed; n++) {
        crew_pool *pool = NULL;
        int r;

        crew__fault_arm(n, true);
        r = crew_pool_create(&pool, &options);
        failed = crew__fault_failed();
        crew__fault_arm(0, false);
        if (r < 0) {
            check(pool == NULL);
            continue;
        }
        seen |= 1u << crew_pool_workers(pool);
        run_hundred(pool);
        check_equal(crew_pool_destroy(pool), 0);
    }
    check_equal(seen & 0x1e, 0x1e); /* of 1, 2, 3 and 4 */
}

/* ---- NG4 ------------------------------------------------------------------ */

struct crossing {
    crew_task task;
    crew_pool *other;
    struct crossing *next; /* not yet submitted */
    unsigned *full;
};

/* Submits to a full pool: refused at once, nobody waits. */
static int cross(crew_self *self, crew_task *task)
{
    struct crossing *crossing = (struct crossing *)(void *)task;
    int r;

    (void)self;
    if (!crossing->next)
        return 0;
    r = crew_submit(crossing->other, &crossing->next->task, NULL);
    check(r == 0 || r == -EAGAIN);
    if (r == -EAGAIN)
        __atomic_add_fetch(crossing->full, 1, __ATOMIC_RELAXED);
    return 0;
}

CREW_TEST(ng4_a_task_that_submits_to_its_own_full_pool)
{
    crew_pool *pool = make_pool(1, 2);
    struct blocker blocker;
    unsigned full = 0;
    struct crossing second = {.task = {.run = cross}};
    struct crossing third = {.task = {.run = cross}};
    struct crossing first = {{.run = cross}, pool, &third, &full};
    crew_task too_many = {.run = cross};

    start_blocker(&blocker, pool);
    assert_int_equal(crew_submit(pool, &first.task, NULL), 0);
    second.next = NULL;
    assert_int_equal(crew_submit(pool, &second.task, NULL), 0);
    assert_int_equal(crew_submit(pool, &too_many, NULL), -EAGAIN);
    test_gate_open(&blocker.may_end);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    end_blocker(&blocker);
    /* There was room for one when `first` had started. */
    assert_int_equal(full, 0);
    assert_int_equal(crew_task_wait(&third.task, 0), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(ng4_two_full_pools_that_feed_each_other)
{
    enum { COUNT = 5000 };
    crew_pool *pools[] = {make_pool(1, 4), make_pool(1, 4)};
    struct crossing *all = calloc(4 * COUNT, sizeof *all);
    unsigned full = 0;
    unsigned used = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        struct crossing *one = &all[used];
        struct crossing *two = &all[used + 1];
        int r;

        *two = (struct crossing){.task = {.run = cross}};
        *one = (struct crossing){{.run = cross}, pools[!(i % 2)], two, &full};
        r = crew_submit(pools[i % 2], &one->task, NULL);
        check(r == 0 || r == -EAGAIN);
        used += 2;
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(crew_pool_drain(pools[i], CREW_FOREVER), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(crew_pool_destroy(pools[i]), 0);
    free(all);
}

/* ---- NG6 ------------------------------------------------------------------ */

enum { MEMBERS = 10000 };

struct canceled {
    crew_group *group;
    crew_task *tasks;
    unsigned ends, runs, canceled;
};

static int run_member(crew_self *self, crew_task *task)
{
    struct canceled *canceled = task->data;

    (void)self;
    __atomic_add_fetch(&canceled->runs, 1, __ATOMIC_RELAXED);
    return 0;
}

static void end_member(crew_task *task)
{
    struct canceled *canceled = task->data;

    canceled->ends++;
    canceled->canceled += task->status == -ECANCELED;
    check_equal(crew_task_ran(task), task->status == 0);
}

static void cancel_group(unsigned index, void *arg)
{
    struct canceled *canceled = arg;

    (void)index;
    check_equal(crew_group_cancel(canceled->group), 0);
}

CREW_TEST(ng6_a_group_that_many_cancel)
{
    struct canceled canceled = {.tasks = calloc(MEMBERS, sizeof(crew_task))};
    crew_pool *pool = make_pool(2, 0);
    crew_inbox *inbox = NULL;
    unsigned threads = test_thread_count();

    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    assert_int_equal(crew_group_create(&canceled.group, NULL), 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        canceled.tasks[i] = (crew_task){.run = run_member,
                                        .done = end_member,
                                        .data = &canceled,
                                        .group = canceled.group};
        assert_int_equal(crew_submit(pool, &canceled.tasks[i], inbox), 0);
    }
    test_threads(4, cancel_group, &canceled);
    assert_int_equal(crew_inbox_run(inbox), MEMBERS);
    assert_int_equal(canceled.ends, MEMBERS);
    assert_int_equal(canceled.runs + canceled.canceled, MEMBERS);
    assert_int_equal(crew_group_pending(canceled.group), 0);
    check_at_most(test_thread_count(), threads);
    assert_int_equal(crew_group_destroy(canceled.group), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_inbox_destroy(inbox), 0);
    free(canceled.tasks);
}

/* ---- NG7 ------------------------------------------------------------------ */

enum { SUBMITTERS = 20, WINDOW = 4 };

struct load {
    crew_pool *pool;
    unsigned starts;
    unsigned longest; /* written by the one worker */
};

struct timed {
    crew_task task;
    struct load *load;
    unsigned *order; /* of its submitter */
    unsigned number;
    unsigned at_submit; /* starts when its submit had returned; + 1 */
};

static int run_timed(crew_self *self, crew_task *task)
{
    struct timed *timed = (struct timed *)(void *)task;
    struct load *load = timed->load;
    unsigned now = __atomic_add_fetch(&load->starts, 1, __ATOMIC_ACQ_REL);
    unsigned then = __atomic_load_n(&timed->at_submit, __ATOMIC_ACQUIRE);

    (void)self;
    check_equal((*timed->order)++, timed->number);
    if (then && now - then > load->longest)
        load->longest = now - then;
    return 0;
}

static void keep_loaded(unsigned index, void *arg)
{
    struct load *load = arg;
    struct timed window[WINDOW] = {{.task = {.run = NULL}}};
    unsigned order = 0;

    (void)index;
    for (unsigned i = 0; i < SCALED(10000); i++) {
        struct timed *timed = &window[i % WINDOW];

        if (timed->task.run)
            check_equal(crew_task_wait(&timed->task, CREW_FOREVER), 0);
        timed->task.run = run_timed;
        timed->load = load;
        timed->order = &order;
        timed->number = i;
        __atomic_store_n(&timed->at_submit, 0, __ATOMIC_RELAXED);
        check_equal(crew_submit(load->pool, &timed->task, NULL), 0);
        __atomic_store_n(&timed->at_submit,
                         __atomic_load_n(&load->starts, __ATOMIC_ACQUIRE) + 1,
                         __ATOMIC_RELEASE);
    }
    for (unsigned i = 0; i < WINDOW; i++) {
        if (window[i].task.run)
            check_equal(crew_task_wait(&window[i].task, CREW_FOREVER), 0);
    }
}

CREW_TEST(ng7_twenty_submitters_on_one_worker)
{
    struct load load = {.pool = make_pool(1, 0)};

    test_threads(SUBMITTERS, keep_loaded, &load);
    printf("measured: at most %u tasks went before one that was submitted\n",
           load.longest);
    /* No more than were there: first in, first out. */
    check_at_most(load.longest, SUBMITTERS * WINDOW);
    assert_int_equal(crew_pool_destroy(load.pool), 0);
}

/* ---- NG8 ------------------------------------------------------------------ */

struct feeder {
    crew_pool *pool;
    crew_inbox *inbox;
    unsigned done, told, asked;
    bool may_go_on;
};

static void feeder_done(crew_task *task)
{
    ((struct feeder *)task->data)->done++;
}

static void room_came(crew_pool *pool, void *arg)
{
    struct feeder *feeder = arg;

    check(pool == feeder->pool);
    feeder->told++;
    feeder->may_go_on = true;
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void submit_or_ask(struct feeder *feeder, crew_task *task)
{
    while (crew_submit(feeder->pool, task, feeder->inbox) == -EAGAIN) {
        feeder->may_go_on = false;
        feeder->asked++;
        check_equal(
            crew_pool_on_room(feeder->pool, feeder->inbox, room_came, feeder),
            0);
        while (!feeder->may_go_on) {
            if (!check(crew_inbox_wait(feeder->inbox, 20 * CREW_S) >= 0))
                return;
        }
    }
}

static void feed(unsigned index, void *arg)
{
    struct feeder feeder = {.pool = arg};
    unsigned count = SCALED(20000);
    crew_task *tasks = calloc(count, sizeof *tasks);

    (void)index;
    check_equal(crew_inbox_create(&feeder.inbox, NULL), 0);
    for (unsigned i = 0; i < count; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = feeder_done, .data = &feeder};
        submit_or_ask(&feeder, &tasks[i]);
    }
    check(crew_inbox_run(feeder.inbox) >= 0);
    check_equal(feeder.done, count);
    check_equal(feeder.told, feeder.asked);
    check_equal(crew_inbox_destroy(feeder.inbox), 0);
    free(tasks);
}

CREW_TEST(ng8_room_is_told_once_to_each_of_four_inboxes)
{
    crew_pool *pool = make_pool(2, 4);
    int64_t until = test_now() + 15 * CREW_S;

    /* On one core the race is rare. */
    do
        test_threads(4, feed, pool);
    while (!crew__mark_count(CREW__MARK_ROOM_RACE) && test_now() < until);
    assert_int_equal(crew_pool_destroy(pool), 0);
    check_marked(CREW__MARK_ROOM_TOLD);
    if (test_cpu_count() > 1)
        check_marked(CREW__MARK_ROOM_RACE);
}

/* ---- NG9 ------------------------------------------------------------------ */

static void wait_for_one(unsigned index, void *arg)
{
    crew_task *tasks = arg;

    if (index == 0) {
        check_equal(crew_pool_destroy(tasks[0].data), 0);
        return;
    }
    check_equal(crew_task_wait(&tasks[index], CREW_FOREVER), 0);
    check_equal(tasks[index].status, -ECANCELED);
    check(!crew_task_ran(&tasks[index]));
}

static int run_until_canceled(crew_self *self, crew_task *task)
{
    test_gate_open(task->data);
    while (!crew_self_canceled(self))
        ;
    return 0;
}

CREW_TEST(ng9_destroy_ends_what_waits_and_is_waited_for)
{
    for (unsigned round = 0; round < SCALED(200); round++) {
        crew_pool *pool = make_pool(1, round % 2 ? 10 : 0);
        struct test_gate started;
        crew_task first = {.run = run_until_canceled, .data = &started};
        crew_task tasks[5];

        test_gate_init(&started);
        assert_int_equal(crew_submit(pool, &first, NULL), 0);
        test_gate_wait(&started);
        for (unsigned i = 1; i < 5; i++) {
            tasks[i] = (crew_task){.run = return_zero};
            tasks[i].priority = (crew_priority)(i % 3);
            assert_int_equal(i % 2 ? crew_submit(pool, &tasks[i], NULL)
                                   : crew_submit_to(pool, 0, &tasks[i], NULL),
                             0);
        }
        tasks[0].data = pool;
        test_threads(5, wait_for_one, tasks);
        test_gate_fini(&started);
    }
    check_marked(CREW__MARK_STOP_SWEPT);
}

/* ---- NH8 ------------------------------------------------------------------ */

/* The steps of crew__ring_take_any, with the owner's work between the second
 * and the third. */
CREW_TEST(nh8_a_thief_that_is_stopped_before_its_cas)
{
    struct crew__ring ring;
    char items[4 * CREW__RING_SIZE];
    unsigned lost = 0;
    unsigned taken = 0;
    uint64_t index;
    void *read;

    crew__ring_init(&ring);
    crew__ring_fill_owner(&ring, &items[0]);
    index = crew__load_acquire(&ring.taken);
    read = crew__load_relaxed(&ring.slots[index % CREW__RING_SIZE]);
    assert_ptr_equal(read, &items[0]);
    /* The owner takes it, and goes round all slots more than once. */
    for (unsigned i = 1; i < 3 * CREW__RING_SIZE; i++) {
        assert_ptr_equal(crew__ring_take_any(&ring, &lost), &items[i - 1]);
        taken++;
        crew__ring_fill_owner(&ring, &items[i]);
    }
    assert_false(
        crew__cas_acq_rel(&ring.taken, &index, CREW__RING_INDEX(index + 1)));
    assert_ptr_equal(crew__ring_take_any(&ring, &lost), &items[taken]);
    assert_null(crew__ring_take_any(&ring, &lost));
    assert_int_equal(lost, 0);
}

/* ---- NH10 ----------------------------------------------------------------- */

struct meeting {
    crew_pool *pool;
    struct blocker blocker;
    crew_task victim;
    crew_inbox *inbox;
    int canceled; /* what cancel returned */
    unsigned runs, ends;
};

static void victim_done(crew_task *task)
{
    struct meeting *meeting = task->data;

    meeting->ends++;
}

static int victim_run(crew_self *self, crew_task *task)
{
    struct meeting *meeting = task->data;

    (void)self;
    meeting->runs++;
    return 0;
}

/* 0: cancel, 1: the worker meets it, 2: stop. */
static void act(unsigned index, void *arg)
{
    struct meeting *meeting = arg;

    if (index == 0) {
        meeting->canceled = crew_task_cancel(&meeting->victim);
    } else if (index == 1) {
        test_gate_open(&meeting->blocker.may_end);
    } else {
        int r = crew_pool_stop(meeting->pool, 0);

        check(r == 0 || r == -ETIMEDOUT);
    }
}

static void begin_meeting(struct meeting *meeting, crew_ns queue_timeout)
{
    *meeting = (struct meeting){.pool = make_pool(1, 0)};
    assert_int_equal(crew_inbox_create(&meeting->inbox, NULL), 0);
    start_blocker(&meeting->blocker, meeting->pool);
    meeting->victim = (crew_task){.run = victim_run,
                                  .done = victim_done,
                                  .data = meeting,
                                  .queue_timeout = queue_timeout};
    assert_int_equal(
        crew_submit(meeting->pool, &meeting->victim, meeting->inbox), 0);
}

static void end_meeting(struct meeting *meeting)
{
    int status;

    assert_int_equal(crew_pool_destroy(meeting->pool), 0);
    assert_int_equal(crew_inbox_run(meeting->inbox), 1);
    status = meeting->victim.status;
    assert_int_equal(meeting->ends, 1);
    assert_int_equal(meeting->runs, crew_task_ran(&meeting->victim));
    if (meeting->victim.queue_timeout == 1)
        assert_int_equal(meeting->runs, 0);
    if (meeting->runs == 0)
        assert_true(status == -ECANCELED || status == -ETIMEDOUT);
    if (meeting->canceled == 0)
        assert_int_equal(status, -ECANCELED);
    else
        assert_true(meeting->canceled == -EALREADY || meeting->canceled == 1);
    assert_int_equal(crew_inbox_destroy(meeting->inbox), 0);
    end_blocker(&meeting->blocker);
}

CREW_TEST(nh10_cancel_expiry_and_stop_in_all_orders)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (unsigned i = 0; i < 6; i++) {
        struct meeting meeting;

        begin_meeting(&meeting, 1);
        for (unsigned k = 0; k < 3; k++)
            act(orders[i][k], &meeting);
        end_meeting(&meeting);
    }
}

CREW_TEST(nh10_cancel_expiry_and_stop_at_once)
{
    for (unsigned i = 0; i < SCALED(1000); i++) {
        struct meeting meeting;

        begin_meeting(&meeting, i % 2 ? 1 : 0);
        test_threads(3, act, &meeting);
        end_meeting(&meeting);
    }
}
