/*
 * Waits: NG1, NG20 and NG21 (with a group's wait in the place of a loop), NH3,
 * NH6, NH12, and a group that several wait for while members come and go.
 */
#include "base/mark.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static crew_pool *make_pool(unsigned workers, size_t stack_size)
{
    crew_pool_options options = {.workers = workers, .stack_size = stack_size};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

static crew_group *make_group(void)
{
    crew_group *group = NULL;

    check_equal(crew_group_create(&group, NULL), 0);
    return group;
}

static int return_zero(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

/* ---- NG1 ------------------------------------------------------------------ */

struct relay {
    crew_pool *pool;
    crew_group *group;
    crew_task tasks[8];
};

static void *submit_eight(void *arg)
{
    struct relay *relay = arg;

    for (unsigned i = 0; i < 8; i++) {
        relay->tasks[i] = (crew_task){.run = return_zero,
                                      .group = relay->group};
        check_equal(crew_submit(relay->pool, &relay->tasks[i], NULL), 0);
    }
    return NULL;
}

CREW_TEST(ng1_one_worker_submit_on_one_thread_wait_on_another)
{
    struct relay relay = {.pool = make_pool(1, 0), .group = make_group()};

    for (unsigned i = 0; i < SCALED(2000); i++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, submit_eight, &relay),
                         0);
        assert_int_equal(crew_group_wait(relay.group, CREW_FOREVER), 0);
        pthread_join(thread, NULL);
        assert_int_equal(crew_group_wait(relay.group, CREW_FOREVER), 0);
        for (unsigned k = 0; k < 8; k++)
            assert_int_equal(crew_task_wait(&relay.tasks[k], 0), 0);
    }
    assert_int_equal(crew_group_destroy(relay.group), 0);
    assert_int_equal(crew_pool_destroy(relay.pool), 0);
}

/* ---- several wait for one group ------------------------------------------- */

/*
 * Each thread submits a member and waits for the group: its own member has
 * joined before that wait began, so it has ended when the wait returns. The
 * last leaver of an earlier moment must not tell those who came after it.
 */
static void join_and_wait(unsigned index, void *arg)
{
    struct relay *relay = arg;

    (void)index;
    for (unsigned i = 0; i < SCALED(100000); i++) {
        crew_task task = {.run = return_zero, .group = relay->group};

        if (!check_equal(crew_submit(relay->pool, &task, NULL), 0) ||
            !check_equal(crew_group_wait(relay->group, CREW_FOREVER), 0))
            return;
        if (!check_equal(crew_task_wait(&task, 0), 0)) {
            crew_task_wait(&task, CREW_FOREVER);
            return;
        }
    }
}

CREW_TEST(group_wait_covers_each_member_that_joined_before_it)
{
    struct relay relay = {.pool = make_pool(2, 0), .group = make_group()};

    test_threads(4, join_and_wait, &relay);
    assert_int_equal(crew_group_pending(relay.group), 0);
    assert_int_equal(crew_group_destroy(relay.group), 0);
    assert_int_equal(crew_pool_destroy(relay.pool), 0);
    check_marked(CREW__MARK_GROUP_LAST_CLAIMED);
}

static void join_and_wait_shortly(unsigned index, void *arg)
{
    struct relay *relay = arg;
    struct test_random random;

    test_random_init(&random, index);
    for (unsigned i = 0; i < SCALED(20000); i++) {
        crew_task task = {.run = return_zero, .group = relay->group};
        crew_ns timeout = (crew_ns)test_random_below(&random, 20000);
        int r;

        check_equal(crew_submit(relay->pool, &task, NULL), 0);
        r = crew_group_wait(relay->group, timeout);
        check(r == 0 || r == -ETIMEDOUT);
        if (r == 0)
            check_equal(crew_task_wait(&task, 0), 0);
        while (crew_task_wait(&task, timeout) == -ETIMEDOUT)
            ;
    }
}

CREW_TEST(group_wait_that_runs_out_of_time_leaves_no_trace)
{
    struct relay relay = {.pool = make_pool(2, 0), .group = make_group()};

    test_threads(4, join_and_wait_shortly, &relay);
    assert_int_equal(crew_group_wait(relay.group, CREW_FOREVER), 0);
    assert_int_equal(crew_group_destroy(relay.group), 0);
    assert_int_equal(crew_pool_destroy(relay.pool), 0);
    check_marked(CREW__MARK_WAITER_TOOK_BACK);
}

/* ---- NG20: a lock is held across the wait --------------------------------- */

struct locked {
    pthread_mutex_t mutex;
    unsigned inside; /* written under mutex */
    unsigned total;
};

struct locker {
    crew_task task;
    struct locked *locked;
};

static int count_under_lock(crew_self *self, crew_task *task)
{
    struct locked *locked = task->data;

    (void)self;
    check_equal(__atomic_load_n(&locked->inside, __ATOMIC_RELAXED), 1);
    return 0;
}

/* Waits for eight members while it holds the lock that all others want. */
static int wait_under_lock(crew_self *self, crew_task *task)
{
    struct locked *locked = ((struct locker *)(void *)task)->locked;
    crew_group *group = make_group();
    crew_task members[8];

    pthread_mutex_lock(&locked->mutex);
    check_equal(__atomic_fetch_add(&locked->inside, 1, __ATOMIC_RELAXED), 0);
    for (unsigned i = 0; i < 8; i++) {
        members[i] = (crew_task){
            .run = count_under_lock, .data = locked, .group = group};
        check_equal(crew_submit(crew_self_pool(self), &members[i], NULL), 0);
    }
    check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    __atomic_sub_fetch(&locked->inside, 1, __ATOMIC_RELAXED);
    locked->total++;
    pthread_mutex_unlock(&locked->mutex);
    return crew_group_destroy(group);
}

static void lock_and_wait_on(unsigned workers)
{
    enum { COUNT = 200 };
    struct locked locked = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    crew_pool *pool = make_pool(workers, 0);
    struct locker *lockers = calloc(COUNT, sizeof *lockers);

    for (unsigned i = 0; i < COUNT; i++) {
        lockers[i] = (struct locker){{.run = wait_under_lock}, &locked};
        lockers[i].task.priority = (crew_priority)(i % 3);
        assert_int_equal(crew_submit(pool, &lockers[i].task, NULL), 0);
    }
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(lockers[i].task.status, 0);
    assert_int_equal(locked.total, COUNT);
    assert_int_equal(crew_pool_destroy(pool), 0);
    free(lockers);
}

CREW_TEST(ng20_a_task_waits_while_it_holds_a_lock)
{
    lock_and_wait_on(1);
    lock_and_wait_on(2);
    lock_and_wait_on(4);
}

/* ---- NG21: what is borrowed across a wait --------------------------------- */

static _Thread_local bool borrowed;

static int must_find_it_borrowed_or_not(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return borrowed;
}

static int borrow_across_wait(crew_self *self, crew_task *task)
{
    crew_pool *pool = crew_self_pool(self);
    crew_task member = {.run = must_find_it_borrowed_or_not};

    (void)task;
    if (!check(!borrowed)) /* a stranger ran inside another's wait */
        return 0;
    borrowed = true;
    check_equal(crew_submit(pool, &member, NULL), 0);
    check_equal(crew_task_wait(&member, CREW_FOREVER), 0);
    borrowed = false;
    return 0;
}

CREW_TEST(ng21_a_waiting_worker_runs_what_it_waits_for_alone)
{
    unsigned count = SCALED(5000);
    crew_pool *pool = make_pool(2, 0);
    crew_task *tasks = calloc(count, sizeof *tasks);

    for (unsigned i = 0; i < count; i++) {
        tasks[i].run = borrow_across_wait;
        if (i % 3)
            assert_int_equal(crew_submit(pool, &tasks[i], NULL), 0);
        else
            assert_int_equal(crew_submit_to(pool, i % 2, &tasks[i], NULL), 0);
    }
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    check_marked(CREW__MARK_TASK_RUN_BY_WAITER);
    free(tasks);
}

/* ---- NH3: the page of a task goes when its end is told -------------------- */

struct mortal {
    crew_pool *pool;
    size_t page;
};

static void *map_page(size_t page)
{
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    check(memory != MAP_FAILED);
    return memory;
}

/* On a thread of its own, whose stack goes too. */
static void *wait_and_unmap(void *arg)
{
    struct mortal *mortal = arg;
    crew_task *task = map_page(mortal->page);

    task->run = return_zero;
    check_equal(crew_submit(mortal->pool, task, NULL), 0);
    check_equal(crew_task_wait(task, CREW_FOREVER), 0);
    munmap(task, mortal->page);
    return NULL;
}

static void *wait_for_group_and_free(void *arg)
{
    struct mortal *mortal = arg;
    crew_task *task = map_page(mortal->page);
    crew_group *group = make_group();

    *task = (crew_task){.run = return_zero, .group = group};
    check_equal(crew_submit(mortal->pool, task, NULL), 0);
    check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    munmap(task, mortal->page);
    check_equal(crew_group_destroy(group), 0);
    return NULL;
}

/* The group goes when the last of its two kinds of wait has returned. */
static void *wait_for_task_and_free(void *arg)
{
    struct mortal *mortal = arg;
    crew_task *task = map_page(mortal->page);
    crew_group *group = make_group();

    *task = (crew_task){.run = return_zero, .group = group};
    check_equal(crew_submit(mortal->pool, task, NULL), 0);
    check_equal(crew_task_wait(task, CREW_FOREVER), 0);
    check_equal(crew_group_pending(group), 0);
    munmap(task, mortal->page);
    check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    check_equal(crew_group_destroy(group), 0);
    return NULL;
}

CREW_TEST(nh3_nothing_is_touched_after_the_end_was_told)
{
    static void *(*const ways[])(void *) = {
        wait_and_unmap, wait_for_group_and_free, wait_for_task_and_free};
    struct mortal mortal = {make_pool(2, 0), (size_t)sysconf(_SC_PAGESIZE)};

    for (unsigned i = 0; i < SCALED(5000); i++) {
        pthread_t threads[3];

        for (unsigned k = 0; k < 3; k++)
            assert_int_equal(
                pthread_create(&threads[k], NULL, ways[k], &mortal), 0);
        for (unsigned k = 0; k < 3; k++)
            pthread_join(threads[k], NULL);
    }
    assert_int_equal(crew_pool_destroy(mortal.pool), 0);
    check_marked(CREW__MARK_WAITER_TOKEN);
}

/* ---- NH6: out of order ---------------------------------------------------- */

enum { STRANGERS = 10000 };

struct ordered {
    unsigned next;     /* the stranger that is due */
    unsigned at_taken; /* how many strangers had run when the last was taken */
};

struct stranger {
    crew_task task;
    struct ordered *ordered;
    unsigned number;
};

static int run_in_order(crew_self *self, crew_task *task)
{
    struct stranger *stranger = (struct stranger *)(void *)task;

    (void)self;
    check_equal(stranger->ordered->next++, stranger->number);
    return 0;
}

static int note_moment(crew_self *self, crew_task *task)
{
    struct ordered *ordered = task->data;

    (void)self;
    ordered->at_taken = ordered->next;
    return 0;
}

struct patient {
    crew_task task;
    crew_task last;
    struct test_gate queued;
    bool by_group;
};

static int wait_for_the_last(crew_self *self, crew_task *task)
{
    struct patient *patient = (struct patient *)(void *)task;

    (void)self;
    test_gate_wait(&patient->queued);
    if (patient->by_group)
        return crew_group_wait(patient->last.group, CREW_FOREVER);
    return crew_task_wait(&patient->last, CREW_FOREVER);
}

static void take_last_first(bool by_group)
{
    struct ordered ordered = {0, STRANGERS};
    crew_pool *pool = make_pool(1, 0);
    struct stranger *strangers = calloc(STRANGERS, sizeof *strangers);
    struct patient patient = {.task = {.run = wait_for_the_last},
                              .last = {.run = note_moment, .data = &ordered},
                              .by_group = by_group};

    patient.last.group = by_group ? make_group() : NULL;
    test_gate_init(&patient.queued);
    assert_int_equal(crew_submit(pool, &patient.task, NULL), 0);
    for (unsigned i = 0; i < STRANGERS; i++) {
        strangers[i] = (struct stranger){{.run = run_in_order}, &ordered, i};
        assert_int_equal(crew_submit(pool, &strangers[i].task, NULL), 0);
    }
    assert_int_equal(crew_submit(pool, &patient.last, NULL), 0);
    test_gate_open(&patient.queued);
    assert_int_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    assert_int_equal(patient.task.status, 0);
    assert_int_equal(ordered.at_taken, 0);
    assert_int_equal(ordered.next, STRANGERS);
    assert_int_equal(crew_pool_destroy(pool), 0);
    assert_int_equal(crew_group_destroy(patient.last.group), 0);
    test_gate_fini(&patient.queued);
    free(strangers);
}

CREW_TEST(nh6_what_is_waited_for_is_taken_out_of_order)
{
    take_last_first(false);
    take_last_first(true);
}

/* ---- NH12: depth ---------------------------------------------------------- */

enum { DEPTH = 200 };

struct level {
    crew_task task;
    struct deep *deep;
    crew_group *group;
    unsigned number;
    uintptr_t stack; /* where its frame lies */
    pthread_t thread;
};

struct deep {
    struct level levels[DEPTH + 1];
    crew_task leaves[DEPTH];
};

static int descend(crew_self *self, crew_task *task)
{
    struct level *level = (struct level *)(void *)task;
    struct deep *deep = level->deep;
    struct level *below = level + 1;
    crew_task *leaf = &deep->leaves[level->number];

    level->stack = (uintptr_t)__builtin_frame_address(0);
    level->thread = pthread_self();
    if (level->number == DEPTH - 1)
        return 0;
    *leaf = (crew_task){.run = return_zero, .group = level->group};
    below->task = (crew_task){.run = descend, .group = level->group};
    check_equal(crew_submit(crew_self_pool(self), &below->task, NULL), 0);
    check_equal(crew_submit(crew_self_pool(self), leaf, NULL), 0);
    return crew_group_wait(level->group, CREW_FOREVER);
}

/* Between neighbours on one thread. */
static size_t bytes_per_level(const struct deep *deep)
{
    size_t most = 0;

    for (unsigned i = 0; i + 1 < DEPTH; i++) {
        const struct level *a = &deep->levels[i];
        const struct level *b = &deep->levels[i + 1];
        size_t between = a->stack - b->stack;

        if (pthread_equal(a->thread, b->thread) && between > most)
            most = between;
    }
    return most;
}

static void go_deep(size_t stack_size)
{
    crew_pool *pool = make_pool(2, stack_size);
    struct deep *deep = calloc(1, sizeof *deep);
    crew_task *strangers = calloc(STRANGERS, sizeof *strangers);
    crew_task *first = &deep->levels[0].task;

    for (unsigned i = 0; i < DEPTH; i++) {
        deep->levels[i].deep = deep;
        deep->levels[i].number = i;
        deep->levels[i].group = make_group();
    }
    first->run = descend;
    for (unsigned i = 0; i < STRANGERS; i++) {
        strangers[i].run = return_zero;
        assert_int_equal(crew_submit(pool, &strangers[i], NULL), 0);
        if (i == STRANGERS / 2)
            assert_int_equal(crew_submit(pool, first, NULL), 0);
    }
    assert_int_equal(crew_task_wait(first, CREW_FOREVER), 0);
    assert_int_equal(first->status, 0);
    assert_int_equal(crew_pool_destroy(pool), 0);
    printf("measured: %zu bytes of stack per level of waiting\n",
           bytes_per_level(deep));
    for (unsigned i = 0; i < DEPTH; i++)
        assert_int_equal(crew_group_destroy(deep->levels[i].group), 0);
    free(deep);
    free(strangers);
}

CREW_TEST(nh12_waits_nest_as_deep_as_the_program_does)
{
    for (unsigned i = 0; i < 5; i++)
        go_deep(SCALED_STACK(256 * 1024));
}
