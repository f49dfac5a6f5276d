/*
 * The inbox alone: calls from many threads, the ways to wait for them, the
 * hand-over from thread to thread, the end.
 */
#include "job.h"
#include "runtime/inbox.h"

/* ---- calls (T11, T4) ------------------------------------------------------- */

#define CALLERS 4u

struct caller {
    crew_inbox *inbox;
    struct sim_thread *thread;
    unsigned calls;
    unsigned came;
};

struct call {
    struct caller *caller;
    unsigned number;
};

static uintptr_t owner; /* the inbox's thread */

static void come(void *arg)
{
    struct call *call = arg;

    sim_check_equal(crew__thread_identity(), owner);
    sim_check_equal(call->number, call->caller->came);
    call->caller->came++;
    free(call);
}

static void make_calls(void *arg)
{
    struct caller *caller = arg;

    for (unsigned i = 0; i < caller->calls; i++) {
        struct call *call = malloc(sizeof *call);

        sim_check(call != NULL);
        *call = (struct call){caller, i};
        sim_check_equal(crew_inbox_call(caller->inbox, come, call), 0);
        if (sim_chance(4))
            sim_work((crew_ns)sim_random(CREW_MS));
    }
}

static void start_callers(struct caller *callers, crew_inbox *inbox)
{
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.inbox = inbox,
                                     .calls = (unsigned)sim_random(8)};
        callers[i].thread = sim_spawn("caller", make_calls, &callers[i]);
    }
}

static unsigned count_left(const struct caller *callers)
{
    unsigned left = 0;

    for (unsigned i = 0; i < CALLERS; i++)
        left += callers[i].calls - callers[i].came;
    return left;
}

static void calls_come_once_and_in_order(void *arg)
{
    struct caller callers[CALLERS];
    struct loop loop;

    (void)arg;
    owner = crew__thread_identity();
    loop_begin(&loop);
    start_callers(callers, loop.inbox);
    while (count_left(callers) > 0)
        loop_turn(&loop);
    sim_check_equal(crew_inbox_pending(loop.inbox), 0);
    /* The last caller may still be about to ring. */
    loop_end(&loop);
    for (unsigned i = 0; i < CALLERS; i++)
        sim_join(callers[i].thread);
}

/* ---- run and stop (T13) ---------------------------------------------------- */

static void stop_it(void *arg)
{
    sim_check_equal(crew_inbox_stop(arg), 0);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void deliver_nothing(struct crew__item *item)
{
    (void)item;
}

static void one_stop_ends_one_run(void *arg)
{
    struct crew__item late = {.deliver = deliver_nothing};
    struct sim_thread *stopper;
    crew_inbox *inbox;
    bool early = sim_chance(2);

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_inbox_run(inbox), 0); /* nothing is outstanding */
    sim_check_equal(crew_inbox_call(inbox, nothing, NULL), 0);
    sim_check_equal(crew_inbox_call(inbox, nothing, NULL), 0);
    sim_check_equal(crew_inbox_run(inbox), 2);
    stopper = sim_spawn("stopper", stop_it, inbox);
    if (early)
        sim_join(stopper);
    /* Held alive by something that does not come before the stop. */
    crew__inbox_expect(inbox, 1);
    sim_check_equal(crew_inbox_run(inbox), 0);
    crew__inbox_post(inbox, &late);
    sim_check_equal(crew_inbox_run(inbox), 1);
    if (!early)
        sim_join(stopper);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- exact limits, NH23 ---------------------------------------------------- */

static void call_later(void *arg)
{
    sim_work(7 * CREW_MS);
    sim_check_equal(crew_inbox_call(arg, nothing, NULL), 0);
}

static void waits_end_exactly(void *arg)
{
    static const crew_ns limits[] = {0, 1, CREW_US, 5 * CREW_MS, 3600 * CREW_S};
    static const crew_ns huge[] = {CREW_FOREVER, INT64_MAX, INT64_MAX - 1,
                                   INT64_MAX / 2};
    crew_inbox *inbox;
    crew_ns begin;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 0; i < 5; i++) {
        begin = sim_time();
        sim_check_equal(crew_inbox_wait(inbox, limits[i]), -ETIMEDOUT);
        sim_check_equal(sim_time() - begin, limits[i]);
    }
    sim_check_equal(crew_inbox_wait(inbox, -2), -EINVAL);
    for (unsigned i = 0; i < 4; i++) {
        struct sim_thread *caller = sim_spawn("caller", call_later, inbox);

        begin = sim_time();
        sim_check_equal(crew_inbox_wait(inbox, huge[i]), 1);
        sim_check_equal(sim_time() - begin, 7 * CREW_MS);
        sim_join(caller);
    }
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

static void call_sometime(void *arg)
{
    sim_work((crew_ns)sim_random(4 * CREW_MS));
    sim_check_equal(crew_inbox_call(arg, nothing, NULL), 0);
}

/* The last post meets the deadline of a wait. */
static void deadlines_meet_posts(void *arg)
{
    struct sim_thread *caller;
    crew_inbox *inbox;
    unsigned came = 0;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    caller = sim_spawn("caller", call_sometime, inbox);
    for (unsigned i = 0; came == 0; i++) {
        crew_ns limit = CREW_MS + (crew_ns)sim_random(CREW_MS);
        crew_ns begin = sim_time();
        int r = crew_inbox_wait(inbox, limit);

        if (r == -ETIMEDOUT)
            sim_check(sim_time() - begin >= limit);
        else
            came += (unsigned)r;
        sim_check(i < 10 || sim_is_disturbed());
    }
    sim_check_equal(came, 1);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
    sim_join(caller);
}

/* ---- from thread to thread ------------------------------------------------- */

struct relay {
    crew_inbox *inbox;
    struct crew__parker next;
    unsigned left;
};

static void take_a_turn(struct relay *relay)
{
    for (unsigned i = 0; i < 3; i++)
        sim_check_equal(crew_inbox_call(relay->inbox, nothing, NULL), 0);
    sim_check(crew_inbox_pending(relay->inbox) >= 3);
    if (sim_chance(2))
        sim_check(crew_inbox_wait(relay->inbox, CREW_FOREVER) >= 3);
    else
        sim_check(crew_inbox_dispatch(relay->inbox, 0) >= 3);
    sim_check_equal(crew_inbox_pending(relay->inbox), 0);
}

static void be_relayed(void *arg)
{
    struct relay *relay = arg;

    sim_check(crew__park(&relay->next, CREW__NEVER));
    take_a_turn(relay);
}

static void threads_hand_an_inbox_over(void *arg)
{
    struct relay relays[4];
    struct sim_thread *threads[4];
    crew_inbox *inbox;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 0; i < 4; i++) {
        relays[i].inbox = inbox;
        crew__park_init(&relays[i].next);
        threads[i] = sim_spawn("relay", be_relayed, &relays[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        take_a_turn(&relays[i]);
        crew__unpark(&relays[i].next);
        sim_join(threads[i]);
    }
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* The same while the others go on posting: whoever counts as the owner, and
 * whoever was about to count as one, nothing is counted twice or lost. */
struct owner {
    crew_inbox *inbox;
    struct crew__parker next;
    struct crew__parker *after; /* NULL: the last */
    unsigned calls;
};

static unsigned owners_dispatched;

static void post_for_a_while(struct owner *owner)
{
    for (unsigned i = 0; i < 6; i++) {
        sim_check_equal(crew_inbox_call(owner->inbox, nothing, NULL), 0);
        owner->calls++;
    }
}

static void dispatch_some(struct owner *owner)
{
    int r = crew_inbox_dispatch(owner->inbox, (unsigned)sim_random(3));

    sim_check(r >= 0);
    owners_dispatched += (unsigned)r;
}

static void dispatch_when_due(void *arg)
{
    struct owner *owner = arg;

    sim_check(crew__park(&owner->next, CREW__NEVER));
    dispatch_some(owner);
    dispatch_some(owner);
    if (owner->after)
        crew__unpark(owner->after);
}

static void be_owner(void *arg)
{
    struct owner *owner = arg;
    struct sim_thread *other = NULL;

    if (sim_chance(2))
        other = sim_spawn("dispatcher", dispatch_when_due, owner);
    post_for_a_while(owner);
    if (other)
        sim_join(other);
    else
        dispatch_when_due(owner);
    post_for_a_while(owner);
}

static void posts_meet_a_new_owner(void *arg)
{
    struct owner owners[4];
    struct sim_thread *threads[4];
    crew_inbox *inbox;
    unsigned calls = 0;

    (void)arg;
    owners_dispatched = 0;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 0; i < 4; i++) {
        owners[i] = (struct owner){.inbox = inbox};
        owners[i].after = i < 3 ? &owners[i + 1].next : NULL;
        crew__park_init(&owners[i].next);
    }
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sim_spawn("owner", be_owner, &owners[i]);
    crew__unpark(&owners[0].next);
    for (unsigned i = 0; i < 4; i++) {
        sim_join(threads[i]);
        calls += owners[i].calls;
    }
    sim_check_equal(crew_inbox_pending(inbox), calls - owners_dispatched);
    while (owners_dispatched < calls)
        dispatch_some(&owners[0]);
    sim_check_equal(crew_inbox_pending(inbox), 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- a second thread, nesting ---------------------------------------------- */

static void nest(void *arg)
{
    sim_check_equal(crew_inbox_dispatch(arg, 0), -EBUSY);
    sim_check_equal(crew_inbox_wait(arg, 0), -EBUSY);
    sim_check_equal(crew_inbox_run(arg), -EBUSY);
    sim_check_equal(crew_inbox_destroy(arg), -EBUSY);
}

static void what_is_busy_says_so(void *arg)
{
    crew_inbox *inbox;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_inbox_call(inbox, nest, inbox), 0);
    sim_check_equal(crew_inbox_destroy(inbox), -EBUSY);
    sim_check_equal(crew_inbox_dispatch(inbox, 0), 1);
    sim_check_equal(crew_inbox_dispatch(inbox, 0), 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

const struct scenario inbox_scenarios[] = {
    {.name = "inbox.calls",
     .main_fiber = calls_come_once_and_in_order,
     .seeds = 40000,
     .reaches = REACHES(INBOX_SKIPPED_WRITE) | REACHES(INBOX_UNPARKED) |
                REACHES(INBOX_REFILLED) | REACHES(INBOX_OVERSLEPT)},
    {.name = "inbox.stop", .main_fiber = one_stop_ends_one_run, .seeds = 40000},
    {.name = "inbox.exact",
     .main_fiber = waits_end_exactly,
     .seeds = 40000,
     .options = {.exact = true}},
    {.name = "inbox.deadlines",
     .main_fiber = deadlines_meet_posts,
     .seeds = 40000},
    {.name = "inbox.handover",
     .main_fiber = threads_hand_an_inbox_over,
     .seeds = 40000},
    {.name = "inbox.owners",
     .main_fiber = posts_meet_a_new_owner,
     .seeds = 40000},
    {.name = "inbox.busy", .main_fiber = what_is_busy_says_so, .seeds = 40000},
    {.name = NULL},
};
