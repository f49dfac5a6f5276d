/*
 * A channel: two ports with a pipe to each, in one piece of memory. It is
 * freed when both ends are closed and all messages that it has made are gone.
 *
 * An end is a line for who receives there, two for what changes seldom, and one
 * for who posts to it: the words that both sides write all the time lie 128
 * bytes apart, although the memory is aligned to 64 alone, which makes idle
 * ports smaller.
 *
 * Edges
 *   channel-last   release -> the last release   what everybody did with it
 *                  happens before it goes.
 */
#include "base/assert.h"
#include "base/tunables.h"
#include "port/pipe.h"
#include "port/port.h"

#include <errno.h>

struct end {
    struct crew__pipe_take take CREW__ALIGNED(64);
    crew__a64 received; /* messages; written by who has the token */
    crew__a32 token;
    struct crew_port port;
    struct end *other;
    crew__a64 references; /* in the first end: the channel's */
    struct crew__pipe in; /* to this end */
};

_Static_assert(offsetof(struct end, in.gate) - offsetof(struct end, take) >=
                   CREW__APART,
               "posters and the receiver do not meet");
_Static_assert(offsetof(struct end, in.gate) % 64 == 0 &&
                   offsetof(struct end, other) % 64 == 0,
               "nor either what is read alone");
_Static_assert(sizeof(struct end) == 256, "an idle port is small");

static const struct crew__transport transport_of_channels;

static struct end *end_of(const crew_port *port)
{
    return (struct end *)(void *)((char *)(uintptr_t)port -
                                  offsetof(struct end, port));
}

static struct end *first_end(struct end *end)
{
    return end < end->other ? end : end->other;
}

static struct end *end_of_shelf(struct crew__shelf *shelf)
{
    return (struct end *)(void *)((char *)shelf -
                                  offsetof(struct end, in.shelf));
}

/* ---- its life -------------------------------------------------------------- */

static void retain(struct end *end)
{
    crew__add_relaxed(&first_end(end)->references, 1); /* the caller has one */
}

static void release(struct end *end)
{
    struct end *first = first_end(end);
    uint64_t before;

    /* edge:channel-last, release */
    /* edge:channel-last, acquire */
    before = crew__add_acq_rel(&first->references, (uint64_t)-1);
    crew__guard(before > 0);
    if (before > 1)
        return;
    crew__census_died(CREW__CENSUS_CHANNEL, first);
    crew__pipe_fini(&first->in);
    crew__pipe_fini(&first->other->in);
    crew__memory_free(first);
}

static void retain_port(crew_port *port)
{
    retain(end_of(port));
}

static void release_port(crew_port *port)
{
    release(end_of(port));
}

static void retain_shelf(struct crew__shelf *shelf)
{
    retain(end_of_shelf(shelf));
}

static void release_shelf(struct crew__shelf *shelf)
{
    release(end_of_shelf(shelf));
}

static void retain_spare(struct crew__shelf *shelf)
{
    retain(crew__lane_home(shelf));
}

static void release_spare(struct crew__shelf *shelf)
{
    release(crew__lane_home(shelf));
}

static const struct crew__shelf_ops shelf_ops = {retain_shelf, release_shelf};
static const struct crew__shelf_ops spare_ops = {retain_spare, release_spare};

static int check_options(crew_port **a, crew_port **b,
                         const crew_channel_options *options)
{
    if (!a || !b || a == b)
        return -EINVAL;
    for (unsigned i = 0; options && i < 6; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    return 0;
}

static void init_end(struct end *end, struct end *other,
                     const crew_channel_options *options)
{
    crew__port_init(&end->port, &transport_of_channels, &end->token);
    crew__pipe_init(&end->in, &end->take, options ? options->max_messages : 0,
                    options ? options->max_bytes : 0);
    crew__shelf_init(&end->in.shelf, &end->take.rear, &shelf_ops);
    end->other = other;
}

int crew_channel_create(crew_port **a, crew_port **b,
                        const crew_channel_options *options)
{
    struct end *ends;

    if (check_options(a, b, options) < 0)
        return -EINVAL;
    ends = crew__memory_aligned(64, 2 * sizeof *ends);
    if (!ends)
        return -ENOMEM;
    init_end(&ends[0], &ends[1], options);
    init_end(&ends[1], &ends[0], options);
    crew__store_relaxed(&ends[0].references, 2); /* not shared yet */
    crew__census_born(CREW__CENSUS_CHANNEL, ends);
    *a = &ends[0].port;
    *b = &ends[1].port;
    return 0;
}

/* ---- posting --------------------------------------------------------------- */

int crew__channel_enter(crew_port *port, size_t size, uint64_t *ticket)
{
    return crew__pipe_enter(&end_of(port)->other->in, size, ticket);
}

void crew__channel_push(crew_port *port, struct crew__message *made,
                        uint64_t ticket)
{
    struct end *other = end_of(port)->other;

    if (crew__pipe_push(&other->in, NULL, made, ticket))
        crew__port_tell(&other->port);
}

/* It is on its way: its entries are the sender's no more. */
static void posted(struct end *end, const crew_message *message, bool tell)
{
    if (message->reserved[0])
        crew__message_moved(message);
    if (tell)
        crew__port_tell(&end->other->port);
}

/* In a slot of the lane. */
static int post_small(struct end *end, struct crew__lane *lane,
                      const crew_message *message)
{
    struct crew__pipe *pipe = &end->other->in;
    uint64_t stamp = crew__message_stamp();
    uint64_t ticket;
    int r = crew__pipe_enter(pipe, message->size, &ticket);

    if (r < 0)
        return r;
    posted(end, message, crew__pipe_send(pipe, lane, message, ticket, stamp));
    return 0;
}

/* Through the gate, and from there on nothing fails. */
static int enter(struct end *end, struct crew__lane *lane,
                 const crew_message *message, struct crew__message *made)
{
    struct crew__pipe *pipe = &end->other->in;
    uint64_t ticket;
    int r = crew__ports_prepare(message);

    if (r < 0)
        return r;
    r = crew__pipe_enter(pipe, message->size, &ticket);
    if (r < 0) {
        crew__ports_cancel(message);
        return r;
    }
    crew__ports_move(message);
    posted(end, message, crew__pipe_push(pipe, lane, made, ticket));
    return 0;
}

static void try_to_make_lane(struct end *end)
{
    struct crew__pipe *pipe = &end->other->in;
    struct crew__lane *made = crew__lane_make(&spare_ops, end);

    if (made)
        crew__pipe_set_lane(pipe, made);
    else
        pipe->posts = 0; /* some time later */
}

static int post_message(struct end *end, struct crew__lane *lane,
                        const crew_message *message)
{
    struct crew__pipe *pipe = &end->other->in;
    struct crew__message *made = crew__message_make(&pipe->shelf, message);
    int r;

    if (!made)
        return -ENOMEM;
    r = enter(end, lane, message, made);
    if (r < 0)
        crew__message_unmake(made);
    else if (crew__pipe_wants_lane(pipe))
        try_to_make_lane(end);
    return r;
}

static int check(crew_port *port, const crew_message *message)
{
    int r = crew__message_check(message);

    return r < 0 ? r : crew__ports_check(port, message);
}

/* Closed comes before all else, full after what is wrong with it. */
static int post(crew_port *port, const crew_message *message)
{
    struct end *end = end_of(port);
    struct crew__pipe *pipe = &end->other->in;
    int wrong = check(port, message);
    struct crew__lane *lane = wrong == 0 ? crew__pipe_find_lane(pipe) : NULL;
    int r;

    if (lane && crew__lane_fits(message))
        return post_small(end, lane, message);
    r = crew__pipe_ask(pipe, message->size);
    if (r == -EPIPE)
        return r;
    if (wrong < 0 || r < 0)
        return wrong < 0 ? wrong : r;
    return post_message(end, lane, message);
}

static bool want_room(crew_port *port, size_t size)
{
    return crew__pipe_want_room(&end_of(port)->other->in, size);
}

/* ---- receiving ------------------------------------------------------------- */

static int take(crew_port *port, struct crew__message **out)
{
    struct end *end = end_of(port);
    int r = crew__pipe_take(&end->in, out);

    if (r < 0)
        return r;
    /* a figure of one writer */
    crew__store_relaxed(&end->received, crew__load_relaxed(&end->received) + 1);
    if (crew__pipe_room_wanted(&end->in))
        crew__port_tell_room(&end->other->port);
    return 0;
}

static uint64_t peek(crew_port *port)
{
    return crew__pipe_peek(&end_of(port)->in);
}

static size_t waiting(crew_port *port)
{
    return crew__pipe_waiting(&end_of(port)->in);
}

static bool is_over(crew_port *port)
{
    return crew__pipe_is_over(&end_of(port)->in);
}

static bool has_news(crew_port *port)
{
    return crew__pipe_has_news(&end_of(port)->in);
}

static struct crew__node *drain(crew_port *port)
{
    return crew__pipe_drain(&end_of(port)->in);
}

/* ---- closing and moving ---------------------------------------------------- */

static void stop_posting(crew_port *port)
{
    struct end *other = end_of(port)->other;

    crew__pipe_end(&other->in);
    crew__port_tell(&other->port);
}

static void count(crew_port *port, struct crew__port_counts *counts)
{
    struct end *end = end_of(port);

    counts->received = crew__load_relaxed(&end->received); /* a figure */
    counts->queued_bytes = crew__pipe_waiting_bytes(&end->in);
}

static void shut(crew_port *port)
{
    struct end *end = end_of(port);
    struct end *other = end->other;

    stop_posting(port);
    crew__pipe_leave(&end->in);
    crew__port_tell_room(&other->port);
}

static void bury(crew_port *port)
{
    crew__shelf_close(&end_of(port)->other->in.shelf);
}

static bool is_itself(const crew_port *port, const crew_port *moved)
{
    return moved == port || moved == &end_of(port)->other->port;
}

static void move(crew_port *port)
{
    crew__shelf_disown(&end_of(port)->other->in.shelf);
}

static const struct crew__transport transport_of_channels = {
    .post = post,
    .want_room = want_room,
    .take = take,
    .peek = peek,
    .waiting = waiting,
    .is_over = is_over,
    .has_news = has_news,
    .drain = drain,
    .end = stop_posting,
    .count = count,
    .shut = shut,
    .bury = bury,
    .is_itself = is_itself,
    .move = move,
    .retain = retain_port,
    .release = release_port,
};
