/*
 * crew_inbox_call: a function as an item.
 */
#include "runtime/inbox_state.h"

#include <errno.h>

struct call {
    struct crew__item item;
    void (*fn)(void *);
    void *arg;
};

static void deliver_call(struct crew__item *item)
{
    struct call call = *(struct call *)item;

    crew__memory_free(item);
    call.fn(call.arg);
}

void crew__inbox_drop_call(struct crew__item *item)
{
    if (item->deliver == deliver_call)
        crew__memory_free(item);
}

int crew_inbox_call(crew_inbox *inbox, void (*fn)(void *), void *arg)
{
    struct call *call;

    if (!inbox || !fn)
        return -EINVAL;
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    call = crew__memory_zero(sizeof *call);
    if (!call)
        return -ENOMEM;
    call->item.deliver = deliver_call;
    call->fn = fn;
    call->arg = arg;
    crew__inbox_expect(inbox, 1);
    crew__inbox_post(inbox, &call->item);
    return 0;
}
