/* Cancel and the two time limits, from the caller's side. */
#include "work.h"

/* ---- C1 ------------------------------------------------------------------ */

struct ended {
    crew_task task;
    unsigned ran;
    unsigned done;
    int expected;
};

static int run_ended(crew_self *self, crew_task *task)
{
    (void)self;
    ((struct ended *)(void *)task)->ran++;
    return 0;
}

static void done_ended(crew_task *task)
{
    struct ended *ended = (struct ended *)(void *)task;

    check_equal(task->status, ended->expected);
    check_equal(crew_task_ran(task), ended->ran);
    check_equal(crew_task_cancel(task), -EALREADY); /* C3: from done itself */
    ended->done++;
}

CREW_TEST(C1_a_task_that_is_canceled_while_queued_never_runs)
{
    enum { N = 12 };
    struct ended tasks[N];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (int i = 0; i < N; i++) {
        tasks[i] = (struct ended){.task = {.run = run_ended,
                                           .done = done_ended,
                                           .priority = (crew_priority)(i % 3)}};
        check_equal(i % 2 ? crew_submit(pool, &tasks[i].task, inbox)
                          : crew_submit_to(pool, 0, &tasks[i].task, inbox),
                    0);
    }
    for (int i = 0; i < N; i += i % 4 ? 3 : 1) {
        tasks[i].expected = -ECANCELED;
        check_equal(crew_task_cancel(&tasks[i].task), 0);
        check_equal(crew_task_cancel(&tasks[i].task), -EALREADY);
        check_equal(tasks[i].done, 0); /* not from inside the call */
    }
    check_equal(crew_inbox_pending(inbox), N);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), N);
    for (int i = 0; i < N; i++) {
        check_equal(tasks[i].ran, tasks[i].expected == 0);
        check_equal(tasks[i].done, 1);
        check_equal(tasks[i].task.status, tasks[i].expected);
    }
    end_all(pool, NULL, inbox);
}

CREW_TEST(C1_a_canceled_task_is_waited_for_and_submitted_again)
{
    crew_pool *pool = make_pool(1);
    struct ended ended = {.task = {.run = run_ended}};
    struct holder holder;

    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &ended.task, NULL), 0);
    check_equal(crew_task_cancel(&ended.task), 0);
    check_equal(crew_submit(pool, &ended.task, NULL), -EBUSY); /* still there */
    let_go_of_worker(&holder);
    check_equal(crew_task_wait(&ended.task, LONG_WAIT), 0);
    check_equal(ended.task.status, -ECANCELED);
    check(!crew_task_ran(&ended.task));
    check_equal(crew_submit(pool, &ended.task, NULL), 0);
    check_equal(crew_task_wait(&ended.task, LONG_WAIT), 0);
    check_equal(ended.task.status, 0);
    check(crew_task_ran(&ended.task));
    check_equal(ended.ran, 1);
    end_all(pool, NULL, NULL);
}

/* ---- C2 ------------------------------------------------------------------ */

struct polling {
    crew_task task;
    struct test_gate entered;
    struct test_gate look; /* opened when it is to look */
    struct test_gate looked;
    struct test_gate leave;
    int seen;
    int result;
};

static int poll_canceled(crew_self *self, crew_task *task)
{
    struct polling *polling = (struct polling *)(void *)task;

    check_equal(crew_self_canceled(self), 0);
    test_gate_open(&polling->entered);
    test_gate_wait(&polling->look);
    polling->seen = crew_self_canceled(self);
    test_gate_open(&polling->looked);
    test_gate_wait(&polling->leave);
    return polling->result;
}

static void polling_start(struct polling *polling, crew_pool *pool, int result)
{
    memset(polling, 0, sizeof *polling);
    polling->task.run = poll_canceled;
    polling->result = result;
    test_gate_init(&polling->entered);
    test_gate_init(&polling->look);
    test_gate_init(&polling->looked);
    test_gate_init(&polling->leave);
    assert_int_equal(crew_submit(pool, &polling->task, NULL), 0);
    test_gate_wait(&polling->entered);
}

static void polling_end(struct polling *polling)
{
    test_gate_open(&polling->leave);
    check_equal(crew_task_wait(&polling->task, LONG_WAIT), 0);
    test_gate_fini(&polling->entered);
    test_gate_fini(&polling->look);
    test_gate_fini(&polling->looked);
    test_gate_fini(&polling->leave);
}

static int look_now(struct polling *polling)
{
    test_gate_open(&polling->look);
    test_gate_wait(&polling->looked);
    return polling->seen;
}

CREW_TEST(C2_a_running_task_is_told_and_no_other)
{
    crew_pool *pool = make_pool(2);
    struct polling canceled;
    struct polling other;

    polling_start(&canceled, pool, 5);
    polling_start(&other, pool, -EIO);
    check_equal(crew_task_cancel(&canceled.task), 1);
    check_equal(crew_task_cancel(&canceled.task), 1);
    check_equal(look_now(&canceled), -ECANCELED);
    check_equal(look_now(&other), 0);
    polling_end(&canceled);
    polling_end(&other);
    check_equal(canceled.task.status, 5); /* what run returned */
    check(crew_task_ran(&canceled.task));
    check_equal(other.task.status, -EIO);
    polling_start(&canceled, pool, 0); /* and not for ever */
    check_equal(look_now(&canceled), 0);
    polling_end(&canceled);
    end_all(pool, NULL, NULL);
}

static int sleep_for_ever(crew_self *self, crew_task *task)
{
    test_gate_open(task->data);
    return crew_sleep(self, CREW_FOREVER);
}

CREW_TEST(C2_cancel_ends_a_sleep)
{
    crew_pool *pool = make_pool(1);

    for (unsigned i = 0; i < MANY(2000); i++) {
        struct test_gate entered;
        crew_task task = {.run = sleep_for_ever, .data = &entered};

        test_gate_init(&entered);
        check_equal(crew_submit(pool, &task, NULL), 0);
        test_gate_wait(&entered);
        if (i % 2) /* a waiter in its word does not hide the cancel */
            check_equal(crew_task_wait(&task, 50 * CREW_US), -ETIMEDOUT);
        check_equal(crew_task_cancel(&task), 1);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(task.status, -ECANCELED);
        test_gate_fini(&entered);
    }
    end_all(pool, NULL, NULL);
}

/* ---- C3 ------------------------------------------------------------------ */

CREW_TEST(C3_cancel_after_the_end_is_too_late)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    crew_task never = {.run = return_zero};
    struct ended waited = {.task = {.run = run_ended}};
    struct ended told = {.task = {.run = run_ended, .done = done_ended}};

    check_equal(crew_task_cancel(NULL), -EINVAL);
    check_equal(crew_task_cancel(&never), -EINVAL);
    check_equal(crew_submit(pool, &waited.task, NULL), 0);
    check_equal(crew_task_wait(&waited.task, LONG_WAIT), 0);
    check_equal(crew_task_cancel(&waited.task), -EALREADY);
    check_equal(crew_submit(pool, &told.task, inbox), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_task_cancel(&told.task), -EALREADY); /* on its way */
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(told.done, 1);
    check_equal(crew_task_cancel(&told.task), -EALREADY);
    check_equal(told.task.status, 0);
    end_all(pool, NULL, inbox);
}

/* ---- C4 ------------------------------------------------------------------ */

enum { CANCELERS = 4 };

struct race {
    crew_pool *pool;
    crew_task task;
    pthread_barrier_t begin;
    pthread_barrier_t end;
    unsigned rounds;
    unsigned ran;
    int results[CANCELERS];
    unsigned canceled; /* rounds in which it did not run */
};

static void check_race(struct race *race)
{
    unsigned zeros = 0;

    for (int i = 0; i < CANCELERS; i++) {
        int r = race->results[i];

        check(r == 0 || r == 1 || r == -EALREADY);
        zeros += r == 0;
    }
    check_at_most(zeros, 1);
    for (int i = 0; zeros && i < CANCELERS; i++)
        check(race->results[i] != 1);
    check_equal(race->ran, zeros == 0);
    check_equal(crew_task_ran(&race->task), zeros == 0);
    check_equal(race->task.status, zeros ? -ECANCELED : 0);
    race->canceled += zeros;
}

/* The last of them submits, waits and checks. */
static void cancel_or_submit(unsigned index, void *arg)
{
    struct race *race = arg;

    for (unsigned i = 0; i < race->rounds; i++) {
        if (index == CANCELERS) {
            race->ran = 0;
            check_equal(crew_submit(race->pool, &race->task, NULL), 0);
        }
        pthread_barrier_wait(&race->begin);
        if (index < CANCELERS)
            race->results[index] = crew_task_cancel(&race->task);
        pthread_barrier_wait(&race->end);
        if (index == CANCELERS) {
            check_equal(crew_task_wait(&race->task, LONG_WAIT), 0);
            check_race(race);
        }
    }
}

CREW_TEST(C4_of_four_cancels_one_at_most_wins_and_never_beside_run)
{
    static struct race race;

    race.pool = make_pool(2);
    race.rounds = MANY(5000);
    race.task = (crew_task){.run = count_run, .data = &race.ran};
    pthread_barrier_init(&race.begin, NULL, CANCELERS + 1);
    pthread_barrier_init(&race.end, NULL, CANCELERS + 1);
    test_threads(CANCELERS + 1, cancel_or_submit, &race);
    pthread_barrier_destroy(&race.begin);
    pthread_barrier_destroy(&race.end);
    printf("%u of %u canceled\n", race.canceled, race.rounds);
    end_all(race.pool, NULL, NULL);
}

/* Submit and cancel at once: the cancel meets the start. */
CREW_TEST(C4_a_cancel_that_meets_the_start_is_one_or_the_other)
{
    const unsigned n = MANY(20000);
    crew_pool *pool = make_pool(2);
    unsigned results[3] = {0};

    for (unsigned i = 0; i < n; i++) {
        unsigned ran = 0;
        crew_task task = {.run = count_run, .data = &ran};
        int r;

        check_equal(crew_submit(pool, &task, NULL), 0);
        for (unsigned j = 0; j < i % 64; j++)
            __asm__ volatile("");
        r = crew_task_cancel(&task);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(ran, r != 0);
        check_equal(task.status, r == 0 ? -ECANCELED : 0);
        results[r == 0 ? 0 : r == 1 ? 1 : 2]++;
    }
    printf("canceled %u, running %u, over %u\n", results[0], results[1],
           results[2]);
    end_all(pool, NULL, NULL);
}

/* ---- C6 ------------------------------------------------------------------ */

static void let_time_pass(crew_ns ns)
{
    int64_t end = test_now() + ns;

    while (test_now() < end)
        ;
}

CREW_TEST(C6_a_task_that_waits_too_long_is_not_run)
{
    enum { N = 6 };
    static const crew_ns limits[N] = {1, CREW_MS,      CREW_S * 3600,
                                      0, CREW_FOREVER, INT64_MAX};
    struct ended tasks[N];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    crew_pool_stats stats;
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (int i = 0; i < N; i++) {
        tasks[i] = (struct ended){.task = {.run = run_ended,
                                           .done = done_ended,
                                           .queue_timeout = limits[i]},
                                  .expected = i < 2 ? -ETIMEDOUT : 0};
        check_equal(crew_submit(pool, &tasks[i].task, inbox), 0);
    }
    let_time_pass(2 * CREW_MS);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), N);
    for (int i = 0; i < N; i++) {
        check_equal(tasks[i].done, 1);
        check_equal(tasks[i].ran, i >= 2);
    }
    check_equal(crew_pool_get_stats(pool, &stats, sizeof stats), 0);
    check_equal(stats.timed_out, 2);
    end_all(pool, NULL, inbox);
}

CREW_TEST(C6_a_canceled_task_that_has_expired_too_is_canceled)
{
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = return_zero, .queue_timeout = 1};
    struct holder holder;

    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    let_time_pass(CREW_MS);
    check_equal(crew_task_cancel(&task), 0);
    let_go_of_worker(&holder);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(task.status, -ECANCELED);
    check_equal(crew_submit(pool, &task, NULL), 0); /* a new limit begins */
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check(task.status == 0 || task.status == -ETIMEDOUT);
    check_equal(crew_task_ran(&task), task.status == 0);
    end_all(pool, NULL, NULL);
}

struct timed {
    crew_task task;
    int first;     /* what it was told at its start, ... */
    int last;      /* ... and in the end ... */
    crew_ns after; /* ... after so long */
};

static int poll_until_told(crew_self *self, crew_task *task)
{
    struct timed *timed = (struct timed *)(void *)task;
    int64_t start = test_now();

    timed->first = crew_self_canceled(self);
    do {
        timed->last = crew_self_canceled(self);
        timed->after = test_now() - start;
    } while (timed->last == 0 && timed->after < 10 * CREW_S);
    return 17;
}

CREW_TEST(C6_a_task_that_runs_too_long_is_told_within_10_ms)
{
    static const crew_ns limits[] = {1, CREW_MS, 5 * CREW_MS, 20 * CREW_MS};
    crew_pool *pool = make_pool(1);

    for (int i = 0; i < 4; i++) {
        struct timed timed = {
            .task = {.run = poll_until_told, .run_timeout = limits[i]}};

        check_equal(crew_submit(pool, &timed.task, NULL), 0);
        check_equal(crew_task_wait(&timed.task, LONG_WAIT), 0);
        check_equal(timed.last, -ETIMEDOUT);
        check_equal(timed.task.status, 17); /* what run returns */
        printf("limit %lld ns, told after %lld ns\n", (long long)limits[i],
               (long long)timed.after);
        check_at_least(timed.after, limits[i] - 20 * CREW_US); /* its own
                                               clock starts a little later */
        check_at_most(timed.after, limits[i] + 10 * 10 * CREW_MS);
    }
    end_all(pool, NULL, NULL);
}

static int look_once(crew_self *self, crew_task *task)
{
    (void)task;
    return crew_self_canceled(self);
}

CREW_TEST(C6_waiting_does_not_count_as_running)
{
    static const crew_ns limits[] = {10 * CREW_S, CREW_FOREVER, 0, INT64_MAX};
    crew_pool *pool = make_pool(1);
    struct timed waited = {
        .task = {.run = poll_until_told, .run_timeout = 20 * CREW_MS}};
    struct holder holder;

    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &waited.task, NULL), 0);
    let_time_pass(40 * CREW_MS);
    let_go_of_worker(&holder);
    check_equal(crew_task_wait(&waited.task, LONG_WAIT), 0);
    check_equal(waited.first, 0);
    check_at_least(waited.after, 19 * CREW_MS);
    for (int i = 0; i < 4; i++) {
        crew_task task = {.run = look_once, .run_timeout = limits[i]};

        check_equal(crew_submit(pool, &task, NULL), 0);
        check_equal(crew_task_wait(&task, LONG_WAIT), 0);
        check_equal(task.status, 0);
    }
    end_all(pool, NULL, NULL);
}

static int sleep_too_long(crew_self *self, crew_task *task)
{
    int64_t start = test_now();
    int r = crew_sleep(self, 10 * CREW_S);

    check_at_most(test_now() - start, task->run_timeout + 100 * CREW_MS);
    check_at_least(test_now() - start, task->run_timeout - 20 * CREW_US);
    return r;
}

CREW_TEST(C6_a_sleep_ends_with_the_run_timeout)
{
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = sleep_too_long, .run_timeout = 20 * CREW_MS};

    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(task.status, -ETIMEDOUT);
    end_all(pool, NULL, NULL);
}
