#include "port/port.h"

#include "base/assert.h"
#include "base/mark.h"
#include "runtime/cancel.h"

#include <errno.h>

void crew__port_init(crew_port *port, const struct crew__transport *transport,
                     crew__a32 *token)
{
    const crew__a64 *word;

    port->transport = transport;
    port->token = token;
    port->generation = (uint32_t)crew__fork_generation(&word);
    crew__census_born(CREW__CENSUS_PORT, port);
}

bool crew__port_is_forked(const crew_port *port)
{
    bool forked = (uint32_t)crew__fork_current() != port->generation;

    if (forked)
        crew__mark(CREW__MARK_FORKED);
    return forked;
}

void crew__port_set_state(crew_port *port, uint32_t set, uint32_t clear)
{
    uint32_t state = crew__load_relaxed(&port->state); /* under the lock */

    /* edge:port-state, release */
    crew__store_seq_cst(&port->state, (state | set) & ~clear);
}

void crew__port_add_waiters(crew_port *port, int count)
{
    uint32_t state = crew__load_relaxed(&port->state); /* under the lock */

    /* edge:port-state, release */
    crew__store_seq_cst(&port->state,
                        state + (uint32_t)count * CREW__PORT_WAITER);
}

void crew__port_set_wants(crew_port *port, uint32_t set, uint32_t clear)
{
    uint32_t wants = crew__load_relaxed(&port->wants); /* under the lock */

    /* edge:port-wants, release */
    crew__store_seq_cst(&port->wants, (wants | set) & ~clear);
}

void crew__port_end(crew_port *port)
{
    port->transport->end(port);
}

void crew__port_count(crew_port *port, struct crew__port_counts *counts)
{
    port->transport->count(port, counts);
}

bool crew__port_will_tell(crew_port *port, const crew_inbox *inbox)
{
    bool will;

    crew__lock(&port->lock);
    will = port->listening && port->listening->inbox == inbox &&
           !(crew__port_state(port) & CREW__PORT_OVER);
    crew__unlock(&port->lock);
    return will;
}

/* ---- sleepers ------------------------------------------------------------ */

int crew__port_sleep(struct crew__parker *parker, crew_ns deadline)
{
    return crew__cancel_park(parker, deadline);
}

void crew__port_sleeper_init(struct crew__port_sleeper *sleeper)
{
    crew__park_init(&sleeper->parker);
    crew__store_relaxed(&sleeper->tellers, 0); /* not shared yet */
    sleeper->next = NULL;
}

void crew__port_sleeper_found(struct crew__port_sleeper *sleeper)
{
    crew__add_relaxed(&sleeper->tellers, 1); /* published by the lock */
}

void crew__port_sleepers_told(struct crew__port_sleeper *first)
{
    while (first) {
        struct crew__port_sleeper *next = first->next;

        crew__unpark(&first->parker);
        /* edge:port-tellers, release */
        crew__add_release(&first->tellers, (uint32_t)-1);
        first = next;
    }
}

void crew__port_sleeper_dismiss(struct crew__port_sleeper *sleeper)
{
    /* edge:port-tellers, acquire */
    while (crew__load_acquire(&sleeper->tellers))
        crew__yield();
}

bool crew__port_await(crew_port *port, struct crew__port_sleeper *sleeper)
{
    bool open;

    crew__lock(&port->lock);
    open = !(crew__port_state(port) & CREW__PORT_CLOSED);
    if (open) {
        port->sleeper = sleeper;
        crew__port_set_wants(port, CREW__PORT_SLEEPER, 0);
    }
    crew__unlock(&port->lock);
    return open;
}

void crew__port_stop_awaiting(crew_port *port,
                              struct crew__port_sleeper *sleeper)
{
    crew__lock(&port->lock);
    if (port->sleeper == sleeper) {
        port->sleeper = NULL;
        crew__port_set_wants(port, 0, CREW__PORT_SLEEPER);
    }
    crew__unlock(&port->lock);
}

/* Under the lock. */
static struct crew__port_sleeper *find_sleeper(crew_port *port)
{
    struct crew__port_sleeper *sleeper = port->sleeper;

    if (sleeper) {
        port->sleeper = NULL;
        crew__port_set_wants(port, 0, CREW__PORT_SLEEPER);
        crew__port_sleeper_found(sleeper);
    }
    return sleeper;
}

void crew__port_tell(crew_port *port)
{
    struct crew__listening *listening = NULL;
    struct crew__port_sleeper *sleeper;

    /* edge:port-wants, acquire */
    if (!crew__load_seq_cst(&port->wants))
        return;
    crew__lock(&port->lock);
    sleeper = find_sleeper(port);
    /* under the lock */
    if ((crew__load_relaxed(&port->wants) & CREW__PORT_ARMED) &&
        crew__listening_arouse(port->listening))
        listening = port->listening;
    crew__unlock(&port->lock);
    crew__port_sleepers_told(sleeper);
    /* It is there until its item, which is expected, has been delivered. */
    if (listening)
        crew__inbox_post(listening->inbox, &listening->item);
}

/* ---- posting -------------------------------------------------------------- */

int crew_post(crew_port *port, const crew_message *message)
{
    int r;

    if (!port || !message)
        return -EINVAL;
    if (crew__port_is_forked(port))
        return -EOWNERDEAD;
    r = port->transport->post(port, message);
    if (r == 0)
        crew__port_got_through(port);
    else if (r == -EAGAIN)
        crew__port_wish_room(port, message->size);
    return r;
}

/* ---- the end -------------------------------------------------------------- */

/* A lock or a token may be held by a thread that is not here. Nobody else is,
 * and nobody is told. A listening whose item lies in an inbox stays. */
static void close_forked(crew_port *port)
{
    struct crew__listening *listening = port->listening;

    /* nobody else is here */
    if (crew__load_relaxed(&port->state) & CREW__PORT_CLOSED)
        return;
    crew__store_relaxed(&port->state, CREW__PORT_CLOSED); /* as above */
    crew__messages_release(port->transport->drain(port));
    port->transport->retain(port);
    if (listening && !listening->in_flight) {
        crew__memory_free(listening);
        port->transport->release(port);
    }
    crew__census_died(CREW__CENSUS_PORT, port);
    port->transport->release(port);
    port->transport->release(port);
}

/* Under the lock, which who leaves gives back last. */
static bool has_waiters(crew_port *port)
{
    bool has;

    crew__lock(&port->lock);
    has = crew__port_state(port) >= CREW__PORT_WAITER;
    crew__unlock(&port->lock);
    return has;
}

void crew__port_bury(crew_port *port)
{
    /* They have been told that it is closed. */
    while (has_waiters(port))
        crew__yield();
    port->transport->bury(port);
    crew__census_died(CREW__CENSUS_PORT, port);
    port->transport->release(port);
}

struct begun {
    bool first; /* it was open */
    struct crew__port_sleeper *sleeper;
    struct crew__port_sleeper *room;
};

/* From here on all calls give -EPIPE. */
static struct begun begin_close(crew_port *port)
{
    struct begun begun = {.first = false};

    crew__lock(&port->lock);
    if (!(crew__port_state(port) & CREW__PORT_CLOSED)) {
        crew__port_set_state(port, CREW__PORT_CLOSED, 0);
        begun.first = true;
        begun.sleeper = find_sleeper(port);
        begun.room = port->room;
        port->room = NULL;
        for (struct crew__port_sleeper *s = begun.room; s; s = s->next)
            crew__port_sleeper_found(s);
    }
    crew__unlock(&port->lock);
    return begun;
}

/* Nothing more comes in. Whether a listener's turn ends the port. */
static bool give_to_listener(crew_port *port)
{
    struct crew__listening *listening;
    bool post;

    crew__lock(&port->lock);
    crew__port_set_state(port, CREW__PORT_SHUT, 0);
    listening = port->listening;
    post = listening && crew__listening_arouse(listening);
    crew__unlock(&port->lock);
    if (post)
        crew__inbox_post(listening->inbox, &listening->item);
    return listening != NULL;
}

void crew_port_close(crew_port *port)
{
    struct begun begun;

    if (!port)
        return;
    if (crew__port_is_forked(port)) {
        close_forked(port);
        return;
    }
    port->transport->retain(port);
    begun = begin_close(port);
    if (begun.first) {
        port->transport->shut(port);
        crew__port_sleepers_told(begun.sleeper);
        crew__port_sleepers_told(begun.room);
        if (!give_to_listener(port)) {
            /* Who is inside crew_receive sees that it is closed. */
            while (!crew__port_try_token(port))
                crew__yield();
            crew__messages_release(port->transport->drain(port));
            crew__port_bury(port);
        }
    }
    port->transport->release(port);
}

/* Behind the last of what waited there. */
static struct crew__node *join(struct crew__node *first,
                               struct crew__node *then)
{
    struct crew__node **last = &first;

    while (*last)
        last = &(*last)->next;
    *last = then;
    return first;
}

struct crew__node *crew__port_drop(crew_port *port, struct crew__node *chain)
{
    struct begun begun;

    if (crew__port_is_forked(port)) {
        close_forked(port);
        return chain;
    }
    begun = begin_close(port);
    crew__assert(begun.first && !begun.sleeper && !port->listening);
    port->transport->shut(port);
    chain = join(port->transport->drain(port), chain);
    crew__port_bury(port);
    return chain;
}
