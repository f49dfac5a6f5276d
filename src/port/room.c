/*
 * Room again: for who waits in crew_post_wait, and for on_room.
 */
#include "port/port.h"

#include "runtime/cancel.h"

#include "base/mark.h"

#include <errno.h>

void crew__port_tell_room(crew_port *port)
{
    struct crew__listening *listening;
    struct crew__port_sleeper *sleepers;
    bool post = false;

    crew__mark(CREW__MARK_PORT_ROOM);
    crew__lock(&port->lock);
    sleepers = port->room;
    port->room = NULL;
    for (struct crew__port_sleeper *s = sleepers; s; s = s->next)
        crew__port_sleeper_found(s);
    listening = port->listening;
    if (listening && listening->room_wish) {
        listening->room_wish = false;
        listening->room_due = true;
        post = crew__listening_arouse(listening);
    }
    crew__unlock(&port->lock);
    crew__port_sleepers_told(sleepers);
    if (post)
        crew__inbox_post(listening->inbox, &listening->item);
}

void crew__port_wish_room(crew_port *port, size_t size)
{
    uint32_t state = crew__port_state(port);
    bool wish;

    if ((state & CREW__PORT_REFUSED) && !(state & CREW__PORT_LISTENING))
        return;
    crew__lock(&port->lock);
    wish = port->listening && port->listening->on_room;
    if (wish)
        port->listening->room_wish = true;
    crew__port_set_state(port, wish ? 0 : CREW__PORT_REFUSED,
                         wish ? CREW__PORT_REFUSED : 0);
    crew__unlock(&port->lock);
    if (wish && port->transport->want_room(port, size))
        crew__port_tell_room(port);
}

void crew__port_take_back_wish(crew_port *port)
{
    crew__lock(&port->lock);
    if (crew__port_state(port) & CREW__PORT_REFUSED) {
        crew__port_set_state(port, 0, CREW__PORT_REFUSED);
        if (port->listening) {
            port->listening->room_wish = false;
            port->listening->room_due = false;
        }
    }
    crew__unlock(&port->lock);
}

/* ---- crew_post_wait ------------------------------------------------------- */

static bool await_room(crew_port *port, struct crew__port_sleeper *sleeper)
{
    bool open;

    crew__lock(&port->lock);
    open = !(crew__port_state(port) & CREW__PORT_CLOSED);
    if (open) {
        sleeper->next = port->room;
        port->room = sleeper;
    }
    crew__unlock(&port->lock);
    return open;
}

static void stop_awaiting_room(crew_port *port,
                               struct crew__port_sleeper *sleeper)
{
    struct crew__port_sleeper **at;

    crew__lock(&port->lock);
    at = &port->room;
    while (*at && *at != sleeper)
        at = &(*at)->next;
    if (*at)
        *at = sleeper->next;
    crew__unlock(&port->lock);
    crew__port_sleeper_dismiss(sleeper);
}

static int sleep_for_room(crew_port *port, size_t size, crew_ns deadline)
{
    struct crew__port_sleeper sleeper;
    int r = 0;

    crew__port_sleeper_init(&sleeper);
    if (!await_room(port, &sleeper))
        return -EPIPE;
    if (!port->transport->want_room(port, size))
        r = crew__port_sleep(&sleeper.parker, deadline);
    stop_awaiting_room(port, &sleeper);
    return r;
}

/* From here to the end its closer waits for it. false: it is closed. */
static bool enter(crew_port *port)
{
    bool open;

    crew__lock(&port->lock);
    open = !(crew__port_state(port) & CREW__PORT_CLOSED);
    if (open)
        crew__port_add_waiters(port, 1);
    crew__unlock(&port->lock);
    return open;
}

static void leave(crew_port *port)
{
    crew__lock(&port->lock);
    crew__port_add_waiters(port, -1);
    crew__unlock(&port->lock);
}

/* It was full. */
static int post_with_room(crew_port *port, const crew_message *message,
                          crew_ns timeout)
{
    crew_ns deadline = crew__clock_deadline(crew__clock_now(), timeout);
    int slept = 0;
    int r = -EAGAIN;

    if (!enter(port))
        return -EPIPE;
    /* One that was told may find that another was faster. */
    while (r == -EAGAIN && slept == 0) {
        slept = sleep_for_room(port, message->size, deadline);
        r = port->transport->post(port, message);
    }
    if (r == 0)
        crew__port_got_through(port);
    leave(port);
    return r == -EAGAIN ? slept : r;
}

int crew_post_wait(crew_port *port, const crew_message *message,
                   crew_ns timeout)
{
    int r;

    if (!port || !message || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__port_is_forked(port))
        return -EOWNERDEAD;
    if (timeout != 0 && crew__cancel_is_due())
        return -ECANCELED;
    r = port->transport->post(port, message);
    if (timeout == 0)
        return r == -EAGAIN ? -ETIMEDOUT : r;
    if (r == 0)
        crew__port_got_through(port);
    else if (r == -EAGAIN)
        r = post_with_room(port, message, timeout);
    /* Who terminates a worker ends its port, too. */
    return r == -EPIPE && crew__cancel_is_due() ? -ECANCELED : r;
}
