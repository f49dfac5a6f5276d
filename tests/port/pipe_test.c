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

static struct crew__pipe *begin(size_t max_messages, size_t max_bytes)
{
    crew__pipe_init(&fixture.pipe, &fixture.take, max_messages, max_bytes);
    fixture.pipe.shelf.retain = retain;
    fixture.pipe.shelf.release = release;
    return &fixture.pipe;
}

static void end(struct crew__pipe *pipe)
{
    crew__messages_release(crew__pipe_drain(pipe));
    crew__shelf_close(&pipe->shelf);
    check_equal(fixture.references, 0);
}

static int post(struct crew__pipe *pipe, uint64_t tag, size_t size)
{
    static const char bytes[2000];
    crew_message message = {.bytes = bytes, .size = size, .tag = tag};
    struct crew__message *made = crew__message_make(&pipe->shelf, &message);
    int r = crew__pipe_enter(pipe, size);

    if (r < 0)
        crew__message_unmake(made);
    else
        crew__pipe_push(pipe, made);
    return r;
}

static int64_t take(struct crew__pipe *pipe)
{
    struct crew__message *message = crew__pipe_take(pipe);
    int64_t tag;

    if (!message)
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
            check_equal(crew__pipe_enter(pipe, 0), 0);
            check_equal(crew__pipe_waiting(pipe), i + 1);
            message.tag = i;
            check_equal(crew__pipe_push(
                            pipe, crew__message_make(&pipe->shelf, &message)),
                        i == 0);
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

    check_equal(crew__pipe_enter(pipe, 0), 0);
    check_equal(crew__pipe_enter(pipe, 0), -EAGAIN);
    check_equal(take(pipe), -1);
    crew__pipe_end(pipe);
    check_equal(crew__pipe_enter(pipe, 0), -EPIPE);
    check(!crew__pipe_is_over(pipe));
    check(crew__pipe_push(pipe, crew__message_make(&pipe->shelf, &message)));
    check(!crew__pipe_is_over(pipe));
    check_equal(take(pipe), 9);
    check(crew__pipe_is_over(pipe));
    end(pipe);
}

CREW_TEST(what_is_pushed_after_the_taker_left_is_released)
{
    struct crew__pipe *pipe = begin(0, 0);
    crew_message message = {.tag = 9};

    check_equal(crew__pipe_enter(pipe, 0), 0);
    crew__pipe_leave(pipe);
    check(!crew__pipe_push(pipe, crew__message_make(&pipe->shelf, &message)));
    check_equal(crew__pipe_ask(pipe, 0), -EPIPE);
    check(crew__pipe_drain(pipe) == NULL);
    end(pipe);
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
