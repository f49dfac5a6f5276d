/*
 * What broke once: an inbox that many threads own in turn, a run that goes on
 * for what another thread withdraws, tasks that wait behind a slow one, an idle
 * pool that was called busy, hooks that run before the number of workers is
 * known, a child that inherits what is on its way.
 */
#include "base/census.h"
#include "runtime/inbox_state.h"

#include "../acceptance/work.h"
#include "../stress/scale.h"

#include <sched.h>

/* ---- owners in turn ------------------------------------------------------ */

static void count_call(void *arg)
{
    ++*(unsigned *)arg; /* one dispatches at a time */
}

struct owners {
    crew_inbox *inbox;
    pthread_mutex_t mutex;
    unsigned calls;
};

static void own_and_call(unsigned index, void *arg)
{
    struct owners *owners = arg;

    (void)index;
    for (unsigned i = 0; i < SCALED(20000u); i++) {
        pthread_mutex_lock(&owners->mutex);
        crew_inbox_dispatch(owners->inbox, 0);
        pthread_mutex_unlock(&owners->mutex);
        for (unsigned k = 0; k < 3; k++)
            check_equal(
                crew_inbox_call(owners->inbox, count_call, &owners->calls), 0);
    }
}

CREW_TEST(what_many_owners_expect_adds_up)
{
    enum { OWNERS = 12 }; /* more than slots */
    struct owners owners = {.mutex = PTHREAD_MUTEX_INITIALIZER};

    owners.inbox = make_inbox();
    test_threads(OWNERS, own_and_call, &owners);
    while (crew_inbox_dispatch(owners.inbox, 0) > 0)
        ;
    check_equal(owners.calls, OWNERS * 3 * SCALED(20000u));
    check_equal(crew_inbox_pending(owners.inbox), 0);
    check_equal(crew_inbox_destroy(owners.inbox), 0);
}

static void dispatch_once(unsigned index, void *arg)
{
    (void)index;
    check_equal(crew_inbox_dispatch(arg, 0), 0);
}

/* A thread that still counts as the owner that it was has its slot for itself,
 * whoever came after it. */
CREW_TEST(a_slot_of_an_owner_is_never_anothers)
{
    crew_inbox *inbox = make_inbox();
    uintptr_t first[OWNER_SLOTS];

    check_equal(inbox->owners[0], crew__thread_identity());
    test_threads(1, dispatch_once, inbox);
    for (unsigned i = 0; i < OWNER_SLOTS; i++)
        first[i] = inbox->owners[i];
    check(first[1] != 0);
    for (unsigned i = 0; i < 3 * OWNER_SLOTS; i++)
        test_threads(1, dispatch_once, inbox);
    for (unsigned i = 0; i < OWNER_SLOTS; i++)
        check(!first[i] || inbox->owners[i] == first[i]);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(crew__load_relaxed(&inbox->owner) % 8, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- a run whose reason goes --------------------------------------------- */

static void room_came(crew_pool *pool, void *arg)
{
    (void)pool;
    ++*(int *)arg;
}

static bool is_asleep(void *arg)
{
    crew_inbox *inbox = arg;
    void *waiter = crew__load_seq_cst(&inbox->waiter);

    return waiter && waiter != LOOKING;
}

struct sleepy_run {
    crew_inbox *inbox;
    crew_pool *pool;
    bool replaced;
    int rooms;
};

static void run_or_withdraw(unsigned index, void *arg)
{
    struct sleepy_run *sleepy = arg;

    if (index == 0) {
        int count = crew_inbox_run(sleepy->inbox);

        /* What a destroy ends makes room, which may be told in time, or be
         * withdrawn on its way. */
        check_at_least(count, sleepy->rooms);
        check_at_most(count, 1);
        return;
    }
    check(test_poll(is_asleep, sleepy->inbox, LONG_WAIT));
    if (sleepy->replaced)
        check_equal(crew_pool_on_room(sleepy->pool, sleepy->inbox, NULL, NULL),
                    0);
    else
        check_equal(crew_pool_destroy(sleepy->pool), 0);
}

static int run_until_canceled(crew_self *self, crew_task *task)
{
    __atomic_store_n((bool *)task->data, true, __ATOMIC_RELEASE);
    while (!crew_self_canceled(self))
        sched_yield();
    return 0;
}

static void withdraw_from_run(bool replaced)
{
    crew_pool_options options = {.workers = 1, .queue_limit = 1};
    bool runs = false;
    crew_task held = {.run = run_until_canceled, .data = &runs};
    crew_task waits = {.run = return_zero};
    struct sleepy_run sleepy = {.replaced = replaced};

    sleepy.inbox = make_inbox();
    assert_int_equal(crew_pool_create(&sleepy.pool, &options), 0);
    check_equal(crew_submit(sleepy.pool, &held, NULL), 0);
    /* Before it runs, the room that its start makes may still be told. */
    while (!__atomic_load_n(&runs, __ATOMIC_ACQUIRE))
        sched_yield();
    check_equal(crew_submit(sleepy.pool, &waits, NULL), 0);
    check_equal(
        crew_pool_on_room(sleepy.pool, sleepy.inbox, room_came, &sleepy.rooms),
        0);
    test_threads(2, run_or_withdraw, &sleepy);
    if (replaced) {
        check_equal(sleepy.rooms, 0);
        check_equal(crew_pool_destroy(sleepy.pool), 0);
    }
    check_equal(crew_inbox_destroy(sleepy.inbox), 0);
}

CREW_TEST(a_run_ends_when_the_pool_that_it_waits_for_goes)
{
    for (unsigned i = 0; i < SCALED(1000u); i++)
        withdraw_from_run(false);
}

CREW_TEST(a_run_ends_when_another_thread_withdraws_its_wish)
{
    withdraw_from_run(true);
}

/* ---- tasks behind a slow one --------------------------------------------- */

enum { BEHIND = 63 };

static unsigned ran_behind;

static int resubmit(crew_self *self, crew_task *task)
{
    if (read_count(&ran_behind) == BEHIND)
        return 0;
    /* The other of the pair: it has ended, or is this one's predecessor. */
    while (crew_submit(crew_self_pool(self), task->data, NULL) == -EBUSY)
        sched_yield();
    return 0;
}

CREW_TEST(what_waits_behind_a_slow_task_is_not_passed_for_ever)
{
    crew_pool *pool = make_pool(2);
    crew_task behind[BEHIND + 1];
    crew_task *all[BEHIND + 1];
    crew_task endless[2];
    struct holder slow;

    holder_init(&slow);
    for (unsigned i = 0; i <= BEHIND; i++) {
        behind[i] = (crew_task){.run = count_run, .data = &ran_behind};
        all[i] = i ? &behind[i] : &slow.task;
    }
    for (unsigned i = 0; i < 2; i++)
        endless[i] = (crew_task){.run = resubmit, .data = &endless[1 - i]};
    check_equal(crew_submit_many(pool, all, BEHIND + 1, NULL), 0);
    check_equal(crew_submit(pool, &endless[0], NULL), 0);
    for (unsigned i = 1; i <= BEHIND; i++)
        check_equal(crew_task_wait(&behind[i], LONG_WAIT), 0);
    let_go_of_worker(&slow);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- idle means idle ------------------------------------------------------ */

CREW_TEST(a_pool_is_drained_once_the_end_has_been_told)
{
    crew_pool *pool = make_pool(2);
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);

    check_equal(crew_pool_drain(pool, 0), 0);
    for (unsigned i = 0; i < SCALED(2000u); i++) {
        crew_task task = {.run = return_zero};

        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        task.group = group;
        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_group_wait(group, LONG_WAIT), 0);
    }
    check_equal(crew_group_destroy(group), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_pool_drain(pool, 0), 0);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(times_of_workers_that_have_ended_stand_still)
{
    crew_pool *pool = make_pool(2);
    crew_worker_stats before, after;

    check_equal(crew_pool_stop(pool, CREW_FOREVER), 0);
    check_equal(crew_pool_get_worker_stats(pool, 1, &before, sizeof before), 0);
    test_burn(1000000);
    check_equal(crew_pool_get_worker_stats(pool, 1, &after, sizeof after), 0);
    check_equal(after.busy, before.busy);
    check_equal(after.idle, before.idle);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- the start ------------------------------------------------------------ */

static unsigned slots_seen[4];
static crew_task hook_tasks[4];

static int use_pool(crew_self *self, void *arg)
{
    unsigned me = crew_self_index(self);

    (void)arg;
    slots_seen[me] = crew_pool_slots(crew_self_pool(self));
    hook_tasks[me] = (crew_task){.run = return_zero};
    return crew_submit(crew_self_pool(self), &hook_tasks[me], NULL);
}

CREW_TEST(a_start_hook_sees_the_pool_as_it_will_be)
{
    crew_pool_options options = {.workers = 4, .on_worker_start = use_pool};
    crew_pool *pool = NULL;

    check_equal(crew_pool_create(&pool, &options), 0);
    for (unsigned i = 0; i < 4; i++) {
        check_equal(slots_seen[i], crew_pool_slots(pool));
        check_equal(crew_task_wait(&hook_tasks[i], LONG_WAIT), 0);
    }
    check_equal(crew_pool_destroy(pool), 0);
}

static int create_inside(crew_self *self, crew_task *task)
{
    crew_pool *inner = NULL;

    (void)self;
    check_equal(crew_pool_create(&inner, NULL), 0);
    *(unsigned *)task->data = crew_pool_workers(inner);
    return crew_pool_destroy(inner);
}

CREW_TEST(a_pool_that_a_task_creates_may_use_what_the_process_may)
{
    crew_pool *pool = NULL;
    unsigned inner = 0;
    crew_task task = {.run = create_inside, .data = &inner};

    check_equal(crew_pool_create(&pool, NULL), 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(inner, crew_pool_workers(pool));
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- order and ends ------------------------------------------------------- */

static unsigned order[3];
static unsigned ordered;

static int note_order(crew_self *self, crew_task *task)
{
    (void)self;
    order[ordered++] = (unsigned)(uintptr_t)task->data; /* on one worker */
    return 0;
}

CREW_TEST(a_pool_of_one_keeps_the_order_whichever_way_they_come)
{
    crew_pool *pool = make_pool(1);
    crew_task tasks[3];
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (uintptr_t i = 0; i < 3; i++) {
        tasks[i] = (crew_task){.run = note_order, .data = (void *)i};
        check_equal(i == 1 ? crew_submit_to(pool, 0, &tasks[i], NULL)
                           : crew_submit(pool, &tasks[i], NULL),
                    0);
    }
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal(order[i], i);
    check_equal(crew_pool_destroy(pool), 0);
}

static void nobody_is_left(crew_group *group, void *arg)
{
    check_equal(crew_group_pending(group), 0);
    ++*(unsigned *)arg;
}

CREW_TEST(a_notify_waits_for_members_that_come_after_it_was_due)
{
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_task first = {.run = return_zero, .group = group};
    struct holder holder;
    unsigned notified = 0;

    check_equal(crew_submit(pool, &first, NULL), 0);
    check_equal(crew_group_notify(group, inbox, nobody_is_left, &notified), 0);
    check_equal(crew_task_wait(&first, LONG_WAIT), 0);
    holder_init(&holder);
    holder.task.group = group;
    check_equal(crew_submit(pool, &holder.task, NULL), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(crew_inbox_pending(inbox), 1);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(notified, 1);
    check_equal(crew_group_destroy(group), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- the forked child ----------------------------------------------------- */

struct inherited {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_task *task;
};

static void never(crew_self *self, void *arg)
{
    (void)self;
    (void)arg;
}

static void never_called(void *arg)
{
    (void)arg;
}

/* With a pool of the child's own. */
static void use_in_child(struct inherited *own)
{
#if defined(UNDER_TSAN)
    (void)own; /* it starts no thread after such a fork */
#else
    crew_task task = {.run = return_zero, .group = own->group};
    crew_pool *pool = NULL;

    check_equal(crew_pool_create(&pool, NULL), 0);
    check_equal(crew_submit(pool, &task, NULL), -EOWNERDEAD);
    check_equal(crew_task_wait(own->task, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_pool_destroy(pool), 0);
#endif
}

static int end_in_child(void *arg)
{
    struct inherited *own = arg;

    check_equal(crew_task_wait(own->task, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_task_cancel(own->task), -EOWNERDEAD);
    use_in_child(own);
    check_equal(crew_pool_destroy(own->pool), 0);
    check_equal(crew_inbox_destroy(own->inbox), 0);
    check_equal(crew_group_destroy(own->group), 0);
    check_equal(crew__census_live(1), 1); /* a thread of the parent */
    return 0;
}

CREW_TEST(a_child_gives_back_what_was_on_its_way)
{
    struct inherited own = {make_pool(1), make_inbox(), make_group(false),
                            NULL};
    crew_task task = {.run = return_zero};
    struct holder holder;

    own.task = &task;
    hold_worker(&holder, own.pool, 0);
    check_equal(crew_submit(own.pool, &task, NULL), 0);
    for (unsigned i = 0; i < 5; i++) {
        check_equal(crew_pool_call(own.pool, never, NULL), 0);
        check_equal(crew_inbox_call(own.inbox, never_called, NULL), 0);
    }
    check_equal(test_in_child(end_in_child, &own), 0);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(own.pool, LONG_WAIT), 0);
    check_equal(crew_inbox_run(own.inbox), 5);
    check_equal(crew_pool_destroy(own.pool), 0);
    check_equal(crew_inbox_destroy(own.inbox), 0);
    check_equal(crew_group_destroy(own.group), 0);
}
