/* The stack that is taken whole: order, counts, many pushers. */
#include "support.h"

#include "base/tally.h"
#include "lockfree/stack.h"

#include <sched.h>
#include <stdlib.h>

struct item {
    struct crew__node node;
    unsigned pusher;
    unsigned number;
};

static struct crew__stack stack;

static _Thread_local unsigned backed_off;

/* Pushers that meet are what is wanted here. */
static void try_at_once(unsigned times)
{
    check_equal(times, ++backed_off);
}

static void *push(struct crew__node *first, struct crew__node *last)
{
    backed_off = 0;
    return crew__stack_push(&stack, first, last, try_at_once);
}

CREW_TEST(what_is_pushed_comes_out_newest_first_and_is_turned)
{
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct crew__node *node;
    unsigned number = 0;

    check(crew__stack_is_empty(&stack));
    check(crew__stack_take_all(&stack) == NULL);
    check(crew__stack_turn(NULL) == NULL);
    check(push(&items[0].node, &items[0].node) == NULL);
    check(push(&items[1].node, &items[1].node) == &items[0]);
    check(push(&items[2].node, &items[2].node) == &items[1]);
    check(!crew__stack_is_empty(&stack));
    check(!crew__stack_seems_empty(&stack));
    node = crew__stack_take_all(&stack);
    check(crew__stack_is_empty(&stack));
    check(node == &items[2].node);
    for (node = crew__stack_turn(node); node; node = node->next)
        check_equal(((struct item *)(void *)node)->number, number++);
    check_equal(number, 3);
}

CREW_TEST(a_chain_is_pushed_in_one_step)
{
    struct item items[4] = {
        {.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct crew__node *node;
    unsigned number = 0;

    push(&items[0].node, &items[0].node);
    for (int i = 3; i > 1; i--) /* newest first */
        items[i].node.next = &items[i - 1].node;
    push(&items[3].node, &items[1].node);
    for (node = crew__stack_turn(crew__stack_take_all(&stack)); node;
         node = node->next)
        check_equal(((struct item *)(void *)node)->number, number++);
    check_equal(number, 4);
}

CREW_TEST(a_try_that_fails_tells_what_is_on_top)
{
    struct item items[2];
    void *seen = NULL;

    push(&items[0].node, &items[0].node);
    check(!crew__stack_try_push(&stack, &items[1].node, &items[1].node, &seen));
    check(seen == &items[0]);
    check(crew__stack_try_push(&stack, &items[1].node, &items[1].node, &seen));
    check(crew__stack_take_all(&stack) == &items[1].node);
}

enum { PUSHERS = 4, EACH = 20000 };

/* The last is the taker: each pusher's items come in order, each once. */
static void push_or_take(unsigned index, void *arg)
{
    unsigned next[PUSHERS] = {0};
    unsigned total = 0;

    (void)arg;
    for (unsigned i = 0; index < PUSHERS && i < EACH; i++) {
        struct item *item = malloc(sizeof *item);

        if (!check(item != NULL))
            return;
        item->pusher = index;
        item->number = i;
        push(&item->node, &item->node);
    }
    while (index == PUSHERS && total < PUSHERS * EACH) {
        struct crew__node *node = crew__stack_turn(
            crew__stack_take_all(&stack));

        if (!node)
            sched_yield();
        while (node) {
            struct item *item = (struct item *)(void *)node;

            node = node->next;
            check_equal(item->number, next[item->pusher]++);
            total++;
            free(item); /* nobody touches what was taken */
        }
    }
}

CREW_TEST(many_pushers_lose_nothing_and_keep_their_order)
{
    test_threads(PUSHERS + 1, push_or_take, NULL);
    check(crew__stack_is_empty(&stack));
}

static bool met;

/* Push and take until one of two has met the other between its look and its
 * compare-and-swap, be it that it lost its CPU there. */
static void meet(unsigned index, void *arg)
{
    struct item item = {.pusher = index};

    (void)arg;
    while (!__atomic_load_n(&met, __ATOMIC_RELAXED)) {
        push(&item.node, &item.node);
        crew__stack_take_all(&stack);
        if (crew__tally_own(CREW__TALLY_RETRY) > 0)
            __atomic_store_n(&met, true, __ATOMIC_RELAXED);
    }
}

CREW_TEST(a_try_once_more_is_counted)
{
    test_threads(2, meet, NULL);
    check(crew__stack_is_empty(&stack));
}
