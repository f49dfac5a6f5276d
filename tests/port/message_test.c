/* A message: where its memory comes from, what it shares, and what the program
 * may do with it. */
#include "../acceptance/mail.h"

#include "base/census.h"
#include "base/fault.h"
#include "base/tunables.h"
#include "port/message.h"
#include "port/shelf.h"

#define INLINE (CREW__MESSAGE_BYTES - sizeof(struct crew__message))

static struct crew__shelf shelf;
static struct crew__shelf_rear rear;

static void ignore(struct crew__shelf *of)
{
    (void)of;
}

static const struct crew__shelf_ops ops = {ignore, ignore};

static void begin(void)
{
    crew__shelf_init(&shelf, &rear, &ops);
}

static void end(void)
{
    crew__shelf_close(&shelf);
    check_equal(crew__load_relaxed(&rear.made), 0);
}

static struct crew__message *make(const crew_message *message)
{
    struct crew__message *made = crew__message_make(&shelf, message);

    assert_non_null(made);
    return made;
}

/* ---- its memory ------------------------------------------------------------ */

static void check_home(crew_message message, bool is_small)
{
    struct crew__message *made = make(&message);

    check((made->home == &shelf) == is_small);
    check_equal(made->public.size, message.size);
    check_equal(made->public.buffer_count, message.buffer_count);
    check_equal(made->public.port_count, message.port_count);
    check_equal(made->stamp & 1, 1); /* so that it is never 0 */
    crew__message_unmake(made);
}

CREW_TEST(what_fits_comes_from_the_shelf_and_else_from_the_allocator)
{
    static const char bytes[2 * INLINE];
    enum { FIT = INLINE / sizeof(void *) - 1 }; /* beside the NUL's word */
    crew_buffer *buffers[FIT + 1] = {NULL};
    crew_port *ports[FIT + 1] = {NULL};

    begin();
    check_home((crew_message){.bytes = bytes, .size = INLINE - 1}, true);
    check_home((crew_message){.bytes = bytes, .size = INLINE}, false);
    check_home((crew_message){.buffers = buffers, .buffer_count = FIT}, true);
    check_home((crew_message){.buffers = buffers, .buffer_count = FIT + 1},
               false);
    check_home((crew_message){.ports = ports, .port_count = FIT}, true);
    check_home((crew_message){.buffers = buffers,
                              .buffer_count = 1,
                              .ports = ports,
                              .port_count = FIT},
               false);
    end();
}

CREW_TEST(bytes_and_entries_lie_beside_each_other)
{
    void *entries[5];
    char text[] = "twenty-three bytes here";

    begin();
    for (size_t size = 0; size < sizeof text; size++) {
        crew_message message = {.bytes = text,
                                .size = size,
                                .buffers = (crew_buffer **)entries,
                                .buffer_count = 2,
                                .ports = (crew_port **)entries + 2,
                                .port_count = 3,
                                .tag = size};
        struct crew__message *made;

        for (unsigned i = 0; i < 5; i++)
            entries[i] = &entries[i];
        made = make(&message);
        memset(entries, 0, sizeof entries);
        check(memcmp(made->public.bytes, text, size) == 0);
        check_equal(((const char *)made->public.bytes)[size], '\0');
        for (unsigned i = 0; i < 2; i++)
            check((void *)made->public.buffers[i] == &entries[i]);
        for (unsigned i = 0; i < 3; i++)
            check((void *)made->public.ports[i] == &entries[i + 2]);
        check_equal(made->public.tag, size);
        crew__message_unmake(made);
    }
    check_equal(crew__load_relaxed(&rear.made), 1);
    end();
}

CREW_TEST(more_than_there_can_be_is_no_message)
{
    const crew_message huge[] = {{.bytes = "", .size = SIZE_MAX / 4 + 1},
                                 {.bytes = "", .size = SIZE_MAX},
                                 {.buffer_count = SIZE_MAX / 64 + 1},
                                 {.port_count = SIZE_MAX / 64 + 1}};
    struct crew__body *body = crew__body_make("abc", 3);

    begin();
    crew__fault_arm(0, false);
    for (unsigned i = 0; i < 4; i++) {
        check_equal(crew__message_room(&huge[i]), 0);
        check(crew__message_make(&shelf, &huge[i]) == NULL);
        check(crew__message_make(NULL, &huge[i]) == NULL);
        check(crew__message_make_led(16, &huge[i]) == NULL);
    }
    check(crew__message_share(body, &huge[2]) == NULL);
    check(crew__message_share(body, &huge[3]) == NULL);
    check(crew__body_make("", SIZE_MAX) == NULL);
    check_equal(crew__fault_met(), 0); /* nobody was asked for memory */
    check_equal(crew__load_relaxed(&body->references), 1);
    crew__body_release(body);
    crew__body_release(NULL);
    end();
}

/* What it was before must not shine through. */
CREW_TEST(memory_that_is_used_again_says_nothing_of_before)
{
    union {
        char bytes[CREW__FEW];
        void *words[CREW__FEW / sizeof(void *)];
    } few = {"few"};
    crew_buffer *buffer = NULL;
    crew_port *port = NULL;
    struct crew__message *made;
    struct crew__message *again;

    begin();
    made = make(&(crew_message){.bytes = "abc",
                                .size = 3,
                                .buffers = &buffer,
                                .buffer_count = 1,
                                .ports = &port,
                                .port_count = 1,
                                .tag = 9});
    crew__message_unmake(made);
    again = crew__shelf_get(&shelf);
    check(again == made);
    crew__message_fill_few(again, few.words, 0, 3, 4, 5);
    check(again->body == NULL);
    check_equal(again->stamp, 5);
    check_equal(again->public.tag, 4);
    check_equal(again->public.size, 3);
    assert_string_equal(again->public.bytes, "few");
    check(!again->public.buffers && !again->public.ports);
    check_equal(again->public.buffer_count + again->public.port_count, 0);
    crew__message_unmake(again);
    check(crew__shelf_get(&shelf) == again);
    few.words[1] = &made; /* the first two are buffers now */
    strcpy((char *)&few.words[2], "as many");
    crew__message_fill_few(again, few.words, 2, 8, 4, 5);
    check_equal(again->public.buffer_count, 2);
    check((void *)again->public.buffers[0] == few.words[0]);
    check((void *)again->public.buffers[1] == few.words[1]);
    check_equal(again->public.size, 8);
    check_equal((uintptr_t)again->public.bytes % 16, 0);
    assert_string_equal(again->public.bytes, "as many");
    check_equal(((const char *)again->public.bytes)[8], '\0');
    again->public.buffer_count = 0; /* they are none */
    crew__message_unmake(again);
    again = make(&(crew_message){.tag = 1});
    check(again == made && again->body == NULL);
    check_equal(again->public.size, 0);
    check_equal(*(const char *)again->public.bytes, '\0');
    check(!again->public.buffers && !again->public.ports);
    crew__message_unmake(again);
    end();
}

CREW_TEST(what_leads_a_message_is_zero_and_no_part_of_its_bytes)
{
    crew_message message = {.bytes = "letter", .size = 6, .tag = 2};

    for (size_t lead = 16; lead <= 64; lead += 16) {
        struct crew__message *made = crew__message_make_led(lead, &message);
        char *before;

        assert_non_null(made);
        before = crew__message_lead(&made->public);
        for (size_t i = 0; i < lead; i++)
            check_equal(before[i], 0);
        check(before + lead == (const char *)made->public.bytes);
        check_equal((uintptr_t)made->public.bytes % 16, 0);
        memset(before, 'x', lead);
        assert_string_equal(made->public.bytes, "letter");
        check_equal(made->public.tag, 2);
        check(made->home == NULL);
        crew__message_unmake(made);
    }
    crew__fault_arm(1, false);
    check(crew__message_make_led(16, &message) == NULL);
    crew__fault_arm(0, false);
}

CREW_TEST(a_body_goes_with_the_last_who_shares_it)
{
    size_t live = crew__census_live(0);
    struct crew__body *body = crew__body_make("shared", 6);
    crew_message message = {.bytes = "not looked at", .size = 13, .tag = 7};
    struct crew__message *made[2];

    assert_non_null(body);
    for (unsigned i = 0; i < 2; i++) {
        made[i] = crew__message_share(body, &message);
        assert_non_null(made[i]);
        check(made[i]->public.bytes == body + 1);
        check_equal(made[i]->public.size, 6);
        check_equal(made[i]->public.tag, 7);
    }
    crew__fault_arm(1, false);
    check(crew__message_share(body, &message) == NULL);
    crew__fault_arm(0, false);
    check_equal(crew__load_relaxed(&body->references), 3);
    crew__body_release(body);
    crew__message_unmake(made[0]);
    assert_string_equal(made[1]->public.bytes, "shared");
    crew__message_unmake(made[1]);
    check_equal(crew__census_live(0), live);
    crew__fault_arm(1, false);
    check(crew__body_make("shared", 6) == NULL);
    crew__fault_arm(0, false);
}

/* ---- what the library made and what the program did ------------------------ */

CREW_TEST(the_mark_is_that_of_one_address)
{
    struct crew__message *made;
    crew_message copy;
    crew_buffer *buffer = (crew_buffer *)(void *)&copy; /* not looked at */
    crew_message own = {.buffers = &buffer, .buffer_count = 1};

    begin();
    made = make(&own);
    check_equal(crew__message_check(&made->public), 0);
    copy = made->public;
    check_equal(crew__message_check(&copy), -EINVAL);
    crew_message_free(&copy); /* nothing */
    crew_message_keep(&copy);
    crew__message_moved(&copy);
    check(made->public.buffers[0] == buffer);
    copy.reserved[0] = 0; /* now it is the program's */
    check_equal(crew__message_check(&copy), 0);
    crew__message_moved(&own); /* which the library leaves alone */
    check(own.buffers[0] == buffer);
    crew__message_moved(&made->public);
    check(made->public.buffers[0] == NULL);
    crew__message_finish(made);
    end();
}

static struct crew__message *make_counted_one(unsigned *releases)
{
    crew_buffer *buffer = make_counted(releases);

    return make(&(crew_message){.buffers = &buffer, .buffer_count = 1});
}

CREW_TEST(one_that_is_kept_outlives_its_callback)
{
    unsigned releases = 0;
    struct crew__message *made;
    crew_message *given;
    bool kept = false;

    begin();
    made = make_counted_one(&releases);
    given = crew__message_give(made, &kept);
    check_equal(crew__message_check(given), 0); /* it may be posted on */
    crew_message_keep(given);
    check(kept);
    kept = false;
    crew_message_keep(given); /* it is not inside a callback any more */
    check(!kept);
    check_equal(releases, 0);
    crew_message_free(given);
    check_equal(releases, 1);
    end();
}

CREW_TEST(one_that_is_freed_inside_its_callback_goes_after_it)
{
    unsigned releases = 0;
    struct crew__message *made;
    crew_message *given;
    bool kept = false;

    begin();
    made = make_counted_one(&releases);
    given = crew__message_give(made, &kept);
    crew_message_free(given);
    check_equal(releases, 1);
    check_equal(given->buffer_count, 0);
    crew_message_free(given);
    crew_message_keep(given); /* too late */
    check(!kept);
    check_equal(releases, 1);
    crew__message_finish(made);
    end();
}

CREW_TEST(one_that_is_lent_is_emptied_and_not_kept)
{
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message own = {
        .bytes = "lent", .size = 4, .buffers = &buffer, .buffer_count = 1};
    char room[64] CREW__ALIGNED(16);
    crew_message lent = {.tag = 0};

    check_at_most(crew__message_room(&own), sizeof room);
    for (int is_draft = 0; is_draft < 2; is_draft++) {
        if (is_draft)
            buffer = make_counted(&releases);
        crew__message_copy(&lent, room, &own);
        crew__message_lend(&lent, is_draft);
        check_equal(crew__message_is_draft(&lent), is_draft);
        check_equal(crew__message_check(&lent), 0);
        check(lent.bytes == room && strcmp(room, "lent") == 0);
        crew_message_keep(&lent); /* it would write before `lent` */
        crew_message_free(&lent);
        check_equal(releases, is_draft + 1);
        check_equal(lent.size, 4);
    }
    check(!crew__message_is_draft(&own));
}

/* ---- the end --------------------------------------------------------------- */

/* Deep, and where there is no memory: releasing asks for none. */
CREW_TEST(a_release_needs_no_memory)
{
    struct pair pair = make_channel();
    struct pair next;
    crew_port *at = pair.b;
    struct crew__message *made;
    unsigned releases = 0;

    begin();
    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    for (unsigned i = 0; i < 10; i++) {
        next = make_channel();
        check_equal(post_port(next.a, at, 0), 0);
        crew_port_close(next.a);
        at = next.b;
    }
    made = make(&(crew_message){.ports = &at, .port_count = 1});
    crew__fault_arm(1, true);
    crew__message_finish(made);
    check_equal(crew__fault_met(), 0);
    crew__fault_arm(0, false);
    check_equal(releases, 1);
    check_equal(post_tag(pair.a, 0), -EPIPE);
    crew_port_close(pair.a);
    end();
}

CREW_TEST(what_was_taken_out_is_not_released)
{
    unsigned releases = 0;
    struct pair pair = make_channel();
    crew_buffer *buffers[2] = {make_counted(&releases),
                               make_counted(&releases)};
    struct crew__message *made;

    begin();
    made = make(&(crew_message){.buffers = buffers,
                                .buffer_count = 2,
                                .ports = &pair.b,
                                .port_count = 1});
    made->public.buffers[0] = NULL;
    made->public.ports[0] = NULL;
    crew_message_free(crew__message_receive(made));
    check_equal(releases, 1);
    crew_buffer_release(buffers[0]);
    check_equal(post_tag(pair.a, 3), 0);
    check_equal(receive_tag(pair.b, 0), 3);
    close_pair(pair);
    end();
}
