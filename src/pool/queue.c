#include "pool/queue.h"

#include "base/assert.h"
#include "base/mark.h"
#include "base/prefetch.h"
#include "os/os.h"
#include "pool/group.h"

void crew__queue_init(struct crew__queue *queue)
{
    for (unsigned i = 0; i < CREW__LEVELS; i++)
        crew__list_init(&queue->lists[i]);
    crew__list_init(&queue->wishes);
}

void crew__queue_push(struct crew__queue *queue, enum crew__level level,
                      crew_task *first, crew_task *last)
{
    struct crew__stack *stack = &queue->arrivals[level].stack;

    crew__stack_push(stack, &crew__task_private(first)->item.node,
                     &crew__task_private(last)->item.node, crew__back_off);
}

unsigned crew__queue_listed(struct crew__queue *queue)
{
    unsigned sum = 0;

    /* a figure */
    for (unsigned i = 0; i < CREW__LEVELS; i++)
        sum += crew__load_relaxed(&queue->counts[i]);
    return sum;
}

static void add_count(struct crew__queue *queue, enum crew__level level,
                      unsigned change)
{
    /* under the lock */
    uint32_t before = crew__load_relaxed(&queue->counts[level]);

    /* under the lock */
    crew__store_relaxed(&queue->counts[level], before + change);
}

static bool matches(const struct crew__wish *wish, const crew_task *task)
{
    return wish->task ? wish->task == task : wish->group == task->group;
}

static struct crew__wish *wish_of(struct crew__link *link)
{
    return (struct crew__wish *)(void *)link;
}

/* The newest wish for a group, as waits nest; NULL. */
static struct crew__wish *find_group_wish(struct crew__queue *queue,
                                          const crew_group *group)
{
    for (struct crew__link *at = queue->wishes.prev; at != &queue->wishes;
         at = at->prev) {
        struct crew__wish *wish = wish_of(at);

        if (!wish->task && wish->group == group)
            return wish;
    }
    return NULL;
}

/* Offers a task that is being listed to the wishes. Several may match: it is
 * linked in one, and all are woken. */
static void offer(struct crew__queue *queue, crew_task *task, bool oldest)
{
    struct crew__task_private *p = crew__task_private(task);
    struct crew__wish *wish = find_group_wish(queue, task->group);

    if (wish && oldest)
        crew__list_push_first(&wish->listed, &p->wished);
    else if (wish)
        crew__list_push_last(&wish->listed, &p->wished);
    for (struct crew__link *at = queue->wishes.next; at != &queue->wishes;
         at = at->next) {
        if (matches(wish_of(at), task))
            crew__unpark(wish_of(at)->parker);
    }
}

/* The level is handed in: a task's priority lies in its other cache line. */
static void enlist(struct crew__queue *queue, enum crew__level level,
                   crew_task *task, bool oldest)
{
    struct crew__task_private *p = crew__task_private(task);

    if (oldest)
        crew__list_push_first(&queue->lists[level], &p->link);
    else
        crew__list_push_last(&queue->lists[level], &p->link);
    add_count(queue, level, 1);
    /* under the lock */
    crew__store_relaxed(&p->where, (uintptr_t)queue | CREW__LISTED);
    if (!crew__list_is_empty(&queue->wishes))
        offer(queue, task, oldest);
}

static void unlist(struct crew__queue *queue, enum crew__level level,
                   crew_task *task)
{
    struct crew__task_private *p = crew__task_private(task);

    crew__list_unlink(&p->link);
    if (crew__list_is_linked(&p->wished))
        crew__list_unlink(&p->wished);
    add_count(queue, level, (unsigned)-1);
    crew__store_relaxed(&p->where, 0); /* under the lock */
}

/* Appends a chain, newest first, and touches each task once: each is linked
 * before the one that was linked before it. */
static unsigned append(struct crew__queue *queue, enum crew__level level,
                       struct crew__node *node)
{
    struct crew__link *head = &queue->lists[level];
    struct crew__link *last = head->prev;
    struct crew__link *after = head;
    unsigned count = 0;

    while (node) {
        struct crew__task_private *p = crew__task_private(crew__task_of(node));
        struct crew__node *older = node->next; /* the link lies over it */

        crew__prefetch_along(node, older);
        /* under the lock */
        crew__store_relaxed(&p->where, (uintptr_t)queue | CREW__LISTED);
        p->link.next = after;
        after->prev = &p->link;
        after = &p->link;
        node = older;
        count++;
    }
    after->prev = last;
    last->next = after;
    add_count(queue, level, count);
    return count;
}

/* One by one, oldest first, as each is offered to the wishes. */
static unsigned append_offered(struct crew__queue *queue,
                               enum crew__level level, struct crew__node *node)
{
    unsigned count = 0;

    node = crew__stack_turn(node);
    while (node) {
        struct crew__node *next = node->next; /* enlist writes it */

        enlist(queue, level, crew__task_of(node), false);
        node = next;
        count++;
    }
    return count;
}

static void collect(struct crew__queue *queue, enum crew__level level)
{
    struct crew__stack *stack = &queue->arrivals[level].stack;
    struct crew__node *newest;

    if (crew__stack_is_empty(stack))
        return;
    newest = crew__stack_take_all(stack);
    queue->accepted += crew__list_is_empty(&queue->wishes)
                           ? append(queue, level, newest)
                           : append_offered(queue, level, newest);
}

void crew__queue_collect(struct crew__queue *queue)
{
    for (unsigned i = 0; i < CREW__LEVELS; i++)
        collect(queue, (enum crew__level)i);
}

void crew__queue_collect_for(struct crew__queue *queue, enum crew__level level)
{
    /* A wish is to see all that comes. */
    if (!crew__list_is_empty(&queue->wishes)) {
        crew__queue_collect(queue);
    } else if (queue->left >= CREW__COLLECT_EVERY ||
               /* under the lock */
               crew__load_relaxed(&queue->counts[level]) <
                   CREW__COLLECT_BELOW) {
        queue->left = 0;
        collect(queue, level);
    } else {
        queue->left++;
    }
}

bool crew__queue_is_empty(struct crew__queue *queue)
{
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        if (!crew__stack_is_empty(&queue->arrivals[level].stack) ||
            !crew__list_is_empty(&queue->lists[level]))
            return false;
    }
    return true;
}

crew_task *crew__queue_take(struct crew__queue *queue, enum crew__level level)
{
    struct crew__link *head = &queue->lists[level];
    crew_task *task;

    if (crew__list_is_empty(head))
        return NULL;
    task = crew__task_of(head->next);
    crew__prefetch_write(task); /* its other line: to be run, and its status */
    unlist(queue, level, task);
    return task;
}

/* All at once: each task is touched once, and the list where it is cut. */
void crew__queue_fill(struct crew__queue *queue, struct crew__ring *ring,
                      unsigned max)
{
    struct crew__link *head = &queue->lists[CREW__NORMAL];
    struct crew__link *at = head->next;
    unsigned count = 0;

    while (count < max && at != head) {
        crew_task *task = crew__task_of(at);
        struct crew__task_private *p = crew__task_private(task);
        struct crew__link *next = at->next;

        crew__prefetch_write(task);
        crew__prefetch_along(at, next);
        if (crew__list_is_linked(&p->wished))
            crew__list_unlink(&p->wished);
        crew__store_relaxed(&p->where, 0); /* under the lock */
        crew__ring_write_owner(ring, count, task);
        at = next;
        count++;
    }
    head->next = at;
    at->prev = head;
    add_count(queue, CREW__NORMAL, 0 - count);
    crew__ring_publish_owner(ring, count);
}

void crew__queue_give_back(struct crew__queue *queue, struct crew__ring *ring)
{
    crew_task *taken[CREW__RING_SIZE];
    unsigned count = 0;
    unsigned lost = 0;

    /* Its owner may go on taking, but can't fill without the lock. */
    while (count < CREW__RING_SIZE &&
           (taken[count] = crew__ring_take_any(ring, &lost)))
        count++;
    if (count)
        crew__mark(CREW__MARK_RING_GIVEN_BACK);
    while (count--)
        enlist(queue, CREW__NORMAL, taken[count], true);
}

/* Looks through what is listed already, newest first: what a task has just
 * submitted before it waits is the newest. */
static void search_lists(struct crew__queue *queue, struct crew__wish *wish)
{
    size_t left = crew_group_pending(wish->group);

    for (unsigned level = 0; level < CREW__LEVELS && left; level++) {
        struct crew__link *head = &queue->lists[level];

        for (struct crew__link *at = head->prev; at != head && left;
             at = at->prev) {
            crew_task *task = crew__task_of(at);
            struct crew__task_private *p = crew__task_private(task);

            if (!matches(wish, task) || crew__list_is_linked(&p->wished))
                continue;
            crew__list_push_first(&wish->listed, &p->wished);
            left--;
        }
    }
}

void crew__queue_wish(struct crew__queue *queue, struct crew__wish *wish)
{
    crew__list_init(&wish->listed);
    /* Where another wishes for the same group, its list has them all. */
    if (!wish->task && !find_group_wish(queue, wish->group))
        search_lists(queue, wish);
    crew__list_push_last(&queue->wishes, &wish->link);
}

void crew__queue_unwish(struct crew__queue *queue, struct crew__wish *wish)
{
    struct crew__wish *heir;

    crew__list_unlink(&wish->link);
    heir = wish->task ? NULL : find_group_wish(queue, wish->group);
    while (!crew__list_is_empty(&wish->listed)) {
        struct crew__link *link = wish->listed.next;

        crew__list_unlink(link);
        if (heir)
            crew__list_push_last(&heir->listed, link);
    }
}

static crew_task *find_task(struct crew__queue *queue, crew_task *task)
{
    /* This value comes and goes under this lock alone, so it is not stale. */
    if (crew__load_relaxed(&crew__task_private(task)->where) ==
        ((uintptr_t)queue | CREW__LISTED))
        return task;
    return NULL;
}

static crew_task *find_member(struct crew__queue *queue, crew_group *group)
{
    for (struct crew__link *at = queue->wishes.prev; at != &queue->wishes;
         at = at->prev) {
        struct crew__wish *wish = wish_of(at);

        if (!wish->task && wish->group == group &&
            !crew__list_is_empty(&wish->listed))
            return crew__task_of_wished(wish->listed.next);
    }
    return NULL;
}

crew_task *crew__queue_take_wished(struct crew__queue *queue,
                                   struct crew__wish *wish)
{
    crew_task *task = wish->task ? find_task(queue, wish->task)
                                 : find_member(queue, wish->group);

    if (task)
        unlist(queue, crew__level_of(task->priority), task);
    return task;
}

crew_task *crew__queue_search(struct crew__queue *queue,
                              const struct crew__wish *wish)
{
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        struct crew__link *head = &queue->lists[level];

        for (struct crew__link *at = head->next; at != head; at = at->next) {
            crew_task *task = crew__task_of(at);

            if (matches(wish, task)) {
                unlist(queue, (enum crew__level)level, task);
                return task;
            }
        }
    }
    return NULL;
}
