/* A pipe: its gate, its limits, its end. */
#include "support.h"

#include "os/os.h"
#include "port/pipe.h"

#include <errno.h>

struct fixture {
    struct crew__pipe_take take CREW__ALIGNED(64);
    struct crew__pipe pipe;
    unsigned references;
};

static struct fixture fixture;

static void retain(struct crew__shelf *shelf)
{
    (void)shelf;
    fixture.references++;
}

static void release(struct crew__shelf *shelf)
{
    (void)shelf;
    fixture.references--;
}

static const struct crew__shelf_ops ops = {retain, release};

static struct crew__pipe *begin(size_t max_messages, size_t max_bytes)
{
    crew__pipe_init(&fixture.pipe, &fixture.take, max_messages, max_bytes);
    crew__shelf_init(&fixture.pipe.shelf, &fixture.take.rear, &ops);
    return &fixture.pipe;
}

static void end(struct crew__pipe *pipe)
{
    crew__messages_release(crew__pipe_drain(pipe));
    crew__shelf_close(&pipe->shelf);
    check_equal(fixture.references, 0);
    crew__pipe_fini(pipe);
}

static uint64_t ticket; /* of what went through last */

static int enter(struct crew__pipe *pipe)
{
    return crew__pipe_enter(pipe, 0, &ticket);
}

static bool push(struct crew__pipe *pipe, const crew_message *message)
{
    return crew__pipe_push(pipe, NULL,
                           crew__message_make(&pipe->shelf, message), ticket);
}

static int post(struct crew__pipe *pipe, uint64_t tag, size_t size)
{
    static const char bytes[2000];
    crew_message message = {.bytes = bytes, .size = size, .tag = tag};
    struct crew__message *made = crew__message_make(&pipe->shelf, &message);
    int r = crew__pipe_enter(pipe, size, &ticket);

    if (r < 0)
        crew__message_unmake(made);
    else
        crew__pipe_push(pipe, NULL, made, ticket);
    return r;
}

static int64_t take(struct crew__pipe *pipe)
{
    struct crew__message *message;
    int64_t tag;

    if (crew__pipe_take(pipe, &message) < 0)
        return -1;
    tag = (int64_t)message->public.tag;
    crew__message_finish(message);
    return tag;
}

CREW_TEST(messages_come_in_order_and_only_the_first_of_a_burst_tells)
{
    struct crew__pipe *pipe = begin(0, 0);
    crew_message message = {.tag = 1};

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++) {
            check_equal(enter(pipe), 0);
            check_equal(crew__pipe_waiting(pipe), i + 1);
            message.tag = i;
            check_equal(push(pipe, &message), i == 0);
        }
        check(crew__pipe_has_news(pipe));
        check(crew__pipe_peek(pipe) != 0);
        for (unsigned i = 0; i < 4; i++)
            check_equal(take(pipe), i);
        check_equal(take(pipe), -1);
        check(!crew__pipe_has_news(pipe));
        check_equal(crew__pipe_peek(pipe), 0);
    }
    check_equal(fixture.references, 4); /* they were used again */
    end(pipe);
}

CREW_TEST(what_is_let_through_and_not_pushed_counts_and_is_not_over)
{
    struct crew__pipe *pipe = begin(1, 0);
    crew_message message = {.tag = 9};

    check_equal(enter(pipe), 0);
    check_equal(enter(pipe), -EAGAIN);
    check_equal(take(pipe), -1);
    crew__pipe_end(pipe);
    check_equal(enter(pipe), -EPIPE);
    check(!crew__pipe_is_over(pipe));
    check(push(pipe, &message));
    check(!crew__pipe_is_over(pipe));
    check_equal(take(pipe), 9);
    check(crew__pipe_is_over(pipe));
    end(pipe);
}

CREW_TEST(what_is_pushed_after_the_taker_left_is_released)
{
    struct crew__pipe *pipe = begin(0, 0);
    crew_message message = {.tag = 9};

    check_equal(enter(pipe), 0);
    crew__pipe_leave(pipe);
    check_equal(crew__pipe_ask(pipe, 0), -EPIPE);
    check(crew__pipe_drain(pipe) == NULL);
    check(!push(pipe, &message));
    check(crew__pipe_drain(pipe) == NULL);
    end(pipe);
}

/* ---- two ways ------------------------------------------------------------- */

static void set_lane(struct crew__pipe *pipe)
{
    struct crew__lane *lane = crew__lane_make(&ops, NULL);

    assert_non_null(lane);
    crew__pipe_set_lane(pipe, lane);
}

static void send(struct crew__pipe *pipe, uint64_t tag)
{
    struct crew__lane *lane = crew__pipe_find_lane(pipe);
    crew_message message = {.tag = tag};

    assert_non_null(lane);
    check_equal(enter(pipe), 0);
    check(crew__pipe_send(pipe, lane, &message, ticket, 1));
}

/* As the owner would where it fits no slot. */
static void send_whole(struct crew__pipe *pipe, uint64_t tag)
{
    struct crew__lane *lane = crew__pipe_find_lane(pipe);
    crew_message message = {.tag = tag};

    check_equal(enter(pipe), 0);
    check(crew__pipe_push(pipe, lane,
                          crew__message_make(&pipe->shelf, &message), ticket));
}

CREW_TEST(a_thread_that_posts_more_is_to_have_a_lane)
{
    struct crew__pipe *pipe = begin(0, 0);

    for (unsigned i = 1; i < CREW__LANE_AFTER; i++)
        check(!crew__pipe_wants_lane(pipe));
    check(crew__pipe_find_lane(pipe) == NULL);
    check(crew__pipe_wants_lane(pipe));
    set_lane(pipe);
    check(!crew__pipe_wants_lane(pipe));
    check(crew__pipe_find_lane(pipe) != NULL);
    end(pipe);
}

CREW_TEST(two_ways_give_one_order)
{
    struct crew__pipe *pipe = begin(20000, 0);
    uint64_t random = 1;
    uint64_t posted = 0;
    uint64_t taken = 0;

    set_lane(pipe);
    while (posted < 10000) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        switch (random >> 61) {
        case 0:
        case 1:
            check_equal(post(pipe, posted++, 0), 0); /* another thread's */
            break;
        case 2:
        case 3:
            send(pipe, posted++);
            break;
        case 4:
            send_whole(pipe, posted++);
            break;
        default:
            check_equal(crew__pipe_peek(pipe) != 0, taken < posted);
            if (taken < posted)
                check_equal(take(pipe), (int64_t)taken++);
            break;
        }
    }
    while (taken < posted)
        check_equal(take(pipe), (int64_t)taken++);
    check_equal(take(pipe), -1);
    check(!crew__pipe_has_news(pipe));
    end(pipe);
}

CREW_TEST(the_order_holds_where_the_counts_wrap)
{
    struct crew__pipe *pipe = begin(0, 0);

    set_lane(pipe);
    crew__store_relaxed(&pipe->gate, ~UINT64_C(3) - (UINT64_C(3) << 42));
    crew__store_relaxed(&fixture.take.taken, crew__load_relaxed(&pipe->gate));
    for (unsigned i = 0; i < 8; i += 2) {
        check_equal(post(pipe, i, 0), 0);
        send(pipe, i + 1);
    }
    for (unsigned i = 0; i < 8; i++)
        check_equal(take(pipe), i);
    end(pipe);
}

CREW_TEST(a_lane_is_news_and_goes_with_its_pipe)
{
    struct crew__pipe *pipe = begin(0, 0);

    set_lane(pipe);
    send(pipe, 1);
    check(crew__pipe_has_news(pipe));
    check_equal(crew__pipe_peek(pipe), 1);
    send_whole(pipe, 2);
    crew__pipe_leave(pipe);
    end(pipe);
}

CREW_TEST(a_lane_that_came_too_late_is_closed_by_who_made_it)
{
    struct crew__pipe *pipe = begin(0, 0);

    crew__pipe_leave(pipe);
    check(crew__pipe_drain(pipe) == NULL);
    set_lane(pipe);
    check_equal(fixture.references, 0);
    crew__pipe_fini(pipe);
}

CREW_TEST(the_counts_of_the_gate_wrap)
{
    struct crew__pipe *pipe = begin(3, 5000);

    /* Shortly before both counts end, and the bytes carry into the messages. */
    crew__store_relaxed(&pipe->gate, UINT64_MAX - 4003 - 8);
    crew__store_relaxed(&pipe->gate,
                        crew__load_relaxed(&pipe->gate) & ~UINT64_C(3));
    crew__store_relaxed(&fixture.take.taken, crew__load_relaxed(&pipe->gate));
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 3; j++)
            check_equal(post(pipe, j, j * 900), 0);
        check_equal(post(pipe, 3, 0), -EAGAIN);
        check_equal(crew__pipe_waiting(pipe), 3);
        for (unsigned j = 0; j < 3; j++)
            check_equal(take(pipe), j);
        check_equal(crew__pipe_waiting(pipe), 0);
    }
    end(pipe);
}

CREW_TEST(room_that_was_wanted_is_told_once)
{
    struct crew__pipe *pipe = begin(1, 0);

    check_equal(post(pipe, 0, 0), 0);
    check(!crew__pipe_room_wanted(pipe));
    check(!crew__pipe_want_room(pipe, 0));
    check_equal(take(pipe), 0);
    check(crew__pipe_room_wanted(pipe));
    check(!crew__pipe_room_wanted(pipe));
    check(crew__pipe_want_room(pipe, 0)); /* it is there already */
    end(pipe);
}

CREW_TEST(a_large_message_waits_alone)
{
    struct crew__pipe *pipe = begin(0, 100);

    check_equal(post(pipe, 1, 101), 0);
    check_equal(post(pipe, 2, 0), -EAGAIN);
    check_equal(take(pipe), 1);
    check_equal(post(pipe, 2, 1), 0);
    check_equal(post(pipe, 3, 101), -EAGAIN);
    check_equal(post(pipe, 3, 99), 0);
    check_equal(post(pipe, 3, 1), -EAGAIN);
    check_equal(post(pipe, 4, 0), 0);
    end(pipe);
}
