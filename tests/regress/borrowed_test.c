/*
 * What broke once: crew_inbox_destroy took a worker's own inbox away from it,
 * which is borrowed, and the worker wound up in memory that was gone. Closing
 * its port, which is borrowed too, never did harm.
 */
#include "../acceptance/workers.h"

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static int destroys(crew_self *self, crew_message *start)
{
    crew_inbox *inbox = crew_self_inbox(self);
    unsigned calls = 0;

    (void)start;
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(crew_inbox_call(inbox, count, &calls), 0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(calls, 1);
    check_equal(crew_inbox_destroy(inbox), -EBUSY);
    return 3;
}

CREW_TEST(a_worker_keeps_its_own_inbox)
{
    crew_worker *worker = start_plain(destroys, NULL);
    crew_exit how;

    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), 0);
    check_equal(how.code, 3);
    check_equal(crew_worker_destroy(worker), 0);
}

static int closes(crew_self *self, crew_message *start)
{
    (void)start;
    crew_port_close(crew_self_port(self));
    check_equal(post_tag(crew_self_port(self), 1), -EPIPE);
    return 4;
}

CREW_TEST(a_worker_that_closes_its_port_ends_as_ever)
{
    crew_worker *worker = start_plain(closes, NULL);
    crew_exit how;

    check_equal(receive_tag(crew_worker_port(worker), CREW_FOREVER), -EPIPE);
    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), 0);
    check_equal(how.code, 4);
    check_equal(crew_worker_destroy(worker), 0);
}
