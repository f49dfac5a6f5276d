/*
 * runtime/inbox.c: posters, and an owner that waits, or that sleeps on the fd
 * and dispatches; then destroys the inbox while the last poster may still be
 * on its way out.
 */
#include "suite.h"

#include "runtime/inbox.h"

#include <errno.h>
#include <string.h>

enum { ITEMS = 3 };

struct note {
    struct crew__item item;
    int payload;
    unsigned poster;
};

static crew_inbox *inbox;
static struct note notes[ITEMS];
static unsigned delivered;
static unsigned dispatches; /* what only who dispatches touches */
static unsigned last[MODEL_THREADS];
static int fd;
static crew__a32 all_is_done;

static void deliver(struct crew__item *item)
{
    struct note *note = (struct note *)(void *)item;
    unsigned number = (unsigned)(note - notes) + 1;

    model_assert(crew__plain_read(note->payload) == 1);
    crew__plain_write(note->payload, 2);
    model_assert(number > last[note->poster]); /* in order */
    crew__plain_write(dispatches, crew__plain_read(dispatches) + 1);
    last[note->poster] = number;
    delivered++;
}

static void begin(void)
{
    memset(notes, 0, sizeof notes);
    memset(last, 0, sizeof last);
    delivered = dispatches = 0;
    all_is_done.raw = 0;
    fd = -1;
    for (unsigned i = 0; i < ITEMS; i++)
        notes[i].item.deliver = deliver;
    (void)crew_inbox_create(&inbox, NULL);
}

static void begin_fd(void)
{
    begin();
    fd = crew_inbox_fd(inbox);
}

/* As a pool does: counted by who submits, posted by who completes. */
static void post(unsigned i, unsigned poster)
{
    notes[i].poster = poster;
    crew__plain_write(notes[i].payload, 1);
    crew__inbox_post(inbox, &notes[i].item);
}

static void expect(size_t count)
{
    crew__inbox_expect(inbox, count);
}

static void destroy(void)
{
    model_assert(crew_inbox_pending(inbox) == 0);
    model_assert(crew_inbox_destroy(inbox) == 0);
}

/* ---- an owner that waits ----------------------------------------------- */

static void begin_two(void)
{
    begin();
    expect(2);
}

static void waits(unsigned me)
{
    if (me < 2) {
        post(me, me);
        return;
    }
    while (delivered < 2)
        model_assert(crew_inbox_wait(inbox, CREW_FOREVER) > 0);
    destroy();
}

/* One poster, two items, and an owner that runs until nothing is pending. */
static void runs(unsigned me)
{
    if (me == 0) {
        post(0, 0);
        post(1, 0);
        return;
    }
    model_assert(crew_inbox_run(inbox) == 2);
    destroy();
}

/* A timeout and a post meet. */
static void begin_one(void)
{
    begin();
    expect(1);
}

static void times_out(unsigned me)
{
    int r;

    if (me == 0) {
        post(0, 0);
        return;
    }
    r = crew_inbox_wait(inbox, 100);
    model_assert(r == 1 || r == -ETIMEDOUT);
    if (r < 0)
        model_assert(crew_inbox_wait(inbox, CREW_FOREVER) == 1);
    destroy();
}

/* A stop wakes an owner that expects something which does not come. */
static void stops(unsigned me)
{
    if (me == 0)
        model_assert(crew_inbox_stop(inbox) == 0);
    else
        model_assert(crew_inbox_run(inbox) == 0);
}

/* A stop and a post: the run ends by one of them, the post is not lost. */
static void stops_and_posts(unsigned me)
{
    if (me == 0) {
        model_assert(crew_inbox_stop(inbox) == 0);
        return;
    }
    if (me == 1) {
        post(0, 1);
        return;
    }
    (void)crew_inbox_run(inbox);
    while (delivered < 1)
        (void)crew_inbox_wait(inbox, CREW_FOREVER);
}

/* ---- an owner that sleeps on the fd ------------------------------------ */

static void begin_fd_two(void)
{
    begin_fd();
    expect(2);
}

static void dispatch_all(unsigned count, unsigned max)
{
    while (delivered < count) {
        (void)crew__event_wait(fd, CREW__NEVER);
        (void)crew_inbox_dispatch(inbox, max);
    }
}

static void on_fd(unsigned me)
{
    if (me < 2) {
        post(me, me);
        return;
    }
    dispatch_all(2, 0);
    destroy();
}

/* One item a turn: what is left keeps the fd readable. */
static void one_a_turn(unsigned me)
{
    if (me == 0) {
        post(0, 0);
        post(1, 0);
        return;
    }
    dispatch_all(2, 1);
    destroy();
}

/* It waits for a while, then goes back to its loop. */
static void begin_fd_one(void)
{
    begin_fd();
    expect(1);
}

static void waits_then_fd(unsigned me)
{
    if (me == 0) {
        post(0, 0);
        return;
    }
    if (crew_inbox_wait(inbox, 100) < 0)
        dispatch_all(1, 0);
    destroy();
}

/* The fd is asked for when a post may have been made already. */
static void asks_late(unsigned me)
{
    if (me == 0) {
        post(0, 0);
        return;
    }
    fd = crew_inbox_fd(inbox);
    dispatch_all(1, 0);
    destroy();
}

/* The same, where who posts is not expected yet. */
static void asks_late_call(unsigned me)
{
    if (me == 0) {
        expect(1);
        post(0, 0);
        return;
    }
    fd = crew_inbox_fd(inbox);
    dispatch_all(1, 0);
    destroy();
}

/* ---- two owners, one after the other ----------------------------------- */

static void begin_posted(void)
{
    begin();
    for (unsigned i = 0; i < 2; i++) {
        expect(1);
        post(i, i);
    }
}

/* Whoever comes second sees what the first has left. */
static void two_owners(unsigned me)
{
    (void)me;
    while (crew_inbox_dispatch(inbox, 1) == -EBUSY)
        crew__yield();
}

static void two_owners_end(void)
{
    model_assert(dispatches == 2);
}

/* The last callback tells another thread, which destroys the inbox as soon as
 * the dispatch has ended. */
static void tell_done(struct crew__item *item)
{
    deliver(item);
    crew__store_release(&all_is_done, 1);
}

static void begin_last(void)
{
    begin();
    notes[0].item.deliver = tell_done;
    expect(1);
    post(0, 0);
}

static void last_owner(unsigned me)
{
    int r;

    if (me == 0) {
        model_assert(crew_inbox_dispatch(inbox, 0) == 1);
        return;
    }
    while (!crew__load_acquire(&all_is_done))
        crew__yield();
    while ((r = crew_inbox_destroy(inbox)) == -EBUSY)
        crew__yield();
    model_assert(r == 0);
}

/* ---- what is attached ---------------------------------------------------- */

static void begin_attached(void)
{
    begin();
    crew__inbox_attach(inbox);
    crew__inbox_hold(inbox);
}

/* It is all that a run goes on for, and another lets go of it; then the inbox
 * is destroyed. */
static void attached_goes(unsigned me)
{
    int r;

    if (me == 0) {
        crew__inbox_let_go(inbox);
        crew__inbox_detach(inbox);
        return;
    }
    model_assert(crew_inbox_run(inbox) == 0);
    while ((r = crew_inbox_destroy(inbox)) == -EBUSY)
        crew__yield();
    model_assert(r == 0);
}

/* ---- notices ----------------------------------------------------------- */

static struct crew__notice notice;

static void deliver_notice(struct crew__notice *due)
{
    model_assert(due == &notice);
    delivered++;
}

static void withdraw_notice(struct crew__notice *due)
{
    (void)due;
    model_fail("withdrawn");
}

static void begin_notice(void)
{
    begin();
    notice.deliver = deliver_notice;
    notice.withdraw = withdraw_notice;
    crew__notice_link(inbox, &notice);
}

static void begin_notice_fd(void)
{
    begin_notice();
    fd = crew_inbox_fd(inbox);
}

static void tell_notice(void)
{
    crew__notices_lock();
    crew__notice_tell(&notice);
    crew__notices_unlock();
}

static void notice_waits(unsigned me)
{
    if (me == 0) {
        tell_notice();
        return;
    }
    model_assert(crew_inbox_wait(inbox, CREW_FOREVER) == 1);
}

/* It is all that a run goes on for, and it is withdrawn by another. */
static void notice_goes(unsigned me)
{
    if (me == 0) {
        crew__notices_lock();
        if (notice.inbox)
            crew__notice_withdraw(&notice);
        crew__notices_unlock();
        return;
    }
    model_assert(crew_inbox_run(inbox) == 0);
}

static void notice_fd(unsigned me)
{
    if (me == 0) {
        tell_notice();
        return;
    }
    dispatch_all(1, 0);
}

/* A notice and a post, and an owner that takes one a turn. */
static void begin_both(void)
{
    begin_notice_fd();
    expect(1);
}

static void notice_and_post(unsigned me)
{
    if (me == 0)
        tell_notice();
    else if (me == 1)
        post(0, 1);
    else
        dispatch_all(2, 1);
}

/* ---- the tables --------------------------------------------------------- */

static const struct model models[] = {
    {.name = "waits",
     .threads = 3,
     .begin = begin_two,
     .thread = waits,
     .bound = 2},
    {.name = "runs",
     .threads = 2,
     .begin = begin_two,
     .thread = runs,
     .bound = 3},
    {.name = "times_out",
     .threads = 2,
     .begin = begin_one,
     .thread = times_out,
     .bound = 3},
    {.name = "stops",
     .threads = 2,
     .begin = begin_one,
     .thread = stops,
     .bound = 3},
    {.name = "stops_and_posts",
     .threads = 3,
     .begin = begin_one,
     .thread = stops_and_posts,
     .bound = 1},
    {.name = "on_the_fd",
     .threads = 3,
     .begin = begin_fd_two,
     .thread = on_fd,
     .bound = 2},
    {.name = "one_a_turn",
     .threads = 2,
     .begin = begin_fd_two,
     .thread = one_a_turn,
     .bound = 3},
    {.name = "waits_then_fd",
     .threads = 2,
     .begin = begin_fd_one,
     .thread = waits_then_fd,
     .bound = 3},
    {.name = "asks_late",
     .threads = 2,
     .begin = begin_one,
     .thread = asks_late,
     .bound = 3},
    {.name = "asks_late_a_call",
     .threads = 2,
     .begin = begin,
     .thread = asks_late_call,
     .bound = 3},
    {.name = "two_owners",
     .threads = 2,
     .begin = begin_posted,
     .thread = two_owners,
     .end = two_owners_end,
     .bound = 3},
    {.name = "last_owner",
     .threads = 2,
     .begin = begin_last,
     .thread = last_owner,
     .bound = 3},
    {.name = "attached_goes",
     .threads = 2,
     .begin = begin_attached,
     .thread = attached_goes,
     .bound = 3},
    {.name = "a_notice",
     .threads = 2,
     .begin = begin_notice,
     .thread = notice_waits,
     .bound = 2},
    {.name = "a_notice_goes",
     .threads = 2,
     .begin = begin_notice,
     .thread = notice_goes,
     .bound = 3},
    {.name = "a_notice_on_the_fd",
     .threads = 2,
     .begin = begin_notice_fd,
     .thread = notice_fd,
     .bound = 2},
    {.name = "a_notice_and_a_post",
     .threads = 3,
     .begin = begin_both,
     .thread = notice_and_post,
     .bound = 1},
};

static const char looks[] =
    "it is not the look before a sleep; has_work and is_stopped are";

static const struct model_excess excess[] = {
    {"rouse_waiter", "cas", 1, "acq_rel",
     "who takes the waiter unparks it, and looks at nothing else"},
    {"rouse_waiter", "cas", 1, "fails acquire",
     "the only other value is LOOKING, and that one looks later"},
    {"crew_inbox_fd", "load", 2, "acquire",
     "a notice is told under a lock, and rings where the fd is asked for"},
    {"take_due", "store", 1, "release", "it is under the notices' lock"},
    {"crew__inbox_enter", "cas", 1, "fails relaxed",
     "who finds another dispatching reads nothing of it"},
    {"place_notices", "load", 1, "acquire", looks},
    {"crew_inbox_dispatch", "load", 1, "acquire", looks},
    {"enter_waiting", "store", 1, "release",
     "it says less than what follows: who misses it rings the fd"},
    {"sleep_until_work", "cas", 1, "acq_rel", "it takes back what it wrote"},
    {"sleep_until_work", "cas", 1, "fails acquire",
     "the token that it then waits for is acquired"},
    {"take_stop", "load", 1, "acquire", looks},
    {"take_stop", "cas", 1, "acq_rel", "it takes, and tells nobody"},
    {"take_stop", "cas", 1, "fails acquire", "the loop looks again"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct model_suite suite = {
    .models = models,
    .count = sizeof models / sizeof models[0],
    .excess = excess,
    .file = "runtime/inbox",
    .by_one = true,
    .limit = 1000,
    .random = 10000,
};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
