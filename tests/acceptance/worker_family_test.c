/* Workers that start workers, many of them, and forks: W8, W15, NW10,
 * NW14, NW15, NT8, NT9. */
#include "workers.h"

#include "../stress/scale.h"

#include <sys/resource.h>
#include <unistd.h>

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

/* Counts for ever; `word` is shared with the test. */
static int counts(crew_self *self, crew_message *start)
{
    uint32_t *word = crew_buffer_data(start->buffers[0]);

    do
        __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
    while (crew_self_canceled(self) == 0);
    return 0;
}

static void never_told(crew_worker *worker, const crew_exit *how, void *arg)
{
    (void)worker;
    (void)how;
    ++*(unsigned *)arg;
}

static unsigned exits_of_children;

static int leaves_one_that_counts(crew_self *self, crew_message *start)
{
    uint32_t *word = crew_buffer_data(start->buffers[0]);
    crew_message given = {.buffers = start->buffers, .buffer_count = 1};
    crew_worker_options options = {.start = &given,
                                   .inbox = crew_self_inbox(self),
                                   .on_exit = never_told,
                                   .arg = &exits_of_children};
    crew_worker *child = NULL;

    crew_buffer_retain(start->buffers[0]);
    check_equal(crew_worker_start(&child, counts, &options), 0);
    while (__atomic_load_n(word, __ATOMIC_RELAXED) < 100)
        sched_yield();
    if (start->tag == 0) /* else it waits to be terminated */
        return 0;
    check_equal(post_tag(crew_self_port(self), 1), 0);
    return crew_sleep(self, CREW_FOREVER);
}

static void check_child_ends(bool terminate)
{
    crew_buffer *buffer = NULL;
    crew_message start = {
        .buffers = &buffer, .buffer_count = 1, .tag = terminate};
    crew_worker *worker;
    uint32_t *word;
    uint32_t count;

    assert_int_equal(crew_buffer_create(&buffer, sizeof *word, NULL), 0);
    word = crew_buffer_data(buffer);
    crew_buffer_retain(buffer);
    worker = start_plain(leaves_one_that_counts, &start);
    if (terminate) {
        check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 1);
        check_equal(crew_worker_terminate(worker), 0);
    }
    end_worker(worker, NULL);
    count = __atomic_load_n(word, __ATOMIC_RELAXED);
    check_at_least(count, 100);
    test_burn(CREW_MS);
    check_equal(__atomic_load_n(word, __ATOMIC_RELAXED), count);
    check_equal(exits_of_children, 0);
    crew_buffer_release(buffer);
}

CREW_TEST(NT8_NT9_the_child_stands_still_and_its_exit_is_not_told)
{
    for (unsigned i = 0; i < 20; i++)
        check_child_ends(i % 2);
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

enum { ALIVE = 500 };

struct many {
    unsigned exits;
    unsigned exits_of[ALIVE];
    crew_worker *alive[ALIVE];
};

static struct many many;

static void count_one(crew_worker *worker, const crew_exit *how, void *arg)
{
    unsigned *exits = arg;

    (void)how;
    ++*exits;
    many.exits++;
    many.alive[exits - many.exits_of] = NULL;
    check_equal(crew_worker_destroy(worker), 0);
}

static crew_worker *start_counted(crew_inbox *inbox, unsigned index,
                                  crew_main_fn *main)
{
    crew_worker_options options = {.stack_size = SCALED_STACK(64 * 1024),
                                   .inbox = inbox,
                                   .on_exit = count_one,
                                   .arg = &many.exits_of[index]};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

/* `n` of them live at once, then one after the other goes and another comes. */
static void start_and_terminate(crew_inbox *inbox, struct test_random *random,
                                unsigned n)
{
    memset(&many, 0, sizeof many);
    for (unsigned i = 0; i < n; i++)
        many.alive[i] = start_counted(
            inbox, i,
            test_random_below(random, 2) ? waits_for_terminate : echoes);
    check_at_least(test_thread_count(), n);
    for (unsigned i = 0; i < n; i++) {
        unsigned index = (unsigned)test_random_below(random, n);

        if (many.alive[index]) {
            crew_worker *worker = many.alive[index];

            check_equal(crew_worker_terminate(worker), 0);
            many.exits_of[index] = 0;
            while (many.alive[index])
                check_at_least(crew_inbox_wait(inbox, LONG_WAIT), 1);
            check_equal(many.exits_of[index], 1);
            many.exits_of[index] = 0;
            many.alive[index] = start_counted(inbox, index,
                                              waits_for_terminate);
        }
    }
    for (unsigned i = 0; i < n; i++)
        check_equal(crew_worker_terminate(many.alive[i]), 0);
    crew_inbox_run(inbox);
    check_equal(many.exits, 2 * n);
    for (unsigned i = 0; i < n; i++)
        check_equal(many.exits_of[i], 1);
}

/* What a round costs that the rounds before it have not yet. */
static void check_flat(size_t before, const char *what)
{
    size_t now = test_resident_bytes();

    printf("%s: %zu KiB before, %zu after\n", what, before / 1024, now / 1024);
    if (IS_RESIDENT_EXACT)
        check_at_most(now, before + before / 10 + 512 * 1024);
}

CREW_TEST_LIMIT(W15_five_hundred_live_at_once_and_memory_stays_flat, 240)
{
    const unsigned n = MANY(ALIVE);
    crew_inbox *inbox = make_inbox();
    struct test_random random;
    size_t before;

    test_random_init(&random, 1);
    start_and_terminate(inbox, &random, n);
    start_and_terminate(inbox, &random, n);
    before = test_resident_bytes();
    for (unsigned i = 0; i < 5; i++)
        start_and_terminate(inbox, &random, n);
    check_flat(before, "500 at once");
    check_equal(crew_inbox_destroy(inbox), 0);
}

static void run_in_turn(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        crew_worker *worker = start_plain(echoes, NULL);

        check_equal(post_tag(crew_worker_port(worker), i), 0);
        check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), i);
        check_equal(crew_worker_finish(worker), 0);
        end_worker(worker, NULL);
    }
}

CREW_TEST(NW14_sixty_in_turn_and_twelve_that_listen_leave_nothing)
{
    crew_inbox *inbox = make_inbox();
    struct told heard[12];
    crew_worker *workers[12];
    size_t before;

    run_in_turn(60);
    before = test_resident_bytes();
    for (unsigned i = 0; i < 10; i++)
        run_in_turn(60);
    check_flat(before, "600 in turn");
    memset(heard, 0, sizeof heard);
    for (unsigned i = 0; i < 12; i++)
        workers[i] = start_heard(posts_thousand, inbox, &heard[i], NULL);
    crew_inbox_run(inbox);
    for (unsigned i = 0; i < 12; i++) {
        check_text(heard[i].order, "omcx");
        check_equal(heard[i].messages, 1000);
        check(heard[i].in_order);
        check_equal(crew_worker_destroy(workers[i]), 0);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* The hundredth of 256 asks for more stack than there is. */
CREW_TEST(NW10_one_that_cannot_start_says_so_and_the_others_run)
{
    enum { N = 256, BAD = 100 };
    const unsigned n = MANY(N) < BAD ? BAD + 1 : MANY(N);
    crew_worker *workers[N] = {NULL};

    for (unsigned i = 0; i < n; i++) {
        size_t small = SCALED_STACK(64 * 1024);
        crew_worker_options options = {.stack_size = i == BAD ? (size_t)1 << 46
                                                              : small};
        int r = crew_worker_start(&workers[i], echoes, &options);

        if (i != BAD)
            check_equal(r, 0);
        else
            check(r == -EAGAIN || r == -ENOMEM);
    }
    check(workers[BAD] == NULL);
    for (unsigned i = 0; i < n; i++) {
        if (i == BAD)
            continue;
        check_equal(post_tag(crew_worker_port(workers[i]), i), 0);
        check_equal(receive_tag(crew_worker_port(workers[i]), LONG_WAIT), i);
        check_equal(crew_worker_finish(workers[i]), 0);
        end_worker(workers[i], NULL);
    }
}

/* And one for which there is no descriptor. */
CREW_TEST(NW10_without_a_descriptor_the_call_says_so)
{
    struct rlimit before;
    struct rlimit low;
    crew_worker *worker = start_plain(echoes, NULL);
    crew_worker *refused = NULL;
    int next = dup(0);

    check_equal(close(next), 0);
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)next; /* none below is free */
    check_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    check_equal(crew_worker_start(&refused, echoes, NULL), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check(refused == NULL);
    check_equal(post_tag(crew_worker_port(worker), 3), 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 3);
    check_equal(crew_worker_finish(worker), 0);
    end_worker(worker, NULL);
    run_in_turn(1);
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
