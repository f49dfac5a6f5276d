/*
 * Ports that travel. The port itself stays where it is in memory; what moves is
 * who may use it. Its queue is part of it, so what waits goes along in order,
 * also what is posted while it is under way.
 */
#include "port/port.h"

#include "base/mark.h"

#include <errno.h>

void crew__port_lend(crew_port *port)
{
    crew__lock(&port->lock);
    crew__port_set_state(port, CREW__PORT_BORROWED, 0);
    crew__unlock(&port->lock);
}

/* Takes the receiving side, as the port's own callback has it already. */
static int prepare(crew_port *port)
{
    int r = 0;

    crew__lock(&port->lock);
    if (crew__port_state(port) & CREW__PORT_STAYS)
        r = -EINVAL;
    else if (!crew__listening_is_own(port) && !crew__port_try_token(port))
        r = -EBUSY;
    crew__unlock(&port->lock);
    return r;
}

static void cancel(crew_port *port)
{
    crew__lock(&port->lock);
    if (!crew__listening_is_own(port))
        crew__port_give_token(port);
    crew__unlock(&port->lock);
}

static void cancel_some(crew_port **ports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cancel(ports[i]);
}

int crew__ports_check(crew_port *through, const crew_message *message)
{
    for (size_t i = 0; i < message->port_count; i++) {
        crew_port *port = message->ports[i];

        if (through && through->transport->is_itself(through, port))
            return -EINVAL;
        if (crew__port_is_forked(port))
            return -EOWNERDEAD;
        if (crew__port_state(port) & CREW__PORT_STAYS)
            return -EINVAL;
    }
    return 0;
}

int crew__ports_prepare(const crew_message *message)
{
    for (size_t i = 0; i < message->port_count; i++) {
        int r = prepare(message->ports[i]);

        if (r < 0) {
            cancel_some(message->ports, i);
            return r;
        }
    }
    return 0;
}

void crew__ports_cancel(const crew_message *message)
{
    cancel_some(message->ports, message->port_count);
}

void crew__ports_move(const crew_message *message)
{
    for (size_t i = 0; i < message->port_count; i++) {
        crew_port *port = message->ports[i];
        struct crew__listening *listening;

        crew__lock(&port->lock);
        listening = crew__listening_detach(port);
        crew__port_set_state(port, 0, CREW__PORT_HANDLES);
        crew__unlock(&port->lock);
        port->transport->move(port);
        crew__port_give_token(port);
        crew__listening_forget(listening);
    }
}
