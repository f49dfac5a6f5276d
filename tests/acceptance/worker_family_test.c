/* Workers that start workers, many of them, and forks: W8, W15, NW14, NW15,
 * NT8, NT9. */
#include "workers.h"

#include "../stress/scale.h"

#include <stdlib.h>

/* ---- children ------------------------------------------------------------ */

static int starts_another(crew_self *self, crew_message *start)
{
    crew_message deeper = {.tag = start->tag - 1};
    crew_port *port = crew_self_port(self);
    crew_worker *child;
    crew_message *message;

    if (start->tag == 0) {
        post_tag(port, 1);
        return waits_for_terminate(self, NULL);
    }
    child = start_plain(starts_another, &deeper);
    check_equal(crew_receive(crew_worker_port(child), &message, LONG_WAIT), 0);
    crew_message_free(message);
    post_tag(port, 1);
    return 1; /* its child ends with it */
}

CREW_TEST(W8_NW15_NT8_NT9_what_a_worker_started_ends_with_it)
{
    crew_message start = {.tag = 3};
    crew_worker *worker = start_plain(starts_another, &start);
    crew_exit how;

    end_worker(worker, &how);
    check_equal(how.code, 1);
}

/* ---- a family across inboxes --------------------------------------------- */

static crew_inbox *grandparents;

static void destroys(crew_worker *worker, const crew_exit *how, void *arg)
{
    (void)how;
    (void)arg;
    crew_worker_destroy(worker); /* its parent may have been first */
}

/* It may have been terminated already. */
static int returns_at_once(crew_self *self, crew_message *start)
{
    (void)self;
    (void)start;
    return 7;
}

static int leaves_children(crew_self *self, crew_message *start)
{
    crew_worker_options options = {.inbox = grandparents, .on_exit = destroys};
    crew_worker *child = NULL;

    (void)self;
    (void)start;
    for (unsigned i = 0; i < 3; i++)
        check_equal(crew_worker_start(&child,
                                      i ? waits_for_terminate : returns_at_once,
                                      &options),
                    0);
    return 0;
}

CREW_TEST(W8_a_child_is_given_back_by_parent_or_callback)
{
    grandparents = make_inbox();
    for (unsigned i = 0; i < 100; i++) {
        crew_worker *worker = start_plain(leaves_children, NULL);

        while (crew_worker_wait(worker, NULL, 0) == -ETIMEDOUT)
            crew_inbox_dispatch(grandparents, 0);
        check_equal(crew_worker_destroy(worker), 0);
        crew_inbox_run(grandparents);
    }
    check_equal(crew_inbox_destroy(grandparents), 0);
}

/* ---- many ---------------------------------------------------------------- */

CREW_TEST_LIMIT(W15_NW14_many_are_started_and_terminated, 120)
{
    enum { ALIVE = 16 };
    crew_worker *alive[ALIVE] = {NULL};
    unsigned seed = 1;

    for (unsigned i = 0; i < MANY(500); i++) {
        crew_worker **slot = &alive[rand_r(&seed) % ALIVE];

        if (*slot) {
            crew_worker_terminate(*slot);
            end_worker(*slot, NULL);
        }
        *slot = start_plain(rand_r(&seed) % 2 ? waits_for_terminate : echoes,
                            NULL);
    }
    for (unsigned i = 0; i < ALIVE; i++) {
        if (alive[i]) {
            crew_worker_terminate(alive[i]);
            end_worker(alive[i], NULL);
        }
    }
}

/* ---- in a forked child --------------------------------------------------- */

static int starts_forked(void *arg)
{
    (void)arg;
#if !defined(UNDER_TSAN) /* which wants no threads there */
    crew_worker *own = NULL;
    crew_exit how;

    check_equal(crew_worker_start(&own, returns_seven, NULL), 0);
    end_worker(own, &how);
    check_equal(how.code, 7);
#endif
    return 0;
}

static int asks_forked(void *arg)
{
    crew_worker *worker = arg;
    crew_usage usage;
    crew_exit how;

    check_equal(crew_worker_finish(worker), -EOWNERDEAD);
    check_equal(crew_worker_terminate(worker), -EOWNERDEAD);
    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), -EOWNERDEAD);
    check_equal(crew_worker_usage(worker, &usage), -EOWNERDEAD);
    check_equal(post_tag(crew_worker_port(worker), 0), -EOWNERDEAD);
    check_equal(crew_worker_destroy(worker), 0);
    return starts_forked(NULL);
}

static int forks(crew_self *self, crew_message *start)
{
    (void)start;
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return test_in_child(starts_forked, NULL);
}

/* No thread allocates while another forks: allocators do not all survive it. */
CREW_TEST(workers_in_a_forked_child)
{
    crew_worker *worker = start_plain(polls, NULL);
    crew_exit how;

    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 1);
    check_equal(test_in_child(asks_forked, worker), 0);
    check_equal(crew_worker_terminate(worker), 0);
    end_worker(worker, NULL);
    worker = start_plain(forks, NULL);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    end_worker(worker, &how);
    check_equal(how.code, 0);
}
