/*
 * What the acceptance tests of named locks share: requests, and what their
 * answers say.
 */
#ifndef CREW_TESTS_LOCKS_H
#define CREW_TESTS_LOCKS_H

#include "mail.h"

#define EXCLUSIVE CREW_LOCK_EXCLUSIVE
#define SHARED    CREW_LOCK_SHARED

/* ---- requests -------------------------------------------------------------- */

static inline crew_lock *acquire(const char *name, crew_lock_mode mode)
{
    crew_lock_options options = {.mode = mode};
    crew_lock *lock = NULL;

    assert_int_equal(crew_lock_request(&lock, name, &options), 0);
    check_equal(crew_lock_status(lock), 0);
    return lock;
}

/* What is said of one that may not wait; an answer of 0 gives it back. */
static inline int try(const char *name, crew_lock_mode mode)
{
    crew_lock_options options = {.mode = mode, .if_available = true};
    crew_lock *lock = NULL;
    int r = crew_lock_request(&lock, name, &options);

    check((lock != NULL) == (r == 0));
    crew_lock_release(lock);
    return r;
}

/* A request whose answers come to an inbox, and what came. */
struct asked {
    crew_lock *lock;
    unsigned answers, thefts;
    int status;
    bool was_released; /* `lock` was NULL in the answer */
    unsigned number;   /* of its answer among all */
};

static unsigned answers;

static inline void on_granted(crew_lock *lock, int status, void *arg)
{
    struct asked *asked = arg;

    asked->was_released = lock == NULL;
    check(lock == NULL || lock == asked->lock);
    asked->status = status;
    asked->answers++;
    asked->number = ++answers;
}

static inline void on_stolen(crew_lock *lock, void *arg)
{
    struct asked *asked = arg;

    check(lock == asked->lock);
    check_equal(asked->answers, 1);
    check_equal(crew_lock_status(lock), -ECANCELED);
    asked->thefts++;
}

static inline crew_lock_options asking(struct asked *asked, crew_inbox *inbox,
                                       crew_lock_mode mode)
{
    *asked = (struct asked){.status = 1};
    return (crew_lock_options){.mode = mode,
                               .inbox = inbox,
                               .on_granted = on_granted,
                               .on_stolen = on_stolen,
                               .arg = asked};
}

static inline void ask(struct asked *asked, crew_inbox *inbox, const char *name,
                       crew_lock_mode mode)
{
    crew_lock_options options = asking(asked, inbox, mode);

    assert_int_equal(crew_lock_request(&asked->lock, name, &options), 0);
    check_equal(asked->answers, 0); /* never from inside the call */
}

static inline bool is_held(const struct asked *asked)
{
    return asked->answers == 1 && asked->status == 0 &&
           crew_lock_status(asked->lock) == 0;
}

static inline bool is_waiting(const struct asked *asked)
{
    return asked->answers == 0 && crew_lock_status(asked->lock) == -EINPROGRESS;
}

/* Dispatches until no more comes; some may be still in line. */
static inline unsigned hear(crew_inbox *inbox)
{
    unsigned count = 0;
    int n;

    while ((n = crew_inbox_dispatch(inbox, 0)) > 0)
        count += (unsigned)n;
    check_equal(n, 0);
    return count;
}

static inline unsigned count_locks(void)
{
    int n = crew_lock_query(NULL, NULL);

    check_at_least(n, 0);
    return (unsigned)n;
}

/* ---- workers that say 1 when they are there --------------------------------- */

static inline crew_worker *start_worker(crew_main_fn *main)
{
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, NULL), 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 1);
    return worker;
}

static inline void end_worker(crew_worker *worker, int code)
{
    crew_exit how;

    check_equal(crew_worker_terminate(worker), 0);
    assert_int_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(how.code, code);
    check_equal(crew_worker_destroy(worker), 0);
}

#endif
