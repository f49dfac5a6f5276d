/*
 * What ports need of an inbox: items that stand for many callbacks and take
 * turns, and what may post at any time.
 */
#include "runtime/inbox_state.h"

unsigned crew__inbox_budget(const crew_inbox *inbox)
{
    return inbox->budget;
}

void crew__inbox_ran(crew_inbox *inbox, unsigned count)
{
    inbox->ran = count;
}

uint32_t crew__inbox_number(const crew_inbox *inbox)
{
    return inbox->number;
}

bool crew__inbox_is_settling(const crew_inbox *inbox)
{
    return inbox->is_settling;
}

/* Back to the end of what is ready; it is not delivered yet. */
static void append(crew_inbox *inbox, struct crew__item *item)
{
    uint64_t before = crew__load_relaxed(&inbox->delivered); /* own word */

    crew__store_relaxed(&inbox->delivered, before - 1); /* own word */
    item->node.next = NULL;
    if (inbox->ready)
        inbox->ready_last->next = &item->node;
    else
        inbox->ready = &item->node;
    inbox->ready_last = &item->node;
}

void crew__inbox_stay(crew_inbox *inbox, struct crew__item *item)
{
    /* What came meanwhile has its turn before this one's next; so a port with
     * many messages holds up nobody. The fd is not cleared: it is readable
     * once for nothing. */
    crew__inbox_collect_more(inbox);
    append(inbox, item);
    inbox->last = &item->node;
}

void crew__inbox_again(crew_inbox *inbox, struct crew__item *item)
{
    append(inbox, item);
}

void crew__inbox_attach(crew_inbox *inbox)
{
    /* Relaxed: a destroy beside it breaks the contract. */
    crew__add_relaxed(&inbox->attached, 1);
}

void crew__inbox_detach(crew_inbox *inbox)
{
    /* edge:inbox-attached, release */
    crew__add_release(&inbox->attached, (uint64_t)-1);
}

void crew__inbox_unexpect(crew_inbox *inbox)
{
    crew__inbox_attach(inbox);
    /* Published by the rouse. */
    crew__add_relaxed(&inbox->expected_by_others, (uint64_t)-1);
    crew__inbox_rouse_run(inbox);
}

void crew__inbox_expect_again(crew_inbox *inbox)
{
    crew__inbox_expect(inbox, 1);
    crew__inbox_detach(inbox);
}

void crew__inbox_hold(crew_inbox *inbox)
{
    /* Relaxed: a run that does not go on yet ends as if it had been before. */
    crew__add_relaxed(&inbox->held, 1);
}

void crew__inbox_let_go(crew_inbox *inbox)
{
    /* published by the rouse */
    if (crew__add_relaxed(&inbox->held, (uint64_t)-1) == 1)
        crew__inbox_rouse_run(inbox);
}

bool crew__inbox_is_held(const crew_inbox *inbox)
{
    return crew__load_relaxed(&inbox->held) != 0; /* looked at when roused */
}
