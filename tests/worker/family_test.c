/* Families: who gives a handle back, and how long a worker's memory stays. */
#include "by_hand.h"

#include "base/census.h"

static uint32_t references(crew_worker *worker)
{
    return crew__load_relaxed(&worker->references);
}

static int returns(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    return 0;
}

static crew_worker *start_ended(void)
{
    crew_worker *worker = start_plain(returns, NULL);

    assert_int_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    return worker;
}

static void set_handle(crew_worker *worker, enum crew__handle handle)
{
    crew__lock(&worker->lock);
    worker->handle = handle;
    crew__unlock(&worker->lock);
}

/* ---- the handle ------------------------------------------------------------- */

CREW_TEST(one_of_those_who_want_to_gives_a_handle_back)
{
    crew_worker *worker = start_plain(polls, NULL);

    check_equal(crew_worker_destroy(NULL), 0);
    check_equal(crew_worker_destroy(worker), -EBUSY); /* it runs */
    check_equal(crew_worker_terminate(worker), 0);
    assert_int_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    set_handle(worker, CREW__HANDLE_GOING); /* another is at it */
    check_equal(crew_worker_destroy(worker), -EBUSY);
    set_handle(worker, CREW__HANDLE_GONE);
    check_equal(crew_worker_destroy(worker), 0); /* another has done it */
    check_equal(worker->handle, CREW__HANDLE_GONE);
    set_handle(worker, CREW__HANDLE_HELD);
    check_equal(crew_worker_destroy(worker), 0);
}

/* ---- a port that listens in the inbox of one that has ended ------------------- */

struct leaving {
    struct pair pair; /* b listens there */
    struct heard heard;
};

static int leaves_a_port(crew_self *self, crew_message *start)
{
    struct leaving *leaving = (struct leaving *)(uintptr_t)start->tag;

    leaving->pair = make_channel();
    crew_port_unref(leaving->pair.b);
    check_equal(
        listen_with(leaving->pair.b, crew_self_inbox(self), &leaving->heard),
        0);
    return 0;
}

static crew_worker *start_leaving(struct leaving *leaving)
{
    crew_message message = {.tag = (uintptr_t)leaving};
    crew_worker *worker = start_plain(leaves_a_port, &message);

    assert_int_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    leaving->heard = hear_from(0); /* by who looks at its inbox */
    return worker;
}

CREW_TEST(a_port_that_listens_there_keeps_the_handle)
{
    struct leaving leaving;
    crew_worker *worker = start_leaving(&leaving);

    for (unsigned i = 0; i < 2; i++) {
        check_equal(post_tag(leaving.pair.a, i), 0);
        check_equal(crew_worker_destroy(worker), -EBUSY);
        check_equal(leaving.heard.messages, i + 1); /* it has looked */
        check_equal(worker->handle, CREW__HANDLE_HELD);
    }
    crew_port_close(leaving.pair.b);
    check_equal(leaving.heard.closes, 0);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(leaving.heard.closes, 1);
    crew_port_close(leaving.pair.a);
}

static int keeps_such_a_child(crew_self *self, crew_message *start)
{
    struct leaving leaving;
    crew_worker *here = crew__worker_of(self);
    crew_worker *child = start_leaving(&leaving);

    (void)start;
    check(child->parent == here);
    check_equal(references(here), 3); /* handle, thread, child */
    check(crew__worker_has_children(here));
    check_equal(crew_worker_destroy(child), -EBUSY);
    check(crew__worker_has_children(here)); /* it is linked again */
    crew_port_close(leaving.pair.b);
    check_equal(crew_worker_destroy(child), 0);
    check(!crew__worker_has_children(here));
    check_equal(references(here), 2);
    crew_port_close(leaving.pair.a);
    return 0;
}

CREW_TEST(a_child_whose_destroy_is_refused_is_one_as_before)
{
    end_worker(start_plain(keeps_such_a_child, NULL), NULL);
}

/* ---- parents ------------------------------------------------------------------- */

static struct test_gate younger_ends;

static int waits_for_the_younger(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    test_gate_wait(&younger_ends);
    return 0;
}

static int ends_when_told(crew_self *self, crew_message *start)
{
    polls(self, start);
    test_gate_open(&younger_ends);
    return 0;
}

/* The oldest is awaited first, and ends after the youngest. */
static int has_two_children(crew_self *self, crew_message *start)
{
    crew_worker *here = crew__worker_of(self);
    crew_worker *younger;

    (void)start;
    check(!crew__worker_has_children(here));
    start_plain(waits_for_the_younger, NULL);
    younger = start_plain(ends_when_told, NULL);
    check_equal(receive_tag(crew_worker_port(younger), LONG_WAIT), 1);
    crew__worker_end_children(here);
    check(!crew__worker_has_children(here));
    check(here->family_over);
    check_equal(references(here), 2);
    crew__worker_end_children(here); /* there are none */
    return 0;
}

CREW_TEST(all_children_are_told_before_one_is_awaited)
{
    test_gate_init(&younger_ends);
    end_worker(start_plain(has_two_children, NULL), NULL);
    test_gate_fini(&younger_ends);
}

static crew_worker *grandchild; /* with a reference of the case's */

static int has_a_child(crew_self *self, crew_message *start)
{
    crew_worker *child = start_plain(polls, NULL);

    (void)self;
    (void)start;
    grandchild = crew__id_find(crew_worker_id(child));
    check(grandchild == child);
    return 0;
}

static int has_a_grandchild(crew_self *self, crew_message *start)
{
    crew_worker *child = start_plain(has_a_child, NULL);

    (void)self;
    (void)start;
    check_equal(crew_worker_wait(child, NULL, LONG_WAIT), 0);
    return 0;
}

/* Who has found one may be the last to let go of a whole line. */
CREW_TEST(the_last_reference_of_a_child_takes_its_parents_along)
{
    size_t live = crew__census_live(0);
    crew_worker *worker = start_plain(has_a_grandchild, NULL);

    end_worker(worker, NULL);
    check(grandchild->parent->parent == worker);
    check_equal(references(grandchild), 1);
    check_equal(references(grandchild->parent), 1);
    check_equal(references(worker), 1);
    crew__worker_release(grandchild);
    check_equal(crew__census_live(0), live);
}

CREW_TEST(one_that_the_program_started_has_no_parent)
{
    crew_worker *worker = start_ended();

    check(worker->parent == NULL);
    check(!crew__worker_has_children(worker));
    crew__worker_end_children(worker);
    check_equal(crew_worker_destroy(worker), 0);
}
