/*
 * Named locks under stress: threads and workers that ask for the same few names
 * in every way there is, while the workers are terminated with what they hold
 * and wait for. What a lock guards are plain words, so a broken exclusion shows
 * in them, and as a race under ThreadSanitizer. Each request is answered once.
 */
#include "base/mark.h"
#include "os/os.h"

#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, GUARDED = 4, SLOTS = 5 };

/* The last name is stolen as well, and guards nothing. */
static const char *const names[GUARDED + 1] = {
    "stress/0", "stress/1", "stress/2", "stress/3", "stress/stolen"};

static struct guarded {
    uint64_t count;
    unsigned inside;
} guarded[GUARDED];

static struct {
    uint64_t changes; /* of what is guarded */
    uint64_t requests, answers, thefts;
    uint64_t foreign, foreign_answers; /* at another's inbox */
} all;

static void add(uint64_t *to, uint64_t n)
{
    __atomic_fetch_add(to, n, __ATOMIC_RELAXED);
}

/* While it is held. */
static void use(unsigned name, crew_lock_mode mode)
{
    if (name == GUARDED)
        return;
    check_equal(guarded[name].inside, 0);
    if (mode == CREW_LOCK_SHARED)
        return;
    guarded[name].inside = 1;
    crew__relax();
    guarded[name].count++;
    guarded[name].inside = 0;
    add(&all.changes, 1);
}

/* ---- requests with an answer ----------------------------------------------- */

enum slot_state { FREE, ASKED, HELD };

struct slot {
    enum slot_state state;
    unsigned name;
    crew_lock_mode mode;
    crew_lock *lock; /* NULL: given back */
};

/* Who asks: a thread, or a worker. */
struct party {
    struct test_random random;
    crew_inbox *inbox;
    crew_inbox *foreign; /* a worker's starter's; NULL */
    bool answers;        /* its dispatches release what a worker of its holds */
    struct slot slots[SLOTS];
};

static void free_slot(struct slot *slot)
{
    crew_lock_release(slot->lock);
    slot->lock = NULL;
    slot->state = FREE;
}

static void on_granted(crew_lock *lock, int status, void *arg)
{
    struct slot *slot = arg;

    add(&all.answers, 1);
    check_equal(slot->state, ASKED);
    check(lock == slot->lock);
    check(lock || status == -ECANCELED);
    check(status == 0 || status == -ECANCELED || status == -ETIMEDOUT);
    if (status == 0)
        slot->state = HELD;
    else
        free_slot(slot);
}

static void on_stolen(crew_lock *lock, void *arg)
{
    struct slot *slot = arg;

    add(&all.thefts, 1);
    check_equal(slot->name, GUARDED);
    check_equal(slot->state, HELD);
    check(lock == slot->lock);
    free_slot(slot);
}

static void ask(struct party *party, struct slot *slot)
{
    crew_lock_options options = {
        .mode = (crew_lock_mode)test_random_below(&party->random, 2),
        .inbox = party->inbox,
        .on_granted = on_granted,
        .on_stolen = on_stolen,
        .arg = slot};
    int r;

    slot->name = (unsigned)test_random_below(&party->random, GUARDED + 1);
    if (slot->name == GUARDED && test_random_below(&party->random, 3) == 0) {
        options.steal = true;
        options.mode = CREW_LOCK_EXCLUSIVE;
    } else if (test_random_below(&party->random, 3) == 0) {
        options.timeout = 1 + (crew_ns)test_random_below(&party->random, 40000);
    } else if (test_random_below(&party->random, 4) == 0) {
        options.if_available = true;
    }
    slot->mode = options.mode;
    slot->state = ASKED;
    r = crew_lock_request(&slot->lock, names[slot->name], &options);
    if (r == 0) {
        add(&all.requests, 1);
    } else {
        check_equal(r, -EBUSY);
        slot->state = FREE;
    }
}

static void step_slot(struct party *party)
{
    struct slot *slot = &party->slots[test_random_below(&party->random, SLOTS)];

    switch (slot->state) {
    case FREE:
        ask(party, slot);
        break;
    case ASKED: /* it waits, or is granted and does not know */
        crew_lock_release(slot->lock);
        slot->lock = NULL;
        break;
    case HELD:
        use(slot->name, slot->mode);
        free_slot(slot);
        break;
    }
}

static bool is_idle(const struct party *party)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (party->slots[i].state != FREE)
            return false;
    }
    return true;
}

/* ---- answers to a worker that come to another thread ----------------------- */

static void on_foreign(crew_lock *lock, int status, void *arg)
{
    add(&all.foreign_answers, 1);
    check(lock || status == -ECANCELED);
    if (status != 0)
        return; /* the handle goes with the worker */
    use((unsigned)(uintptr_t)arg, CREW_LOCK_SHARED);
    crew_lock_release(lock);
}

static void ask_foreign(struct party *party)
{
    uintptr_t name = (uintptr_t)test_random_below(&party->random, GUARDED);
    crew_lock_options options = {.mode = CREW_LOCK_SHARED,
                                 .inbox = party->foreign,
                                 .on_granted = on_foreign,
                                 .arg = (void *)name};
    crew_lock *lock;

    check_equal(crew_lock_request(&lock, names[name], &options), 0);
    add(&all.foreign, 1);
}

/* ---- calls that wait ------------------------------------------------------- */

/* For ever only where nobody can be waiting for this one meanwhile. */
static int lock_here(struct party *party)
{
    unsigned name = (unsigned)test_random_below(&party->random, GUARDED + 1);
    crew_lock_options options = {
        .mode = (crew_lock_mode)test_random_below(&party->random, 2)};
    crew_lock *lock = NULL;
    int r;

    if (!is_idle(party) || party->answers ||
        test_random_below(&party->random, 2))
        options.timeout = 1 + (crew_ns)test_random_below(&party->random, 40000);
    r = crew_lock_request(&lock, names[name], &options);
    check(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
    if (r == 0)
        use(name, options.mode);
    crew_lock_release(lock);
    return r == -ECANCELED ? r : 0;
}

/* -ECANCELED: a worker that is to end. */
static int step(struct party *party)
{
    unsigned kind = (unsigned)test_random_below(&party->random, 8);

    if (kind == 0)
        return lock_here(party);
    if (kind == 1 && party->foreign)
        ask_foreign(party);
    else if (kind <= 2)
        crew_inbox_dispatch(party->inbox,
                            (unsigned)test_random_below(&party->random, 3));
    else if (kind == 3 && test_random_below(&party->random, 50) == 0)
        check_at_least(crew_lock_query(NULL, NULL), 0);
    else
        step_slot(party);
    return 0;
}

/* ---- who does it ----------------------------------------------------------- */

/* Leaves all as it is: what it holds, what it waits for. */
static int be_worker(crew_self *self, crew_message *start)
{
    struct party *party = (struct party *)(uintptr_t)start->tag;

    party->inbox = crew_self_inbox(self);
    while (crew_self_canceled(self) == 0) {
        if (step(party) < 0)
            break;
    }
    return 0;
}

static void run_worker(struct party *starter)
{
    static uint64_t stream = THREADS;
    struct party *party = calloc(1, sizeof *party);
    crew_message start = {.tag = (uint64_t)(uintptr_t)party};
    crew_worker_options options = {.start = &start};
    crew_worker *worker = NULL;

    if (!check(party != NULL))
        return;
    test_random_init(&party->random,
                     __atomic_add_fetch(&stream, 1, __ATOMIC_RELAXED));
    party->foreign = starter->inbox;
    starter->answers = true;
    check_equal(crew_worker_start(&worker, be_worker, &options), 0);
    for (uint64_t i = test_random_below(&starter->random, 300); i > 0; i--)
        step(starter);
    check_equal(crew_worker_terminate(worker), 0);
    check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    check_equal(crew_worker_destroy(worker), 0);
    starter->answers = false;
    for (unsigned i = 0; i < SLOTS; i++)
        check(party->slots[i].state != ASKED); /* each has had its answer */
    free(party);
}

static void settle(struct party *party)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &party->slots[i];

        if (slot->state == HELD)
            free_slot(slot);
        crew_lock_release(slot->lock);
        slot->lock = NULL;
    }
    check_at_least(crew_inbox_run(party->inbox), 0);
    check(is_idle(party));
    check_equal(crew_inbox_destroy(party->inbox), 0);
}

static void work(unsigned index, void *arg)
{
    const unsigned turns = *(const unsigned *)arg;
    struct party party = {.foreign = NULL};

    test_random_init(&party.random, index);
    check_equal(crew_inbox_create(&party.inbox, NULL), 0);
    for (unsigned i = 0; i < turns; i++) {
        if (index >= THREADS / 2 && i % 100 == 0)
            run_worker(&party);
        step(&party);
    }
    settle(&party);
}

CREW_TEST_LIMIT(names_are_locked_in_every_way_by_those_who_end, 300)
{
    unsigned turns = SCALED(150000);
    uint64_t changes = 0;

    test_threads(THREADS, work, &turns);
    for (unsigned i = 0; i < GUARDED; i++)
        changes += guarded[i].count;
    printf("%llu changes, %llu answers, %llu thefts\n",
           (unsigned long long)changes, (unsigned long long)all.answers,
           (unsigned long long)all.thefts);
    check_equal(changes, all.changes);
    check_at_least(changes, turns / 10);
    check_equal(all.answers, all.requests);
    check_equal(all.foreign_answers, all.foreign);
    check_equal(crew_lock_query(NULL, NULL), 0);
    check_marked(CREW__MARK_CLAIM_TOO_LATE);
}
