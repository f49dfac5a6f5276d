/*
 * port/port.c and listen.c: who wants to be told and who tells, one receiving
 * side at a time; a receiver who listens, stops, closes, or moves the port.
 */
#include "channel.h"

/* ---- listening --------------------------------------------------------------- */

static void hear(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)arg;
    model_assert(closes == 0);
    note(message);
}

static void hear_close(crew_port *port, int error, void *arg)
{
    (void)port;
    (void)arg;
    model_assert(error == 0 && closes == 0);
    closes++;
}

static void listen(void)
{
    static const crew_listener listener = {.on_message = hear,
                                           .on_close = hear_close};

    model_assert(crew_listen(b, inbox, &listener) == 0);
}

static void begin_inbox(void)
{
    begin();
    (void)crew_inbox_create(&inbox, NULL);
}

static void begin_listening(void)
{
    begin_inbox();
    listen();
}

static void destroy_inbox(void)
{
    model_assert(crew_inbox_destroy(inbox) == 0);
    inbox = NULL;
}

/* Whose last item may be on its way, for a port that listens no more. */
static void empty_and_destroy_inbox(void)
{
    while (crew_inbox_pending(inbox) > 0) {
        if (crew_inbox_dispatch(inbox, 0) == 0)
            crew__yield();
    }
    destroy_inbox();
}

/* It begins to listen while posts come, and its item goes to rest between. */
static void listens(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    listen();
    while (came < 2)
        model_assert(crew_inbox_wait(inbox, CREW_FOREVER) > 0);
}

static void listens_end(void)
{
    crew_port_close(b);
    (void)crew_inbox_dispatch(inbox, 0);
    model_assert(closes == 1);
    b = NULL;
    end();
}

static void listens_to_two(unsigned me)
{
    if (me < 2) {
        model_assert(post(a, me, 0) == 0);
        return;
    }
    while (came < 2)
        model_assert(crew_inbox_wait(inbox, CREW_FOREVER) > 0);
}

/* All that was posted, and then on_close; and the inbox can go. */
static void hears_the_end(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        close_port(&a);
        return;
    }
    while (closes == 0)
        model_assert(crew_inbox_wait(inbox, CREW_FOREVER) > 0);
    model_assert(came == 1);
    close_port(&b);
    destroy_inbox();
}

/* It closes what it listens to; its on_close comes once, and last. */
static void closes_its_own(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 0, 0);
        model_assert(r == 0 || r == -EPIPE);
        return;
    }
    (void)crew_inbox_dispatch(inbox, 0);
    close_port(&b);
    while (closes == 0)
        (void)crew_inbox_wait(inbox, CREW_FOREVER);
    destroy_inbox();
}

/* Another thread does. */
static void closed_by_another(unsigned me)
{
    if (me == 0) {
        close_port(&b);
        return;
    }
    while (closes == 0)
        (void)crew_inbox_wait(inbox, CREW_FOREVER);
    destroy_inbox();
}

/* It does while on_close is about to say that the other end was closed. */
static void begin_over(void)
{
    begin_listening();
    close_port(&a);
}

/* It stops listening in the middle and receives the rest. */
static void stops_listening(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    (void)crew_inbox_dispatch(inbox, 1);
    model_assert(crew_listen(b, NULL, NULL) == 0);
    while (came < 2)
        model_assert(receive(b, CREW_FOREVER) == 0);
    empty_and_destroy_inbox();
}

/* ---- moving ------------------------------------------------------------------ */

static void begin_moving_listener(void)
{
    begin_any();
    (void)crew_inbox_create(&inbox, NULL);
    listen();
}

static int move_b(void)
{
    crew_message message = {.ports = &b, .port_count = 1};

    return crew_post(c, &message);
}

static void catch_b(void)
{
    crew_message *message = NULL;
    crew_port *port;

    model_assert(crew_receive(d, &message, CREW_FOREVER) == 0);
    port = message->ports[0];
    message->ports[0] = NULL;
    crew_message_free(message);
    while (came < 2)
        model_assert(receive(port, CREW_FOREVER) == 0);
}

/* What comes while it is under way is there when it arrives, in order. */
static void moves(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    if (me == 1)
        model_assert(move_b() == 0);
    else
        catch_b();
}

static void moves_what_listens(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    if (me == 1) {
        (void)crew_inbox_dispatch(inbox, 1);
        model_assert(move_b() == 0);
        empty_and_destroy_inbox();
        return;
    }
    catch_b();
}

static void receive_once_free(crew_port *port)
{
    int r;

    while ((r = receive(port, 0)) == -EBUSY)
        crew__yield();
    model_assert(r == 0);
}

/* One that is in use stays; so what it has is taken by one at a time. */
static void moves_what_is_used(unsigned me)
{
    crew_message *message = NULL;
    int r;

    if (me == 0) {
        receive_once_free(b);
        return;
    }
    r = move_b();
    model_assert(r == 0 || r == -EBUSY);
    if (r == 0) {
        model_assert(crew_receive(d, &message, 0) == 0);
        model_assert(message->ports[0] == b);
        message->ports[0] = NULL;
        crew_message_free(message);
    }
    receive_once_free(b);
}

static void used_end(void)
{
    model_assert(came == 2 && b->transport->waiting(b) == 0);
    end();
}

static void begin_used(void)
{
    begin_any();
    model_assert(post(a, 0, 0) == 0);
    model_assert(post(a, 0, 0) == 0);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "listens",
     .threads = 2,
     .begin = begin_inbox,
     .thread = listens,
     .end = listens_end,
     .bound = 2},
    {.name = "listens_to_two",
     .threads = 3,
     .begin = begin_listening,
     .thread = listens_to_two,
     .end = listens_end,
     .bound = 1},
    {.name = "hears_the_end",
     .threads = 2,
     .begin = begin_listening,
     .thread = hears_the_end,
     .end = end,
     .bound = 2},
    {.name = "closes_its_own",
     .threads = 2,
     .begin = begin_listening,
     .thread = closes_its_own,
     .end = end,
     .bound = 3},
    {.name = "closed_by_another",
     .threads = 2,
     .begin = begin_listening,
     .thread = closed_by_another,
     .end = end,
     .bound = 3},
    {.name = "closed_when_over",
     .threads = 2,
     .begin = begin_over,
     .thread = closed_by_another,
     .end = end,
     .bound = 3},
    {.name = "stops_listening",
     .threads = 2,
     .begin = begin_listening,
     .thread = stops_listening,
     .end = end,
     .bound = 2},
    {.name = "moves",
     .threads = 3,
     .begin = begin_any,
     .thread = moves,
     .end = end,
     .bound = 1},
    {.name = "moves_what_listens",
     .threads = 3,
     .begin = begin_moving_listener,
     .thread = moves_what_listens,
     .end = end,
     .bound = 1,
     .random = 30000},
    {.name = "moves_what_is_used",
     .threads = 2,
     .begin = begin_used,
     .thread = moves_what_is_used,
     .end = used_end,
     .bound = 2},
};

static const char state_looked[] =
    "who sleeps, takes or listens has looked under the lock, or with the token";

static const struct model_excess excess[] = {
    {"crew__port_set_state", "store", 1, "release", state_looked},
    {"crew__port_add_waiters", "store", 1, "release", state_looked},
    {"crew__port_try_token", "cas", 1, "fails relaxed",
     "who does not get it reads nothing of it"},
    {"crew__port_state", "load", 1, "acquire", state_looked},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "port/port.",
    .by_one = true,
    .limit = 1000,
    .random = 4000,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
