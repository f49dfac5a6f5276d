/*
 * port/pipe.c, and the channel around it: posters, and a receiver who sleeps or
 * closes; full pipes, and who waits for room.
 */
#include "channel.h"

/* ---- who sleeps until something comes --------------------------------------- */

static void receives(unsigned me)
{
    for (unsigned i = 0; i < 2; i++) {
        if (me == 0)
            model_assert(post(a, 0, 0) == 0);
        else
            model_assert(receive(b, CREW_FOREVER) == 0);
    }
}

static void two_posters(unsigned me)
{
    if (me < 2) {
        model_assert(post(a, me, 0) == 0);
        return;
    }
    while (came < 2)
        model_assert(receive(b, CREW_FOREVER) == 0);
}

static void times_out(unsigned me)
{
    int r;

    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    r = receive(b, 100);
    model_assert(r == 0 || r == -ETIMEDOUT);
    if (r < 0)
        model_assert(receive(b, CREW_FOREVER) == 0);
}

static void begin_cancel(void)
{
    begin();
    cancel = crew__memory_aligned(64, sizeof *cancel);
    crew__cancel_init(cancel);
}

/* Another thread ends the wait; what comes meanwhile is not lost. */
static void is_canceled(unsigned me)
{
    int r;

    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    if (me == 1) {
        crew__cancel_fire(cancel);
        return;
    }
    crew__cancel_set_current(cancel);
    r = receive(b, CREW_FOREVER);
    model_assert(r == 0 || r == -ECANCELED);
    crew__cancel_set_current(NULL);
    if (r < 0)
        model_assert(receive(b, CREW_FOREVER) == 0);
}

/* Two ports, one of which closes: its end is told once, and nothing is lost. */
static void any_of_two(unsigned me)
{
    crew_port *ports[] = {b, d};
    bool over = false;

    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        return;
    }
    if (me == 1) {
        close_port(&c);
        return;
    }
    while (came == 0 || !over) {
        crew_message *message = NULL;
        size_t which = 9;
        int r = crew_receive_any(ports, 2, &which, &message, CREW_FOREVER);

        if (r == 0) {
            model_assert(which == 0);
            note(message);
            crew_message_free(message);
        } else {
            model_assert(r == -EPIPE && which == 1 && !over);
            over = true;
        }
    }
}

/* The third needs another ring, or the slot of the second once more. */
static void extends(unsigned me)
{
    for (unsigned i = 0; i < 3; i++) {
        if (me == 0)
            model_assert(post(a, 0, 0) == 0);
        else
            model_assert(receive(b, CREW_FOREVER) == 0);
    }
}

/* One after the other on two ways, whose order is that of their posts. */
static void turns(unsigned me)
{
    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        model_assert(post(a, 0, 0) == 0); /* in the lane */
        crew__store_release(&flag, 1);
        if (crew__load_acquire(&flag) == 2)
            model_assert(post(a, 0, 0) == 0);
        return;
    }
    if (me == 1) {
        if (crew__load_acquire(&flag) != 1)
            return;
        model_assert(post(a, 0, 0) == 0); /* on the stack */
        crew__store_release(&flag, 2);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        (void)receive(b, 0);
}

/* ---- one receiver at a time ------------------------------------------------- */

static void begin_posted(void)
{
    begin();
    model_assert(post(a, 0, 0) == 0);
    model_assert(post(a, 0, 0) == 0);
}

/* One after the other, and what the first has left is as it left it. */
static void two_receivers(unsigned me)
{
    int r;

    (void)me;
    while ((r = receive(b, 0)) == -EBUSY)
        crew__yield();
    model_assert(r == 0);
}

static void two_receivers_end(void)
{
    model_assert(came == 2 && b->transport->waiting(b) == 0);
    end();
}

/* ---- an end that closes ----------------------------------------------------- */

/* What was posted before still comes, and then the end. */
static void other_closes(unsigned me)
{
    int r;

    if (me == 0) {
        model_assert(post(a, 0, 0) == 0);
        close_port(&a);
        return;
    }
    while ((r = receive(b, CREW_FOREVER)) == 0)
        ;
    model_assert(r == -EPIPE && came == 1);
    close_port(&b);
}

/* A post is before the close or after it; what nobody takes is released. */
static void receiver_closes(unsigned me)
{
    int r;

    if (me < 2) {
        r = post(a, me, 0);
        model_assert(r == 0 || r == -EPIPE);
        return;
    }
    close_port(&b);
}

static void receiver_takes_and_closes(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 0, 0);
        if (r == 0)
            r = post(a, 0, 0);
        model_assert(r == 0 || r == -EPIPE);
        return;
    }
    r = receive(b, 0);
    model_assert(r == 0 || r == -ETIMEDOUT);
    close_port(&b);
}

static void both_close(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 0, 0);
        model_assert(r == 0 || r == -EPIPE);
        close_port(&a);
        return;
    }
    r = receive(b, 0);
    model_assert(r == 0 || r == -ETIMEDOUT || r == -EPIPE);
    close_port(&b);
}

/* A message that is kept longer than both ends. */
static void message_stays(unsigned me)
{
    crew_message *message = NULL;

    if (me == 0) {
        close_port(&a);
        return;
    }
    model_assert(crew_receive(b, &message, CREW_FOREVER) == 0);
    close_port(&b);
    note(message);
    crew_message_free(message);
}

/* Who is inside sees that it has been closed, and is waited for. */
static void closed_below_a_sleeper(unsigned me)
{
    if (me == 0) {
        model_assert(receive(b, CREW_FOREVER) == -EPIPE);
        return;
    }
    while (!crew__load_relaxed(b->token))
        crew__yield();
    close_port(&b);
    close_port(&a);
}

/* ---- figures ---------------------------------------------------------------- */

/* What waits is never more than was posted, whoever asks. */
static void figures(unsigned me)
{
    struct crew__port_counts counts;
    crew_message message = {.bytes = "12345678", .size = 8};
    crew_message *got = NULL;

    if (me == 0) {
        model_assert(crew_post(a, &message) == 0);
        return;
    }
    if (me == 1) {
        if (crew_receive(b, &got, 0) == 0)
            crew_message_free(got);
        return;
    }
    crew__port_count(b, &counts);
    model_assert(counts.queued_bytes <= message.size);
}

/* ---- room ------------------------------------------------------------------ */

static void begin_one(void)
{
    begin_limited(1);
}

static void begin_full(void)
{
    begin_limited(1);
    model_assert(post(a, 0, 0) == 0);
}

/* The limit is exact: one of two is let in. */
static void one_place(unsigned me)
{
    int r = post(a, me, 0);

    model_assert(r == 0 || r == -EAGAIN);
}

static void one_place_end(void)
{
    model_assert(posted[0] + posted[1] == 1);
    end();
}

/* Full is not said once the place is known to be free. */
static void free_place(unsigned me)
{
    bool is_free;
    int r;

    if (me == 0) {
        model_assert(receive(b, 0) == 0);
        crew__store_release(&flag, 1);
        return;
    }
    is_free = crew__load_acquire(&flag);
    r = post(a, 1, 0);
    model_assert(r == 0 || (r == -EAGAIN && !is_free));
}

static void waits_for_room(unsigned me)
{
    for (unsigned i = 0; i < 2; i++) {
        if (me == 0)
            model_assert(post(a, 0, CREW_FOREVER) == 0);
        else
            model_assert(receive(b, CREW_FOREVER) == 0);
    }
}

static void two_wait_for_room(unsigned me)
{
    if (me < 2) {
        model_assert(post(a, me + 1, CREW_FOREVER) == 0);
        return;
    }
    while (came < 3)
        model_assert(receive(b, CREW_FOREVER) == 0);
}

static void room_or_the_end(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 1, CREW_FOREVER);
        model_assert(r == 0 || r == -EPIPE);
        return;
    }
    if (me == 1)
        close_port(&b);
}

static void room_too_late(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 1, 100);
        model_assert(r == 0 || r == -ETIMEDOUT);
        return;
    }
    model_assert(receive(b, 0) == 0);
}

static void hear_room(crew_port *port, void *arg)
{
    (void)arg;
    rooms++;
    model_assert(post(port, 1, 0) == 0); /* nobody else posts */
}

static void begin_room(void)
{
    crew_listener listener = {.on_room = hear_room};

    begin_full();
    (void)crew_inbox_create(&inbox, NULL);
    model_assert(crew_listen(a, inbox, &listener) == 0);
}

/* A post that was refused is told of room. */
static void is_told_of_room(unsigned me)
{
    int r;

    if (me == 0) {
        r = post(a, 1, 0);
        model_assert(r == 0 || r == -EAGAIN);
        while (r < 0 && rooms == 0)
            (void)crew_inbox_wait(inbox, CREW_FOREVER);
        model_assert(crew_listen(a, NULL, NULL) == 0);
        (void)crew_inbox_dispatch(inbox, 0);
        return;
    }
    model_assert(receive(b, 0) == 0);
    model_assert(receive(b, CREW_FOREVER) == 0);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "receives",
     .threads = 2,
     .begin = begin,
     .thread = receives,
     .end = end,
     .bound = 2},
    {.name = "two_posters",
     .threads = 3,
     .begin = begin,
     .thread = two_posters,
     .end = end,
     .bound = 1},
    {.name = "extends",
     .threads = 2,
     .begin = begin,
     .thread = extends,
     .end = end,
     .bound = 2},
    {.name = "turns",
     .threads = 3,
     .begin = begin,
     .thread = turns,
     .end = end,
     .bound = 2,
     .random = 50000},
    {.name = "times_out",
     .threads = 2,
     .begin = begin,
     .thread = times_out,
     .end = end,
     .bound = 3},
    {.name = "is_canceled",
     .threads = 3,
     .begin = begin_cancel,
     .thread = is_canceled,
     .end = end,
     .bound = 1},
    {.name = "any_of_two",
     .threads = 3,
     .begin = begin_any,
     .thread = any_of_two,
     .end = end,
     .bound = 1},
    {.name = "two_receivers",
     .threads = 2,
     .begin = begin_posted,
     .thread = two_receivers,
     .end = two_receivers_end,
     .bound = 3},
    {.name = "other_closes",
     .threads = 2,
     .begin = begin,
     .thread = other_closes,
     .end = end,
     .bound = 2},
    {.name = "receiver_closes",
     .threads = 3,
     .begin = begin,
     .thread = receiver_closes,
     .end = end,
     .bound = 2},
    {.name = "receiver_takes_and_closes",
     .threads = 2,
     .begin = begin,
     .thread = receiver_takes_and_closes,
     .end = end,
     .bound = 3},
    {.name = "both_close",
     .threads = 2,
     .begin = begin,
     .thread = both_close,
     .end = end,
     .bound = 3},
    {.name = "a_message_stays",
     .threads = 2,
     .begin = begin_posted,
     .thread = message_stays,
     .end = end,
     .bound = 3},
    {.name = "closed_below_a_sleeper",
     .threads = 2,
     .begin = begin,
     .thread = closed_below_a_sleeper,
     .end = end,
     .bound = 3},
    {.name = "figures",
     .threads = 3,
     .begin = begin,
     .thread = figures,
     .end = end,
     .bound = 2},
    {.name = "one_place",
     .threads = 2,
     .begin = begin_one,
     .thread = one_place,
     .end = one_place_end,
     .bound = 3},
    {.name = "a_free_place",
     .threads = 2,
     .begin = begin_full,
     .thread = free_place,
     .end = end,
     .bound = 3},
    {.name = "waits_for_room",
     .threads = 2,
     .begin = begin_one,
     .thread = waits_for_room,
     .end = end,
     .bound = 2,
     .random = 50000},
    {.name = "two_wait_for_room",
     .threads = 3,
     .begin = begin_full,
     .thread = two_wait_for_room,
     .end = end,
     .bound = 1,
     .random = 30000},
    {.name = "room_or_the_end",
     .threads = 2,
     .begin = begin_full,
     .thread = room_or_the_end,
     .end = end,
     .bound = 3},
    {.name = "room_too_late",
     .threads = 2,
     .begin = begin_full,
     .thread = room_too_late,
     .end = end,
     .bound = 3},
    {.name = "is_told_of_room",
     .threads = 2,
     .begin = begin_room,
     .thread = is_told_of_room,
     .end = end,
     .bound = 2},
};

static const char twice[] =
    "of two looks at `taken` with one between them either one is enough";
static const char told[] =
    "that there is no place is decided by the looks at `taken`, and a close "
    "is told under the lock";
static const char newest[] = "a read-modify-write reads the newest";
static const char one_word[] =
    "the push and the drain are read-modify-writes of one word: a push that "
    "comes after the drain has acquired what came before it";

static const struct model_excess excess[] = {
    {"is_full", "load", 1, "acquire", twice},
    {"is_full", "load", 2, "acquire", told},
    {"is_full", "load", 3, "acquire", twice},
    {"crew__pipe_ask", "load", 1, "acquire", told},
    {"crew__pipe_enter", "cas", 1, "acq_rel", newest},
    {"crew__pipe_enter", "cas", 1, "fails acquire", "it tries again"},
    {"crew__pipe_room_wanted", "exchange", 1, "acq_rel", newest},
    {"crew__pipe_waiting", "load", 1, "acquire",
     "what it misses is for the next turn"},
    {"crew__lane_take_back", "cas", 1, "acq_rel", newest},
    {"crew__lane_take_back", "cas", 1, "fails acquire",
     "it fails where the taker was first, and then looks at nothing"},
    {"crew__lane_empty", "cas", 1, "acq_rel", newest},
    {"crew__pipe_leave", "or", 1, "acq_rel", one_word},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "port/pipe. port/channel. port/lane.",
    .by_one = true,
    .limit = 1000,
    .random = 4000,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
