/*
 * Hubs: members that refuse and members that drop their oldest post, receive in
 * every way, leave and join at any moment. Each sender's messages come in
 * order, all see one order, nobody who refuses misses one, each loss is counted
 * for its member, and every buffer is given back.
 */
#include "job.h"

#include <crew/port.h>

#define MEMBERS 4u
#define EACH    5u
#define MOST    (MEMBERS * EACH)

struct member {
    crew_port *port;
    struct sim_thread *thread;
    crew_inbox *inbox;
    unsigned index;
    bool drops;  /* its oldest */
    bool leaves; /* before all have posted */
    bool late;   /* joins while others post */
    bool listens;
    unsigned posted;
    unsigned last[MEMBERS]; /* number of each sender's last one, from 1 */
    unsigned order[MOST];   /* tags, as they came */
    unsigned came;
    unsigned rooms, refused;
};

static struct member members[MEMBERS];
static unsigned made, released; /* buffers */
static unsigned posting;        /* members that have more to post */

static void count_release(void *data, void *arg)
{
    (void)data;
    (void)arg;
    released++;
}

static void note(struct member *me, const crew_message *message)
{
    unsigned sender = (unsigned)message->tag / EACH;
    unsigned number = (unsigned)message->tag % EACH + 1;

    sim_check(sender < MEMBERS && sender != me->index);
    sim_check_equal(message->size, 3);
    sim_check(memcmp(message->bytes, "abc", 4) == 0);
    sim_check(number > me->last[sender]);
    if (!me->drops && (!me->late || me->last[sender]))
        sim_check_equal(number, me->last[sender] + 1);
    me->last[sender] = number;
    me->order[me->came++] = (unsigned)message->tag;
}

static int post(struct member *me)
{
    static char byte[1];
    crew_buffer *buffer = NULL;
    crew_message message = {.bytes = "abc",
                            .size = 3,
                            .buffers = &buffer,
                            .buffer_count = 1,
                            .tag = me->index * EACH + me->posted};
    int r;

    sim_check_equal(crew_buffer_wrap(&buffer, byte, 1, count_release, NULL), 0);
    made++;
    sim_check(crew_buffer_retain(buffer) == buffer);
    r = sim_chance(2)
            ? crew_post(me->port, &message)
            : crew_post_wait(me->port, &message, sim_random_time(CREW_MS));
    sim_check(r == 0 || r == -EAGAIN || r == -ETIMEDOUT);
    if (r == 0)
        me->posted++;
    else
        crew_buffer_release(buffer);
    me->refused += r == -EAGAIN;
    crew_buffer_release(buffer);
    return r;
}

/* ---- receiving --------------------------------------------------------------- */

static void hear(crew_port *port, crew_message *message, void *arg)
{
    sim_check(port == ((struct member *)arg)->port);
    note(arg, message);
}

static void hear_room(crew_port *port, void *arg)
{
    struct member *me = arg;

    (void)port;
    me->rooms++;
    sim_check(me->rooms <= me->refused);
}

static void listen_or_stop(struct member *me)
{
    crew_listener listener = {
        .on_message = hear, .on_room = hear_room, .arg = me};

    sim_check_equal(
        crew_listen(me->port, me->inbox, me->listens ? NULL : &listener), 0);
    me->listens = !me->listens;
}

static void receive_some(struct member *me)
{
    crew_message *message = NULL;
    int r;

    if (me->listens) {
        if (sim_chance(2))
            crew_inbox_dispatch(me->inbox, (unsigned)sim_random(3));
        else
            crew_inbox_wait(me->inbox, sim_random_time(CREW_MS));
        return;
    }
    r = crew_receive(me->port, &message, sim_random_time(CREW_MS));
    if (r == 0) {
        note(me, message);
        crew_message_free(message);
    } else {
        sim_check_equal(r, -ETIMEDOUT);
    }
}

/* All that waits, once nobody posts. */
static void receive_rest(struct member *me)
{
    crew_message *message = NULL;

    if (me->listens)
        listen_or_stop(me);
    while (crew_receive(me->port, &message, 0) == 0) {
        note(me, message);
        crew_message_free(message);
    }
}

/* ---- a member ------------------------------------------------------------------ */

static void join_hub(struct member *me)
{
    crew_hub_options options = {.max_messages = 1 + (size_t)sim_random(4),
                                .when_full = me->drops ? CREW_FULL_DROP_OLDEST
                                                       : CREW_FULL_REFUSE};

    sim_check_equal(crew_hub_join(&me->port, "sim/hub", &options), 0);
}

static void leave_hub(struct member *me)
{
    if (!me->drops)
        sim_check_equal(crew_hub_dropped(me->port), 0);
    crew_port_close(me->port);
    me->listens = false;
    while (crew_inbox_pending(me->inbox) > 0) {
        if (crew_inbox_dispatch(me->inbox, 0) == 0)
            sim_point();
    }
    sim_check_equal(crew_inbox_destroy(me->inbox), 0);
}

static unsigned posted_by_others(const struct member *me)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < MEMBERS; i++)
        sum += i == me->index ? 0 : members[i].posted;
    return sum;
}

static void be_member(void *arg)
{
    struct member *me = arg;
    unsigned goal = me->leaves ? (unsigned)sim_random(EACH) : EACH;

    sim_check_equal(crew_inbox_create(&me->inbox, NULL), 0);
    if (me->late) {
        sim_work(sim_random_time(CREW_MS));
        join_hub(me);
    }
    while (me->posted < goal) {
        if (sim_chance(3))
            listen_or_stop(me);
        if (sim_chance(2) || post(me) < 0)
            receive_some(me);
    }
    posting--;
    while (!me->leaves && posting > 0)
        receive_some(me);
    if (!me->leaves) {
        receive_rest(me);
        if (!me->late)
            sim_check_equal(me->came + crew_hub_dropped(me->port),
                            posted_by_others(me));
    }
    leave_hub(me);
}

/* ---- what all have seen ------------------------------------------------------------ */

/* MOST: it has not come there. */
static unsigned place_of(const struct member *member, unsigned tag)
{
    for (unsigned i = 0; i < member->came; i++) {
        if (member->order[i] == tag)
            return i;
    }
    return MOST;
}

static void check_one_order(const struct member *a, const struct member *b)
{
    unsigned before = 0;

    for (unsigned i = 0; i < a->came; i++) {
        unsigned place = place_of(b, a->order[i]);

        if (place == MOST)
            continue;
        sim_check(place >= before);
        before = place;
    }
}

static void members_come_post_and_leave(void *arg)
{
    (void)arg;
    memset(members, 0, sizeof members);
    made = 0;
    released = 0;
    posting = MEMBERS;
    for (unsigned i = 0; i < MEMBERS; i++) {
        members[i].index = i;
        members[i].drops = sim_chance(2);
        members[i].leaves = sim_chance(4);
        members[i].late = i + 1 == MEMBERS;
        if (!members[i].late)
            join_hub(&members[i]);
    }
    for (unsigned i = 0; i < MEMBERS; i++)
        members[i].thread = sim_spawn("member", be_member, &members[i]);
    for (unsigned i = 0; i < MEMBERS; i++)
        sim_join(members[i].thread);
    for (unsigned i = 0; i < MEMBERS; i++) {
        for (unsigned j = 0; j < i; j++)
            check_one_order(&members[i], &members[j]);
    }
    sim_check_equal(released, made);
}

/* ---- room ----------------------------------------------------------------------------- */

static void receive_until_it_leaves(void *arg)
{
    struct member *me = arg;

    while (me->came < (me->leaves ? 2 : EACH)) {
        crew_message *message = NULL;

        sim_check_equal(crew_receive(me->port, &message, CREW_FOREVER), 0);
        note(me, message);
        crew_message_free(message);
    }
    sim_work(sim_random_time(CREW_MS)); /* who leaves is full by then */
    crew_port_close(me->port);
}

static void hear_of_room(crew_port *port, void *arg)
{
    (void)port;
    ((struct member *)arg)->rooms++;
}

/* Until there is room, by either way; nothing else ends these waits. */
static void post_for_ever(struct member *me, bool listens)
{
    crew_message message = {.tag = me->posted};
    int r;

    message.bytes = "abc";
    message.size = 3;
    while ((r = listens ? crew_post(me->port, &message)
                        : crew_post_wait(me->port, &message, CREW_FOREVER)) ==
           -EAGAIN) {
        me->rooms = 0;
        while (me->rooms == 0)
            crew_inbox_wait(me->inbox, CREW_FOREVER);
    }
    sim_check_equal(r, 0);
    me->posted++;
}

static void room_is_told(void *arg)
{
    struct member *me = &members[0];
    crew_listener listener = {.on_room = hear_of_room, .arg = me};
    bool listens = sim_chance(2);

    (void)arg;
    memset(members, 0, sizeof members);
    sim_check_equal(crew_inbox_create(&me->inbox, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        members[i].index = i;
        members[i].leaves = i == 2;
        join_hub(&members[i]);
    }
    if (listens)
        sim_check_equal(crew_listen(me->port, me->inbox, &listener), 0);
    for (unsigned i = 1; i < 3; i++)
        members[i].thread = sim_spawn("receiver", receive_until_it_leaves,
                                      &members[i]);
    while (me->posted < EACH)
        post_for_ever(me, listens);
    for (unsigned i = 1; i < 3; i++)
        sim_join(members[i].thread);
    leave_hub(me);
}

/* ---- a member that is closed under its poster ----------------------------------------- */

static void post_until_closed(void *arg)
{
    struct member *me = arg;
    crew_message message = {.size = 0};
    int r;

    while ((r = crew_post(me->port, &message)) != -EPIPE) {
        sim_check(r == 0 || r == -EAGAIN);
        me->posted += r == 0;
        crew__yield();
    }
}

static void note_close(crew_port *port, int error, void *arg)
{
    (void)port;
    sim_check_equal(error, 0);
    ((struct member *)arg)->rooms++;
}

/* Until its on_close, which waits for the dispatch, its handle may be used. */
static void a_member_is_closed_under_its_poster(void *arg)
{
    struct member *me = &members[0];
    crew_listener listener = {.on_close = note_close, .arg = me};
    crew_message *message = NULL;
    crew_port *other = NULL;
    unsigned came = 0;

    (void)arg;
    memset(members, 0, sizeof members);
    sim_check_equal(crew_inbox_create(&me->inbox, NULL), 0);
    sim_check_equal(crew_hub_join(&me->port, "sim/hub", NULL), 0);
    sim_check_equal(crew_hub_join(&other, "sim/hub", NULL), 0);
    sim_check_equal(crew_listen(me->port, me->inbox, &listener), 0);
    me->thread = sim_spawn("poster", post_until_closed, me);
    for (uint64_t left = sim_random(100); left > 0; left--)
        sim_point();
    crew_port_close(me->port);
    sim_join(me->thread);
    while (me->rooms == 0)
        crew_inbox_wait(me->inbox, CREW_FOREVER);
    while (crew_receive(other, &message, 0) == 0) {
        crew_message_free(message);
        came++;
    }
    sim_check_equal(came, me->posted);
    crew_port_close(other);
    sim_check_equal(crew_inbox_destroy(me->inbox), 0);
}

const struct scenario hub_scenarios[] = {
    {.name = "hub.members",
     .main_fiber = members_come_post_and_leave,
     .seeds = 8000,
     .reaches = REACHES(PORT_ROOM) | REACHES(PORT_ORPHAN)},
    {.name = "hub.closed",
     .main_fiber = a_member_is_closed_under_its_poster,
     .seeds = 5000},
    {.name = "hub.room", .main_fiber = room_is_told, .seeds = 10000},
    {.name = NULL},
};
