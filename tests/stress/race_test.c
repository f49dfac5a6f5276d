/*
 * Everything at once, from eight threads and a seed: submit in all its forms,
 * cancel, deadlines, groups, waits from workers, priorities, a queue limit with
 * on_room from four inboxes; drain, stop and destroy in the middle of it. Each
 * task that was taken ends exactly once, and the figures add up.
 */
#include "base/mark.h"

#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, INBOXES = 4, EACH = 200, WORKERS = 3 };

struct piece {
    crew_task task;
    struct racer *racer;
    unsigned taken; /* submits that were accepted */
    unsigned runs, dones;
};

struct racer {
    crew_pool *pool;
    crew_inbox *inbox; /* NULL: its tasks are waited for */
    crew_group *group;
    struct piece pieces[EACH];
    struct test_random random;
    unsigned rooms, asked;
};

struct race {
    crew_pool *pool;
    crew_group *shared; /* of those without an inbox */
    struct racer racers[THREADS];
    bool limited;
};

/* ---- what tasks do -------------------------------------------------------- */

static int leaf(crew_self *self, crew_task *task)
{
    (void)self;
    __atomic_add_fetch((unsigned *)task->data, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Submits three and waits for them, by their group or one by one. */
static void nest(crew_self *self, bool by_group)
{
    crew_pool *pool = crew_self_pool(self);
    crew_task below[3];
    bool taken[3];
    unsigned runs = 0;
    crew_group *group = NULL;

    if (by_group)
        check_equal(crew_group_create(&group, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        below[i] = (crew_task){.run = leaf, .data = &runs, .group = group};
        taken[i] = crew_submit(pool, &below[i], NULL) == 0;
    }
    if (by_group)
        check_equal(crew_group_wait(group, CREW_FOREVER), 0);
    for (unsigned i = 0; i < 3; i++) {
        if (taken[i])
            check_equal(crew_task_wait(&below[i], CREW_FOREVER), 0);
    }
    check_equal(crew_group_destroy(group), 0);
}

static int act(crew_self *self, crew_task *task)
{
    struct piece *piece = (struct piece *)(void *)task;
    size_t kind = (size_t)(piece - piece->racer->pieces) % 16;

    __atomic_add_fetch(&piece->runs, 1, __ATOMIC_RELAXED);
    if (kind == 0)
        nest(self, false);
    else if (kind == 1)
        nest(self, true);
    else if (kind == 2)
        crew_sleep(self, 50 * CREW_US);
    else if (kind == 3 && crew_self_scratch(self, 1000))
        return crew_self_canceled(self);
    return kind == 4 ? -EIO : 0;
}

static void piece_done(crew_task *task)
{
    ((struct piece *)(void *)task)->dones++;
}

static void room_came(crew_pool *pool, void *arg)
{
    (void)pool;
    ((struct racer *)arg)->rooms++;
}

/* ---- what threads do ------------------------------------------------------ */

static int submit_one(struct racer *racer, struct piece *piece)
{
    uint64_t way = test_random_below(&racer->random, 8);
    crew_task *one = &piece->task;

    if (way == 0)
        return crew_submit_to(
            racer->pool, (unsigned)test_random_below(&racer->random, WORKERS),
            one, racer->inbox);
    if (way == 1)
        return crew_submit_many(racer->pool, &one, 1, racer->inbox);
    if (way == 2 && one->priority == CREW_NORMAL)
        return crew_submit_each(racer->pool, &one, 1, racer->inbox);
    return crew_submit(racer->pool, one, racer->inbox);
}

static void draw(struct racer *racer, struct piece *piece)
{
    uint64_t chance = test_random_next(&racer->random);

    *piece = (struct piece){.racer = racer};
    piece->task = (crew_task){.run = act,
                              .done = racer->inbox ? piece_done : NULL,
                              .priority = (crew_priority)(chance % 3),
                              .group = chance & 8 ? racer->group : NULL};
    if (chance & 16)
        piece->task.queue_timeout = (crew_ns)(chance >> 8 & 0xffff);
    if (chance & 32)
        piece->task.run_timeout = (crew_ns)(chance >> 24 & 0xffff);
}

static void on_full(struct racer *racer)
{
    if (racer->inbox) {
        racer->asked += crew_pool_on_room(racer->pool, racer->inbox, room_came,
                                          racer) == 0;
        crew_inbox_wait(racer->inbox, CREW_MS);
    } else {
        crew_pool_drain(racer->pool, CREW_MS);
    }
}

static void meddle(struct racer *racer, unsigned upto)
{
    uint64_t chance = test_random_next(&racer->random);
    struct piece *other = &racer->pieces[(chance >> 16) % (upto + 1)];

    if (chance % 4 == 0 && other->taken) {
        int r = crew_task_cancel(&other->task);

        check(r == 0 || r == 1 || r == -EALREADY);
    }
    if (chance % 32 == 5)
        crew_pool_drain(racer->pool, (crew_ns)(chance >> 8 & 0x3ff));
    if (chance % 64 == 7 && !racer->inbox)
        crew_group_wait(racer->group, (crew_ns)(chance >> 8 & 0xffff));
    if (chance % 16 == 9 && racer->inbox)
        crew_inbox_dispatch(racer->inbox, 3);
    if (chance % 512 == 11)
        crew_group_cancel(racer->group);
    if (chance % 32 == 13 && other->taken && !racer->inbox) {
        int r = crew_task_wait(&other->task, (crew_ns)(chance >> 8 & 0xffff));

        check(r == 0 || r == -ETIMEDOUT);
    }
}

static void run_racer(unsigned index, void *arg)
{
    struct race *race = arg;
    struct racer *racer = &race->racers[index];

    for (unsigned i = 0; i < EACH; i++) {
        struct piece *piece = &racer->pieces[i];
        int r;

        draw(racer, piece);
        while ((r = submit_one(racer, piece)) == -EAGAIN)
            on_full(racer);
        check(r == 0 || r == -ESHUTDOWN);
        piece->taken = r == 0;
        meddle(racer, i);
    }
}

/* One more thread stops the pool somewhere on the way. */
static void run_or_stop(unsigned index, void *arg)
{
    struct race *race = arg;
    struct test_random random;

    if (index < THREADS) {
        run_racer(index, arg);
        return;
    }
    test_random_init(&random, 1000);
    test_burn((int64_t)test_random_below(&random, 2000000));
    for (unsigned i = 0; i < 3; i++) {
        int r = crew_pool_stop(race->pool, (crew_ns)i * 1000);

        check(r == 0 || r == -ETIMEDOUT);
    }
}

/* ---- one round ------------------------------------------------------------ */

static void begin(struct race *race, uint64_t round)
{
    crew_pool_options options = {.workers = WORKERS};

    race->limited = round % 2;
    options.queue_limit = race->limited ? 16 : 0;
    options.idle = (crew_idle)(round % 3);
    check_equal(crew_pool_create(&race->pool, &options), 0);
    check_equal(crew_group_create(&race->shared, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        struct racer *racer = &race->racers[i];

        racer->pool = race->pool;
        racer->inbox = NULL;
        racer->group = race->shared;
        racer->rooms = racer->asked = 0;
        test_random_init(&racer->random, round * 16 + i);
        if (i >= INBOXES)
            continue;
        check_equal(crew_inbox_create(&racer->inbox, NULL), 0);
        check_equal(crew_group_create(&racer->group, NULL), 0);
    }
}

static void settle(struct racer *racer, uint64_t sums[2])
{
    /* A room callback is withdrawn when the pool goes. */
    check_at_most(racer->rooms, racer->asked);
    for (unsigned i = 0; i < EACH; i++) {
        struct piece *piece = &racer->pieces[i];

        if (racer->inbox)
            check_equal(piece->dones, piece->taken);
        else if (piece->taken)
            check_equal(crew_task_wait(&piece->task, 0), 0);
        check_at_most(piece->runs, piece->taken);
        if (piece->taken)
            check_equal(crew_task_ran(&piece->task), piece->runs);
        sums[0] += piece->taken;
        sums[1] += piece->runs;
    }
}

static void end(struct race *race, bool stopped)
{
    crew_pool_stats stats;
    uint64_t sums[2] = {0, 0};

    if (!stopped)
        check_equal(crew_pool_drain(race->pool, CREW_FOREVER), 0);
    else
        check_equal(crew_pool_stop(race->pool, CREW_FOREVER), 0);
    check_equal(crew_pool_get_stats(race->pool, &stats, sizeof stats), 0);
    check_equal(stats.waiting, 0);
    check_equal(stats.running, 0);
    check_equal(stats.done + stats.canceled + stats.timed_out, stats.submitted);
    check_equal(crew_pool_destroy(race->pool), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        struct racer *racer = &race->racers[i];

        if (racer->inbox)
            check(crew_inbox_run(racer->inbox) >= 0);
        settle(racer, sums);
        if (racer->inbox) {
            check_equal(crew_group_destroy(racer->group), 0);
            check_equal(crew_inbox_destroy(racer->inbox), 0);
        }
    }
    check_equal(crew_group_destroy(race->shared), 0);
    /* Nested ones come on top. */
    check_at_least(stats.submitted, sums[0]);
    check_at_least(stats.done, sums[1]);
}

static void expect_marks(void)
{
    static const enum crew__mark_id wanted[] = {CREW__MARK_STEAL,
                                                CREW__MARK_LOCK_CONTENDED,
                                                CREW__MARK_BATON_PASSED,
                                                CREW__MARK_LOOK_FOUND,
                                                CREW__MARK_CANCEL_QUEUED,
                                                CREW__MARK_CANCEL_LATE,
                                                CREW__MARK_EXPIRED,
                                                CREW__MARK_WAITER_TOKEN,
                                                CREW__MARK_WAITER_TOOK_BACK,
                                                CREW__MARK_TASK_RUN_BY_WAITER,
                                                CREW__MARK_GROUP_MEMBER_RUN,
                                                CREW__MARK_DRAIN_SEEN,
                                                CREW__MARK_ROOM_TOLD,
                                                CREW__MARK_INBOX_UNPARKED};

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!check_marked(wanted[i]))
            printf("not reached: %s\n", crew__mark_text(wanted[i]));
    }
}

static void tell_marks(void)
{
    for (unsigned i = 0; i < CREW__MARK_COUNT; i++)
        printf("%10" PRIu64 "  %s\n", crew__mark_count((enum crew__mark_id)i),
               crew__mark_text((enum crew__mark_id)i));
}

CREW_TEST(all_at_once_until_drained)
{
    struct race *race = calloc(1, sizeof *race);

    for (uint64_t i = 0; i < SCALED(400) && test_failures() == 0; i++) {
        begin(race, i);
        test_threads(THREADS, run_racer, race);
        end(race, false);
    }
    tell_marks();
    expect_marks();
    free(race);
}

CREW_TEST(all_at_once_and_a_stop_in_the_middle)
{
    struct race *race = calloc(1, sizeof *race);

    for (uint64_t i = 0; i < SCALED(400) && test_failures() == 0; i++) {
        begin(race, i + 100000);
        test_threads(THREADS + 1, run_or_stop, race);
        end(race, true);
    }
    tell_marks();
    check_marked(CREW__MARK_STOP_SWEPT);
    free(race);
}
