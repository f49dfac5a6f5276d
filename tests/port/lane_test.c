/* A lane: its slots, its rings, and what happens without memory. */
#include "support.h"

#include <crew/buffer.h>

#include "base/fault.h"
#include "base/mark.h"
#include "os/os.h"
#include "port/lane.h"

#include <string.h>

static unsigned references;

static void retain(struct crew__shelf *shelf)
{
    check(crew__lane_home(shelf) == &references);
    references++;
}

static void release(struct crew__shelf *shelf)
{
    check(crew__lane_home(shelf) == &references);
    references--;
}

static const struct crew__shelf_ops ops = {retain, release};

static struct crew__lane *begin(void)
{
    struct crew__lane *lane = crew__lane_make(&ops, &references);

    assert_non_null(lane);
    return lane;
}

static void end(struct crew__lane *lane)
{
    crew__messages_release(crew__lane_empty(lane));
    crew__lane_close(lane);
    crew__lane_close(lane); /* the second of those who may */
    check_equal(references, 0);
    crew__lane_free(lane);
}

static void send(struct crew__lane *lane, const crew_message *message)
{
    check(crew__lane_fits(message));
    check(crew__lane_has_slot(lane));
    crew__lane_fill(lane, message, 1, 2);
}

static void send_tag(struct crew__lane *lane, uint64_t tag)
{
    crew_message message = {.tag = tag};

    send(lane, &message);
}

static struct crew__message *take(struct crew__lane *lane)
{
    struct crew__slot *slot = crew__lane_next(lane);

    return slot ? crew__lane_take(lane, slot) : NULL;
}

static void expect_tag(struct crew__lane *lane, uint64_t tag)
{
    struct crew__message *message = take(lane);

    assert_non_null(message);
    check_equal(message->public.tag, tag);
    crew__message_finish(message);
}

CREW_TEST(slots_come_in_order_however_far_the_taker_lags_behind)
{
    struct crew__lane *lane = begin();
    uint64_t sent = 0;
    uint64_t taken = 0;

    for (unsigned lag = 0; lag < 5 * CREW__LANE_MOST; lag++) {
        check(crew__lane_next(lane) == NULL);
        for (unsigned i = 0; i < lag; i++)
            send_tag(lane, sent++);
        while (taken < sent)
            expect_tag(lane, taken++);
    }
    check_at_least(crew__mark_count(CREW__MARK_LANE_EXTENDED), 3);
    check_equal(lane->last->slot_count, CREW__LANE_MOST);
    check(lane->first == lane->last);           /* the others are gone */
    check_equal(references, CREW__LANE_SPARES); /* these sufficed */
    end(lane);
}

CREW_TEST(a_lane_that_is_emptied_in_time_keeps_its_first_ring)
{
    struct crew__lane *lane = begin();

    for (unsigned i = 0; i < 100; i++) {
        send_tag(lane, i);
        expect_tag(lane, i);
    }
    check_equal(lane->last->slot_count, CREW__LANE_SLOTS);
    end(lane);
}

CREW_TEST(bytes_of_every_size_that_fits_arrive_with_a_nul_behind)
{
    static const char text[] = "the quick brown fox jumps";
    struct crew__lane *lane = begin();

    for (size_t size = 0; size <= CREW__FEW; size++) {
        crew_message message = {.bytes = text, .size = size, .tag = size};
        struct crew__message *arrived;

        send(lane, &message);
        arrived = take(lane);
        assert_non_null(arrived);
        check_equal(arrived->public.size, size);
        check(memcmp(arrived->public.bytes, text, size) == 0);
        check_equal(((const char *)arrived->public.bytes)[size], '\0');
        check_equal(arrived->stamp, 2);
        crew__message_finish(arrived);
    }
    check(!crew__lane_fits(&(crew_message){.size = CREW__FEW + 1}));
    check(!crew__lane_fits(&(crew_message){.port_count = 1}));
    check(!crew__lane_fits(&(crew_message){.buffer_count = 4}));
    check(!crew__lane_fits(&(crew_message){.buffer_count = 2, .size = 9}));
    end(lane);
}

static unsigned freed;

static void count_free(void *memory, void *arg)
{
    (void)memory;
    (void)arg;
    freed++;
}

static crew_buffer *make_buffer(void)
{
    static char memory[8];
    crew_buffer *made = NULL;

    assert_int_equal(
        crew_buffer_wrap(&made, memory, sizeof memory, count_free, NULL), 0);
    return made;
}

CREW_TEST(buffers_and_bytes_share_a_slot)
{
    struct crew__lane *lane = begin();

    for (size_t count = 1; count <= CREW__SLOT_WORDS; count++) {
        crew_buffer *buffers[CREW__SLOT_WORDS];
        crew_message message = {.buffers = buffers,
                                .buffer_count = count,
                                .bytes = "12345678abcdefgh",
                                .size = (CREW__SLOT_WORDS - count) * 8};
        struct crew__message *arrived;

        for (size_t i = 0; i < count; i++)
            buffers[i] = make_buffer();
        send(lane, &message);
        arrived = take(lane);
        assert_non_null(arrived);
        check_equal(arrived->public.buffer_count, count);
        for (size_t i = 0; i < count; i++)
            check(arrived->public.buffers[i] == buffers[i]);
        check_equal(arrived->public.size, message.size);
        check(memcmp(arrived->public.bytes, message.bytes, message.size) == 0);
        crew__message_finish(arrived);
    }
    check_equal(freed, 6);
    end(lane);
}

CREW_TEST(whole_messages_and_buffers_that_nobody_takes_are_released)
{
    struct crew__lane *lane = begin();
    crew_buffer *buffer = make_buffer();
    crew_message small = {.buffers = &buffer, .buffer_count = 1};
    crew_buffer *other = make_buffer();
    crew_message large = {.buffers = &other, .buffer_count = 1};

    send(lane, &small);
    check(crew__lane_has_slot(lane));
    crew__lane_fill_whole(lane, crew__message_make(NULL, &large), 3);
    for (unsigned i = 0; i < 3 * CREW__LANE_MOST; i++)
        send_tag(lane, i);
    check_equal(freed, 0);
    end(lane);
    check_equal(freed, 2);
}

CREW_TEST(what_nobody_will_take_is_taken_back_once)
{
    struct crew__lane *lane = begin();
    crew_buffer *buffers[3] = {make_buffer(), make_buffer(), make_buffer()};

    /* Taken before: it is not the poster's any more. */
    send(lane, &(crew_message){.buffers = &buffers[0], .buffer_count = 1});
    crew__message_finish(take(lane));
    check_equal(freed, 1);
    crew__lane_take_back(lane);
    check_equal(freed, 1);
    /* Emptied by the taker. */
    send(lane, &(crew_message){.buffers = &buffers[1], .buffer_count = 1});
    check(crew__lane_empty(lane) == NULL);
    check_equal(freed, 2);
    crew__lane_take_back(lane);
    check_equal(freed, 2);
    /* Posted after that. */
    send(lane, &(crew_message){.buffers = &buffers[2], .buffer_count = 1});
    crew__lane_take_back(lane);
    check_equal(freed, 3);
    end(lane);
}

CREW_TEST(without_memory_a_message_waits_until_one_is_given_back)
{
    struct crew__lane *lane = begin();
    struct crew__message *first;

    send_tag(lane, 1);
    send_tag(lane, 2);
    crew__fault_arm(1, true);
    check(!crew__lane_has_slot(lane)); /* nor is there for another ring */
    first = take(lane);                /* that was made with the lane */
    check(take(lane) == NULL);
    check(crew__lane_next(lane) != NULL);
    crew__message_finish(first);
    expect_tag(lane, 2);
    check(crew__lane_has_slot(lane));
    crew__fault_arm(0, false);
    end(lane);
}

CREW_TEST(a_lane_that_there_is_no_memory_for_is_not_made)
{
    for (unsigned nth = 1; nth <= 3; nth++) {
        crew__fault_arm(nth, false);
        check(crew__lane_make(&ops, &references) == NULL);
        check_equal(crew__fault_failed(), 1);
        crew__fault_arm(0, false);
    }
    check_equal(references, 0);
}
