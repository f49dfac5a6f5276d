/* lockfree/stack.h: pushers and takers, and the look before a sleep. */
#include "suite.h"

#include "lockfree/stack.h"
#include "os/os.h"

enum { NODES = 6 };

struct item {
    struct crew__node node;
    int payload;
    unsigned pusher;
    unsigned number; /* the how manyth of its pusher */
    unsigned taken;
};

static struct crew__stack stack;
static struct item items[NODES];
static crew__a32 sleepers;
static crew__a32 bell;
static unsigned pushed; /* nodes, by threads that have not stopped */

static void begin(void)
{
    stack.head.raw = NULL;
    sleepers.raw = bell.raw = 0;
    pushed = 0;
    for (unsigned i = 0; i < NODES; i++)
        items[i] = (struct item){.payload = 0};
    model_name(&stack.head, "head");
    model_name(&sleepers, "sleepers");
    model_name(&bell, "bell");
}

static void write_item(struct item *item, unsigned pusher, unsigned number)
{
    item->pusher = pusher;
    item->number = number;
    crew__plain_write(item->payload, 1);
}

static void try_at_once(unsigned tries)
{
    (void)tries;
}

static void push(struct crew__node *first, struct crew__node *last)
{
    (void)crew__stack_push(&stack, first, last, try_at_once);
}

static void push_one(unsigned i, unsigned pusher, unsigned number)
{
    write_item(&items[i], pusher, number);
    push(&items[i].node, &items[i].node);
    pushed++;
}

/* Newest first, as a chain is. */
static void push_two(unsigned i, unsigned pusher, unsigned number)
{
    write_item(&items[i], pusher, number);
    write_item(&items[i + 1], pusher, number + 1);
    crew__plain_write(items[i + 1].node.next, &items[i].node);
    push(&items[i + 1].node, &items[i].node);
    pushed += 2;
}

/* Oldest first; the numbers of each pusher go up. */
static void take(unsigned last[])
{
    struct crew__node *node = crew__stack_turn(crew__stack_take_all(&stack));

    while (node) {
        struct item *item = (struct item *)(void *)node;

        node = crew__plain_read(item->node.next);
        model_assert(crew__plain_read(item->payload) == 1);
        crew__plain_write(item->payload, 2); /* the taker's now */
        item->taken++;
        model_assert(item->number > last[item->pusher]);
        last[item->pusher] = item->number;
    }
}

static void end(void)
{
    unsigned taken = 0;

    for (struct crew__node *node = stack.head.raw; node; node = node->next)
        ((struct item *)(void *)node)->taken++;
    for (unsigned i = 0; i < NODES; i++) {
        model_assert(items[i].taken <= 1);
        taken += items[i].taken;
    }
    if (!model_is_stopped())
        model_assert(taken == pushed);
}

/* Three pushes by two, one of them a chain, against two takes. */
static void pushers(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};

    if (me == 0) {
        push_one(0, 0, 1);
        push_one(1, 0, 2);
    } else if (me == 1) {
        push_two(2, 1, 1);
    } else {
        take(last);
        take(last);
    }
}

/* Two takers: no node goes to both. */
static void takers(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};

    if (me == 0) {
        push_one(0, 0, 1);
        push_one(1, 0, 2);
    } else {
        take(last);
    }
}

/* A node comes back to its pusher and is pushed again: no ABA. */
static void again(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};

    if (me == 0) {
        push_one(0, 0, 1);
        take(last);
        if (last[0] == 1) {
            items[0].taken = 0;
            push_one(0, 0, 2);
        }
    } else if (me == 1) {
        push_one(1, 1, 1);
    } else {
        take(last);
        take(last);
    }
    pushed = 0;
}

static void again_end(void)
{
    for (struct crew__node *node = stack.head.raw; node; node = node->next)
        ((struct item *)(void *)node)->taken++;
    model_assert(items[0].taken == 1 && items[1].taken == 1);
}

static void ring_bell(void)
{
    if (crew__load_seq_cst(&sleepers)) {
        crew__store_release(&bell, 1);
        crew__futex_wake(&bell, 1);
    }
}

/* push; load sleepers  ||  announce; load head; sleep. */
static void dekker(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};

    if (me < 2) {
        push_one(me, me, 1);
        ring_bell();
        return;
    }
    (void)crew__or_seq_cst(&sleepers, 1);
    while (crew__stack_is_empty(&stack) && !crew__load_acquire(&bell))
        crew__futex_wait(&bell, 0, CREW__NEVER);
    take(last);
}

static const char *dekker_rest(void)
{
    if (model_is_stopped() && pushed < 2)
        return NULL; /* who stopped has pushed nothing, or not rung yet */
    return "a sleeper sleeps, and a node is there";
}

/*
 * A pusher that stops before any of its steps delays nobody: the other's push
 * and the take make so many steps as if it did not exist, but for a try that
 * lost to a step that it did make, and the node is taken.
 */
static void stops_thread(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};
    unsigned before = model_made();

    if (me == 0) {
        push_one(0, 0, 1);
    } else if (me == 1) {
        push_one(1, 1, 1);
        /* A guess, a try, one more for each success of another, and a guess
         * after the second. */
        model_assert(model_made() - before <= 2 + 2 + 1);
        before = model_made();
        take(last);
        model_assert(model_made() - before == 1);
        model_assert(last[1] == 1 || items[1].taken);
    } else {
        take(last);
        model_assert(model_made() - before == 1);
    }
}

/* As in `pushers`, but what was pushed and not taken may be empty to a hint. */
static void hints(unsigned me)
{
    unsigned last[MODEL_THREADS] = {0};

    if (me == 0) {
        push_one(0, 0, 1);
    } else if (!crew__stack_seems_empty(&stack)) {
        take(last);
        model_assert(last[0] == 1);
    }
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "pushers",
     .threads = 3,
     .begin = begin,
     .thread = pushers,
     .end = end,
     .bound = MODEL_ALL},
    {.name = "takers",
     .threads = 3,
     .begin = begin,
     .thread = takers,
     .end = end,
     .bound = MODEL_ALL},
    {.name = "again",
     .threads = 3,
     .begin = begin,
     .thread = again,
     .end = again_end,
     .bound = MODEL_ALL},
    {.name = "dekker",
     .threads = 3,
     .begin = begin,
     .thread = dekker,
     .rest = dekker_rest,
     .end = end,
     .bound = MODEL_ALL},
    {.name = "stopped_pusher",
     .threads = 3,
     .begin = begin,
     .thread = stops_thread,
     .end = end,
     .bound = MODEL_ALL,
     .stops = 8,
     .stopper = 0},
    {.name = "hints",
     .threads = 2,
     .begin = begin,
     .thread = hints,
     .end = end,
     .bound = MODEL_ALL},
};

static const struct model_excess excess[] = {
    {"crew__stack_try_push", "cas", 1, "fails acquire",
     "a try that fails gives a pointer to link to, which nobody follows"},
    {"crew__stack_try_push", "cas", 1, "fails relaxed", "as above"},
    {"crew__stack_take_all", "exchange", 1, "acq_rel",
     "a taker publishes nothing and need not be seen: its sleep is "
     "announced elsewhere; free on x86-64"},
    {"crew__stack_take_all", "exchange", 1, "acquire", "as above"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "lockfree/stack.h",
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
