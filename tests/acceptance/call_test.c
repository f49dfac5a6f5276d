/*
 * crew_inbox_call from the caller's side: from any thread, once, in order, on
 * the inbox's thread, whoever that is at the moment.
 */
#include "work.h"

#include <stdlib.h>

static unsigned called;

enum { CALLERS = 8 };

struct calling {
    crew_inbox *inbox;
    unsigned each;
    unsigned next[CALLERS]; /* that is to come, per caller */
    unsigned total;
};

struct numbered_call {
    struct calling *calling;
    unsigned caller;
    unsigned number;
};

static pthread_t inbox_thread;

static void come_in_turn(void *arg)
{
    struct numbered_call *call = arg;
    struct calling *calling = call->calling;

    check(pthread_equal(pthread_self(), inbox_thread));
    check_equal(call->number, calling->next[call->caller]);
    calling->next[call->caller]++;
    calling->total++;
    free(call);
}

/* The last of them is the inbox's thread. */
static void call_or_dispatch(unsigned index, void *arg)
{
    struct calling *calling = arg;

    if (index == CALLERS) {
        inbox_thread = pthread_self();
        while (calling->total < CALLERS * calling->each)
            if (!check_at_least(crew_inbox_wait(calling->inbox, LONG_WAIT), 1))
                return;
        return;
    }
    for (unsigned i = 0; i < calling->each; i++) {
        struct numbered_call *call = malloc(sizeof *call);

        if (!check(call != NULL))
            return;
        *call = (struct numbered_call){calling, index, i};
        check_equal(crew_inbox_call(calling->inbox, come_in_turn, call), 0);
    }
}

CREW_TEST(T11_calls_from_eight_threads_come_once_and_in_order)
{
    struct calling calling = {make_inbox(), MANY(20000), {0}, 0};

    test_threads(CALLERS + 1, call_or_dispatch, &calling);
    check_equal(calling.total, CALLERS * calling.each);
    check_equal(crew_inbox_pending(calling.inbox), 0);
    check_equal(crew_inbox_dispatch(calling.inbox, 0), 0);
    check_equal(crew_inbox_destroy(calling.inbox), 0);
}

struct calls_home {
    crew_task task;
    crew_inbox *inbox;
    unsigned called;
};

static void note_call(void *arg)
{
    ((struct calls_home *)arg)->called++;
}

static int call_home(crew_self *self, crew_task *task)
{
    struct calls_home *home = (struct calls_home *)(void *)task;

    (void)self;
    return crew_inbox_call(home->inbox, note_call, home);
}

static void done_after_call(crew_task *task)
{
    check_equal(task->status, 0);
    check_equal(((struct calls_home *)(void *)task)->called, 1);
}

CREW_TEST(T11_a_call_made_in_run_comes_before_the_done)
{
    enum { N = 2000 };
    static struct calls_home homes[N];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);

    for (int i = 0; i < N; i++) {
        homes[i] = (struct calls_home){
            {.run = call_home, .done = done_after_call}, inbox, 0};
        check_equal(crew_submit(pool, &homes[i].task, inbox), 0);
    }
    check_equal(crew_inbox_run(inbox), 2 * N);
    end_all(pool, NULL, inbox);
}

/* What is called while dispatching waits for the next dispatch. */
static void call_again(void *arg)
{
    called++;
    if (called < 100)
        check_equal(crew_inbox_call(arg, call_again, arg), 0);
}

CREW_TEST(T11_dispatch_runs_only_what_waited_at_entry)
{
    crew_inbox *inbox = make_inbox();

    called = 0;
    check_equal(crew_inbox_call(inbox, call_again, inbox), 0);
    check_equal(called, 0); /* never from inside the call */
    for (unsigned i = 1; i <= 100; i++) {
        check_equal(crew_inbox_pending(inbox), 1);
        check_equal(crew_inbox_dispatch(inbox, 0), 1);
        check_equal(called, i);
    }
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* Handed from thread to thread under a mutex, while both go on calling. */
struct handed {
    crew_inbox *inbox;
    pthread_mutex_t mutex;
    unsigned ran; /* under the mutex */
};

static void count_under_mutex(void *arg)
{
    ((struct handed *)arg)->ran++;
}

static void call_and_take_turns(unsigned index, void *arg)
{
    struct handed *handed = arg;

    for (unsigned i = 0; i < MANY(100000); i++) {
        if (i % 4 == index) {
            pthread_mutex_lock(&handed->mutex);
            check_at_least(crew_inbox_dispatch(handed->inbox, 0), 0);
            pthread_mutex_unlock(&handed->mutex);
        }
        check_equal(crew_inbox_call(handed->inbox, count_under_mutex, handed),
                    0);
    }
}

CREW_TEST(T11_an_inbox_that_is_handed_over_counts_exactly)
{
    struct handed handed = {make_inbox(), PTHREAD_MUTEX_INITIALIZER, 0};

    test_threads(2, call_and_take_turns, &handed);
    check_at_least(crew_inbox_dispatch(handed.inbox, 0), 1);
    check_equal(handed.ran, 2 * MANY(100000));
    check_equal(crew_inbox_pending(handed.inbox), 0);
    check_equal(crew_inbox_destroy(handed.inbox), 0);
}
