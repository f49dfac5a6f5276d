/*
 * Receiving without a listener: from one port, or from the one of several
 * whose message is the oldest.
 */
#include "port/port.h"

#include "base/tunables.h"
#include "runtime/cancel.h"

#include <errno.h>

/* Becomes the one who receives. */
static int enter(crew_port *port)
{
    uint32_t state = crew__port_state(port);

    if (state & CREW__PORT_CLOSED)
        return -EPIPE;
    if ((state & CREW__PORT_LISTENING) || !crew__port_try_token(port))
        return -EBUSY;
    /* Who changes these has the token. */
    state = crew__port_state(port);
    if (!(state & (CREW__PORT_CLOSED | CREW__PORT_LISTENING)))
        return 0;
    crew__port_give_token(port);
    return state & CREW__PORT_CLOSED ? -EPIPE : -EBUSY;
}

static bool is_closed(crew_port *port)
{
    return crew__port_state(port) & CREW__PORT_CLOSED;
}

/* 0 and a message, -EPIPE, -ENOMEM, or -ETIMEDOUT: nothing yet. */
static int look(crew_port *port, struct crew__message **found)
{
    int r;

    if (is_closed(port))
        return -EPIPE;
    r = port->transport->take(port, found);
    if (r != -EAGAIN)
        return r;
    return port->transport->is_over(port) ? -EPIPE : -ETIMEDOUT;
}

/* Without a look whether all is over, which fetches the posters' line: that
 * comes before the sleep. */
static int look_for_a_moment(crew_port *port, struct crew__message **found)
{
    int r = -EAGAIN;

    for (unsigned i = 0; i < CREW__SPIN_RECEIVE && r == -EAGAIN; i++) {
        crew__relax();
        if (is_closed(port))
            return -EPIPE;
        r = port->transport->take(port, found);
    }
    return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* One sleep, which may end for nothing. */
static int sleep_once(crew_port *port, crew_ns deadline)
{
    struct crew__port_sleeper sleeper;
    int r = 0;

    crew__port_sleeper_init(&sleeper);
    if (!crew__port_await(port, &sleeper))
        return 0;
    if (!port->transport->has_news(port))
        r = crew__port_sleep(&sleeper.parker, deadline);
    crew__port_stop_awaiting(port, &sleeper);
    crew__port_sleeper_dismiss(&sleeper);
    return r;
}

/* Of who may wait: a terminate may be followed by the end of all posts at once,
 * and was first. */
static int outcome(int r, crew_ns timeout)
{
    return r == -EPIPE && timeout != 0 && crew__cancel_is_due() ? -ECANCELED
                                                                : r;
}

static int wait(crew_port *port, struct crew__message **found, crew_ns timeout)
{
    crew_ns deadline = crew__clock_deadline(crew__clock_now(), timeout);
    int r = look_for_a_moment(port, found);
    int slept = 0;

    while (r == -ETIMEDOUT && slept == 0) {
        slept = sleep_once(port, deadline);
        r = look(port, found);
    }
    return r == -ETIMEDOUT ? slept : r;
}

int crew_receive(crew_port *port, crew_message **out, crew_ns timeout)
{
    struct crew__message *found = NULL;
    int r;

    if (!port || !out || timeout < CREW_FOREVER)
        return -EINVAL;
    if (crew__port_is_forked(port))
        return -EOWNERDEAD;
    if (timeout != 0 && crew__cancel_is_due())
        return -ECANCELED;
    r = enter(port);
    if (r < 0)
        return r;
    r = look(port, &found);
    if (r == -ETIMEDOUT && timeout != 0)
        r = wait(port, &found, timeout);
    r = outcome(r, timeout);
    crew__port_give_token(port);
    if (r == 0)
        *out = crew__message_receive(found);
    return r;
}

/* ---- several ports --------------------------------------------------------- */

struct several {
    crew_port *const *ports;
    size_t count;
    size_t which;
};

static void leave_some(const struct several *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all->ports[i])
            crew__port_give_token(all->ports[i]);
    }
}

static int enter_all(const struct several *all)
{
    for (size_t i = 0; i < all->count; i++) {
        crew_port *port = all->ports[i];
        int r = 0;

        if (port)
            r = crew__port_is_forked(port) ? -EOWNERDEAD : enter(port);
        if (r < 0) {
            leave_some(all, i);
            return r;
        }
    }
    return 0;
}

static bool is_left_out(crew_port *port)
{
    return !port || (crew__port_state(port) & CREW__PORT_ANY_OVER);
}

/* Tells once that a port is over. */
static bool tell_over(crew_port *port)
{
    if (is_closed(port))
        return true;
    if (port->transport->peek(port) || !port->transport->is_over(port))
        return false;
    crew__lock(&port->lock);
    crew__port_set_state(port, CREW__PORT_ANY_OVER, 0);
    crew__unlock(&port->lock);
    return true;
}

/* The port whose next message is the oldest; `count`: none has one. */
static size_t find_oldest(const struct several *all)
{
    size_t found = all->count;
    uint64_t oldest = 0;

    for (size_t i = 0; i < all->count; i++) {
        uint64_t stamp = is_left_out(all->ports[i])
                             ? 0
                             : all->ports[i]->transport->peek(all->ports[i]);

        if (stamp && (found == all->count || stamp < oldest)) {
            found = i;
            oldest = stamp;
        }
    }
    return found;
}

/* As `look`; all->which says where. */
static int look_at_all(struct several *all, struct crew__message **found)
{
    size_t open = 0;

    all->which = find_oldest(all);
    if (all->which < all->count) {
        crew_port *port = all->ports[all->which];

        return port->transport->take(port, found);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (is_left_out(all->ports[i]))
            continue;
        if (tell_over(all->ports[i])) {
            all->which = i;
            return -EPIPE;
        }
        open++;
    }
    return open > 0 ? -ETIMEDOUT : -EPIPE;
}

static bool has_any_news(const struct several *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!is_left_out(all->ports[i]) &&
            all->ports[i]->transport->has_news(all->ports[i]))
            return true;
    }
    return false;
}

static bool await_all(const struct several *all,
                      struct crew__port_sleeper *sleeper)
{
    bool open = true;

    for (size_t i = 0; i < all->count; i++) {
        if (!is_left_out(all->ports[i]))
            open = crew__port_await(all->ports[i], sleeper) && open;
    }
    return open;
}

static int sleep_at_all(const struct several *all, crew_ns deadline)
{
    struct crew__port_sleeper sleeper;
    int r = 0;

    crew__port_sleeper_init(&sleeper);
    if (await_all(all, &sleeper) && !has_any_news(all))
        r = crew__port_sleep(&sleeper.parker, deadline);
    for (size_t i = 0; i < all->count; i++) {
        if (all->ports[i])
            crew__port_stop_awaiting(all->ports[i], &sleeper);
    }
    crew__port_sleeper_dismiss(&sleeper);
    return r;
}

static int wait_for_any(struct several *all, struct crew__message **found,
                        crew_ns timeout)
{
    crew_ns deadline = crew__clock_deadline(crew__clock_now(), timeout);
    int r = -ETIMEDOUT;
    int slept = 0;

    for (unsigned i = 0; i < CREW__SPIN_RECEIVE && r == -ETIMEDOUT;
         i += (unsigned)all->count) {
        crew__relax();
        r = look_at_all(all, found);
    }
    while (r == -ETIMEDOUT && slept == 0) {
        slept = sleep_at_all(all, deadline);
        r = look_at_all(all, found);
    }
    return r == -ETIMEDOUT ? slept : r;
}

int crew_receive_any(crew_port *const *ports, size_t count, size_t *which,
                     crew_message **out, crew_ns timeout)
{
    struct several all = {ports, count, count};
    struct crew__message *found = NULL;
    int r;

    if (!ports || count == 0 || !which || !out || timeout < CREW_FOREVER)
        return -EINVAL;
    if (timeout != 0 && crew__cancel_is_due())
        return -ECANCELED;
    r = enter_all(&all);
    if (r < 0)
        return r;
    r = look_at_all(&all, &found);
    if (r == -ETIMEDOUT && timeout != 0)
        r = wait_for_any(&all, &found, timeout);
    r = outcome(r, timeout);
    leave_some(&all, count);
    if (r == 0)
        *out = crew__message_receive(found);
    if (r == 0 || r == -EPIPE)
        *which = all.which;
    return r;
}
