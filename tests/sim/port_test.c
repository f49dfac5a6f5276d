/*
 * Ports: posters and a receiver that changes its way of receiving, a port that
 * is thrown about while others post, ends that close at any moment. Every
 * message carries a buffer that counts its release: none is lost, doubled,
 * reordered or leaked.
 */
#include "job.h"

#include <crew/port.h>

#define POSTERS 3u
#define EACH    4u

static unsigned made, released; /* buffers */

static void count_release(void *data, void *arg)
{
    (void)data;
    (void)arg;
    released++;
}

static char bytes[1];

static crew_buffer *make_counted(void)
{
    crew_buffer *buffer = NULL;

    sim_check_equal(crew_buffer_wrap(&buffer, bytes, 1, count_release, NULL),
                    0);
    made++;
    return buffer;
}

static void make_channel(crew_port **a, crew_port **b)
{
    crew_channel_options options = {.max_messages = (size_t)sim_random(5)};

    sim_check_equal(crew_channel_create(a, b, &options), 0);
}

static void begin_counts(void)
{
    made = 0;
    released = 0;
}

/* ---- a stream, received in every way --------------------------------------- */

struct stream {
    crew_port *a, *b;
    unsigned next[POSTERS];
    unsigned came, closes, rooms;
    crew_inbox *inbox;
    bool listens;
};

struct poster {
    struct stream *stream;
    struct sim_thread *thread;
    unsigned index;
};

static void post_each(void *arg)
{
    struct poster *poster = arg;

    for (unsigned i = 0; i < EACH; i++) {
        crew_buffer *buffer = make_counted();
        crew_message message = {.buffers = &buffer,
                                .buffer_count = 1,
                                .tag = poster->index * EACH + i};
        int r;

        do
            r = sim_chance(2)
                    ? crew_post(poster->stream->a, &message)
                    : crew_post_wait(poster->stream->a, &message,
                                     sim_chance(2) ? CREW_FOREVER
                                                   : sim_random_time(CREW_MS));
        while (r == -EAGAIN || r == -ETIMEDOUT);
        sim_check_equal(r, 0);
    }
}

static void note(struct stream *stream, const crew_message *message)
{
    unsigned index = (unsigned)(message->tag / EACH);

    sim_check(index < POSTERS);
    sim_check_equal(message->buffer_count, 1);
    sim_check_equal(message->tag % EACH, stream->next[index]);
    stream->next[index]++;
    stream->came++;
}

static void hear(crew_port *port, crew_message *message, void *arg)
{
    struct stream *stream = arg;

    sim_check(stream->listens);
    note(stream, message);
    if (sim_chance(4)) {
        sim_check_equal(crew_listen(port, NULL, NULL), 0);
        stream->listens = false;
    }
}

static void hear_close(crew_port *port, int error, void *arg)
{
    struct stream *stream = arg;

    (void)port;
    sim_check_equal(error, 0);
    stream->closes++;
    stream->listens = false;
}

static bool listen_for_a_while(struct stream *stream)
{
    crew_listener listener = {
        .on_message = hear, .on_close = hear_close, .arg = stream};
    int r = crew_listen(stream->b, stream->inbox, &listener);

    if (r == -EPIPE)
        return false;
    sim_check_equal(r, 0);
    stream->listens = true;
    for (unsigned i = 0; i < 4 && stream->listens; i++) {
        if (sim_chance(2))
            crew_inbox_dispatch(stream->inbox, (unsigned)sim_random(3));
        else
            crew_inbox_wait(stream->inbox, sim_random_time(CREW_MS));
    }
    if (stream->listens && stream->closes == 0)
        sim_check_equal(crew_listen(stream->b, NULL, NULL), 0);
    stream->listens = false;
    return stream->closes == 0;
}

static bool receive_one(struct stream *stream)
{
    crew_ns timeout = sim_chance(2) ? sim_random_time(CREW_MS) : CREW_FOREVER;
    crew_message *message = NULL;
    size_t which = 7;
    int r;

    if (sim_chance(2)) {
        r = crew_receive(stream->b, &message, timeout);
    } else {
        r = crew_receive_any(&stream->b, 1, &which, &message, timeout);
        sim_check(r == -ETIMEDOUT || which == 0);
    }
    if (r == 0) {
        note(stream, message);
        crew_message_free(message);
    }
    return r != -EPIPE;
}

static void receive_all(void *arg)
{
    struct stream *stream = arg;

    sim_check_equal(crew_inbox_create(&stream->inbox, NULL), 0);
    while (sim_chance(2) ? receive_one(stream) : listen_for_a_while(stream))
        ;
    sim_check_equal(stream->came, POSTERS * EACH);
    while (crew_inbox_pending(stream->inbox) > 0)
        crew_inbox_dispatch(stream->inbox, 0);
    sim_check_equal(crew_inbox_destroy(stream->inbox), 0);
    crew_port_close(stream->b);
}

static void streams_are_received_in_every_way(void *arg)
{
    struct stream stream = {.came = 0};
    struct poster posters[POSTERS];
    struct sim_thread *receiver;

    (void)arg;
    begin_counts();
    make_channel(&stream.a, &stream.b);
    receiver = sim_spawn("receiver", receive_all, &stream);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.stream = &stream, .index = i};
        posters[i].thread = sim_spawn("poster", post_each, &posters[i]);
    }
    for (unsigned i = 0; i < POSTERS; i++)
        sim_join(posters[i].thread);
    crew_port_close(stream.a);
    sim_join(receiver);
    sim_check_equal(released, made);
}

/* ---- ends that listen, post and close at any moment ------------------------- */

struct end {
    crew_port *port;
    struct sim_thread *thread;
    crew_inbox *inbox;
    unsigned posted, came, rooms, closes, refused;
    unsigned close_after;
    bool closed;
};

static void post_some(struct end *end)
{
    crew_buffer *buffer = make_counted();
    crew_message message = {
        .buffers = &buffer, .buffer_count = 1, .tag = end->posted};
    int r = crew_post(end->port, &message);

    if (r == 0) {
        end->posted++;
        return;
    }
    sim_check(r == -EAGAIN || r == -EPIPE);
    if (r == -EAGAIN)
        end->refused++;
    crew_buffer_release(buffer);
}

static void end_hears(crew_port *port, crew_message *message, void *arg)
{
    struct end *end = arg;

    (void)port;
    sim_check(!end->closed);
    sim_check_equal(end->closes, 0);
    sim_check_equal(message->tag, end->came);
    end->came++;
    if (sim_chance(3))
        post_some(end);
    if (sim_chance(8)) {
        crew_port_close(end->port);
        end->closed = true;
    }
}

static void end_has_room(crew_port *port, void *arg)
{
    struct end *end = arg;

    (void)port;
    end->rooms++;
    sim_check(end->rooms <= end->refused);
    post_some(end);
}

static void end_is_closed(crew_port *port, int error, void *arg)
{
    struct end *end = arg;

    (void)port;
    sim_check_equal(error, 0);
    sim_check_equal(end->closes, 0);
    end->closes++;
    if (!end->closed && sim_chance(2)) {
        crew_port_close(end->port);
        end->closed = true;
    }
}

static void be_end(void *arg)
{
    struct end *end = arg;
    crew_listener listener = {.on_message = end_hears,
                              .on_room = end_has_room,
                              .on_close = end_is_closed,
                              .arg = end};

    sim_check_equal(crew_inbox_create(&end->inbox, NULL), 0);
    sim_check_equal(crew_listen(end->port, end->inbox, &listener), 0);
    for (unsigned i = 0; i < end->close_after && !end->closed; i++) {
        if (!end->closed && end->closes == 0)
            post_some(end);
        crew_inbox_dispatch(end->inbox, (unsigned)sim_random(3));
    }
    if (!end->closed)
        crew_port_close(end->port);
    end->closed = true;
    crew_inbox_run(end->inbox);
    sim_check_equal(end->closes, 1);
    sim_check_equal(crew_inbox_destroy(end->inbox), 0);
}

static void ends_close_at_any_moment(void *arg)
{
    struct end ends[2] = {{.close_after = (unsigned)sim_random(8)},
                          {.close_after = (unsigned)sim_random(8)}};

    (void)arg;
    begin_counts();
    make_channel(&ends[0].port, &ends[1].port);
    ends[0].thread = sim_spawn("end", be_end, &ends[0]);
    ends[1].thread = sim_spawn("end", be_end, &ends[1]);
    sim_join(ends[0].thread);
    sim_join(ends[1].thread);
    sim_check(ends[0].came <= ends[1].posted);
    sim_check(ends[1].came <= ends[0].posted);
    sim_check_equal(released, made);
}

/* ---- a port that is thrown about ------------------------------------------- */

#define THROWERS 3u

struct thrower {
    crew_port *in, *out; /* of the ring of throwers */
    crew_port *port;     /* who has it */
    struct sim_thread *thread;
    crew_inbox *inbox;
};

static unsigned thrown_next, throws;

static void hear_thrown(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)arg;
    sim_check_equal(message->tag, thrown_next);
    thrown_next++;
}

/* Has it for a while; false: all is over. */
static bool have_port(struct thrower *me)
{
    crew_listener listener = {.on_message = hear_thrown};
    crew_message *message = NULL;
    int r;

    if (sim_chance(2)) {
        r = crew_receive(me->port, &message, sim_random_time(CREW_MS));
        if (r == 0) {
            sim_check_equal(message->tag, thrown_next);
            thrown_next++;
            crew_message_free(message);
        }
        return r != -EPIPE;
    }
    r = crew_listen(me->port, me->inbox, &listener);
    if (r == -EPIPE)
        return false;
    sim_check_equal(r, 0);
    /* It goes on as it listens, whatever is on its way. */
    crew_inbox_dispatch(me->inbox, (unsigned)sim_random(3));
    return true;
}

static bool catch_port(struct thrower *me)
{
    crew_message *message = NULL;

    if (crew_receive(me->in, &message, CREW_FOREVER) == -EPIPE)
        return false;
    me->port = message->ports[0];
    message->ports[0] = NULL;
    crew_message_free(message);
    return true;
}

static void throw_about(void *arg)
{
    struct thrower *me = arg;

    sim_check_equal(crew_inbox_create(&me->inbox, NULL), 0);
    while (me->port || catch_port(me)) {
        crew_message message = {.ports = &me->port, .port_count = 1};
        int r = -EPIPE;

        if (have_port(me) && throws++ < 20)
            r = crew_post(me->out, &message);
        if (r == 0) {
            me->port = NULL;
            continue;
        }
        sim_check_equal(r, -EPIPE);
        crew_port_close(me->port);
        break;
    }
    /* What was on its way when it was thrown. */
    while (crew_inbox_pending(me->inbox) > 0)
        crew_inbox_dispatch(me->inbox, 0);
    crew_port_close(me->in);
    crew_port_close(me->out);
    sim_check_equal(crew_inbox_destroy(me->inbox), 0);
}

static void ports_are_thrown_about(void *arg)
{
    struct thrower throwers[THROWERS] = {{.out = NULL}};
    crew_port *a, *b;
    unsigned posted = 0;

    (void)arg;
    begin_counts();
    thrown_next = 0;
    throws = 0;
    make_channel(&a, &b);
    for (unsigned i = 0; i < THROWERS; i++)
        sim_check_equal(crew_channel_create(&throwers[i].out,
                                            &throwers[(i + 1) % THROWERS].in,
                                            NULL),
                        0);
    throwers[0].port = b;
    for (unsigned i = 0; i < THROWERS; i++)
        throwers[i].thread = sim_spawn("thrower", throw_about, &throwers[i]);
    for (unsigned i = 0; i < 10; i++) {
        crew_buffer *buffer = make_counted();
        crew_message message = {
            .buffers = &buffer, .buffer_count = 1, .tag = posted};
        int r = crew_post_wait(a, &message, CREW_FOREVER);

        if (r == 0) {
            posted++;
            continue;
        }
        sim_check_equal(r, -EPIPE);
        crew_buffer_release(buffer);
    }
    crew_port_close(a);
    for (unsigned i = 0; i < THROWERS; i++)
        sim_join(throwers[i].thread);
    sim_check(thrown_next <= posted);
    sim_check_equal(released, made);
}

/* ---- one order, whoever posts ----------------------------------------------- */

#define TURNS 40u

struct turns {
    crew_port *a, *b;
    uint64_t next;
    bool taken; /* somebody's turn */
};

static void post_next(struct turns *turns)
{
    static const char long_text[64];
    crew_message message = {.bytes = long_text,
                            .size = sim_chance(3) ? sizeof long_text : 8,
                            .tag = turns->next};

    sim_check_equal(crew_post_wait(turns->a, &message, CREW_FOREVER), 0);
    turns->next++;
}

/* Each post begins after the one before has returned. */
static void post_in_turns(void *arg)
{
    struct turns *turns = arg;

    while (turns->next < TURNS) {
        if (turns->taken) {
            crew__yield();
            continue;
        }
        turns->taken = true;
        for (uint64_t left = 1 + sim_random(4); left && turns->next < TURNS;
             left--)
            post_next(turns);
        turns->taken = false;
    }
}

static void posts_that_follow_one_another_arrive_so(void *arg)
{
    struct turns turns = {.next = 0};
    struct sim_thread *threads[2];

    (void)arg;
    make_channel(&turns.a, &turns.b);
    for (unsigned i = 0; i < 2; i++)
        threads[i] = sim_spawn("poster", post_in_turns, &turns);
    for (uint64_t i = 0; i < TURNS; i++) {
        crew_message *message = NULL;

        sim_check_equal(crew_receive(turns.b, &message, CREW_FOREVER), 0);
        sim_check_equal(message->tag, i);
        crew_message_free(message);
    }
    for (unsigned i = 0; i < 2; i++)
        sim_join(threads[i]);
    crew_port_close(turns.a);
    crew_port_close(turns.b);
}

const struct scenario port_scenarios[] = {
    {.name = "port.turns",
     .main_fiber = posts_that_follow_one_another_arrive_so,
     .seeds = 20000,
     .reaches = REACHES(LANE_AFTER_STACK) | REACHES(LANE_EXTENDED)},
    {.name = "port.stream",
     .main_fiber = streams_are_received_in_every_way,
     .seeds = 20000,
     .reaches = REACHES(PORT_ROOM) | REACHES(PORT_TURN) |
                REACHES(SHELF_SHARED)},
    {.name = "port.ends",
     .main_fiber = ends_close_at_any_moment,
     .seeds = 40000,
     .reaches = REACHES(PIPE_LEFT) | REACHES(SHELF_LATE)},
    {.name = "port.thrown",
     .main_fiber = ports_are_thrown_about,
     .seeds = 20000,
     .reaches = REACHES(PORT_ORPHAN)},
    {.name = NULL},
};
