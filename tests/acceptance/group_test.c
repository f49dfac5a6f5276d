/* Groups from the caller's side: wait, notify, cancel, stop_on_error. */
#include "work.h"

#include <stdlib.h>

struct member {
    crew_task task;
    unsigned ran;
    unsigned done;
};

static void done_member(crew_task *task)
{
    ((struct member *)(void *)task)->done++;
}

/* ---- C5 ------------------------------------------------------------------ */

enum { MEMBERS = 10000 };

struct halves {
    struct member members[MEMBERS];
    struct test_gate half; /* opened by the first that holds its worker */
};

static struct halves halves;

/* The first half runs through, the others hold their worker until canceled. */
static int run_half(crew_self *self, crew_task *task)
{
    struct member *member = (struct member *)(void *)task;

    __atomic_fetch_add(&member->ran, 1, __ATOMIC_RELAXED);
    if (member - halves.members < MEMBERS / 2)
        return 0;
    test_gate_open(&halves.half);
    check_equal(crew_sleep(self, LONG_WAIT), -ECANCELED);
    check_equal(crew_self_canceled(self), -ECANCELED);
    return 0;
}

static void cancel_half(bool noted)
{
    crew_inbox *inbox = noted ? make_inbox() : NULL;
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);
    crew_pool_stats stats;
    unsigned ran = 0;

    memset(&halves, 0, sizeof halves);
    test_gate_init(&halves.half);
    for (int i = 0; i < MEMBERS; i++) {
        halves.members[i].task = (crew_task){.run = run_half,
                                             .done = noted ? done_member : NULL,
                                             .group = group};
        check_equal(crew_submit(pool, &halves.members[i].task, inbox), 0);
    }
    test_gate_wait(&halves.half);
    check_equal(crew_group_cancel(group), 0);
    check_equal(crew_group_cancel(group), 0);
    if (noted)
        check_equal(crew_inbox_run(inbox), MEMBERS);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_pending(group), 0);
    check_equal(crew_group_error(group), -ECANCELED);
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &halves.members[i];

        check_at_most(member->ran, 1);
        check_equal(member->done, noted);
        check_equal(member->task.status, member->ran ? 0 : -ECANCELED);
        check_equal(crew_task_ran(&member->task), member->ran);
        ran += member->ran;
    }
    check_at_least(ran, MEMBERS / 4);
    check_at_most(ran, MEMBERS / 2 + 2);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_pool_get_stats(pool, &stats, sizeof stats), 0);
    check_equal(stats.submitted, MEMBERS);
    check_equal(stats.done, ran);
    check_equal(stats.canceled, MEMBERS - ran);
    check_equal(stats.timed_out, 0);
    test_gate_fini(&halves.half);
    end_all(pool, group, inbox);
}

CREW_TEST(C5_a_group_is_canceled_in_its_middle_and_every_member_ends_once)
{
    cancel_half(false);
}

CREW_TEST(C5_the_same_where_each_member_has_a_done)
{
    cancel_half(true);
}

/* ---- C10 ----------------------------------------------------------------- */

/* A tree of groups: each task waits for those below it. */
struct tree {
    crew_task task;
    unsigned depth;
    unsigned *count;
};

static int grow(crew_self *self, crew_task *task)
{
    struct tree *tree = (struct tree *)(void *)task;
    struct tree below[3];
    crew_group *group = NULL;
    int r;

    __atomic_fetch_add(tree->count, 1, __ATOMIC_RELAXED);
    if (tree->depth == 0)
        return 0;
    r = crew_group_create(&group, NULL);
    for (int i = 0; r == 0 && i < 3; i++) {
        below[i] = (struct tree){
            {.run = grow, .group = group}, tree->depth - 1, tree->count};
        below[i].task.priority = (crew_priority)i;
        r = crew_submit(crew_self_pool(self), &below[i].task, NULL);
    }
    check_equal(r, 0);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_destroy(group), 0);
    return r;
}

CREW_TEST(C10_a_task_that_waits_for_a_group_on_one_worker_runs_it)
{
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        crew_pool *pool = make_pool(workers);
        unsigned count = 0;
        struct tree tree = {{.run = grow}, 6, &count};

        check_equal(crew_submit(pool, &tree.task, NULL), 0);
        check_equal(crew_task_wait(&tree.task, LONG_WAIT), 0);
        check_equal(tree.task.status, 0);
        check_equal(count, (3 * 3 * 3 * 3 * 3 * 3 * 3 - 1) / 2);
        end_all(pool, NULL, NULL);
    }
}

/* ---- C11 ----------------------------------------------------------------- */

struct locking {
    crew_task task;
    pthread_mutex_t *mutex;
    unsigned *count;  /* guarded by it */
    unsigned members; /* run by its group */
};

static int lock_alone(crew_self *self, crew_task *task)
{
    struct locking *locking = (struct locking *)(void *)task;

    (void)self;
    pthread_mutex_lock(locking->mutex);
    ++*locking->count;
    pthread_mutex_unlock(locking->mutex);
    return 0;
}

static int lock_and_wait(crew_self *self, crew_task *task)
{
    struct locking *locking = (struct locking *)(void *)task;
    crew_task members[8];
    crew_group *group = NULL;

    if (!check_equal(crew_group_create(&group, NULL), 0))
        return -ENOMEM;
    pthread_mutex_lock(locking->mutex);
    for (int i = 0; i < 8; i++) {
        members[i] = (crew_task){
            .run = count_run, .data = &locking->members, .group = group};
        check_equal(crew_submit(crew_self_pool(self), &members[i], NULL), 0);
    }
    check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    check_equal(locking->members, 8);
    ++*locking->count;
    pthread_mutex_unlock(locking->mutex);
    check_equal(crew_group_destroy(group), 0);
    return 0;
}

static void lock_on(unsigned workers)
{
    enum { N = 400 };
    static struct locking tasks[N];
    crew_pool *pool = make_pool(workers);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    unsigned count = 0;

    for (int i = 0; i < N; i++) {
        tasks[i] = (struct locking){
            {.run = i % 2 ? lock_alone : lock_and_wait}, &mutex, &count, 0};
        check_equal(crew_submit(pool, &tasks[i].task, NULL), 0);
    }
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(count, N);
    end_all(pool, NULL, NULL);
}

CREW_TEST(C11_a_task_that_holds_a_mutex_and_waits_meets_no_stranger)
{
    lock_on(1);
    lock_on(2);
    lock_on(4);
}

/* ---- C13 ----------------------------------------------------------------- */

CREW_TEST(C13_done_and_inbox_come_together_or_not_at_all)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);
    crew_task without = {.run = return_zero, .group = group};
    crew_task with = {.run = return_zero, .done = ignore_done, .group = group};
    crew_task *one[] = {&without};
    crew_task *other[] = {&with};

    check_equal(crew_submit(pool, &without, inbox), -EINVAL);
    check_equal(crew_submit(pool, &with, NULL), -EINVAL);
    check_equal(crew_submit_to(pool, 0, &without, inbox), -EINVAL);
    check_equal(crew_submit_to(pool, 0, &with, NULL), -EINVAL);
    check_equal(crew_submit_many(pool, one, 1, inbox), -EINVAL);
    check_equal(crew_submit_many(pool, other, 1, NULL), -EINVAL);
    check_equal(crew_submit_each(pool, one, 1, inbox), -EINVAL);
    check_equal(crew_submit_each(pool, other, 1, NULL), -EINVAL);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_group_pending(group), 0);
    check_equal(crew_group_wait(group, 0), 0);
    check_equal(crew_pool_drain(pool, 0), 0);
    check_equal(crew_task_cancel(&with), -EINVAL); /* never submitted */
    end_all(pool, group, inbox);
}

CREW_TEST(C13_a_group_with_a_done_outstanding_is_not_waited_for)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(1);
    struct member with = {
        .task = {.run = return_zero, .done = done_member, .group = group}};
    crew_task without = {.run = return_zero, .group = group};

    check_equal(crew_group_wait(NULL, 0), -EINVAL);
    check_equal(crew_group_wait(group, -2), -EINVAL);
    check_equal(crew_group_wait(group, CREW_FOREVER), 0); /* empty */
    check_equal(crew_submit(pool, &without, NULL), 0);
    check_equal(crew_submit(pool, &with.task, inbox), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_group_wait(group, CREW_FOREVER), -EINVAL);
    check_equal(crew_group_wait(group, 0), -EINVAL);
    check_equal(crew_group_pending(group), 1); /* until done has returned */
    check_equal(crew_group_destroy(group), -EBUSY);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(with.done, 1);
    check_equal(crew_group_pending(group), 0);
    check_equal(crew_group_wait(group, 0), 0);
    end_all(pool, group, inbox);
}

static int wait_for_own_group(crew_self *self, crew_task *task)
{
    (void)self;
    return crew_group_wait(task->data, CREW_FOREVER);
}

CREW_TEST(C13_a_member_that_waits_for_its_group_is_told)
{
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = wait_for_own_group, .data = group, .group = group};

    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(task.status, -EDEADLK);
    check_equal(crew_group_error(group), -EDEADLK);
    end_all(pool, group, NULL);
}

/* ---- waiting for groups -------------------------------------------------- */

static void wait_for_group(unsigned index, void *arg)
{
    struct holder *holder = arg;
    int r;

    if (index == 0)
        check_equal(crew_group_wait(holder->task.group, CREW_MS), -ETIMEDOUT);
    if (index == 0)
        test_gate_open(&holder->leave);
    r = crew_group_wait(holder->task.group, LONG_WAIT);
    check_equal(r, 0);
}

CREW_TEST(C5_any_number_of_threads_wait_for_one_group)
{
    for (unsigned i = 0; i < MANY(50); i++) {
        crew_group *group = make_group(false);
        crew_pool *pool = make_pool(1);
        struct holder holder;

        holder_init(&holder);
        holder.task.group = group;
        check_equal(crew_submit(pool, &holder.task, NULL), 0);
        test_gate_wait(&holder.entered);
        check_equal(crew_group_wait(group, 0), -ETIMEDOUT);
        check_equal(crew_group_destroy(group), -EBUSY);
        test_threads(8, wait_for_group, &holder);
        test_gate_fini(&holder.entered);
        test_gate_fini(&holder.leave);
        end_all(pool, group, NULL);
    }
}

/* A group that is told empty may go at once, and so may its members. */
CREW_TEST(C5_a_group_that_was_waited_for_may_go_at_once)
{
    enum { N = 8 };
    crew_pool *pool = make_pool(2);

    for (unsigned i = 0; i < MANY(10000); i++) {
        crew_group *group = make_group(false);
        crew_task *tasks = calloc(N, sizeof *tasks);

        assert_non_null(tasks);
        for (int j = 0; j < N; j++) {
            tasks[j] = (crew_task){.run = return_zero, .group = group};
            check_equal(crew_submit(pool, &tasks[j], NULL), 0);
        }
        if (i % 2)
            while (crew_group_wait(group, i % 7 * CREW_US) == -ETIMEDOUT)
                ;
        check_equal(crew_group_wait(group, LONG_WAIT), 0);
        check_equal(crew_group_pending(group), 0);
        check_equal(crew_group_destroy(group), 0);
        free(tasks);
    }
    end_all(pool, NULL, NULL);
}

/* Its group no longer counts a member whose wait has returned 0. */
CREW_TEST(C5_a_member_that_was_waited_for_is_counted_no_more)
{
    const unsigned n = MANY(10000);
    crew_pool *pool = make_pool(1);
    unsigned busy = 0;
    unsigned late = 0;

    for (unsigned i = 0; i < n; i++) {
        crew_group *group = make_group(false);
        crew_task task = {.run = return_zero, .group = group};

        check_equal(crew_submit(pool, &task, NULL), 0);
        if (i % 2)
            while (crew_task_wait(&task, 0) == -ETIMEDOUT)
                ;
        else
            check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(crew_group_pending(group), 0);
        if (i / 2 % 2)
            late += crew_group_wait(group, 0) != 0;
        if (crew_group_destroy(group) != 0) {
            busy++;
            check_equal(crew_group_wait(group, LONG_WAIT), 0);
            check_equal(crew_group_destroy(group), 0);
        }
    }
    check_equal(late, 0);
    check_equal(busy, 0);
    end_all(pool, NULL, NULL);
}

/* ---- C15 ----------------------------------------------------------------- */

CREW_TEST(C15_members_that_come_after_the_cancel_are_not_run)
{
    enum { N = 100 };
    static struct member members[N];
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);

    check_equal(crew_group_cancel(NULL), -EINVAL);
    check_equal(crew_group_cancel(group), 0);
    check_equal(crew_group_error(group), 0);
    for (int i = 0; i < N; i++) {
        bool noted = i % 2;

        members[i].task = (crew_task){.run = count_run,
                                      .done = noted ? done_member : NULL,
                                      .data = &members[i].ran,
                                      .group = group};
        check_equal(crew_submit(pool, &members[i].task, noted ? inbox : NULL),
                    0);
    }
    check_equal(crew_inbox_run(inbox), N / 2);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_error(group), -ECANCELED);
    for (int i = 0; i < N; i++) {
        check_equal(members[i].ran, 0);
        check_equal(members[i].done, i % 2);
        check_equal(members[i].task.status, -ECANCELED);
        check(!crew_task_ran(&members[i].task));
    }
    end_all(pool, group, inbox);
}

enum { STOPPED = 1000 };

struct stopped {
    struct member members[STOPPED];
    unsigned ran;
};

static struct stopped stopped;

/* The third fails; later ones, on other workers, wait for the cancel. */
static int fail_third(crew_self *self, crew_task *task)
{
    struct member *member = (struct member *)(void *)task;
    long index = member - stopped.members;

    member->ran++;
    __atomic_fetch_add(&stopped.ran, 1, __ATOMIC_RELAXED);
    if (index == 2)
        return -EIO;
    if (index > 2)
        check_equal(crew_sleep(self, LONG_WAIT), -ECANCELED);
    return 0;
}

static unsigned stop_on_third(unsigned workers, bool noted)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(true);
    crew_pool *pool = make_pool(workers);

    memset(&stopped, 0, sizeof stopped);
    for (int i = 0; i < STOPPED; i++) {
        stopped.members[i].task = (crew_task){.run = fail_third,
                                              .group = group,
                                              .done = noted ? done_member
                                                            : NULL};
        check_equal(
            crew_submit(pool, &stopped.members[i].task, noted ? inbox : NULL),
            0);
    }
    if (noted)
        check_equal(crew_inbox_run(inbox), STOPPED);
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_error(group), -EIO);
    for (int i = 0; i < STOPPED; i++) {
        const struct member *member = &stopped.members[i];

        check_equal(member->done, noted);
        check_at_most(member->ran, 1);
        check_equal(member->task.status, !member->ran ? -ECANCELED
                                         : i == 2     ? -EIO
                                                      : 0);
    }
    end_all(pool, group, inbox);
    return stopped.ran;
}

CREW_TEST(C15_stop_on_error_stops_after_the_first_failure)
{
    check_equal(stop_on_third(1, false), 3);
    check_equal(stop_on_third(1, true), 3);
    check_at_most(stop_on_third(4, false), 3 + 4);
    check_at_most(stop_on_third(4, true), 3 + 4);
}

CREW_TEST(C15_without_stop_on_error_the_others_run)
{
    enum { N = 100 };
    crew_task tasks[N];
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(1);

    for (intptr_t i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = return_data,
                               .group = group,
                               .data = (void *)(i < 10 ? i : -i)};
        check_equal(crew_submit(pool, &tasks[i], NULL), 0);
    }
    check_equal(crew_group_wait(group, LONG_WAIT), 0);
    check_equal(crew_group_error(group), -10); /* the first negative one */
    for (int i = 0; i < N; i++)
        check_equal(tasks[i].status, i < 10 ? i : -i);
    end_all(pool, group, NULL);
}
