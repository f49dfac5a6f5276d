/* crew/adapters/uring.h in a loop around an io_uring. */
#include "cases.h"

#include <crew/adapters/uring.h>

#include <stdlib.h>

struct loop {
    struct ticker ticker;
    struct io_uring ring;
    bool stopped;
    struct __kernel_timespec every; /* of the timer, ... */
    bool ticks;                     /* ... which is in flight */
    crew_uring adapters[2];
};

/* A kernel without io_uring, or a filter that forbids it. */
static void *open_loop(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int r;

    if (!loop)
        return NULL;
    r = io_uring_queue_init(8, &loop->ring, 0);
    if (r == -ENOSYS || r == -EPERM)
        skip_test("io_uring_setup is refused here");
    check_equal(r, 0);
    loop->every.tv_nsec = 1000000;
    return loop;
}

static void arm_timer(struct loop *loop)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&loop->ring);

    if (!check(entry != NULL))
        return;
    io_uring_prep_timeout(entry, &loop->every, 0, 0);
    io_uring_sqe_set_data(entry, loop);
    loop->ticks = true;
}

static void on_timer(struct loop *loop)
{
    loop->ticks = false;
    if (loop->stopped)
        return;
    ticker_tick(&loop->ticker);
    arm_timer(loop);
}

static void turn(struct loop *loop)
{
    struct io_uring_cqe *completion;

    check_at_least(io_uring_submit_and_wait(&loop->ring, 1), -EINTR);
    while (io_uring_peek_cqe(&loop->ring, &completion) == 0) {
        if (io_uring_cqe_get_data(completion) == loop) {
            on_timer(loop);
        } else if (crew_uring_dispatch(&loop->adapters[0], completion) ==
                   -ENOENT) {
            check_at_least(crew_uring_dispatch(&loop->adapters[1], completion),
                           0);
        }
        io_uring_cqe_seen(&loop->ring, completion);
    }
}

static void close_loop(void *arg)
{
    struct loop *loop = arg;

    loop->stopped = true;
    while (loop->ticks || crew_uring_in_flight(&loop->adapters[0]) > 0 ||
           crew_uring_in_flight(&loop->adapters[1]) > 0)
        turn(loop);
    io_uring_queue_exit(&loop->ring);
    free(loop);
}

static int attach(void *arg, unsigned slot, crew_inbox *inbox)
{
    struct loop *loop = arg;

    return crew_uring_attach(&loop->adapters[slot], &loop->ring, inbox);
}

static int detach(void *arg, unsigned slot)
{
    struct loop *loop = arg;

    return crew_uring_detach(&loop->adapters[slot]);
}

static bool is_alive(const struct loop *loop)
{
    return !loop->stopped && (crew_inbox_is_alive(loop->adapters[0].inbox) ||
                              crew_inbox_is_alive(loop->adapters[1].inbox));
}

static void run(void *arg)
{
    struct loop *loop = arg;

    ticker_start(&loop->ticker);
    if (!loop->ticks)
        arm_timer(loop);
    while (is_alive(loop))
        turn(loop);
    ticker_end(&loop->ticker);
}

static void stop(void *arg)
{
    struct loop *loop = arg;

    loop->stopped = true;
}

static const struct loop_kind kind = {open_loop, close_loop, attach,
                                      detach,    run,        stop};

CREW_TEST(L1_ten_thousand_tasks)
{
    case_tasks(&kind);
}

CREW_TEST(L1_ten_thousand_tasks_that_have_ended)
{
    case_tasks_that_wait(&kind);
}

CREW_TEST(L1_ten_thousand_calls)
{
    case_calls(&kind);
}

CREW_TEST(L1_ten_thousand_messages)
{
    case_messages(&kind);
}

CREW_TEST(L1_a_port_that_listens_holds_the_loop)
{
    case_port(&kind);
}

CREW_TEST(L1_with_nothing_outstanding_it_ends)
{
    case_nothing_outstanding(&kind);
}

CREW_TEST(L1_a_callback_for_room_holds_the_loop)
{
    case_room(&kind);
}

CREW_TEST(L2_detached_in_a_callback_nothing_is_lost)
{
    case_detached_in_a_callback(&kind);
}

CREW_TEST(L2_the_rest_arrives_on_another_thread)
{
    case_another_thread(&kind);
}

CREW_TEST(L3_two_inboxes_on_one_loop)
{
    case_two_inboxes(&kind);
}

CREW_TEST(L3_an_inbox_attached_twice_is_busy)
{
    case_attached_twice(&kind);
}

CREW_TEST(NO6_tasks_submitted_again_leave_the_timer_its_turn)
{
    case_submitted_again(&kind);
}

/* ---- what this loop alone has -------------------------------------------- */

CREW_TEST(L2_an_adapter_is_free_when_nothing_is_in_flight)
{
    struct loop *loop = open_loop();
    crew_inbox *inbox = make_inbox();

    assert_non_null(loop);
    check_equal(crew_uring_in_flight(NULL), 0);
    check_equal(attach(loop, 0, inbox), 0);
    check_equal(crew_uring_in_flight(&loop->adapters[0]), 1);
    check_equal(detach(loop, 0), 0);
    check_equal(crew_uring_in_flight(&loop->adapters[0]), 2);
    check_equal(attach(loop, 0, inbox), -EBUSY);
    check_equal(crew_inbox_destroy(inbox), 0); /* it is free at once */
    inbox = make_inbox();
    while (crew_uring_in_flight(&loop->adapters[0]) > 0)
        turn(loop);
    check_equal(attach(loop, 0, inbox), 0);
    check_equal(detach(loop, 0), 0);
    close_loop(loop);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* The adapter's entry is the one too many: it submits the others. */
CREW_TEST(L1_a_full_ring_is_submitted)
{
    struct loop *loop = open_loop();
    crew_inbox *inbox = make_inbox();
    unsigned nops = 0;

    assert_non_null(loop);
    for (struct io_uring_sqe *entry; (entry = io_uring_get_sqe(&loop->ring));
         nops++) {
        io_uring_prep_nop(entry);
        io_uring_sqe_set_data(entry, &nops);
    }
    check_equal(nops, 8);
    check_equal(attach(loop, 0, inbox), 0);
    for (unsigned i = 0; i < nops; i++) {
        struct io_uring_cqe *completion;

        check_equal(io_uring_wait_cqe(&loop->ring, &completion), 0);
        check_equal(crew_uring_dispatch(&loop->adapters[0], completion),
                    -ENOENT);
        io_uring_cqe_seen(&loop->ring, completion);
    }
    check_equal(detach(loop, 0), 0);
    close_loop(loop);
    check_equal(crew_inbox_destroy(inbox), 0);
}
