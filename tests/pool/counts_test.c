/*
 * Room in a queue with a limit, and who is told of it. The pool has no worker:
 * room is taken and given by hand.
 */
#include "pool/pool.h"

#include "../acceptance/work.h"

static crew_pool pool;

static void begin(size_t limit)
{
    memset(&pool, 0, sizeof pool);
    pool.limit = limit;
    pool.generation = crew__fork_generation(&pool.fork_word);
}

static uint64_t waiting(void)
{
    return crew__load_seq_cst(&pool.waiting);
}

/* ---- taking and giving ---------------------------------------------------- */

CREW_TEST(room_is_taken_whole_or_not_at_all)
{
    static const struct {
        size_t give, take;
        int result;
        uint64_t waiting;
    } steps[] = {
        {0, 5, -E2BIG, 0},  {0, SIZE_MAX, -E2BIG, 0},
        {0, 3, 0, 3},       {0, 2, -EAGAIN, 3},
        {0, 1, 0, 4},       {0, 1, -EAGAIN, 4},
        {0, 0, 0, 4},       {0, 5, -E2BIG, 4},
        {1, 2, -EAGAIN, 3}, {1, 2, 0, 4},
        {4, 4, 0, 4},       {4, 0, 0, 0},
    };

    begin(4);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        crew__counts_give_room(&pool, steps[i].give);
        check_equal(crew__counts_take_room(&pool, steps[i].take),
                    steps[i].result);
        check_equal(waiting(), steps[i].waiting);
    }
}

/* What the threads have of it at the moment, as they know it. */
static crew__a64 held;

static void take_and_give(unsigned index, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 5000; i++) {
        size_t n = 1 + (index + i) % 3;

        if (crew__counts_take_room(&pool, n) == 0) {
            check_at_most(crew__add_seq_cst(&held, n) + n, pool.limit);
            crew__add_seq_cst(&held, (uint64_t)0 - n);
            crew__counts_give_room(&pool, n);
        }
    }
}

CREW_TEST(four_threads_never_have_more_than_the_limit)
{
    begin(5);
    test_threads(4, take_and_give, NULL);
    check_equal(waiting(), 0);
}

/* ---- notices -------------------------------------------------------------- */

static void count_room(crew_pool *from, void *arg)
{
    check(from == &pool);
    ++*(unsigned *)arg;
}

CREW_TEST(room_is_told_to_all_who_ask_and_once)
{
    crew_inbox *inboxes[3];
    unsigned counts[3] = {0};

    begin(2);
    check_equal(crew__counts_take_room(&pool, 2), 0);
    for (unsigned i = 0; i < 3; i++) {
        inboxes[i] = make_inbox();
        check_equal(
            crew_pool_on_room(&pool, inboxes[i], count_room, &counts[i]), 0);
        check_equal(crew_inbox_dispatch(inboxes[i], 0), 0); /* it is full */
    }
    check(crew__load_seq_cst(&pool.room_wanted));
    crew__counts_give_room(&pool, 1);
    check(!crew__load_seq_cst(&pool.room_wanted));
    crew__counts_give_room(&pool, 1);
    for (unsigned i = 0; i < 3; i++) {
        check_equal(counts[i], 0); /* inside a dispatch alone */
        check_equal(crew_inbox_dispatch(inboxes[i], 0), 1);
        check_equal(crew_inbox_dispatch(inboxes[i], 0), 0);
        check_equal(counts[i], 1);
        check_equal(crew_inbox_destroy(inboxes[i]), 0);
    }
    check(pool.rooms == NULL);
}

CREW_TEST(the_pool_s_end_withdraws_what_was_told_and_what_was_not)
{
    crew_inbox *told = make_inbox();
    crew_inbox *untold = make_inbox();
    unsigned count = 0;

    begin(1);
    check_equal(crew_pool_on_room(&pool, told, count_room, &count), 0);
    check_equal(crew__counts_take_room(&pool, 1), 0);
    check_equal(crew_pool_on_room(&pool, untold, count_room, &count), 0);
    crew__counts_withdraw_rooms(&pool);
    check(pool.rooms == NULL);
    check_equal(crew_inbox_dispatch(told, 0), 0);
    check_equal(crew_inbox_dispatch(untold, 0), 0);
    check_equal(count, 0);
    end_all(NULL, NULL, told);
    end_all(NULL, NULL, untold);
}

CREW_TEST(an_inbox_that_goes_takes_its_notice_out_of_the_pool)
{
    crew_inbox *first = make_inbox();
    crew_inbox *second = make_inbox();
    unsigned count = 0;

    begin(1);
    check_equal(crew__counts_take_room(&pool, 1), 0);
    check_equal(crew_pool_on_room(&pool, first, count_room, &count), 0);
    check_equal(crew_pool_on_room(&pool, second, count_room, &count), 0);
    check_equal(crew_inbox_destroy(first), 0);
    check(pool.rooms != NULL);
    crew__counts_give_room(&pool, 1);
    check_equal(crew_inbox_dispatch(second, 0), 1);
    check_equal(count, 1);
    check(pool.rooms == NULL);
    check_equal(crew_inbox_destroy(second), 0);
}

/* ---- a notice between its inbox and its function -------------------------- */

/* Asks for room, and takes the notice from the inbox as a dispatch does before
 * it delivers; a room begins with its notice. */
static struct crew__notice *take_notice(crew_inbox *inbox, unsigned *count)
{
    struct crew__notice *notice;

    check_equal(crew_pool_on_room(&pool, inbox, count_room, count), 0);
    notice = (struct crew__notice *)(void *)pool.rooms;
    crew__notices_lock();
    crew__notice_unlink(notice);
    crew__notices_unlock();
    return notice;
}

CREW_TEST(a_notice_on_its_way_is_not_told_again)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;
    struct crew__notice *notice;

    begin(1);
    check_equal(crew__counts_take_room(&pool, 1), 0);
    notice = take_notice(inbox, &count);
    crew__counts_give_room(&pool, 1); /* no inbox to tell */
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    notice->deliver(notice);
    check_equal(count, 1);
    check(pool.rooms == NULL);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(a_notice_on_its_way_finds_that_its_pool_has_gone)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;
    struct crew__notice *notice;

    begin(1);
    notice = take_notice(inbox, &count);
    crew__counts_withdraw_rooms(&pool);
    memset(&pool, 0xee, sizeof pool); /* nothing of it is read */
    notice->deliver(notice);
    check_equal(count, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(a_closing_pool_takes_no_wish_for_room_but_gives_one_back)
{
    crew_inbox *inbox = make_inbox();
    unsigned count = 0;

    begin(1);
    check_equal(crew__counts_take_room(&pool, 1), 0);
    check_equal(crew_pool_on_room(&pool, inbox, count_room, &count), 0);
    crew__store_seq_cst(&pool.closing, 1);
    check_equal(crew_pool_on_room(&pool, inbox, count_room, &count),
                -ESHUTDOWN);
    check(pool.rooms != NULL); /* the earlier one */
    check_equal(crew_pool_on_room(&pool, inbox, NULL, NULL), 0);
    check(pool.rooms == NULL);
    check_equal(crew_pool_on_room(NULL, inbox, count_room, NULL), -EINVAL);
    check_equal(crew_pool_on_room(&pool, NULL, count_room, NULL), -EINVAL);
    check_equal(crew_inbox_destroy(inbox), 0);
}
