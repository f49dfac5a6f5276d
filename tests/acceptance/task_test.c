/*
 * Tasks from the caller's side: each runs once and ends once, in the promised
 * order, on the promised thread, whatever `run` and `done` do meanwhile.
 */
#include "work.h"

#include <limits.h>
#include <stdlib.h>

/* ---- T1 ------------------------------------------------------------------ */

struct once {
    crew_task task;
    unsigned ran;
    unsigned done;
};

static pthread_t dispatching_thread;
static pthread_t submitting_thread;

static int run_once(crew_self *self, crew_task *task)
{
    struct once *once = (struct once *)(void *)task;

    (void)self;
    check(!pthread_equal(pthread_self(), submitting_thread));
    __atomic_fetch_add(&once->ran, 1, __ATOMIC_RELAXED);
    return 0;
}

static void done_once(crew_task *task)
{
    struct once *once = (struct once *)(void *)task;

    check(pthread_equal(pthread_self(), dispatching_thread));
    check_equal(task->status, 0);
    check(crew_task_ran(task));
    once->done++;
}

static struct once *make_many(size_t n)
{
    struct once *many = calloc(n, sizeof *many);

    assert_non_null(many);
    for (size_t i = 0; i < n; i++) {
        many[i].task.run = run_once;
        many[i].task.done = done_once;
    }
    dispatching_thread = pthread_self();
    submitting_thread = pthread_self();
    return many;
}

/* Exact once the pool is gone; before, it may be readable once for nothing. */
static void check_quiet(crew_inbox *inbox)
{
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
}

static void check_many(const struct once *many, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!check_equal(many[i].ran, 1) || !check_equal(many[i].done, 1))
            return;
    }
}

CREW_TEST(T1_a_million_tasks_run_once_and_end_once)
{
    const size_t n = MANY(1000000);
    struct once *many = make_many(n);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, NULL), 0);
    for (size_t i = 0; i < n; i++)
        check_equal(crew_submit(pool, &many[i].task, inbox), 0);
    check_equal(crew_inbox_pending(inbox), n);
    check_equal(loop_until_quiet(inbox), n);
    check_many(many, n);
    check_equal(crew_pool_destroy(pool), 0);
    check_quiet(inbox);
    check_equal(crew_inbox_destroy(inbox), 0);
    free(many);
}

CREW_TEST(T1_a_million_tasks_in_batches_run_once_and_end_once)
{
    enum { BATCH = 1000 };
    const size_t n = MANY(1000000);
    struct once *many = make_many(n);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(0);
    crew_task *batch[BATCH];

    for (size_t i = 0; i < n; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++)
            batch[j] = &many[i + j].task;
        check_equal(crew_submit_many(pool, batch, BATCH, inbox), 0);
        memset(batch, 0, sizeof batch); /* it is not kept */
    }
    check_equal(crew_inbox_run(inbox), n);
    check_many(many, n);
    check_equal(crew_pool_destroy(pool), 0);
    check_quiet(inbox);
    check_equal(crew_inbox_destroy(inbox), 0);
    free(many);
}

/* ---- T2 ------------------------------------------------------------------ */

struct owned {
    crew_task task;
    unsigned owner;
    unsigned *count;
    pthread_t thread;
};

static void done_owned(crew_task *task)
{
    struct owned *owned = (struct owned *)(void *)task;

    check(pthread_equal(pthread_self(), owned->thread));
    check_equal(task->status, (int)owned->owner);
    ++*owned->count; /* plain: no other thread has this inbox's tasks */
}

static void submit_and_receive(unsigned index, void *arg)
{
    const size_t n = MANY(20000);
    struct owned *mine = calloc(n, sizeof *mine);
    crew_inbox *inbox = NULL;
    unsigned count = 0;

    if (!check(mine != NULL) ||
        !check_equal(crew_inbox_create(&inbox, NULL), 0))
        return;
    for (size_t i = 0; i < n; i++) {
        mine[i].task.run = return_data;
        mine[i].task.done = done_owned;
        mine[i].task.data = (void *)(uintptr_t)index;
        mine[i].owner = index;
        mine[i].count = &count;
        mine[i].thread = pthread_self();
        check_equal(crew_submit(arg, &mine[i].task, inbox), 0);
        if (i % 64 == 0)
            check_at_least(crew_inbox_dispatch(inbox, 0), 0);
    }
    check_at_least(crew_inbox_run(inbox), 0);
    check_equal(count, n);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
    free(mine);
}

CREW_TEST(T2_eight_threads_get_exactly_their_own_completions)
{
    crew_pool *pool = make_pool(2);

    test_threads(8, submit_and_receive, pool);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- T3 ------------------------------------------------------------------ */

struct numbered {
    crew_task task;
    int finished; /* how many had finished before it */
};

static int finish_order;
static int done_order;

static int run_numbered(crew_self *self, crew_task *task)
{
    (void)self;
    ((struct numbered *)(void *)task)->finished = finish_order++;
    return 0;
}

static void done_numbered(crew_task *task)
{
    check_equal(((struct numbered *)(void *)task)->finished, done_order);
    done_order++;
}

CREW_TEST(T3_one_worker_completes_in_the_order_of_the_ends)
{
    enum { N = 10000 };
    static struct numbered tasks[N];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);

    for (int i = 0; i < N; i++) {
        tasks[i].task.run = run_numbered;
        tasks[i].task.done = done_numbered;
        tasks[i].task.priority = (crew_priority)(i % 3);
        check_equal(crew_submit(pool, &tasks[i].task, inbox), 0);
    }
    check_equal(crew_inbox_run(inbox), N);
    check_equal(done_order, N);
    end_all(pool, NULL, inbox);
}

static int start_order;

static int run_in_turn(crew_self *self, crew_task *task)
{
    (void)self;
    check_equal((intptr_t)task->data, start_order);
    start_order++;
    return 0;
}

CREW_TEST(T3_one_worker_starts_in_the_order_of_the_submits)
{
    enum { N = 10000 };
    static crew_task tasks[N];
    crew_task *batch[100];
    crew_pool *pool = make_pool(1);

    for (int i = 0; i < N; i++)
        tasks[i] = (crew_task){.run = run_in_turn, .data = (void *)(intptr_t)i};
    for (int i = 0; i < N; i += 200) {
        for (int j = 0; j < 100; j++)
            check_equal(crew_submit(pool, &tasks[i + j], NULL), 0);
        for (int j = 0; j < 100; j++)
            batch[j] = &tasks[i + 100 + j];
        check_equal(crew_submit_many(pool, batch, 100, NULL), 0);
    }
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(start_order, N);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- T6 ------------------------------------------------------------------ */

struct again {
    crew_task task;
    crew_pool *pool;
    crew_inbox *inbox;
    unsigned left;
    unsigned inside;
};

static void submit_again(crew_task *task)
{
    struct again *again = (struct again *)(void *)task;

    check_equal(again->inside, 0); /* no recursion */
    again->inside++;
    if (again->left-- > 0)
        check_equal(crew_submit(again->pool, task, again->inbox), 0);
    again->inside--;
}

CREW_TEST(T6_done_submits_the_same_task_again_without_recursion)
{
    const unsigned n = MANY(20000);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    struct again again = {
        {.run = return_zero, .done = submit_again}, pool, inbox, n, 0};

    check_equal(crew_submit(pool, &again.task, inbox), 0);
    for (unsigned i = 0; i < 100; i++) /* one a dispatch: it waited at entry */
        check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(crew_inbox_run(inbox), n + 1 - 100);
    check_equal(again.left, UINT_MAX);
    end_all(pool, NULL, inbox);
}

static unsigned freed;

static void free_task(crew_task *task)
{
    freed++;
    free(task);
}

CREW_TEST(T6_done_frees_the_memory_that_holds_the_task)
{
    const unsigned n = MANY(20000);
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);

    for (unsigned i = 0; i < n; i++) {
        crew_task *task = calloc(1, sizeof *task);

        assert_non_null(task);
        task->run = return_zero;
        task->done = free_task;
        task->group = i % 2 ? group : NULL;
        check_equal(crew_submit(pool, task, inbox), 0);
        if (i % 100 == 0)
            check_at_least(crew_inbox_dispatch(inbox, 0), 0);
    }
    check_at_least(crew_inbox_run(inbox), 0);
    check_equal(freed, n);
    check_equal(crew_group_pending(group), 0);
    end_all(pool, group, inbox);
}

CREW_TEST(T6_a_task_that_was_waited_for_may_go_at_once)
{
    const unsigned n = MANY(50000);
    crew_pool *pool = make_pool(2);

    for (unsigned i = 0; i < n; i++) {
        crew_task *task = calloc(1, sizeof *task);

        assert_non_null(task);
        task->run = return_zero;
        check_equal(crew_submit(pool, task, NULL), 0);
        if (i % 2)
            while (crew_task_wait(task, 0) == -ETIMEDOUT)
                ;
        else
            check_equal(crew_task_wait(task, LONG_WAIT), 0);
        free(task);
    }
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- T8 ------------------------------------------------------------------ */

struct relay {
    crew_task task;
    crew_pool *other;
    unsigned left;
    struct relay *next;
};

/* Each hands the next one on, to its own pool and to the other in turn. */
static int hand_on(crew_self *self, crew_task *task)
{
    struct relay *relay = (struct relay *)(void *)task;
    crew_pool *here = crew_self_pool(self);

    if (relay->left == 0)
        return 0;
    relay->next->left = relay->left - 1;
    relay->next->other = relay->left % 2 ? here : relay->other;
    return crew_submit(relay->left % 2 ? relay->other : here,
                       &relay->next->task, NULL);
}

CREW_TEST(T8_a_task_submits_to_its_own_pool_and_to_another)
{
    enum { N = 1000 };
    static struct relay relays[N];
    crew_pool *one = make_pool(1);
    crew_pool *two = make_pool(2);

    for (int i = 0; i < N; i++) {
        relays[i].task.run = hand_on;
        relays[i].next = &relays[(i + 1) % N];
    }
    relays[0].left = N - 1;
    relays[0].other = two;
    check_equal(crew_submit(one, &relays[0].task, NULL), 0);
    /* Each submit came before its submitter's end. */
    for (int i = 0; i < N; i++) {
        check_equal(crew_task_wait(&relays[i].task, LONG_WAIT), 0);
        check_equal(relays[i].task.status, 0);
    }
    check_equal(crew_pool_destroy(one), 0);
    check_equal(crew_pool_destroy(two), 0);
}

/* A chain whose links are used again when their end has been told. */
enum { LINKS = 64 };

struct chain {
    crew_task links[LINKS];
    unsigned at;
    unsigned length;
    size_t resident; /* after the first thousandth */
};

static int submit_next(crew_self *self, crew_task *task)
{
    struct chain *chain = task->data;
    unsigned at = ++chain->at;
    crew_task *next = &chain->links[at % LINKS];

    if (at == chain->length / 1000)
        chain->resident = test_resident_bytes();
    if (at == chain->length)
        return 0;
    if (at > LINKS)
        check_equal(crew_task_wait(next, LONG_WAIT), 0);
    return crew_submit(crew_self_pool(self), next, NULL);
}

static void check_flat(size_t before)
{
    size_t after = test_resident_bytes();

    printf("resident before %zu, after %zu bytes\n", before, after);
    if (IS_RESIDENT_EXACT)
        check_at_most(after, before + (1 << 20));
}

CREW_TEST(T8_a_chain_of_a_million_tasks_has_constant_memory)
{
    static struct chain chain;
    crew_pool *pool = make_pool(2);

    chain.length = MANY(1000000);
    for (unsigned i = 0; i < LINKS; i++) {
        chain.links[i].run = submit_next;
        chain.links[i].data = &chain;
    }
    check_equal(crew_submit(pool, &chain.links[0], NULL), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(chain.at, chain.length);
    check_flat(chain.resident);
    check_equal(crew_pool_destroy(pool), 0);
}

static void call_next(crew_self *self, void *arg)
{
    struct chain *chain = arg;
    unsigned at = ++chain->at;

    if (at == chain->length / 1000)
        chain->resident = test_resident_bytes();
    if (at < chain->length)
        check_equal(crew_pool_call(crew_self_pool(self), call_next, chain), 0);
}

CREW_TEST(T8_a_chain_of_a_million_calls_has_constant_memory)
{
    static struct chain chain;
    crew_pool *pool = make_pool(2);

    chain.length = MANY(1000000);
    check_equal(crew_pool_call(pool, call_next, &chain), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(chain.at, chain.length);
    check_flat(chain.resident);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- T9 ------------------------------------------------------------------ */

CREW_TEST(T9_a_task_that_is_outstanding_is_not_taken_again)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    struct holder holder;
    unsigned ran = 0;
    crew_task task = {.run = count_run, .done = ignore_done, .data = &ran};
    crew_task other = {.run = count_run, .done = ignore_done, .data = &ran};
    crew_task *twice[] = {&other, &task};
    crew_task *same[] = {&other, &other};

    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &holder.task, NULL), -EBUSY); /* it runs */
    check_equal(crew_submit(pool, &task, inbox), 0);
    check_equal(crew_submit(pool, &task, inbox), -EBUSY); /* it is queued */
    check_equal(crew_submit_to(pool, 0, &task, inbox), -EBUSY);
    check_equal(crew_submit_many(pool, twice, 2, inbox), -EBUSY);
    check_equal(crew_submit_many(pool, same, 2, inbox), -EBUSY);
    check_equal(crew_submit_each(pool, &twice[1], 1, inbox), -EBUSY);
    check_equal(crew_inbox_pending(inbox), 1);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_submit(pool, &task, inbox), -EBUSY); /* not told yet */
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(ran, 1);
    check_equal(crew_submit(pool, &other, inbox), 0); /* nothing was lost */
    check_equal(crew_submit(pool, &task, inbox), 0);
    check_equal(crew_inbox_run(inbox), 2);
    check_equal(ran, 3);
    end_all(pool, NULL, inbox);
}

static void check_refused(crew_pool *pool, crew_task *task, crew_inbox *inbox)
{
    crew_task good = {.run = return_zero, .done = task->done};
    crew_task *tasks[] = {&good, task};

    check_equal(crew_submit(pool, task, inbox), -EINVAL);
    check_equal(crew_submit_to(pool, 0, task, inbox), -EINVAL);
    check_equal(crew_submit_many(pool, tasks, 2, inbox), -EINVAL);
    check_equal(crew_submit_each(pool, tasks, 2, inbox), -EINVAL);
    check_equal(crew_task_cancel(task), -EINVAL);
    check_equal(crew_task_cancel(&good), -EINVAL);
}

CREW_TEST(T9_what_cannot_be_is_refused_and_changes_nothing)
{
    crew_pool *pool = make_pool(2);
    crew_group *group = make_group(false);
    crew_task good = {.run = return_zero};
    crew_task *none[] = {&good, NULL};
    crew_task no_run = {.group = group};
    crew_task bad_priority = {
        .run = return_zero, .group = group, .priority = (crew_priority)3};
    crew_task bad_queue = {
        .run = return_zero, .group = group, .queue_timeout = -2};
    crew_task bad_run = {
        .run = return_zero, .group = group, .run_timeout = INT64_MIN};

    check_refused(pool, &no_run, NULL);
    check_refused(pool, &bad_priority, NULL);
    check_refused(pool, &bad_queue, NULL);
    check_refused(pool, &bad_run, NULL);
    check_refused(NULL, &good, NULL);
    check_equal(crew_submit(pool, NULL, NULL), -EINVAL);
    check_equal(crew_submit_to(pool, 0, NULL, NULL), -EINVAL);
    check_equal(crew_submit_many(pool, none, 2, NULL), -EINVAL);
    check_equal(crew_submit_many(pool, NULL, 1, NULL), -EINVAL);
    check_equal(crew_submit_each(pool, none, 2, NULL), -EINVAL);
    check_equal(crew_pool_call(pool, NULL, NULL), -EINVAL);
    check_equal(crew_pool_call(NULL, call_next, NULL), -EINVAL);
    check_equal(crew_submit_many(pool, NULL, 0, NULL), 0);
    check_equal(crew_submit_each(pool, NULL, 0, NULL), 0);
    check_equal(crew_group_pending(group), 0);
    check_equal(crew_pool_drain(pool, 0), 0); /* nothing was submitted */
    check_equal(crew_submit(pool, &good, NULL), 0);
    check_equal(crew_task_wait(&good, LONG_WAIT), 0);
    end_all(pool, group, NULL);
}

/* ---- T10 ----------------------------------------------------------------- */

static int fail_first(crew_self *self, crew_task *task)
{
    (void)task;
    check_equal(crew_self_fail(self, 5, NULL), -EINVAL); /* no error */
    check_equal(crew_self_canceled(self), 0);
    check_equal(crew_self_fail(self, -ENOSPC, "full"), -ENOSPC);
    check_equal(crew_self_canceled(self), -ENOSPC);
    check_equal(crew_self_fail(self, -EIO, NULL), -EIO); /* the first wins */
    return 7;
}

CREW_TEST(T10_what_run_returns_is_the_status)
{
    static const int values[] = {0,     1,       42,         INT_MAX,
                                 -1,    -EIO,    -ECANCELED, -ETIMEDOUT,
                                 -4095, -100000, INT_MIN};
    crew_pool *pool = make_pool(2);
    crew_task failing = {.run = fail_first};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        crew_task task = {.run = return_data,
                          .data = (void *)(intptr_t)values[i]};

        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(task.status, values[i]);
        check(crew_task_ran(&task));
    }
    check_equal(crew_submit(pool, &failing, NULL), 0);
    check_equal(crew_task_wait(&failing, LONG_WAIT), 0);
    check_equal(failing.status, -ENOSPC);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(T10_a_task_is_submitted_again_as_it_is)
{
    crew_pool *pool = make_pool(2);
    crew_task task = {.run = return_data, .data = (void *)(intptr_t)-EIO};

    check(!crew_task_ran(&task));
    check(!crew_task_ran(NULL));
    for (int i = 0; i < 1000; i++) {
        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(crew_task_wait(&task, 0), 0); /* and again 0 */
        check_equal(task.status, -EIO);
    }
    check_equal(crew_pool_destroy(pool), 0);
}
