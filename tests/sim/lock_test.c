/*
 * Named locks: threads and a worker ask for one name in every way, the worker is
 * terminated at any moment, and in half the runs there are thieves. Each request
 * is answered once, nobody is beside an exclusive holder, nothing is left. And
 * time limits are kept to the nanosecond.
 */
#include "scenario.h"

#include <crew/lock.h>
#include <crew/worker.h>

#include <errno.h>
#include <string.h>

#define ASKERS 3u
#define TURNS  6u

static const char name[] = "sim/lock";

static struct {
    bool thieves;
    unsigned inside, exclusive; /* who uses it */
    unsigned asked, answers;
} play;

/* ---- holding --------------------------------------------------------------- */

/* A thief comes in beside others: then nothing can be said. */
static void use(crew_lock_mode mode)
{
    bool alone = mode == CREW_LOCK_EXCLUSIVE;

    if (!play.thieves) {
        sim_check_equal(play.exclusive, 0);
        sim_check(!alone || play.inside == 0);
    }
    play.inside++;
    play.exclusive += alone;
    sim_work((crew_ns)sim_random(20 * CREW_US));
    play.inside--;
    play.exclusive -= alone;
}

/* ---- with an answer -------------------------------------------------------- */

struct request {
    crew_lock *lock;
    crew_lock_mode mode;
    crew_ns deadline; /* 0: none */
    unsigned answers, thefts;
    bool released;
    int status;
};

static void on_granted(crew_lock *lock, int status, void *arg)
{
    struct request *request = arg;

    play.answers++;
    sim_check_equal(request->answers, 0);
    sim_check_equal(request->thefts, 0);
    sim_check(!request->released || (!lock && status == -ECANCELED));
    sim_check(status != -ETIMEDOUT || sim_time() >= request->deadline);
    request->answers++;
    request->status = status;
}

static void on_stolen(crew_lock *lock, void *arg)
{
    struct request *request = arg;

    sim_check(play.thieves && !request->released);
    sim_check_equal(request->answers, 1);
    sim_check_equal(request->status, 0);
    sim_check_equal(crew_lock_status(lock), -ECANCELED);
    request->thefts++;
    sim_check_equal(request->thefts, 1);
}

static void release(struct request *request)
{
    request->released = true;
    crew_lock_release(request->lock);
}

static int await_answer(struct request *request, crew_inbox *inbox)
{
    while (request->answers == 0) {
        int r = crew_inbox_wait(inbox, CREW_FOREVER);

        if (r == -ECANCELED)
            return r;
        sim_check(r > 0);
    }
    return 0;
}

/* *request stays until all has been answered. */
static int ask(struct request *request, crew_inbox *inbox)
{
    crew_lock_options options = {.mode = (crew_lock_mode)sim_random(2),
                                 .inbox = inbox,
                                 .on_granted = on_granted,
                                 .arg = request};

    *request = (struct request){.mode = options.mode};
    if (sim_chance(2))
        options.on_stolen = on_stolen;
    if (sim_chance(2)) {
        options.timeout = sim_random_time(CREW_MS);
        request->deadline = sim_time() + options.timeout;
    }
    sim_check_equal(crew_lock_request(&request->lock, name, &options), 0);
    play.asked++;
    if (sim_chance(3))
        sim_work(sim_random_time(CREW_MS));
    if (sim_chance(4)) /* it may be granted by now, stolen, or late */
        release(request);
    if (await_answer(request, inbox) < 0)
        return -ECANCELED;
    if (request->status == 0 && request->thefts == 0)
        use(request->mode);
    if (!request->released)
        release(request);
    return 0;
}

/* ---- calls that wait ------------------------------------------------------- */

static int lock_here(crew_inbox *inbox)
{
    struct request request = {.answers = 1};
    crew_lock_options options = {.mode = (crew_lock_mode)sim_random(2)};
    crew_ns begin = sim_time();
    int r;

    if (play.thieves && sim_chance(3)) {
        options.mode = CREW_LOCK_EXCLUSIVE;
        options.steal = true;
    } else if (sim_chance(3)) {
        options.if_available = true;
    } else if (sim_chance(2)) {
        options.timeout = sim_random_time(CREW_MS);
    }
    if (sim_chance(2)) {
        options.inbox = inbox;
        options.on_stolen = on_stolen;
        options.arg = &request;
    }
    r = crew_lock_request(&request.lock, name, &options);
    sim_check(r == 0 || r == -ECANCELED ||
              (r == -EBUSY && options.if_available) ||
              (r == -ETIMEDOUT && options.timeout &&
               sim_time() >= begin + options.timeout));
    if (r < 0)
        return r == -ECANCELED ? r : 0;
    use(options.mode);
    crew_inbox_dispatch(inbox, 0);
    release(&request); /* after which nobody speaks of `request` */
    return 0;
}

/* ---- who does it ----------------------------------------------------------- */

static void be_asker(void *arg)
{
    struct request requests[TURNS];
    crew_inbox *inbox;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 0; i < TURNS; i++) {
        int r = sim_chance(2) ? ask(&requests[i], inbox) : lock_here(inbox);

        sim_check_equal(r, 0);
    }
    sim_check(crew_inbox_run(inbox) >= 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

static struct request of_worker[2 * TURNS];

/* What it has asked for when it is terminated stays as it is. */
static int be_worker(crew_self *self, crew_message *start)
{
    crew_inbox *inbox = crew_self_inbox(self);

    (void)start;
    for (unsigned i = 0; i < 2 * TURNS; i++) {
        int r = sim_chance(2) ? ask(&of_worker[i], inbox) : lock_here(inbox);

        if (r < 0)
            return r;
    }
    return 0;
}

static void everybody_asks(void *arg)
{
    struct sim_thread *threads[ASKERS];
    crew_worker *worker = NULL;

    (void)arg;
    memset(&play, 0, sizeof play);
    play.thieves = sim_chance(2);
    sim_check_equal(crew_worker_start(&worker, be_worker, NULL), 0);
    for (unsigned i = 0; i < ASKERS; i++)
        threads[i] = sim_spawn("asker", be_asker, NULL);
    sim_work(sim_random_time(2 * CREW_MS));
    crew_worker_terminate(worker);
    sim_check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    sim_check_equal(crew_worker_destroy(worker), 0);
    for (unsigned i = 0; i < ASKERS; i++)
        sim_join(threads[i]);
    sim_check_equal(play.answers, play.asked);
    sim_check_equal(crew_lock_query(NULL, NULL), 0);
}

/* ---- time ------------------------------------------------------------------ */

static const crew_ns waits[] = {1, CREW_US, 50 * CREW_MS, 3600 * CREW_S};

static crew_lock *hold(void)
{
    crew_lock *lock = NULL;

    sim_check_equal(crew_lock_request(&lock, name, NULL), 0);
    return lock;
}

static crew_lock_options limited(struct request *request, crew_inbox *inbox,
                                 crew_ns timeout)
{
    *request = (struct request){.deadline = sim_time() + timeout};
    return (crew_lock_options){.timeout = timeout,
                               .inbox = inbox,
                               .on_granted = on_granted,
                               .arg = request};
}

static void limits_of_calls(void *arg)
{
    crew_lock *holder = hold();
    crew_lock *lock;

    (void)arg;
    for (unsigned i = 0; i < 4; i++) {
        crew_lock_options options = {.timeout = waits[i]};
        crew_ns begin = sim_time();

        sim_check_equal(crew_lock_request(&lock, name, &options), -ETIMEDOUT);
        sim_check_equal(sim_time(), begin + waits[i]);
    }
    crew_lock_release(holder);
}

/* The longest first, so that each shortens the sleep. */
static void limits_of_answers(void *arg)
{
    crew_lock *holder = hold();
    struct request requests[4];
    crew_inbox *inbox;

    (void)arg;
    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    for (unsigned i = 4; i-- > 0;) {
        crew_lock_options options = limited(&requests[i], inbox, waits[i]);

        sim_check_equal(crew_lock_request(&requests[i].lock, name, &options),
                        0);
    }
    for (unsigned i = 0; i < 4; i++) {
        sim_check_equal(crew_inbox_wait(inbox, CREW_FOREVER), 1);
        sim_check_equal(sim_time(), requests[i].deadline);
        sim_check_equal(requests[i].status, -ETIMEDOUT);
        crew_lock_release(requests[i].lock);
    }
    sim_check_equal(crew_inbox_pending(inbox), 0);
    crew_lock_release(holder);
    sim_check_equal(crew_inbox_destroy(inbox), 0);
}

struct distant {
    crew_inbox *inbox;
    struct request request;
};

static void ask_from_afar(void *arg)
{
    struct distant *distant = arg;
    crew_lock_options options;

    sim_work(sim_random_time(CREW_MS));
    options = limited(&distant->request, distant->inbox, CREW_MS);
    sim_check_equal(crew_lock_request(&distant->request.lock, name, &options),
                    0);
}

/* Another thread's request shortens the sleep of the inbox's. */
static void limits_from_afar(void *arg)
{
    crew_lock *holder = hold();
    struct distant distant = {.request = {.answers = 0}};
    struct sim_thread *thread;

    (void)arg;
    sim_check_equal(crew_inbox_create(&distant.inbox, NULL), 0);
    thread = sim_spawn("asker", ask_from_afar, &distant);
    sim_check_equal(crew_inbox_wait(distant.inbox, CREW_S), 1);
    sim_check_equal(sim_time(), distant.request.deadline);
    sim_check_equal(distant.request.status, -ETIMEDOUT);
    sim_join(thread);
    crew_lock_release(distant.request.lock);
    crew_lock_release(holder);
    sim_check_equal(crew_inbox_destroy(distant.inbox), 0);
}

const struct scenario lock_scenarios[] = {
    {.name = "lock.everybody",
     .main_fiber = everybody_asks,
     .seeds = 40000,
     .reaches = REACHES(CLAIM_TOO_LATE) | REACHES(CLAIM_ALARM_LATE) |
                REACHES(CLAIM_STOLEN_EARLY)},
    {.name = "lock.limits",
     .main_fiber = limits_of_calls,
     .seeds = 1000,
     .options = {.exact = true}},
    {.name = "lock.answers",
     .main_fiber = limits_of_answers,
     .seeds = 1000,
     .options = {.exact = true}},
    {.name = "lock.afar",
     .main_fiber = limits_from_afar,
     .seeds = 2000,
     .options = {.exact = true}},
    {.name = NULL},
};
