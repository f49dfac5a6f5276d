/* Ports that are posted by id: NM3, NX8. */
#include "desk.h"

/* ---- NX8 ------------------------------------------------------------------- */

struct player {
    uint64_t last;
    crew_inbox *inbox;
    unsigned played;
};

static void plays(crew_port *port, crew_message *message, void *arg)
{
    struct player *player = arg;

    player->played++;
    if (message->tag < player->last)
        check_equal(post_tag(port, message->tag + 1), 0);
    if (message->tag + 1 >= player->last)
        crew_port_close(port);
}

/* Listens on the port that it is given; who gets the tag 1 serves. */
static int is_given_port(uint64_t from, crew_message *message, void *arg)
{
    struct player *player = arg;
    crew_listener listener = {.on_message = plays, .arg = player};
    crew_port *port = message->ports[0];

    (void)from;
    message->ports[0] = NULL;
    check_equal(crew_listen(port, player->inbox, &listener), 0);
    if (message->tag == 1)
        check_equal(post_tag(port, 1), 0);
    return 0;
}

static int plays_ping_pong(crew_self *self, crew_message *start)
{
    struct player *player = (struct player *)(uintptr_t)start->tag;
    crew_port *port = crew_self_port(self);

    player->inbox = crew_self_inbox(self);
    check_equal(crew_self_on_post(self, is_given_port, player), 0);
    check_equal(post_tag(port, 0), 0);
    while (player->played < player->last / 2)
        check(crew_inbox_wait(player->inbox, LONG_WAIT) > 0);
    return 0;
}

CREW_TEST(NX8_a_port_posted_by_id_joins_any_two_workers)
{
    struct pair pair = make_channel();
    crew_port *ports[2] = {pair.a, pair.b};
    struct player players[2] = {{.last = 1000}, {.last = 1000}};
    crew_worker *workers[2];

    for (unsigned i = 0; i < 2; i++) {
        workers[i] = start(plays_ping_pong, &players[i]);
        check_equal(receive_tag(crew_worker_port(workers[i]), LONG_WAIT), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        crew_message message = {.ports = &ports[i], .port_count = 1, .tag = i};

        check_equal(crew_worker_post(crew_worker_id(workers[i]), &message, NULL,
                                     i ? LONG_WAIT : 0),
                    0);
    }
    for (unsigned i = 0; i < 2; i++) {
        check_equal(end_worker(workers[i]), 0);
        check_equal(players[i].played, 500);
    }
}

/* ---- a port that goes from its own callback -------------------------------- */

struct own {
    uint64_t id;
    crew_ns timeout;
    int result;
    unsigned count;
};

static void moves_itself(crew_port *port, crew_message *message, void *arg)
{
    struct own *own = arg;
    crew_message moved = {.ports = &port, .port_count = 1};

    (void)message;
    own->count++;
    own->result = crew_worker_post(own->id, &moved, NULL, own->timeout);
}

/* Each time two messages wait, and it is posted by the first. */
static void move_from_callback(struct own *own, crew_inbox *inbox, int expected)
{
    crew_listener listener = {.on_message = moves_itself, .arg = own};
    struct pair pair = make_channel();

    own->count = 0;
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(crew_listen(pair.b, inbox, &listener), 0);
    dispatch_all(inbox);
    check_equal(own->result, expected);
    check_equal(own->count, expected < 0 ? 2 : 1);
    crew_port_close(pair.a);
    if (expected < 0)
        crew_port_close(pair.b);
    dispatch_all(inbox);
}

CREW_TEST(a_port_may_be_posted_by_id_from_its_own_callback)
{
    struct test_gate gate;
    struct noted noted = {.count = 0};
    struct desk desk = {notes, &noted, NULL};
    struct own own = {.timeout = 0};
    crew_inbox *inbox = make_inbox();
    crew_worker *worker;

    test_gate_init(&gate);
    worker = start_serving(&desk, &own.id);
    move_from_callback(&own, inbox, 0);
    check_equal(ask_tag(own.id, 1, NULL), 0);
    noted.next = 0;
    own.timeout = LONG_WAIT;
    move_from_callback(&own, inbox, 0);
    finish(worker);
    check_equal(noted.count, 3);

    desk.opens = &gate;
    noted.next = 0;
    worker = start_serving(&desk, &own.id);
    own.timeout = CREW_MS;
    move_from_callback(&own, inbox, -ETIMEDOUT);
    test_gate_open(&gate);
    finish(worker);
    check_equal(noted.count, 3);
    check_equal(crew_inbox_destroy(inbox), 0);
    test_gate_fini(&gate);
}

static int moves_and_is_terminated(crew_self *self, crew_message *start)
{
    struct own *own = (struct own *)(uintptr_t)start->tag;
    crew_listener listener = {.on_message = moves_itself, .arg = own};
    crew_port *port = start->ports[0];

    start->ports[0] = NULL;
    check_equal(crew_listen(port, crew_self_inbox(self), &listener), 0);
    check_equal(crew_inbox_dispatch(crew_self_inbox(self), 0), 1);
    check_equal(crew_inbox_dispatch(crew_self_inbox(self), 0), 0);
    return 0;
}

/* It has moved before its callback goes on, though the handler is not done. */
CREW_TEST(NM3_a_port_has_moved_when_its_own_callback_gives_up)
{
    struct slow slow;
    struct desk desk = {handles_slowly, &slow, NULL};
    struct own own = {.timeout = CREW_FOREVER};
    struct pair pair = make_channel();
    crew_message message = {
        .ports = &pair.b, .port_count = 1, .tag = (uintptr_t)&own};
    crew_worker_options options = {.start = &message};
    crew_worker *worker;
    crew_worker *mover = NULL;

    slow_init(&slow);
    worker = start_serving(&desk, &own.id);
    check_equal(post_tag(pair.a, 0), 0);
    check_equal(post_tag(pair.a, 1), 0); /* not for its callback any more */
    assert_int_equal(
        crew_worker_start(&mover, moves_and_is_terminated, &options), 0);
    check(test_gate_wait(&slow.entered));
    check_equal(crew_worker_terminate(mover), 0);
    check_equal(end_worker(mover), 0);
    check_equal(own.result, 1);
    check_equal(own.count, 1);
    test_gate_open(&slow.leave);
    finish(worker);
    check_equal(receive_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
    slow_fini(&slow);
}
