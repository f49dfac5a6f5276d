/*
 * What broke once, in a worker that was terminated: crew_atomic_wait with a
 * timeout of 0 said -ECANCELED, although it does not wait and no other call
 * did; and where a finish followed the terminate at once, one that waited for a
 * message was told that there are no more.
 */
#include "../acceptance/workers.h"

static int looks(crew_self *self, crew_message *start)
{
    crew_port *port = crew_self_port(self);
    crew_inbox *inbox = crew_self_inbox(self);
    uint32_t word = 1;

    (void)start;
    check_equal(post_tag(port, 1), 0);
    while (crew_self_canceled(self) == 0)
        sched_yield();
    check_equal(crew_atomic_wait(&word, 1, 0), -ETIMEDOUT);
    check_equal(crew_atomic_wait(&word, 2, 0), -EAGAIN);
    check_equal(crew_atomic_wait(&word, 1, CREW_FOREVER), -ECANCELED);
    check_equal(receive_tag(port, 0), 2);
    check_equal(receive_tag(port, 0), -ETIMEDOUT);
    check_equal(receive_tag(port, CREW_FOREVER), -ECANCELED);
    check_equal(crew_inbox_wait(inbox, 0), -ETIMEDOUT);
    check_equal(crew_inbox_wait(inbox, CREW_FOREVER), -ECANCELED);
    return 0;
}

CREW_TEST(who_is_terminated_may_look_without_waiting)
{
    crew_worker *worker = start_plain(looks, NULL);
    crew_port *port = crew_worker_port(worker);

    check_equal(receive_tag(port, LONG_WAIT), 1);
    check_equal(post_tag(port, 2), 0);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
}

static int receives(crew_self *self, crew_message *start)
{
    crew_port *port = crew_self_port(self);
    crew_message *message;
    size_t which;

    if (start->tag)
        return crew_receive(port, &message, CREW_FOREVER);
    return crew_receive_any(&port, 1, &which, &message, CREW_FOREVER);
}

CREW_TEST(a_terminate_comes_before_the_finish_that_follows_it)
{
    for (unsigned i = 0; i < 400; i++) {
        crew_message start = {.tag = i % 2};
        crew_worker *worker = start_plain(receives, &start);
        crew_exit how;
        int r;

        test_burn(i % 20 * 10 * CREW_US); /* looking, going to sleep, asleep */
        check_equal(crew_worker_terminate(worker), 0);
        r = crew_worker_finish(worker);
        check(r == 0 || r == -EALREADY); /* it was quick */
        end_worker(worker, &how);
        /* -1: it was terminated before it could begin */
        check(how.code == -ECANCELED || how.code == -1);
        check(how.canceled);
    }
}
