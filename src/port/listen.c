/*
 * Listening: what comes is delivered by an item in the listener's inbox, one
 * for a burst.
 *
 *   the item         wants      when
 *   at rest          ARMED      nothing waits
 *   in flight        -          it is posted, or ready for a further turn, or
 *                               being delivered
 *   orphan           -          in flight, and its port has stopped listening:
 *                               it is freed when it is delivered
 *   deaf             -          its inbox has settled, and more waits: a close
 *                               alone brings it into flight
 *
 * A turn takes the token, delivers a bounded share, and goes to the end of the
 * inbox's queue if more waits. One dispatch delivers, turn by turn, what waited
 * when the port's first turn in it came; what is newer is for the next. Where the
 * inbox settles there is none that has to come: so nobody keeps it from its end
 * by posting.
 */
#include "port/port.h"

#include "base/assert.h"
#include "base/mark.h"
#include "base/tunables.h"

#include <errno.h>

static struct crew__listening *listening_of(struct crew__item *item)
{
    return (struct crew__listening *)(void *)item;
}

/* ---- under the port's lock ----------------------------------------------- */

bool crew__listening_arouse(struct crew__listening *listening)
{
    if (listening->in_flight)
        return false;
    listening->in_flight = true;
    crew__port_set_wants(listening->port, 0, CREW__PORT_ARMED);
    crew__inbox_expect(listening->inbox, 1);
    return true;
}

bool crew__listening_is_own(const crew_port *port)
{
    return port->delivery && port->delivery->thread == crew__thread_identity();
}

struct crew__listening *crew__listening_detach(crew_port *port)
{
    struct crew__listening *listening = port->listening;

    if (!listening)
        return NULL;
    if (!(crew__port_state(port) & CREW__PORT_UNREFERENCED))
        crew__inbox_let_go(listening->inbox);
    crew__inbox_detach(listening->inbox);
    port->listening = NULL;
    crew__port_set_state(port, 0, CREW__PORT_LISTENING);
    crew__port_set_wants(port, 0, CREW__PORT_ARMED);
    if (listening->room_wish || listening->room_due)
        crew__port_set_state(port, CREW__PORT_REFUSED, 0);
    if (port->delivery)
        port->delivery->lost = true;
    port->delivery = NULL;
    return listening->in_flight ? NULL : listening;
}

/* Looks for news, and is at rest if there is none. */
static bool try_to_rest(crew_port *port)
{
    crew__port_set_wants(port, CREW__PORT_ARMED, 0);
    if (port->transport->has_news(port) || port->listening->room_due) {
        crew__port_set_wants(port, 0, CREW__PORT_ARMED);
        return false;
    }
    port->listening->in_flight = false;
    return true;
}

/* ---- a turn ---------------------------------------------------------------- */

void crew__listening_forget(struct crew__listening *listening)
{
    crew_port *port;

    if (!listening)
        return;
    port = listening->port;
    crew__memory_free(listening);
    port->transport->release(port);
}

struct turn {
    struct crew__listening *listening;
    crew_port *port;
    struct crew__delivery delivery;
    unsigned budget;
    unsigned count;
    bool room;
};

enum begun { BEGUN, ORPHAN, NOT_NOW };

static enum begun begin(struct turn *turn)
{
    crew_port *port = turn->port;
    enum begun begun = BEGUN;

    crew__lock(&port->lock);
    if (port->listening != turn->listening) {
        begun = ORPHAN;
    } else if (!crew__port_try_token(port)) {
        begun = NOT_NOW; /* it is about to move */
    } else {
        port->delivery = &turn->delivery;
        turn->room = turn->listening->room_due;
        turn->listening->room_due = false;
        if (turn->room)
            crew__port_set_state(port, 0, CREW__PORT_REFUSED);
    }
    crew__unlock(&port->lock);
    return begun;
}

static bool goes_on(const struct turn *turn)
{
    return !turn->delivery.lost && turn->count < turn->budget &&
           !(crew__port_state(turn->port) & CREW__PORT_CLOSED);
}

static void deliver_room(struct turn *turn)
{
    turn->count++;
    turn->listening->on_room(turn->port, turn->listening->arg);
}

static void deliver_message(struct turn *turn, struct crew__message *message)
{
    struct crew__listening *listening = turn->listening;
    bool kept = false;

    listening->left--;
    turn->count++;
    if (listening->on_message)
        listening->on_message(turn->port, crew__message_give(message, &kept),
                              listening->arg);
    if (!kept)
        crew__message_finish(message);
}

/* What waits when the first turn of a dispatch comes is of that dispatch. */
static void count_what_waits(struct turn *turn)
{
    struct crew__listening *listening = turn->listening;
    uint32_t number = crew__inbox_number(listening->inbox);

    if (listening->number == number)
        return;
    listening->number = number;
    listening->left = (uint32_t)turn->port->transport->waiting(turn->port);
}

static void run(struct turn *turn)
{
    count_what_waits(turn);
    if (turn->room && goes_on(turn))
        deliver_room(turn);
    while (goes_on(turn) && turn->listening->left > 0) {
        struct crew__message *next = NULL;
        int r = turn->port->transport->take(turn->port, &next);

        if (r == -EAGAIN)
            turn->listening->left = 0; /* a poster is about to push it */
        if (r < 0)
            break; /* without memory it waits for another dispatch */
        deliver_message(turn, next);
    }
}

/* The last callback. The port may be gone after it. */
static void tell_close(struct crew__listening *listening, crew_port *port)
{
    if (listening->on_close)
        listening->on_close(port, 0, listening->arg);
    crew__listening_forget(listening);
}

/* This end was closed: the handle goes. */
static void end_closed(struct turn *turn)
{
    crew_port *port = turn->port;

    crew__messages_release(port->transport->drain(port));
    crew__lock(&port->lock);
    crew__listening_detach(port);
    crew__unlock(&port->lock);
    turn->count += turn->listening->on_close != NULL;
    tell_close(turn->listening, port);
    crew__port_bury(port);
}

/* The other end was closed, and all that it had posted has been delivered. The
 * port listens no more: who closes it now ends it. */
static void end_over(struct turn *turn)
{
    crew__port_give_token(turn->port);
    turn->count += turn->listening->on_close != NULL;
    tell_close(turn->listening, turn->port);
}

enum next { CLOSED, OVER, STAYS, AGAIN, RESTS };

/* Under the lock. */
static enum next choose_next(struct turn *turn)
{
    crew_port *port = turn->port;
    uint32_t state = crew__port_state(port);
    bool closed = state & CREW__PORT_CLOSED;

    /* Posters may still push: its closer is about to say that they do not. */
    if (closed && !(state & CREW__PORT_SHUT)) {
        turn->listening->in_flight = false;
        return RESTS;
    }
    if (closed || port->transport->is_over(port)) {
        if (turn->count >= turn->budget)
            return STAYS; /* for its on_close */
        return closed ? CLOSED : OVER;
    }
    if (turn->listening->left > 0)
        return turn->count > 0 ? STAYS : AGAIN;
    if (try_to_rest(port))
        return RESTS;
    if (!crew__inbox_is_settling(turn->listening->inbox))
        return AGAIN;
    turn->listening->in_flight = false;
    return RESTS;
}

static enum next find_next(struct turn *turn)
{
    crew_port *port = turn->port;
    enum next next;

    crew__lock(&port->lock);
    next = choose_next(turn);
    if (next == OVER) {
        crew__port_set_state(port, CREW__PORT_OVER, 0);
        crew__listening_detach(port);
    } else if (next != CLOSED) {
        port->delivery = NULL;
        crew__port_give_token(port);
    }
    crew__unlock(&port->lock);
    return next;
}

/* With RESTS it may be in flight again, or be gone, before this begins. */
static void end(struct turn *turn)
{
    crew_inbox *inbox = turn->listening->inbox;

    switch (find_next(turn)) {
    case CLOSED:
        end_closed(turn);
        break;
    case OVER:
        end_over(turn);
        break;
    case STAYS:
        crew__mark(CREW__MARK_PORT_TURN);
        crew__inbox_stay(inbox, &turn->listening->item);
        break;
    case AGAIN:
        crew__inbox_again(inbox, &turn->listening->item);
        break;
    case RESTS:
        break;
    }
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void deliver(struct crew__item *item)
{
    struct turn turn = {.listening = listening_of(item),
                        .port = listening_of(item)->port,
                        .delivery = {.thread = crew__thread_identity()}};
    crew_inbox *inbox = turn.listening->inbox;

    turn.budget = smaller(crew__inbox_budget(inbox), CREW__PORT_TURN);
    switch (begin(&turn)) {
    case ORPHAN:
        crew__mark(CREW__MARK_PORT_ORPHAN);
        crew__listening_forget(turn.listening);
        break;
    case NOT_NOW:
        crew__inbox_again(inbox, item);
        break;
    case BEGUN:
        run(&turn);
        if (turn.delivery.lost)
            crew__listening_forget(turn.listening);
        else
            end(&turn);
        break;
    }
    crew__inbox_ran(inbox, turn.count);
}

/* ---- beginning and stopping ----------------------------------------------- */

static struct crew__listening *make(crew_port *port, crew_inbox *inbox,
                                    const crew_listener *listener)
{
    struct crew__listening *made = crew__memory_zero(sizeof *made);

    if (!made)
        return NULL;
    made->item.deliver = deliver;
    made->port = port;
    made->inbox = inbox;
    made->on_message = listener->on_message;
    made->on_room = listener->on_room;
    made->on_close = listener->on_close;
    made->arg = listener->arg;
    made->number = crew__inbox_number(inbox) - 1;
    port->transport->retain(port);
    return made;
}

/* What was refused before is told of room, too. */
static void take_wish(struct crew__listening *listening)
{
    listening->room_wish = listening->on_room &&
                           (crew__port_state(listening->port) &
                            CREW__PORT_REFUSED);
}

/* What waits already is news; and so is that all is over. */
static int attach(struct crew__listening *listening, bool *post)
{
    crew_port *port = listening->port;

    if (crew__port_state(port) & (CREW__PORT_CLOSED | CREW__PORT_OVER))
        return -EPIPE;
    if (port->listening || !crew__port_try_token(port))
        return -EBUSY;
    port->listening = listening;
    crew__port_set_state(port, CREW__PORT_LISTENING, 0);
    crew__inbox_attach(listening->inbox);
    if (!(crew__port_state(port) & CREW__PORT_UNREFERENCED))
        crew__inbox_hold(listening->inbox);
    take_wish(listening);
    *post = !try_to_rest(port) && crew__listening_arouse(listening);
    crew__port_give_token(port);
    return 0;
}

/* For the smallest message that was refused, as nobody knows its size now. */
static void ask_for_room(crew_port *port)
{
    if (port->transport->want_room(port, 1))
        crew__port_tell_room(port);
    port->transport->release(port);
}

static int start(crew_port *port, crew_inbox *inbox,
                 const crew_listener *listener)
{
    struct crew__listening *made = make(port, inbox, listener);
    bool post = false;
    bool wish = false;
    int r;

    if (!made)
        return -ENOMEM;
    crew__lock(&port->lock);
    r = attach(made, &post);
    if (r == 0)
        wish = made->room_wish;
    if (wish)
        port->transport->retain(port); /* a callback may close it meanwhile */
    crew__unlock(&port->lock);
    if (r < 0)
        crew__listening_forget(made);
    else if (post)
        crew__inbox_post(inbox, &made->item);
    if (wish)
        ask_for_room(port);
    return r;
}

static int stop(crew_port *port)
{
    struct crew__listening *listening = NULL;
    bool own;
    int r = 0;

    crew__lock(&port->lock);
    own = crew__listening_is_own(port);
    if (crew__port_state(port) & (CREW__PORT_CLOSED | CREW__PORT_OVER))
        r = -EPIPE;
    else if (port->delivery && !own)
        r = -EBUSY;
    else
        listening = crew__listening_detach(port);
    if (r == 0 && own)
        crew__port_give_token(port);
    crew__unlock(&port->lock);
    crew__listening_forget(listening);
    return r;
}

int crew_listen(crew_port *port, crew_inbox *inbox,
                const crew_listener *listener)
{
    if (!port || (listener && !inbox))
        return -EINVAL;
    for (unsigned i = 0; listener && i < 4; i++) {
        if (listener->reserved[i])
            return -EINVAL;
    }
    if (crew__port_is_forked(port))
        return -EOWNERDEAD;
    if (!listener)
        return stop(port);
    if (crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    return start(port, inbox, listener);
}

/* ---- references ------------------------------------------------------------ */

static void set_reference(crew_port *port, bool on)
{
    bool was;

    if (!port || crew__port_is_forked(port))
        return;
    crew__lock(&port->lock);
    was = !(crew__port_state(port) & CREW__PORT_UNREFERENCED);
    crew__port_set_state(port, on ? 0 : CREW__PORT_UNREFERENCED,
                         on ? CREW__PORT_UNREFERENCED : 0);
    if (port->listening && on && !was)
        crew__inbox_hold(port->listening->inbox);
    if (port->listening && !on && was)
        crew__inbox_let_go(port->listening->inbox);
    crew__unlock(&port->lock);
}

void crew_port_ref(crew_port *port)
{
    set_reference(port, true);
}

void crew_port_unref(crew_port *port)
{
    set_reference(port, false);
}

bool crew_port_has_ref(crew_port *port)
{
    return port && !crew__port_is_forked(port) &&
           (crew__port_state(port) &
            (CREW__PORT_LISTENING | CREW__PORT_UNREFERENCED)) ==
               CREW__PORT_LISTENING;
}
