/* How a forked child is told. */
#include "support.h"

#include "os/os.h"

#include <errno.h>

#include <crew/crew.h>

struct generation {
    const crew__a64 *word;
    uint64_t mine;
};

static int compare_and_create(void *arg)
{
    const struct generation *inherited = arg;
    const crew__a64 *word = NULL;
    uint64_t mine;

    check(crew__load_relaxed(inherited->word) != inherited->mine);
    mine = crew__fork_generation(&word);
    check(mine != inherited->mine);
    check(mine != 0);
    check(word == inherited->word);
    check_equal(crew__load_relaxed(word), mine);
    check_equal(crew__fork_generation(&word), mine);
    return 0;
}

static int grandchild(void *arg)
{
    struct generation mine;

    check_equal(compare_and_create(arg), 0);
    mine.mine = crew__fork_generation(&mine.word);
    return test_in_child(compare_and_create, &mine);
}

CREW_TEST(a_child_reads_another_generation_and_so_does_its_child)
{
    struct generation mine;

    mine.mine = crew__fork_generation(&mine.word);
    check_equal(crew__load_relaxed(mine.word), mine.mine);
    check_equal(test_in_child(compare_and_create, &mine), 0);
    check_equal(test_in_child(grandchild, &mine), 0);
    check_equal(crew__load_relaxed(mine.word), mine.mine);
}

static int take_lock(void *arg)
{
    (void)arg;
    crew__lock(crew__fork_lock());
    crew__unlock(crew__fork_lock());
    return 0;
}

CREW_TEST(the_lock_is_free_in_a_child_whoever_held_it)
{
    const crew__a64 *word;

    crew__fork_generation(&word);
    crew__lock(crew__fork_lock());
    check_equal(test_in_child(take_lock, NULL), 0);
    crew__unlock(crew__fork_lock());
}

/* ---- the objects of the library ------------------------------------------ */

struct inherited {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_task task;
};

static void ignore_call(void *arg)
{
    (void)arg;
}

static void ignore_notify(crew_group *group, void *arg)
{
    (void)group;
    (void)arg;
}

static void ignore_room(crew_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
}

static void ignore_work(crew_self *self, void *arg)
{
    (void)self;
    (void)arg;
}

static int run_nothing(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 0;
}

static void check_refused(struct inherited *i)
{
    crew_task task = {.run = run_nothing};
    crew_task *tasks[] = {&task};
    crew_pool_stats stats;
    crew_worker_stats worker;
    char text[100];

    check_equal(crew_submit(i->pool, &task, NULL), -EOWNERDEAD);
    check_equal(crew_submit_to(i->pool, 0, &task, NULL), -EOWNERDEAD);
    check_equal(crew_submit_many(i->pool, tasks, 1, NULL), -EOWNERDEAD);
    check_equal(crew_submit_each(i->pool, tasks, 1, NULL), -EOWNERDEAD);
    check_equal(crew_pool_call(i->pool, ignore_work, NULL), -EOWNERDEAD);
    check_equal(crew_pool_drain(i->pool, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_pool_stop(i->pool, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_pool_on_room(i->pool, i->inbox, ignore_room, NULL),
                -EOWNERDEAD);
    check_equal(crew_pool_describe(i->pool, text, sizeof text), -EOWNERDEAD);
    check_equal(crew_pool_worker_cpu(i->pool, 0), -EOWNERDEAD);
    check_equal(crew_pool_get_stats(i->pool, &stats, sizeof stats),
                -EOWNERDEAD);
    check_equal(crew_pool_get_worker_stats(i->pool, 0, &worker, sizeof worker),
                -EOWNERDEAD);
    check_equal(crew_inbox_fd(i->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_dispatch(i->inbox, 0), -EOWNERDEAD);
    check_equal(crew_inbox_wait(i->inbox, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_inbox_run(i->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_stop(i->inbox), -EOWNERDEAD);
    check_equal(crew_inbox_call(i->inbox, ignore_call, NULL), -EOWNERDEAD);
    check_equal(crew_group_wait(i->group, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_group_cancel(i->group), -EOWNERDEAD);
    check_equal(crew_group_error(i->group), -EOWNERDEAD);
    check_equal(crew_group_notify(i->group, i->inbox, ignore_notify, NULL),
                -EOWNERDEAD);
}

static int use_and_destroy(void *arg)
{
    struct inherited *i = arg;
    crew_inbox *inbox = NULL;

    check_refused(i);
    check_equal(crew_pool_destroy(i->pool), 0);
    check_equal(crew_inbox_destroy(i->inbox), 0);
    check_equal(crew_group_destroy(i->group), 0);
    check_equal(crew_inbox_create(&inbox, NULL), 0); /* new ones work */
    check_equal(crew_inbox_call(inbox, ignore_call, NULL), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(crew_inbox_destroy(inbox), 0);
    return 0;
}

CREW_TEST(inherited_objects_are_refused_and_destroyed)
{
    crew_pool_options options = {.workers = 2};
    struct inherited i = {NULL, NULL, NULL, {.run = run_nothing}};

    assert_int_equal(crew_pool_create(&i.pool, &options), 0);
    assert_int_equal(crew_inbox_create(&i.inbox, NULL), 0);
    assert_int_equal(crew_group_create(&i.group, NULL), 0);
    check_at_least(crew_inbox_fd(i.inbox), 0);
    check_equal(crew_inbox_call(i.inbox, ignore_call, NULL), 0);
    check_equal(test_in_child(use_and_destroy, &i), 0);
    check_equal(crew_inbox_run(i.inbox), 1); /* the parent is undisturbed */
    i.task.group = i.group;
    check_equal(crew_submit(i.pool, &i.task, NULL), 0);
    check_equal(crew_group_wait(i.group, CREW_FOREVER), 0);
    check_equal(crew_pool_destroy(i.pool), 0);
    check_equal(crew_inbox_destroy(i.inbox), 0);
    check_equal(crew_group_destroy(i.group), 0);
}
