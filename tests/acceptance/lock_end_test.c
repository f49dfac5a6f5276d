/* What becomes of named locks when their worker ends: W12, NL7. */
#include "locks.h"

/* ---- NL7 ------------------------------------------------------------------- */

static int holds_and_sleeps(crew_self *self, crew_message *start)
{
    crew_inbox *inbox = crew_self_inbox(self);
    crew_lock_options options = {.inbox = inbox, .on_granted = on_granted};
    static struct asked asked;

    (void)start;
    acquire("test/seven", EXCLUSIVE);
    acquire("test/both", SHARED);
    asked = (struct asked){.lock = NULL};
    options.arg = &asked;
    check_equal(crew_lock_request(&asked.lock, "test/gate", &options), 0);
    check_equal(post_tag(crew_self_port(self), 1), 0);
    check_equal(crew_sleep(self, CREW_FOREVER), -ECANCELED);
    check_equal(asked.answers, 0);
    return 0;
}

static int waits_for_lock(crew_self *self, crew_message *start)
{
    crew_lock *lock = NULL;

    (void)start;
    check_equal(post_tag(crew_self_port(self), 1), 0);
    return crew_lock_request(&lock, "test/gate", NULL);
}

CREW_TEST(W12_NL7_what_a_worker_holds_is_released_when_it_ends)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *gate = acquire("test/gate", EXCLUSIVE);
    crew_worker *worker = start_worker(holds_and_sleeps);
    crew_lock *both = acquire("test/both", SHARED);
    struct asked asked;

    ask(&asked, inbox, "test/seven", EXCLUSIVE);
    check_equal(hear(inbox), 0);
    check_equal(count_locks(), 6);
    end_worker(worker, 0);
    check_equal(hear(inbox), 1);
    check(is_held(&asked));
    check_equal(count_locks(), 3);
    check_equal(try("test/both", EXCLUSIVE), -EBUSY);
    crew_lock_release(both);
    check_equal(try("test/both", EXCLUSIVE), 0);
    crew_lock_release(asked.lock);
    crew_lock_release(gate);
    check_equal(count_locks(), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

static int holds_and_returns(crew_self *self, crew_message *start)
{
    acquire("test/return", EXCLUSIVE);
    (void)start;
    check_equal(post_tag(crew_self_port(self), 1), 0);
    return 0;
}

CREW_TEST(NL7_also_when_it_returns)
{
    crew_worker *worker = start_worker(holds_and_returns);
    crew_lock *lock = acquire("test/return", EXCLUSIVE); /* waits for its end */

    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
    crew_lock_release(lock);
}

CREW_TEST(W12_NL7_one_that_waits_is_removed_when_its_worker_is_terminated)
{
    crew_lock *gate = acquire("test/gate", EXCLUSIVE);

    for (unsigned round = 0; round < 50; round++) {
        end_worker(start_worker(waits_for_lock), -ECANCELED);
        check_equal(count_locks(), 1);
    }
    crew_lock_release(gate);
    check_equal(try("test/gate", EXCLUSIVE), 0);
}

/* Its main has returned, its inbox still delivers. */
static void on_late(crew_lock *lock, int status, void *arg)
{
    crew_lock *more = NULL;

    check_equal(status, -ECANCELED);
    check_equal(crew_lock_status(lock), -ECANCELED);
    check_equal(crew_lock_request(&more, "test/after", NULL), -ECANCELED);
    check(more == NULL);
    crew_lock_release(lock);
    ++*(unsigned *)arg;
}

static int leaves_requests(crew_self *self, crew_message *start)
{
    crew_lock_options options = {.inbox = crew_self_inbox(self),
                                 .on_granted = on_late,
                                 .arg = (void *)(uintptr_t)start->tag};
    crew_lock *lock = NULL;

    /* One waits, one is held, and neither has its answer. */
    check_equal(crew_lock_request(&lock, "test/gate", &options), 0);
    check_equal(crew_lock_request(&lock, "test/mine", &options), 0);
    return 0;
}

CREW_TEST(NL7_answers_come_before_a_worker_has_ended)
{
    crew_lock *gate = acquire("test/gate", EXCLUSIVE);
    unsigned came = 0;
    crew_message start = {.tag = (uintptr_t)&came};
    crew_worker_options options = {.start = &start};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, leaves_requests, &options), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(came, 2);
    check_equal(crew_worker_destroy(worker), 0);
    crew_lock_release(gate);
}

/* The answer of a worker's request comes to an inbox that is not its own. */
static int asks_elsewhere(crew_self *self, crew_message *start)
{
    struct asked *asked = (struct asked *)(uintptr_t)start->tag;
    crew_lock_options options = {.inbox = (crew_inbox *)asked->lock,
                                 .on_granted = on_granted,
                                 .arg = asked};

    (void)self;
    check_equal(crew_lock_request(&asked->lock, "test/gate", &options), 0);
    return 0;
}

CREW_TEST(NL7_an_answer_to_a_worker_that_has_ended_has_no_lock)
{
    crew_inbox *inbox = make_inbox();
    crew_lock *gate = acquire("test/gate", EXCLUSIVE);
    struct asked asked = {.lock = (crew_lock *)(void *)inbox};
    crew_message start = {.tag = (uintptr_t)&asked};
    crew_worker_options options = {.start = &start};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, asks_elsewhere, &options), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(hear(inbox), 1);
    check_equal(asked.status, -ECANCELED);
    check(asked.was_released);
    crew_lock_release(gate);
    check_equal(crew_inbox_destroy(inbox), 0);
}
