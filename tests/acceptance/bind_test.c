/*
 * What a foreign loop asks of an inbox: to be the only one (L3), and whether to
 * go on (L1). tests/adapters has the loops themselves.
 */
#include "work.h"

static const int loop; /* an address */
static const int other;

static void fail_if_called(crew_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
    check(false);
}

CREW_TEST(L3_one_loop_serves_an_inbox)
{
    crew_inbox *inbox = make_inbox();
    int fd = crew_inbox_bind(inbox, &loop);

    check_equal(fd, crew_inbox_fd(inbox));
    check(is_readable(fd, 0)); /* to look once */
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_bind(inbox, &loop), -EBUSY);
    check_equal(crew_inbox_bind(inbox, &other), -EBUSY);
    check_equal(crew_inbox_unbind(inbox, &other), -EINVAL);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_unbind(inbox, &loop), 0);
    check_equal(crew_inbox_unbind(inbox, &loop), -EINVAL);
    check_equal(crew_inbox_bind(inbox, &other), fd);
    check(is_readable(fd, 0));
    check_equal(crew_inbox_unbind(inbox, &other), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(L3_what_cannot_be_is_refused)
{
    crew_inbox *inbox = make_inbox();

    check_equal(crew_inbox_bind(NULL, &loop), -EINVAL);
    check_equal(crew_inbox_bind(inbox, NULL), -EINVAL);
    check_equal(crew_inbox_unbind(NULL, &loop), -EINVAL);
    check_equal(crew_inbox_unbind(inbox, NULL), -EINVAL);
    check(!crew_inbox_is_alive(NULL));
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(L1_what_is_outstanding_holds_an_inbox_alive)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(1);
    crew_task task = {.run = return_zero, .done = ignore_done};

    check(!crew_inbox_is_alive(inbox));
    check_equal(crew_submit(pool, &task, inbox), 0);
    check(crew_inbox_is_alive(inbox));
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check(crew_inbox_is_alive(inbox));
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check(!crew_inbox_is_alive(inbox));
    end_all(pool, NULL, inbox);
}

/* A loop that sleeps has nothing more to wait for, and must be told. */
CREW_TEST(L1_a_room_that_is_withdrawn_wakes_the_loop)
{
    crew_pool_options options = {.workers = 1, .queue_limit = 1};
    crew_inbox *inbox = make_inbox();
    crew_task task = {.run = return_zero};
    crew_pool *pool = NULL;
    struct holder holder;
    int fd = crew_inbox_bind(inbox, &loop);

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_pool_on_room(pool, inbox, fail_if_called, NULL), 0);
    check(crew_inbox_is_alive(inbox));
    check(!is_readable(fd, 0));
    check_equal(crew_pool_on_room(pool, inbox, NULL, NULL), 0);
    check(!crew_inbox_is_alive(inbox));
    check(is_readable(fd, 0));
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
    let_go_of_worker(&holder);
    check_equal(crew_inbox_unbind(inbox, &loop), 0);
    end_all(pool, NULL, inbox);
}

static int use_inherited(void *arg)
{
    crew_inbox *inbox = arg;

    check_equal(crew_inbox_bind(inbox, &other), -EOWNERDEAD);
    check_equal(crew_inbox_unbind(inbox, &loop), -EOWNERDEAD);
    check(!crew_inbox_is_alive(inbox));
    check_equal(crew_inbox_destroy(inbox), 0);
    return 0;
}

CREW_TEST(L3_in_a_forked_child_no_loop_serves_it)
{
    crew_inbox *inbox = make_inbox();

    check_at_least(crew_inbox_bind(inbox, &loop), 0);
    check_equal(test_in_child(use_inherited, inbox), 0);
    check_equal(crew_inbox_unbind(inbox, &loop), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}
