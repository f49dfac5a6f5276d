/* A worker's end: what its inbox is told, in which order, and who waits. */
#include "by_hand.h"
#include "unlock.h"

/* One whose callbacks note what they hear; `told` may be NULL: no callbacks. */
static crew_worker *make_telling(crew_inbox *inbox, struct told *told)
{
    crew_worker *worker = make_by_hand(inbox);

    crew__store_relaxed(&worker->online_since, 1);
    if (told) {
        worker->on_online = on_online;
        worker->on_error = on_error;
        worker->on_exit = on_exit_;
        worker->arg = told;
        told->in_order = true;
    }
    return worker;
}

static void listen_to(crew_worker *worker, struct told *told)
{
    crew_listener listener = {on_message, NULL, on_close, told, {0}};

    assert_int_equal(crew_listen(worker->port, worker->inbox, &listener), 0);
}

/* ---- what the inbox is told ------------------------------------------------ */

CREW_TEST(all_is_told_in_order_and_one_thing_at_a_time)
{
    crew_inbox *inbox = make_inbox();
    struct told told = {.count = 0};
    crew_worker *worker = make_telling(inbox, &told);

    worker->failure = -EIO; /* without memory for its text */
    listen_to(worker, &told);
    crew__inbox_post(inbox, &worker->online);
    check_equal(post_tag(worker->inner, 0), 0);
    end_by_hand(worker, 5);
    check_equal(crew_inbox_pending(inbox), 3);
    /* The exit comes round until all before it has been said. */
    for (unsigned i = 0; i < 5; i++)
        check_equal(crew_inbox_dispatch(inbox, 1), 1);
    check_equal(crew_inbox_pending(inbox), 0);
    check_text(told.order, "omcex");
    check(told.worker == worker);
    check_equal(told.code, -EIO);
    check_text(told.text, "");
    check_equal(told.how.code, 5);
    check(!told.how.canceled);
    check_equal(told.how.usage.messages_out, 1);
    check_equal(crew__load_relaxed(&worker->references), 1); /* the handle */
    crew__worker_dispose(worker);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(an_exit_waits_for_a_listener_of_its_own_inbox_alone)
{
    crew_inbox *inbox = make_inbox();
    crew_inbox *other = make_inbox();
    struct told told = {.count = 0};
    struct told elsewhere = {.in_order = true};
    crew_worker *worker = make_telling(inbox, &told);
    crew_listener listener = {on_message, NULL, on_close, &elsewhere, {0}};

    check_equal(crew_listen(worker->port, other, &listener), 0);
    crew__inbox_post(inbox, &worker->online);
    end_by_hand(worker, 0);
    check_equal(dispatch_all(inbox), 2);
    check_text(told.order, "ox");
    check_equal(dispatch_all(other), 1);
    check_text(elsewhere.order, "c");
    crew__worker_dispose(worker);
    end_all(NULL, NULL, inbox);
    end_all(NULL, NULL, other);
}

CREW_TEST(what_is_not_asked_for_is_not_told)
{
    crew_inbox *inbox = make_inbox();
    crew_worker *worker = make_telling(inbox, NULL);

    worker->failure = -EIO;
    crew__inbox_post(inbox, &worker->online);
    end_by_hand(worker, 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 0); /* no callback */
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew__load_relaxed(&worker->references), 1);
    crew__worker_dispose(worker);
    end_all(NULL, NULL, inbox);
}

/* Its item comes all the same. */
CREW_TEST(one_that_never_was_online_does_not_say_so)
{
    crew_inbox *inbox = make_inbox();
    struct told told = {.count = 0};
    crew_worker *worker = make_telling(inbox, &told);

    crew__store_relaxed(&worker->online_since, 0);
    crew__inbox_post(inbox, &worker->online);
    crew__cancel_fire(&worker->cancel);
    end_by_hand(worker, -1);
    check_equal(dispatch_all(inbox), 1);
    check_text(told.order, "x");
    check(told.how.canceled);
    crew__worker_dispose(worker);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(one_whose_handle_is_gone_says_nothing)
{
    crew_inbox *inbox = make_inbox();
    struct told told = {.count = 0};
    crew_worker *worker = make_telling(inbox, &told);

    worker->failure = -EIO;
    crew__inbox_post(inbox, &worker->online);
    end_by_hand(worker, 0);
    crew__worker_dispose(worker); /* its items hold its memory */
    check_equal(crew__load_relaxed(&worker->references), 2);
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check_equal(crew_inbox_pending(inbox), 0);
    check_text(told.order, "");
    end_all(NULL, NULL, inbox);
}

/* ---- waiting --------------------------------------------------------------- */

enum { WAITERS = 3 };

struct crowd {
    crew_worker *worker;
    struct crew__cancel cancel; /* of the first */
    unsigned expected;
    bool gives_up; /* the first, before the end */
    int results[WAITERS];
    int codes[WAITERS];
};

static bool are_there(void *arg)
{
    struct crowd *crowd = arg;
    unsigned count = 0;

    crew__lock(&crowd->worker->lock);
    for (struct crew__waiter *w = crowd->worker->waiters; w; w = w->next)
        count++;
    crew__unlock(&crowd->worker->lock);
    return count == crowd->expected;
}

static void await_crowd(struct crowd *crowd, unsigned count)
{
    crowd->expected = count;
    test_poll(are_there, crowd, LONG_WAIT);
}

static void wait_or_end(unsigned index, void *arg)
{
    struct crowd *crowd = arg;
    crew_exit how = {.code = -1};

    if (index < WAITERS) {
        if (index == 0)
            crew__cancel_set_current(&crowd->cancel);
        crowd->results[index] = crew_worker_wait(crowd->worker, &how,
                                                 CREW_FOREVER);
        crew__cancel_set_current(NULL);
        crowd->codes[index] = how.code;
        return;
    }
    await_crowd(crowd, WAITERS);
    if (crowd->gives_up) {
        crew__cancel_fire(&crowd->cancel);
        await_crowd(crowd, WAITERS - 1);
    }
    end_by_hand(crowd->worker, 7);
}

CREW_TEST(all_who_wait_are_told)
{
    struct crowd crowd = {.worker = make_telling(NULL, NULL)};

    crew__cancel_init(&crowd.cancel);
    test_threads(WAITERS + 1, wait_or_end, &crowd);
    for (unsigned i = 0; i < WAITERS; i++) {
        check_equal(crowd.results[i], 0);
        check_equal(crowd.codes[i], 7);
    }
    check(crowd.worker->waiters == NULL);
    crew__worker_dispose(crowd.worker);
}

CREW_TEST(one_that_is_canceled_takes_itself_out)
{
    struct crowd crowd = {.worker = make_telling(NULL, NULL), .gives_up = true};

    crew__cancel_init(&crowd.cancel);
    test_threads(WAITERS + 1, wait_or_end, &crowd);
    check_equal(crowd.results[0], -ECANCELED);
    check_equal(crowd.codes[0], -1);
    for (unsigned i = 1; i < WAITERS; i++)
        check_equal(crowd.results[i], 0);
    crew__worker_dispose(crowd.worker);
}

struct late {
    crew_worker *worker;
    struct crew__cancel cancel; /* of who waits */
    struct test_gate gave_up;
    int result;
};

static void say_so(void *arg)
{
    test_gate_open(arg);
}

/* It is taken already, and its token has still to come. */
static void cancel_now(void *arg)
{
    struct late *late = arg;

    crew__cancel_fire(&late->cancel);
    test_gate_wait(&late->gave_up);
}

static bool is_parked(void *arg)
{
    struct late *late = arg;
    bool parked;

    crew__lock(&late->cancel.lock);
    parked = late->cancel.parker != NULL;
    crew__unlock(&late->cancel.lock);
    return parked;
}

static void wait_or_end_late(unsigned index, void *arg)
{
    struct late *late = arg;
    const struct crew__lock *lock = &late->worker->lock;

    if (index == 0) {
        crew__cancel_set_current(&late->cancel);
        /* It looks, registers, and would take that back. */
        step_in_after(3, lock, say_so, &late->gave_up);
        late->result = crew_worker_wait(late->worker, NULL, CREW_FOREVER);
        crew__cancel_set_current(NULL);
        check(stepped_in());
        return;
    }
    test_poll(is_parked, late, LONG_WAIT);
    step_in_after(1, lock, cancel_now, late);
    end_by_hand(late->worker, 0);
    check(stepped_in());
}

CREW_TEST(one_that_is_canceled_too_late_is_told_the_end)
{
    struct late late = {.worker = make_telling(NULL, NULL), .result = 1};

    crew__cancel_init(&late.cancel);
    test_gate_init(&late.gave_up);
    test_threads(2, wait_or_end_late, &late);
    check_equal(late.result, 0);
    test_gate_fini(&late.gave_up);
    crew__worker_dispose(late.worker);
}

static void wait_for_itself(crew_self *self, void *arg)
{
    check(crew__worker_of(self) == arg);
    check_equal(crew_worker_wait(arg, NULL, CREW_FOREVER), -EDEADLK);
}

CREW_TEST(a_wait_without_end_and_after_the_end)
{
    crew_worker *worker = make_telling(NULL, NULL);
    crew_exit how = {.code = 99};

    check_equal(crew_worker_wait(NULL, &how, 0), -EINVAL);
    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER - 1), -EINVAL);
    act_as(worker, wait_for_itself, worker);
    check_equal(crew_worker_wait(worker, &how, 0), -ETIMEDOUT);
    check_equal(crew_worker_wait(worker, &how, 1), -ETIMEDOUT);
    check(worker->waiters == NULL);
    check_equal(how.code, 99);
    end_by_hand(worker, 3);
    for (unsigned i = 0; i < 2; i++) {
        how.code = 99;
        check_equal(crew_worker_wait(worker, &how, i ? CREW_FOREVER : 0), 0);
        check_equal(how.code, 3);
    }
    check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    crew__worker_dispose(worker);
}
