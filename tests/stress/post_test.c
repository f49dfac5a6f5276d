/*
 * Posts by id under stress: workers and threads post to each other, wait for
 * answers with short times or for ever, take their handlers away, end and are
 * terminated at any moment. Each message has a buffer that counts its release,
 * and some a port: who is told that a message was not handled has all of it,
 * and as many as were told otherwise have been handled.
 */
#include "base/mark.h"

#include "scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 8, KEEPERS = 2, POSTERS = 2 };

/* The tag of a message. */
enum { QUEUED, AWAITED };

static struct {
    uint64_t ids[SLOTS]; /* 0: none */
    uint64_t streams;    /* of random numbers, one a worker */
    uint64_t made, released;
    uint64_t accepted[2], handled[2];
    unsigned keepers;
} all;

static char bytes[1];

static uint64_t add(uint64_t *count, uint64_t n)
{
    return __atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static uint64_t read(const uint64_t *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void count_release(void *data, void *arg)
{
    (void)data;
    (void)arg;
    add(&all.released, 1);
}

static crew_buffer *make_counted(void)
{
    crew_buffer *buffer = NULL;

    if (!check_equal(crew_buffer_wrap(&buffer, bytes, 1, count_release, NULL),
                     0))
        abort();
    add(&all.made, 1);
    return buffer;
}

/* ---- posting --------------------------------------------------------------- */

/* It was not handled: its port is as it was. */
static void check_port(crew_port *port, crew_port *other)
{
    crew_message *message = NULL;

    check_equal(crew_post(port, &(crew_message){.tag = 5}), 0);
    check_equal(crew_receive(other, &message, 0), 0);
    crew_message_free(message);
    crew_port_close(port);
}

static void judge(int r, unsigned tag)
{
    if (r >= 0)
        add(&all.accepted[tag], 1);
    else
        check(r == -ESRCH || r == -ENOTCONN || r == -EAGAIN ||
              (tag == AWAITED && (r == -ETIMEDOUT || r == -ECANCELED)));
    check(r <= (tag == AWAITED));
}

static void post_one(uint64_t id, crew_ns timeout, bool with_port)
{
    unsigned tag = timeout ? AWAITED : QUEUED;
    crew_buffer *buffer = make_counted();
    crew_port *port = NULL;
    crew_port *other = NULL;
    crew_message message = {.buffers = &buffer, .buffer_count = 1, .tag = tag};
    int answer = 7;
    int r;

    if (with_port && check_equal(crew_channel_create(&port, &other, NULL), 0)) {
        message.ports = &port;
        message.port_count = 1;
    }
    r = crew_worker_post(id, &message, timeout ? &answer : NULL, timeout);
    judge(r, tag);
    check_equal(answer, r == 0 && timeout ? 9 : 7);
    if (r < 0)
        crew_buffer_release(buffer);
    if (r < 0 && with_port)
        check_port(port, other);
    crew_port_close(other);
}

static uint64_t any_id(struct test_random *random, uint64_t but)
{
    uint64_t id = read(&all.ids[test_random_below(random, SLOTS)]);

    return id == but ? 0 : id;
}

static void post_some(struct test_random *random, uint64_t own, bool for_ever)
{
    unsigned n = (unsigned)test_random_below(random, 8);

    for (unsigned i = 0; i < n; i++) {
        crew_ns timeout = (crew_ns)test_random_below(random, 100000);

        if (test_random_below(random, 3) == 0)
            timeout = 0;
        else if (for_ever && test_random_below(random, 20) == 0)
            timeout = CREW_FOREVER;
        post_one(any_id(random, own), timeout,
                 test_random_below(random, 4) == 0);
    }
}

/* ---- workers --------------------------------------------------------------- */

struct work {
    crew_self *self;
    struct test_random random;
};

static int handle(uint64_t from, crew_message *message, void *arg)
{
    struct work *work = arg;

    add(&all.handled[message->tag], 1);
    check_equal(message->buffer_count, 1);
    switch (test_random_below(&work->random, 8)) {
    case 0:
        test_burn((int64_t)test_random_below(&work->random, 100000));
        break;
    case 1:
        if (from != crew_self_id(work->self))
            post_one(from, (crew_ns)test_random_below(&work->random, 50000),
                     false);
        break;
    case 2:
        check_equal(crew_self_on_post(work->self, NULL, NULL), 0);
        break;
    default:
        break;
    }
    return 9;
}

static int work(crew_self *self, crew_message *start)
{
    struct work work = {.self = self};
    uint64_t turns;

    (void)start;
    test_random_init(&work.random, 100 + add(&all.streams, 1));
    turns = test_random_below(&work.random, 50);
    for (uint64_t i = 0; i < turns && !crew_self_canceled(self); i++) {
        check_equal(crew_self_on_post(self, handle, &work), 0);
        post_some(&work.random, crew_self_id(self), true);
        crew_inbox_wait(crew_self_inbox(self),
                        (crew_ns)test_random_below(&work.random, 50000));
        if (test_random_below(&work.random, 10) == 0)
            check_equal(crew_self_on_post(self, NULL, NULL), 0);
    }
    return 0;
}

/* ---- the threads ----------------------------------------------------------- */

static void end_one(crew_worker *worker, struct test_random *random)
{
    bool ended = false;

    /* Now and then by itself; but it may wait for ever. */
    if (test_random_below(random, 4) == 0)
        ended = crew_worker_wait(worker, NULL, CREW_MS) == 0;
    if (!ended)
        crew_worker_terminate(worker);
    check_equal(crew_worker_wait(worker, NULL, CREW_FOREVER), 0);
    check_equal(crew_worker_destroy(worker), 0);
}

static void keep(unsigned index, unsigned turns)
{
    crew_worker *workers[SLOTS] = {NULL};
    struct test_random random;

    test_random_init(&random, index);
    for (unsigned i = 0; i < turns; i++) {
        unsigned slot = (unsigned)test_random_below(&random, SLOTS / KEEPERS) *
                            KEEPERS +
                        index;

        if (workers[slot])
            end_one(workers[slot], &random);
        if (!check_equal(crew_worker_start(&workers[slot], work, NULL), 0))
            break;
        __atomic_store_n(&all.ids[slot], crew_worker_id(workers[slot]),
                         __ATOMIC_RELAXED);
        post_some(&random, 0, false);
    }
    for (unsigned slot = index; slot < SLOTS; slot += KEEPERS) {
        if (workers[slot])
            end_one(workers[slot], &random);
    }
}

static void run(unsigned index, void *arg)
{
    struct test_random random;

    if (index < KEEPERS) {
        keep(index, *(unsigned *)arg);
        __atomic_sub_fetch(&all.keepers, 1, __ATOMIC_RELEASE);
        return;
    }
    test_random_init(&random, index);
    while (__atomic_load_n(&all.keepers, __ATOMIC_ACQUIRE) > 0)
        post_some(&random, 0, false);
}

CREW_TEST_LIMIT(posts_by_id_meet_workers_that_end, 300)
{
    unsigned turns = SCALED(3000);

    all.keepers = KEEPERS;
    test_threads(KEEPERS + POSTERS, run, &turns);
    printf("%llu queued, %llu of them handled; %llu awaited and handled; "
           "%llu of %llu refused\n",
           (unsigned long long)all.accepted[QUEUED],
           (unsigned long long)all.handled[QUEUED],
           (unsigned long long)all.handled[AWAITED],
           (unsigned long long)(all.made - all.accepted[QUEUED] -
                                all.accepted[AWAITED]),
           (unsigned long long)all.made);
    check_equal(all.handled[AWAITED], all.accepted[AWAITED]);
    check_at_most(all.handled[QUEUED], all.accepted[QUEUED]);
    check_at_least(all.handled[QUEUED], 100);
    check_at_least(all.handled[AWAITED], 100);
    check_equal(all.released, all.made);
    check_marked(CREW__MARK_POST_TAKEN_BACK);
    check_marked(CREW__MARK_POST_LEFT);
    check_marked(CREW__MARK_POST_REFUSED);
}
