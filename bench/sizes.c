/*
 * The sizes of what lies on the way of a task or a message, and of what a pool,
 * a channel and a worker are made of.
 * Words of different writers are CREW__APART apart, so padding is wanted;
 * tests/pool/layout_test.c says where.
 */
#include <crew/crew.h>

#include "lockfree/ring.h"
#include "lockfree/stack.h"
#include "pool/pool.h"
#include "pool/queue.h"
#include "pool/task.h"
#include "port/pipe.h"
#include "port/port.h"
#include "runtime/idle.h"
#include "runtime/inbox_state.h"
#include "runtime/waiter.h"
#include "worker/worker.h"

#include <stdio.h>

#define SIZE(type, what) \
    { \
#type, sizeof(type), what \
    }

static const struct {
    const char *name;
    size_t size;
    const char *what;
} sizes[] = {
    SIZE(crew_task, "public; one per task, the caller's"),
    SIZE(crew_pool_options, "public"),
    SIZE(crew_pool_stats, "public"),
    SIZE(struct crew__task_private, "the library's half of a task"),
    SIZE(struct crew__item, "in a stack, and on the way to an inbox"),
    SIZE(struct crew__link, "in a list"),
    SIZE(struct crew__ring, "tasks that a worker has taken"),
    SIZE(struct crew__queue, "what waits: one per pool and per mailbox"),
    SIZE(struct crew__idle, "who looks, who sleeps: one per pool"),
    SIZE(struct crew__worker, "one per worker, its ring and mailbox in it"),
    SIZE(struct crew__activation, "on the stack of a worker inside a task"),
    SIZE(struct crew__waiter, "on the stack of a thread that waits"),
    SIZE(struct crew_pool, "one per pool"),
    SIZE(struct crew_inbox, "one per inbox"),
    SIZE(crew_message, "public; what a program sees of a message"),
    SIZE(struct crew__message, "in front of a message's bytes and entries"),
    SIZE(struct crew__body, "in front of bytes that a hub's members share"),
    SIZE(struct crew__shelf, "spare messages: one per direction"),
    SIZE(struct crew__pipe, "one per direction, its shelf in it"),
    SIZE(struct crew__pipe_take, "its receiver's half"),
    SIZE(struct crew_port, "one per end, and per member of a hub"),
    SIZE(struct crew__listening, "one per port that listens"),
    SIZE(struct crew__port_sleeper, "on the stack of one who receives"),
    SIZE(struct crew_worker, "one per worker of one's own"),
};

int main(void)
{
    printf("%-28s %6s\n", "", "bytes");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        printf("%-28s %6zu  %s\n", sizes[i].name, sizes[i].size, sizes[i].what);
    return 0;
}
