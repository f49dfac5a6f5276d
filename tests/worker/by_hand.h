/*
 * A worker that no thread is: a test takes each step of its life itself, so
 * that what depends on the order of steps comes out the same at each run.
 */
#ifndef CREW_TESTS_BY_HAND_H
#define CREW_TESTS_BY_HAND_H

#include "../acceptance/workers.h"

#include "worker/lock.h"
#include "worker/worker.h"

/* As one whose thread has come online; with an inbox its two items are
 * expected there. The caller has its handle and its thread's part. */
static inline crew_worker *make_by_hand(crew_inbox *inbox)
{
    crew_worker *worker = crew__memory_aligned(CREW__APART, sizeof *worker);
    const crew__a64 *word;

    assert_non_null(worker);
    worker->generation = crew__fork_generation(&word);
    worker->inbox = inbox;
    worker->has_begun = true;
    worker->place.cancel = &worker->cancel;
    crew__cancel_init(&worker->cancel);
    crew__list_init(&worker->children);
    crew__list_init(&worker->locks);
    crew__list_init(&worker->ended_locks);
    crew__post_init(&worker->box);
    worker->online.deliver = crew__worker_deliver_online;
    worker->exit.deliver = crew__worker_deliver_exit;
    crew__store_relaxed(&worker->references, inbox ? 4 : 2);
    crew__census_born(CREW__CENSUS_WORKER, worker);
    worker->home = make_inbox();
    assert_int_equal(crew_channel_create(&worker->port, &worker->inner, NULL),
                     0);
    worker->port->transport->retain(worker->port);
    if (inbox)
        crew__inbox_expect(inbox, 2);
    return worker;
}

/* Its thread's last steps. */
static inline void end_by_hand(crew_worker *worker, int code)
{
    crew_port_close(worker->inner);
    check_equal(crew_inbox_destroy(worker->home), 0);
    worker->home = NULL;
    worker->how.code = code;
    crew__worker_tell_end(worker);
}

/* Calls fn(self, arg) as if the calling thread were the worker. */
static inline void act_as(crew_worker *worker,
                          void (*fn)(crew_self *self, void *arg), void *arg)
{
    struct crew__activation a;

    crew__run_open(&a, &worker->place, NULL);
    fn(&a.self, arg);
    check_equal(crew__run_close(&a), 0);
}

#endif
