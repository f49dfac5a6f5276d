/*
 * The nodes of crew_pool_call: where they come from, how many are kept, and
 * that none is lost on any way out.
 */
#include "pool/pool.h"

#include "base/fault.h"

#include "../acceptance/work.h"

static void count_call(crew_self *self, void *arg)
{
    (void)self;
    ++*(unsigned *)arg;
}

static void must_not_run(crew_self *self, void *arg)
{
    (void)self;
    (void)arg;
    check(false);
}

static crew_pool *make_limited(size_t limit)
{
    crew_pool_options options = {.workers = 1, .queue_limit = limit};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

/* Calls `n` times, all outstanding at once, and waits for them. */
static void call_together(crew_pool *pool, unsigned n)
{
    struct holder holder;
    unsigned count = 0;

    hold_worker(&holder, pool, 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(crew_pool_call(pool, count_call, &count), 0);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(count, n);
}

CREW_TEST(as_many_nodes_are_kept_as_were_out_at_once)
{
    crew_pool *pool = make_limited(0);
    size_t before = crew__census_live(0);

    for (unsigned i = 0; i < 2; i++) {
        call_together(pool, 10);
        check_equal(pool->calls_kept, 10);
        check_equal(crew__census_live(0), before + 10);
    }
    call_together(pool, 4);
    check_equal(pool->calls_kept, 10);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(no_more_nodes_are_kept_than_the_bound)
{
    crew_pool *pool = make_limited(0);
    size_t before = crew__census_live(0);

    call_together(pool, CREW__CALLS_KEPT + 20);
    check_equal(pool->calls_kept, CREW__CALLS_KEPT);
    check_equal(crew__census_live(0), before + CREW__CALLS_KEPT);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_node_that_is_kept_is_used_before_memory_is_asked_for)
{
    crew_pool *pool = make_limited(0);
    unsigned count = 0;

    crew__fault_arm(1, false);
    check_equal(crew_pool_call(pool, must_not_run, NULL), -ENOMEM);
    check_equal(crew__fault_failed(), 1);
    check_equal(pool->calls_kept, 0);
    call_together(pool, 1);
    crew__fault_arm(1, true);
    check_equal(crew_pool_call(pool, count_call, &count), 0);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew__fault_met(), 0);
    crew__fault_arm(0, false);
    check_equal(count, 1);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_call_without_room_keeps_its_node)
{
    crew_pool *pool = make_limited(1);
    struct holder holder;
    unsigned count = 0;

    hold_worker(&holder, pool, 0);
    check_equal(crew_pool_call(pool, count_call, &count), 0);
    for (unsigned i = 0; i < 3; i++) {
        check_equal(crew_pool_call(pool, must_not_run, NULL), -EAGAIN);
        check_equal(pool->calls_kept, 1);
    }
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(count, 1);
    check_equal(pool->calls_kept, 2);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(a_call_that_is_dropped_gives_its_node_back)
{
    crew_pool *pool = make_limited(0);
    struct holder holder;

    hold_worker(&holder, pool, 0);
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew_pool_call(pool, must_not_run, NULL), 0);
    check_equal(crew_pool_stop(pool, 0), -ETIMEDOUT);
    check_equal(pool->calls_kept, 3);
    check_equal(crew_pool_call(pool, must_not_run, NULL), -ESHUTDOWN);
    check_equal(pool->calls_kept, 3);
    let_go_of_worker(&holder);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(freed_nodes_are_all_that_were_kept)
{
    crew_pool *pool = make_limited(0);
    size_t before = crew__census_live(0);

    call_together(pool, 7);
    check_equal(crew_pool_stop(pool, LONG_WAIT), 0);
    before -= 1; /* its thread */
    check_equal(crew__census_live(0), before + 7);
    crew__call_free_nodes(pool);
    check_equal(crew__census_live(0), before);
    check(pool->calls == NULL);
    check_equal(crew_pool_destroy(pool), 0);
}
