/*
 * Ports: who is refused hears of room, who keeps to the limit is never refused,
 * a close lets those leave who wait, and a port has one receiver at a time,
 * whoever else tries to listen, to stop, or to move it.
 */
#include "job.h"

#include <crew/port.h>

#include "port/port.h"

#define POSTERS 3u
#define EACH    4u

/* ---- room, for who listens when he is refused ------------------------------- */

#define ROOMS 8u

struct sink {
    crew_port *port;
    struct sim_thread *thread;
};

static void hear_of_room(crew_port *port, void *arg)
{
    (void)port;
    ++*(unsigned *)arg;
}

static void receive_each(void *arg)
{
    struct sink *sink = arg;

    for (uint64_t i = 0; i < ROOMS; i++) {
        crew_message *message = NULL;

        sim_check_equal(crew_receive(sink->port, &message, CREW_FOREVER), 0);
        sim_check_equal(message->tag, i);
        crew_message_free(message);
    }
}

/* Nothing else ends these waits. */
static void who_is_refused_and_then_listens_hears_of_room(void *arg)
{
    crew_channel_options options = {.max_messages = 1 + sim_random(2)};
    unsigned rooms = 0;
    crew_listener listener = {.on_room = hear_of_room, .arg = &rooms};
    struct sink sink;
    crew_inbox *inbox;
    crew_port *port;
    bool listens = false;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_channel_create(&port, &sink.port, &options), 0);
    sink.thread = sim_spawn("receiver", receive_each, &sink);
    for (uint64_t i = 0; i < ROOMS;) {
        crew_message message = {.tag = i};
        int r = crew_post(port, &message);

        i += r == 0;
        sim_check(r == 0 || r == -EAGAIN);
        if (listens && sim_chance(2)) {
            sim_check_equal(crew_listen(port, NULL, NULL), 0);
            listens = false;
        }
        if (r == 0)
            continue;
        if (!listens)
            sim_check_equal(crew_listen(port, inbox, &listener), 0);
        listens = true;
        rooms = 0;
        while (rooms == 0)
            crew_inbox_wait(inbox, CREW_FOREVER);
    }
    sim_join(sink.thread);
    crew_port_close(port);
    crew_port_close(sink.port);
    while (crew_inbox_pending(inbox) > 0)
        crew_inbox_dispatch(inbox, 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- a pump: on_room posts until it is refused ------------------------------ */

struct pump {
    crew_port *port;
    uint64_t next;
};

static void post_until_refused(struct pump *pump)
{
    while (pump->next < ROOMS) {
        crew_message message = {.tag = pump->next};
        int r = crew_post(pump->port, &message);

        if (r < 0) {
            sim_check_equal(r, -EAGAIN);
            return;
        }
        pump->next++;
    }
}

static void pump_on(crew_port *port, void *arg)
{
    struct pump *pump = arg;

    sim_check(port == pump->port);
    post_until_refused(pump);
}

/* It is refused inside its own callback while the other end makes room. */
static void a_pump_never_stands_still(void *arg)
{
    crew_channel_options options = {.max_messages = 1 + sim_random(2)};
    struct pump pump = {.next = 0};
    crew_listener listener = {.on_room = pump_on, .arg = &pump};
    struct sink sink;
    crew_inbox *inbox;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_channel_create(&pump.port, &sink.port, &options), 0);
    sim_check_equal(crew_listen(pump.port, inbox, &listener), 0);
    sink.thread = sim_spawn("receiver", receive_each, &sink);
    post_until_refused(&pump);
    while (pump.next < ROOMS)
        crew_inbox_wait(inbox, CREW_FOREVER);
    sim_join(sink.thread);
    crew_port_close(pump.port);
    crew_port_close(sink.port);
    while (crew_inbox_pending(inbox) > 0)
        crew_inbox_dispatch(inbox, 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- a port that is moved away from who listens ------------------------------ */

static struct {
    crew_port *port; /* which listens, and moves */
    crew_inbox *inbox;
    uint64_t next;
    bool has_moved;
    bool is_over;
} taken;

static void hear_until_it_moves(crew_port *port, crew_message *message,
                                void *arg)
{
    (void)arg;
    sim_check(port == taken.port && !taken.has_moved);
    sim_check_equal(message->tag, taken.next);
    sim_point();
    taken.next++;
    sim_check(!taken.has_moved);
}

static void dispatch_until_over(void *arg)
{
    (void)arg;
    while (!taken.is_over || crew_inbox_pending(taken.inbox) > 0) {
        crew_inbox_dispatch(taken.inbox, (unsigned)sim_random(3));
        crew__yield();
    }
}

static void post_rooms(void *arg)
{
    for (uint64_t i = 0; i < ROOMS; i++) {
        crew_message message = {.tag = i};

        sim_check_equal(crew_post(arg, &message), 0);
    }
}

/* Who moves it is not who dispatches: -EBUSY while a callback runs. */
static crew_port *take_away(crew_port *port)
{
    crew_message message = {.ports = &port, .port_count = 1};
    crew_message *moved = NULL;
    crew_port *a, *b;
    int r;

    sim_check_equal(crew_channel_create(&a, &b, NULL), 0);
    while ((r = crew_post(a, &message)) == -EBUSY)
        crew__yield();
    sim_check_equal(r, 0);
    taken.has_moved = true;
    sim_check_equal(crew_receive(b, &moved, 0), 0);
    port = moved->ports[0];
    moved->ports[0] = NULL;
    crew_message_free(moved);
    crew_port_close(a);
    crew_port_close(b);
    return port;
}

/* Nor is who stops it. */
static void stop_listening(void)
{
    int r;

    while ((r = crew_listen(taken.port, NULL, NULL)) == -EBUSY)
        crew__yield();
    sim_check_equal(r, 0);
    taken.has_moved = true;
}

static void a_port_is_moved_away_from_who_listens(void *arg)
{
    crew_listener listener = {.on_message = hear_until_it_moves};
    struct sim_thread *threads[2];
    crew_port *other;

    (void)arg;
    memset(&taken, 0, sizeof taken);
    sim_check_equal(crew_inbox_create(&taken.inbox, NULL), 0);
    sim_check_equal(crew_channel_create(&taken.port, &other, NULL), 0);
    sim_check_equal(crew_listen(taken.port, taken.inbox, &listener), 0);
    threads[0] = sim_spawn("listener", dispatch_until_over, NULL);
    threads[1] = sim_spawn("poster", post_rooms, other);
    for (uint64_t left = sim_random(60); left > 0; left--)
        sim_point();
    if (sim_chance(2))
        taken.port = take_away(taken.port);
    else
        stop_listening();
    for (uint64_t i = taken.next; i < ROOMS; i++) {
        crew_message *message = NULL;

        sim_check_equal(crew_receive(taken.port, &message, CREW_FOREVER), 0);
        sim_check_equal(message->tag, i);
        crew_message_free(message);
    }
    taken.is_over = true;
    for (unsigned i = 0; i < 2; i++)
        sim_join(threads[i]);
    crew_port_close(taken.port);
    crew_port_close(other);
    sim_check_equal(crew_inbox_destroy(taken.inbox), 0);
}

/* ---- rivals: one receives, one listens --------------------------------------- */

static struct {
    crew_port *port;
    unsigned came[ROOMS];
    unsigned sum;
} rivals;

static void note_once(const crew_message *message)
{
    sim_check(message->tag < ROOMS);
    sim_check_equal(rivals.came[message->tag], 0);
    rivals.came[message->tag]++;
    rivals.sum++;
}

static void hear_once(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)arg;
    note_once(message);
}

/* Its own port is closed under it at the end. */
static void receive_as_rival(void *arg)
{
    crew_message *message = NULL;
    int r;

    (void)arg;
    while ((r = crew_receive(rivals.port, &message, CREW_FOREVER)) != -EPIPE) {
        sim_check(r == 0 || r == -EBUSY);
        if (r == -EBUSY) {
            crew__yield();
            continue;
        }
        note_once(message);
        crew_message_free(message);
    }
}

/* For a moment at a time. */
static void listen_as_rival(crew_inbox *inbox)
{
    crew_listener listener = {.on_message = hear_once};
    int r = crew_listen(rivals.port, inbox, &listener);

    sim_check(r == 0 || r == -EBUSY);
    if (r == 0) {
        crew_inbox_dispatch(inbox, (unsigned)sim_random(3));
        sim_check_equal(crew_listen(rivals.port, NULL, NULL), 0);
    }
    crew__yield();
}

static void rivals_get_each_message_once(void *arg)
{
    struct sim_thread *threads[2];
    crew_inbox *inbox;
    crew_port *other;

    (void)arg;
    memset(&rivals, 0, sizeof rivals);
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_channel_create(&rivals.port, &other, NULL), 0);
    threads[0] = sim_spawn("receiver", receive_as_rival, NULL);
    threads[1] = sim_spawn("poster", post_rooms, other);
    while (rivals.sum < ROOMS)
        listen_as_rival(inbox);
    crew_port_close(rivals.port);
    for (unsigned i = 0; i < 2; i++)
        sim_join(threads[i]);
    while (crew_inbox_pending(inbox) > 0)
        crew_inbox_dispatch(inbox, 0);
    crew_port_close(other);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- ends that are closed under who waits for room --------------------------- */

struct waiter {
    crew_port *port;
    struct sim_thread *thread;
    bool has_returned;
};

static void wait_for_room(void *arg)
{
    struct waiter *waiter = arg;
    crew_message message = {.tag = 1};
    int r = crew_post_wait(waiter->port, &message,
                           sim_chance(4) ? sim_random_time(CREW_MS)
                                         : CREW_FOREVER);

    waiter->has_returned = true;
    sim_check(r == 0 || r == -EPIPE || r == -ETIMEDOUT);
}

/* The program knows it by its own means: a call that has begun is over before
 * the port is, one that has not must not begin. */
static bool all_wait_or_have_returned(crew_port *port, struct waiter *waiters)
{
    unsigned sum = waiters[0].has_returned + waiters[1].has_returned;

    for (struct crew__port_sleeper *at = port->room; at; at = at->next)
        sum++;
    return sum == 2;
}

static void join_both(struct waiter *waiters)
{
    sim_join(waiters[0].thread);
    sim_join(waiters[1].thread);
}

static void ends_are_closed_under_who_waits_for_room(void *arg)
{
    crew_channel_options options = {.max_messages = 1};
    crew_message message = {.tag = 0};
    struct waiter waiters[2];
    crew_port *ends[2];
    unsigned first = (unsigned)sim_random(2);

    (void)arg;
    sim_check_equal(crew_channel_create(&ends[0], &ends[1], &options), 0);
    sim_check_equal(crew_post(ends[0], &message), 0);
    for (unsigned i = 0; i < 2; i++) {
        waiters[i] = (struct waiter){.port = ends[0]};
        waiters[i].thread = sim_spawn("waiter", wait_for_room, &waiters[i]);
    }
    while (!all_wait_or_have_returned(ends[0], waiters))
        crew__yield();
    if (sim_chance(4)) {
        crew_message *taken = NULL;

        sim_check_equal(crew_receive(ends[1], &taken, 0), 0);
        crew_message_free(taken);
    }
    crew_port_close(ends[first]);
    if (sim_chance(2)) { /* one close is enough for them */
        join_both(waiters);
        crew_port_close(ends[1 - first]);
    } else {
        crew_port_close(ends[1 - first]);
        join_both(waiters);
    }
}

/* ---- posters that never fill the channel ------------------------------------- */

struct creditor {
    struct sim_thread *thread;
    unsigned index;
};

static struct {
    crew_port *port;
    bool may_post[POSTERS];
} credit;

static void post_on_credit(void *arg)
{
    const struct creditor *poster = arg;

    for (unsigned i = 0; i < EACH; i++) {
        crew_message message = {.tag = poster->index};

        while (!credit.may_post[poster->index])
            crew__yield();
        credit.may_post[poster->index] = false;
        sim_check_equal(crew_post(credit.port, &message), 0);
    }
}

/* Each has one message on its way at most, so there is room for all. */
static void who_keeps_to_the_limit_is_never_refused(void *arg)
{
    crew_channel_options options = {.max_messages = POSTERS};
    struct creditor posters[POSTERS];
    crew_port *in;

    (void)arg;
    sim_check_equal(crew_channel_create(&credit.port, &in, &options), 0);
    for (unsigned i = 0; i < POSTERS; i++) {
        credit.may_post[i] = true;
        posters[i] = (struct creditor){.index = i};
        posters[i].thread = sim_spawn("poster", post_on_credit, &posters[i]);
    }
    for (unsigned i = 0; i < POSTERS * EACH; i++) {
        crew_message *message = NULL;

        sim_check_equal(crew_receive(in, &message, CREW_FOREVER), 0);
        credit.may_post[message->tag] = true;
        crew_message_free(message);
    }
    for (unsigned i = 0; i < POSTERS; i++)
        sim_join(posters[i].thread);
    crew_port_close(credit.port);
    crew_port_close(in);
}

const struct scenario room_scenarios[] = {
    {.name = "port.room",
     .main_fiber = who_is_refused_and_then_listens_hears_of_room,
     .seeds = 10000,
     .reaches = REACHES(PORT_ROOM)},
    {.name = "port.pump",
     .main_fiber = a_pump_never_stands_still,
     .seeds = 10000,
     .reaches = REACHES(PORT_ROOM)},
    {.name = "port.taken",
     .main_fiber = a_port_is_moved_away_from_who_listens,
     .seeds = 10000,
     .reaches = REACHES(PORT_ORPHAN)},
    {.name = "port.closed",
     .main_fiber = ends_are_closed_under_who_waits_for_room,
     .seeds = 10000},
    {.name = "port.rivals",
     .main_fiber = rivals_get_each_message_once,
     .seeds = 10000},
    {.name = "port.credit",
     .main_fiber = who_keeps_to_the_limit_is_never_refused,
     .seeds = 10000,
     .reaches = REACHES(PIPE_STALE)},
    {.name = NULL},
};
