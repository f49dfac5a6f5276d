#include "runtime/waiter.h"

#include "base/mark.h"
#include "base/tunables.h"

void crew__waiter_init(struct crew__waiter *waiter)
{
    crew__park_init(&waiter->own);
    waiter->parker = &waiter->own;
    waiter->counted = NULL;
    crew__store_relaxed(&waiter->told, 0); /* not shared yet */
    waiter->next = NULL;
}

void crew__waiter_init_worker(struct crew__waiter *waiter,
                              struct crew__parker *parker, crew__a32 *counted)
{
    crew__waiter_init(waiter);
    waiter->parker = parker;
    waiter->counted = counted;
}

void crew__waiter_tell(struct crew__waiter *waiter)
{
    struct crew__parker *parker = waiter->parker;
    crew__a32 *counted = waiter->counted;

    crew__mark(CREW__MARK_WAITER_TOKEN);
    if (!counted) {
        crew__unpark(parker); /* the token, and the last touch */
        return;
    }
    crew__add_relaxed(counted, 1);         /* published by the release below */
    crew__store_release(&waiter->told, 1); /* edge:waiter-told, release */
    crew__unpark(parker);
    crew__add_release(counted, (uint32_t)-1); /* edge:tellers, release */
}

bool crew__waiter_told(struct crew__waiter *waiter)
{
    /* edge:waiter-told, acquire */
    return crew__load_acquire(&waiter->told) != 0;
}

/* An end that comes in a moment is cheaper to wait for than a wake. */
static void look_for_a_moment(struct crew__waiter *waiter)
{
    for (unsigned i = 0; i < CREW__SPIN_WAIT; i++) {
        if (crew__park_seems_given(waiter->parker))
            return;
        crew__relax();
    }
}

bool crew__waiter_park(struct crew__waiter *waiter, crew_ns deadline)
{
    bool token;

    if (!waiter->counted)
        look_for_a_moment(waiter);
    token = crew__park(waiter->parker, deadline);

    /* this thread's own note */
    if (token && !waiter->counted)
        crew__store_relaxed(&waiter->told, 1);
    return crew__waiter_told(waiter);
}
