/*
 * The queue alone: order, levels, rings, wishes. One thread, so the lock is
 * not taken.
 */
#include "pool/queue.h"

#include "pool/group.h"

#include "support.h"

#include <string.h>

enum { COUNT = 40 };

static struct crew__queue queue;
static crew_task tasks[COUNT];

static void begin(void)
{
    memset(&queue, 0, sizeof queue);
    memset(tasks, 0, sizeof tasks);
    crew__queue_init(&queue);
}

static void push(unsigned first, unsigned count, crew_priority priority)
{
    for (unsigned i = first; i < first + count; i++) {
        tasks[i].priority = priority;
        crew__queue_push(&queue, crew__level_of(priority), &tasks[i],
                         &tasks[i]);
    }
}

static void expect_taken(enum crew__level level, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        assert_ptr_equal(crew__queue_take(&queue, level), &tasks[i]);
}

CREW_TEST(first_in_first_out_over_several_collects)
{
    begin();
    assert_true(crew__queue_is_empty(&queue));
    assert_true(crew__queue_seems_empty(&queue, CREW__NORMAL));
    push(0, 10, CREW_NORMAL);
    assert_false(crew__queue_seems_empty(&queue, CREW__NORMAL));
    assert_false(crew__queue_is_empty(&queue));
    crew__queue_collect(&queue);
    push(10, 10, CREW_NORMAL);
    expect_taken(CREW__NORMAL, 0, 3);
    crew__queue_collect(&queue);
    assert_int_equal(crew__queue_listed(&queue), 17);
    assert_int_equal(queue.accepted, 20);
    expect_taken(CREW__NORMAL, 3, 17);
    assert_null(crew__queue_take(&queue, CREW__NORMAL));
    assert_true(crew__queue_is_empty(&queue));
}

CREW_TEST(a_chain_is_newest_first_when_it_is_pushed)
{
    struct crew__node *older = &crew__task_private(&tasks[0])->item.node;

    begin();
    crew__task_private(&tasks[1])->item.node.next = older;
    crew__queue_push(&queue, CREW__NORMAL, &tasks[1], &tasks[0]);
    crew__queue_collect(&queue);
    expect_taken(CREW__NORMAL, 0, 2);
}

CREW_TEST(levels_do_not_mix)
{
    begin();
    push(0, 3, CREW_LOW);
    push(3, 3, CREW_HIGH);
    push(6, 3, CREW_NORMAL);
    crew__queue_collect(&queue);
    expect_taken(CREW__HIGH, 3, 3);
    assert_null(crew__queue_take(&queue, CREW__HIGH));
    expect_taken(CREW__NORMAL, 6, 3);
    expect_taken(CREW__LOW, 0, 3);
    assert_true(crew__queue_is_empty(&queue));
}

CREW_TEST(what_a_ring_gives_back_is_first_again)
{
    struct crew__ring ring;
    unsigned lost = 0;

    begin();
    crew__ring_init(&ring);
    push(0, COUNT, CREW_NORMAL);
    crew__queue_collect(&queue);
    crew__queue_fill(&queue, &ring, CREW__RING_SIZE);
    assert_int_equal(crew__ring_count(&ring), CREW__RING_SIZE);
    assert_int_equal(crew__ring_room_owner(&ring), 0);
    assert_ptr_equal(crew__ring_take_any(&ring, &lost), &tasks[0]);
    crew__queue_give_back(&queue, &ring);
    assert_true(crew__ring_is_empty(&ring));
    assert_int_equal(crew__queue_listed(&queue), COUNT - 1);
    expect_taken(CREW__NORMAL, 1, COUNT - 1);
    crew__queue_give_back(&queue, &ring); /* of nothing */
    crew__queue_fill(&queue, &ring, CREW__RING_SIZE);
    assert_true(crew__ring_is_empty(&ring));
}

/* ---- wishes --------------------------------------------------------------- */

static struct crew__wish wish_for(crew_group *group, crew_task *task,
                                  struct crew__parker *parker)
{
    crew__park_init(parker);
    return (struct crew__wish){.group = group, .task = task, .parker = parker};
}

static crew_group *group_with(unsigned first, unsigned count)
{
    crew_group *group = NULL;

    assert_int_equal(crew_group_create(&group, NULL), 0);
    for (unsigned i = first; i < first + count; i++)
        tasks[i].group = group;
    crew__group_join(group, false, count);
    return group;
}

static void end_group(crew_group *group, size_t count)
{
    while (count--) {
        crew__group_begin_leave(group);
        crew__group_end_leave(group);
    }
    assert_int_equal(crew_group_destroy(group), 0);
}

CREW_TEST(a_wish_finds_members_that_are_listed_and_that_come)
{
    struct crew__parker parker;
    struct crew__wish wish;
    crew_group *group;

    begin();
    group = group_with(10, 4);
    wish = wish_for(group, NULL, &parker);
    push(0, 12, CREW_NORMAL);
    crew__queue_collect(&queue);
    crew__queue_wish(&queue, &wish);
    push(12, 2, CREW_LOW);
    push(14, 2, CREW_NORMAL);
    assert_false(crew__park(&parker, 1)); /* nobody has been told yet */
    crew__queue_collect(&queue);
    assert_true(crew__park(&parker, 1));
    for (unsigned i = 10; i < 14; i++)
        assert_ptr_equal(crew__queue_take_wished(&queue, &wish), &tasks[i]);
    assert_null(crew__queue_take_wished(&queue, &wish));
    crew__queue_unwish(&queue, &wish);
    expect_taken(CREW__NORMAL, 0, 10);
    expect_taken(CREW__NORMAL, 14, 2);
    assert_true(crew__queue_is_empty(&queue));
    end_group(group, 4);
}

CREW_TEST(a_member_that_is_taken_in_its_turn_leaves_the_wish)
{
    struct crew__parker parker;
    struct crew__wish wish;
    crew_group *group;

    begin();
    group = group_with(0, 2);
    wish = wish_for(group, NULL, &parker);
    crew__queue_wish(&queue, &wish);
    push(0, 3, CREW_NORMAL);
    crew__queue_collect(&queue);
    expect_taken(CREW__NORMAL, 0, 1);
    assert_ptr_equal(crew__queue_take_wished(&queue, &wish), &tasks[1]);
    assert_null(crew__queue_take_wished(&queue, &wish));
    crew__queue_unwish(&queue, &wish);
    expect_taken(CREW__NORMAL, 2, 1);
    end_group(group, 2);
}

CREW_TEST(two_wishes_for_one_group_share_and_inherit)
{
    struct crew__parker parkers[2];
    struct crew__wish first;
    struct crew__wish second;
    crew_group *group;

    begin();
    group = group_with(0, 3);
    first = wish_for(group, NULL, &parkers[0]);
    second = wish_for(group, NULL, &parkers[1]);
    push(0, 2, CREW_NORMAL);
    crew__queue_collect(&queue);
    crew__queue_wish(&queue, &first);
    crew__queue_wish(&queue, &second);
    push(2, 1, CREW_NORMAL);
    crew__queue_collect(&queue);
    assert_true(crew__park(&parkers[0], 1));
    assert_true(crew__park(&parkers[1], 1));
    assert_non_null(crew__queue_take_wished(&queue, &second));
    crew__queue_unwish(&queue, &second);
    assert_non_null(crew__queue_take_wished(&queue, &first));
    assert_non_null(crew__queue_take_wished(&queue, &first));
    assert_null(crew__queue_take_wished(&queue, &first));
    crew__queue_unwish(&queue, &first);
    assert_true(crew__queue_is_empty(&queue));
    end_group(group, 3);
}

CREW_TEST(a_wish_for_one_task)
{
    struct crew__parker parker;
    struct crew__wish wish;

    begin();
    wish = wish_for(NULL, &tasks[5], &parker);
    push(0, 5, CREW_NORMAL);
    crew__queue_collect(&queue);
    crew__queue_wish(&queue, &wish);
    assert_null(crew__queue_take_wished(&queue, &wish));
    push(5, 3, CREW_HIGH);
    assert_null(crew__queue_take_wished(&queue, &wish)); /* not yet listed */
    crew__queue_collect(&queue);
    assert_true(crew__park(&parker, 1));
    assert_ptr_equal(crew__queue_take_wished(&queue, &wish), &tasks[5]);
    assert_null(crew__queue_take_wished(&queue, &wish));
    crew__queue_unwish(&queue, &wish);
    expect_taken(CREW__HIGH, 6, 2);
    expect_taken(CREW__NORMAL, 0, 5);
}

CREW_TEST(a_mailbox_is_searched_oldest_first)
{
    struct crew__parker parker;
    struct crew__wish wish;
    crew_group *group;

    begin();
    group = group_with(3, 2);
    wish = wish_for(group, NULL, &parker);
    push(0, 6, CREW_NORMAL);
    crew__queue_collect(&queue);
    assert_ptr_equal(crew__queue_search(&queue, &wish), &tasks[3]);
    assert_ptr_equal(crew__queue_search(&queue, &wish), &tasks[4]);
    assert_null(crew__queue_search(&queue, &wish));
    assert_int_equal(crew__queue_listed(&queue), 4);
    end_group(group, 2);
}
