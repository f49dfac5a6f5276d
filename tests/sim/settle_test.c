/*
 * What is left when the main of a worker has returned: its inbox, which may
 * have been lent, or hold a port that the program has left open, and the time
 * until its children have ended.
 */
#include "job.h"

#include <crew/worker.h>

/* ---- an inbox that was lent ----------------------------------------------------------------- */

struct lent {
    crew_inbox *inbox;
    uint32_t offered, begun;
    unsigned calls;
};

static void set_word(uint32_t *word)
{
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    crew_atomic_notify(word, UINT32_MAX);
}

static void await_word(uint32_t *word)
{
    while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
        crew_atomic_wait(word, 0, CREW_FOREVER);
}

static void note_call(void *arg)
{
    struct lent *lent = arg;

    lent->calls++;
    set_word(&lent->begun);
    sim_work(sim_random_time(10 * CREW_US));
}

/* It returns while another thread dispatches its inbox. */
static int lend(crew_self *self, crew_message *start)
{
    struct lent *lent = (struct lent *)(uintptr_t)start->tag;

    lent->inbox = crew_self_inbox(self);
    for (unsigned i = 0; i < 3; i++)
        sim_check_equal(crew_inbox_call(lent->inbox, note_call, lent), 0);
    set_word(&lent->offered);
    await_word(&lent->begun);
    return 0;
}

static void borrow(void *arg)
{
    struct lent *lent = arg;

    await_word(&lent->offered);
    sim_check(crew_inbox_dispatch(lent->inbox, (unsigned)sim_random(4)) > 0);
}

static void lent_inboxes_are_settled(void *arg)
{
    struct lent lent = {.calls = 0};
    crew_message start = {.tag = (uint64_t)(uintptr_t)&lent};
    crew_worker_options options = {.start = &start};
    struct sim_thread *borrower = sim_spawn("borrower", borrow, &lent);
    crew_worker *worker;

    (void)arg;
    sim_check_equal(crew_worker_start(&worker, lend, &options), 0);
    sim_check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    sim_check_equal(lent.calls, 3);
    sim_join(borrower);
    sim_check_equal(crew_worker_destroy(worker), 0);
}

/* ---- a port that it left --------------------------------------------------------- */

static crew_port *left[2];
static unsigned came;

static void count_message(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)message;
    (void)arg;
    came++;
}

static int leave_port(crew_self *self, crew_message *start)
{
    static const crew_listener listener = {.on_message = count_message};

    (void)start;
    sim_check_equal(crew_channel_create(&left[0], &left[1], NULL), 0);
    sim_check_equal(crew_listen(left[0], crew_self_inbox(self), &listener), 0);
    return 0;
}

/* It listens in the worker's inbox, which cannot go before it. */
static void ports_that_were_left_hold_the_worker(void *arg)
{
    crew_message message = {.tag = 1};
    crew_worker *worker;

    (void)arg;
    came = 0;
    sim_check_equal(crew_worker_start(&worker, leave_port, NULL), 0);
    sim_check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    sim_check_equal(crew_post(left[1], &message), 0);
    sim_check_equal(crew_worker_destroy(worker), -EBUSY);
    sim_check_equal(came, 1); /* but what came was heard */
    if (sim_chance(2))
        sim_check_equal(crew_post(left[1], &message), 0);
    crew_port_close(left[0]);
    crew_port_close(left[1]);
    sim_check_equal(crew_worker_destroy(worker), 0);
}

/* ---- busy and idle ------------------------------------------------------------------------- */

static int works_long(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    sim_work(50 * CREW_MS);
    return 0;
}

static int works_and_leaves(crew_self *self, crew_message *start)
{
    crew_worker *child;

    (void)start;
    sim_check_equal(crew_worker_start(&child, works_long, NULL), 0);
    sim_work(3 * CREW_MS);
    crew_sleep(self, 4 * CREW_MS);
    return 0;
}

/* What comes after its main is neither. */
static void the_end_of_children_is_not_counted(void *arg)
{
    crew_worker *worker;
    crew_exit how;

    (void)arg;
    sim_check_equal(crew_worker_start(&worker, works_and_leaves, NULL), 0);
    sim_check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), 0);
    sim_check(sim_time() >= 50 * CREW_MS);
    sim_check_equal(how.usage.busy, 3 * CREW_MS);
    sim_check_equal(how.usage.idle, 4 * CREW_MS);
    sim_check_equal(crew_worker_destroy(worker), 0);
}

const struct scenario settle_scenarios[] = {
    {.name = "worker.lent",
     .main_fiber = lent_inboxes_are_settled,
     .seeds = 4000},
    {.name = "worker.left",
     .main_fiber = ports_that_were_left_hold_the_worker,
     .seeds = 1000},
    {.name = "worker.usage",
     .main_fiber = the_end_of_children_is_not_counted,
     .seeds = 200,
     .options = {.exact = true}},
    {.name = NULL},
};
