#include "port/shelf.h"

#include "base/mark.h"
#include "base/tunables.h"
#include "os/os.h"

/* No message lies there. */
#define CLOSED ((void *)(uintptr_t)1)

void crew__shelf_init(struct crew__shelf *shelf, struct crew__shelf_rear *rear,
                      const struct crew__shelf_ops *ops)
{
    shelf->rear = rear;
    shelf->ops = ops;
}

static void destroy(struct crew__shelf *shelf, struct crew__node *chain)
{
    while (chain) {
        struct crew__node *next = chain->next;

        crew__memory_free(chain);
        /* a figure, and none is made below the last reference */
        crew__add_relaxed(&shelf->rear->made, (uint32_t)-1);
        shelf->ops->release(shelf);
        chain = next;
    }
}

static struct crew__message *make(struct crew__shelf *shelf)
{
    struct crew__message *made = crew__memory_zero(CREW__MESSAGE_BYTES);

    if (!made)
        return NULL;
    made->home = shelf;
    crew__add_relaxed(&shelf->rear->made, 1); /* a figure */
    shelf->ops->retain(shelf);
    return made;
}

bool crew__shelf_is_mine(struct crew__shelf *shelf)
{
    uint64_t me = crew__thread_identity();
    /* Equal only on the owner's own thread, whoever else writes it. */
    uint64_t owner = crew__load_relaxed(&shelf->owner);

    if (owner == 0) {
        /* edge:shelf-owner, acquire */
        return crew__cas_acquire(&shelf->owner, &owner, me);
    }
    return owner == me;
}

static struct crew__node *take_rear(struct crew__shelf *shelf)
{
    if (crew__stack_seems_empty(&shelf->rear->stack))
        return NULL;
    return crew__stack_take_all(&shelf->rear->stack);
}

static struct crew__node *take_front(struct crew__shelf *shelf,
                                     struct crew__node **front)
{
    struct crew__node *node = *front ? *front : take_rear(shelf);

    *front = node ? node->next : NULL;
    return node;
}

static struct crew__node *take_shared(struct crew__shelf *shelf)
{
    struct crew__node *node;
    uint32_t free = 0;

    /* edge:shelf-busy, acquire */
    if (!crew__cas_acquire(&shelf->busy, &free, 1))
        return NULL;
    crew__mark(CREW__MARK_SHELF_SHARED);
    node = take_front(shelf, &shelf->shared);
    crew__store_release(&shelf->busy, 0); /* edge:shelf-busy, release */
    return node;
}

static struct crew__message *or_make(struct crew__shelf *shelf,
                                     struct crew__node *node)
{
    return node ? (struct crew__message *)(void *)node : make(shelf);
}

struct crew__message *crew__shelf_get(struct crew__shelf *shelf)
{
    if (crew__shelf_is_mine(shelf))
        return crew__shelf_get_owned(shelf);
    return or_make(shelf, take_shared(shelf));
}

static bool has_few(const struct crew__shelf *shelf)
{
    /* a figure */
    return shelf->least > 0 &&
           crew__load_relaxed(&shelf->rear->made) < shelf->least;
}

struct crew__message *crew__shelf_get_owned(struct crew__shelf *shelf)
{
    struct crew__message *made = NULL;

    if (!shelf->front && has_few(shelf))
        made = make(shelf);
    return made ? made : or_make(shelf, take_front(shelf, &shelf->front));
}

bool crew__shelf_stock(struct crew__shelf *shelf)
{
    shelf->front = (struct crew__node *)(void *)make(shelf);
    return shelf->front != NULL;
}

void crew__shelf_put(struct crew__shelf *shelf, struct crew__node *first,
                     struct crew__node *last)
{
    struct crew__stack *rear = &shelf->rear->stack;
    void *seen = crew__load_relaxed(&rear->head); /* the CAS decides */

    /* a figure: more than are kept lie about */
    if (crew__load_relaxed(&shelf->rear->made) <= CREW__MESSAGES_KEPT) {
        while (seen != CLOSED) {
            if (crew__stack_try_push(rear, first, last, &seen))
                return;
        }
        crew__mark(CREW__MARK_SHELF_LATE);
    }
    last->next = NULL;
    destroy(shelf, first);
}

void crew__shelf_disown(struct crew__shelf *shelf)
{
    /* edge:shelf-owner, release */
    crew__store_release(&shelf->owner, 0);
}

void crew__shelf_close(struct crew__shelf *shelf)
{
    struct crew__node *front = shelf->front;
    struct crew__node *shared = shelf->shared;

    /* The caller holds a reference. */
    shelf->front = NULL;
    shelf->shared = NULL;
    destroy(shelf, front);
    destroy(shelf, shared);
    /* edge:stack-node, acquire */
    destroy(shelf, crew__exchange_seq_cst(&shelf->rear->stack.head, CLOSED));
}
