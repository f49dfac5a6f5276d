/*
 * Waits that can be canceled, at every step: who is canceled takes no token and
 * loses none, a word's change is never slept through, and what somebody parks
 * on is gone when he returns (memory.c sees who writes to it then).
 */
#include "scenario.h"

#include "runtime/cancel.h"

#include <crew/buffer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct meeting {
    struct crew__cancel *cancel;
    crew__aptr registered; /* the waiter's parker, or the meeting */
    uint32_t word;
    bool told;
    unsigned fired;
};

static void fire(void *arg)
{
    struct meeting *meeting = arg;

    sim_work(sim_random_time(2 * CREW_MS));
    meeting->fired++;
    crew__cancel_fire(meeting->cancel);
}

static void tell(void *arg)
{
    struct meeting *meeting = arg;
    void *seen;

    sim_work(sim_random_time(2 * CREW_MS));
    meeting->told = true;
    seen = crew__exchange_acq_rel(&meeting->registered, (void *)meeting);
    if (seen)
        crew__unpark(seen);
}

/* What the simulation watches is what is allocated and freed. */
static void park_once(struct meeting *meeting, crew_ns deadline)
{
    struct crew__parker *parker = aligned_alloc(64, sizeof *parker);
    void *seen = NULL;
    int r;

    if (!parker)
        abort();
    crew__park_init(parker);
    if (crew__cas_acq_rel(&meeting->registered, &seen, (void *)parker)) {
        r = crew__cancel_park(parker, deadline);
        sim_check(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
        sim_check(r != -ECANCELED || meeting->fired);
        sim_check(r != -ETIMEDOUT || sim_time() >= deadline);
        seen = parker;
        if (r == 0)
            sim_check(meeting->told);
        else if (!crew__cas_acq_rel(&meeting->registered, &seen, NULL))
            sim_check(crew__park(parker, CREW__NEVER) && meeting->told);
    }
    free(parker);
}

static void meet_at_a_parker(void *arg)
{
    struct crew__cancel cancel;
    struct meeting meeting = {.cancel = &cancel};
    struct sim_thread *threads[3];
    crew_ns deadline = CREW__NEVER;

    (void)arg;
    crew__cancel_init(&cancel);
    crew__cancel_set_current(&cancel);
    threads[0] = sim_spawn("firer", fire, &meeting);
    threads[1] = sim_spawn("second", fire, &meeting);
    threads[2] = sim_spawn("teller", tell, &meeting);
    if (sim_chance(2))
        deadline = sim_time() + sim_random_time(2 * CREW_MS);
    sim_work(sim_random_time(2 * CREW_MS));
    park_once(&meeting, deadline);
    for (unsigned i = 0; i < 3; i++)
        sim_join(threads[i]);
    crew__cancel_set_current(NULL);
}

/* ---- words ---------------------------------------------------------------- */

static void change(void *arg)
{
    struct meeting *meeting = arg;

    sim_work(sim_random_time(2 * CREW_MS));
    __atomic_store_n(&meeting->word, 1, __ATOMIC_RELEASE);
    crew_atomic_notify(&meeting->word, 1);
}

/* One comes or the other, or both: each ends the wait. */
static void meet_at_a_word(void *arg)
{
    struct crew__cancel cancel;
    struct meeting meeting = {.cancel = &cancel};
    struct sim_thread *threads[2] = {NULL, NULL};
    unsigned kind = (unsigned)sim_random(3);
    int r;

    (void)arg;
    crew__cancel_init(&cancel);
    crew__cancel_set_current(&cancel);
    if (kind != 1)
        threads[0] = sim_spawn("firer", fire, &meeting);
    if (kind != 2)
        threads[1] = sim_spawn("changer", change, &meeting);
    sim_work(sim_random_time(2 * CREW_MS));
    do
        r = crew_atomic_wait(&meeting.word, 0, CREW_FOREVER);
    while (r == 0 && !__atomic_load_n(&meeting.word, __ATOMIC_ACQUIRE));
    sim_check(r == 0 || r == -EAGAIN || r == -ECANCELED);
    if (r == -ECANCELED)
        sim_check(meeting.fired);
    else
        sim_check(meeting.word == 1);
    for (unsigned i = 0; i < 2; i++) {
        if (threads[i])
            sim_join(threads[i]);
    }
    crew__cancel_set_current(NULL);
}

/* Two that take turns by words alone, without a cancel. */
struct turns {
    uint32_t words[2];
};

/* Until the word is `wanted`. */
static void await(uint32_t *word, uint32_t wanted)
{
    uint32_t seen;

    while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != wanted)
        crew_atomic_wait(word, seen, CREW_FOREVER);
}

static void take_turns(struct turns *turns, unsigned me)
{
    for (uint32_t round = 0; round < 15; round++) {
        await(&turns->words[1 - me], round + me);
        __atomic_store_n(&turns->words[me], round + 1, __ATOMIC_RELEASE);
        crew_atomic_notify(&turns->words[me], UINT32_MAX);
    }
}

static void be_second(void *turns)
{
    take_turns(turns, 1);
}

static void two_take_turns_by_words(void *arg)
{
    struct turns turns = {{0, 0}};
    struct sim_thread *second = sim_spawn("second", be_second, &turns);

    (void)arg;
    take_turns(&turns, 0);
    sim_join(second);
}

static void deadlines_of_words(void *arg)
{
    const crew_ns waits[] = {1, CREW_US, 50 * CREW_MS, 3600 * CREW_S};
    uint32_t word = 0;

    (void)arg;
    for (unsigned i = 0; i < 4; i++) {
        crew_ns before = sim_time();

        sim_check_equal(crew_atomic_wait(&word, 0, waits[i]), -ETIMEDOUT);
        sim_check_equal(sim_time(), before + waits[i]);
    }
    sim_check_equal(crew_atomic_notify(&word, 1), 0);
}

const struct scenario cancel_scenarios[] = {
    {.name = "cancel.parker",
     .main_fiber = meet_at_a_parker,
     .seeds = 20000,
     .reaches = REACHES(CANCEL_WHILE_PARKED) | REACHES(CANCEL_BEFORE_PARK)},
    {.name = "cancel.word",
     .main_fiber = meet_at_a_word,
     .seeds = 20000,
     .reaches = REACHES(CANCEL_WORD)},
    {.name = "cancel.turns",
     .main_fiber = two_take_turns_by_words,
     .seeds = 2000},
    {.name = "cancel.deadlines",
     .main_fiber = deadlines_of_words,
     .seeds = 1000,
     .options = {.exact = true}},
    {.name = NULL},
};
