#include "base/census.h"
#include "base/fault.h"
#include "base/tunables.h"
#include "port/port.h"

#include "../acceptance/calls.h"

/* Each allocation fails in turn, alone and with all after it; `play` fills
 * what the n-th point changes and returns what came of it. */
static void walk(void (*play)(void))
{
    for (int forever = 0; forever < 2; forever++) {
        unsigned n = 0;

        do {
            size_t live = crew__census_live(0);

            crew__fault_arm(++n, forever);
            play();
            check_equal(crew__census_live(0), live);
        } while (crew__fault_failed() > 0);
        crew__fault_arm(0, false);
        check_at_least(n, 2);
    }
}

static crew_pool *pool;
static crew_inbox *inbox;
static unsigned failing; /* steps that met a failure */

static int leave_all(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    (void)in;
    (void)out;
    return 0;
}

/* The message of a call that fails is the caller's, and as it was. */
static void call_once(void)
{
    const crew_callable callable = {"test/call", leave_all};
    static unsigned marks;
    crew_call_handle *handle = (crew_call_handle *)&marks;
    struct told told = await_end();
    unsigned releases = 0;
    unsigned failed;
    crew_buffer *buffer = NULL;
    crew_port *port = NULL;
    crew_port *other = NULL;
    crew_message in = {"abc", 3, &buffer, 1, &port, 1, 0, {0}};
    int r = crew_buffer_wrap(&buffer, &marks, 4, count_release, &releases);

    if (r == 0)
        r = crew_channel_create(&port, &other, NULL);
    if (r < 0) {
        check_equal(r, -ENOMEM);
        crew_buffer_release(buffer);
        return;
    }
    failed = crew__fault_failed();
    r = crew_call(&handle, pool, &callable, &in, NULL, inbox, note_end, &told);
    if (crew__fault_failed() > failed) {
        check_equal(r, -ENOMEM);
        check(handle == (crew_call_handle *)&marks);
        check_equal(crew_inbox_pending(inbox), 0);
        check_equal(releases, 0);
        crew_buffer_release(buffer);
        crew_port_close(port);
    } else {
        check_equal(r, 0);
        check_equal(crew_inbox_run(inbox), 1);
        check_equal(told.status, 0);
        crew_call_destroy(handle);
    }
    check_equal(releases, 1);
    check_equal(receive_tag(other, 0), -EPIPE);
    crew_port_close(other);
}

CREW_TEST(a_call_without_memory_moves_nothing)
{
    pool = make_pool(1);
    inbox = make_inbox();
    walk(call_once);
    end_all(pool, NULL, inbox);
}

/* Whether the step that returned r met a failure. */
static bool refused(unsigned before, int r)
{
    bool failed = crew__fault_failed() > before;

    check_equal(r, failed ? -ENOMEM : 0);
    __atomic_fetch_add(&failing, failed, __ATOMIC_RELAXED);
    return failed;
}

static int fill(crew_self *self, crew_message *in, crew_message *out)
{
    static char bytes[1000];
    crew_port *ports[4] = {NULL};
    char text[300];
    unsigned before = crew__fault_failed();

    (void)in;
    memset(bytes, 'x', sizeof bytes);
    check_equal(crew_message_set(out, "few", 3), 0);
    if (refused(before, crew_message_set(out, bytes, sizeof bytes)))
        check_equal(strcmp(out->bytes, "few"), 0);
    for (unsigned i = 0; i < 4; i++) {
        crew_buffer *buffer = NULL;

        if (crew_buffer_create(&buffer, 1, NULL) < 0)
            continue;
        before = crew__fault_failed();
        if (refused(before, crew_message_add_buffer(out, buffer)))
            crew_buffer_release(buffer);
    }
    for (unsigned i = 0; i < 4; i += 2) {
        if (crew_channel_create(&ports[i], &ports[i + 1], NULL) < 0)
            continue;
        for (unsigned j = i; j < i + 2; j++) {
            before = crew__fault_failed();
            if (refused(before, crew_message_add_port(out, ports[j])))
                crew_port_close(ports[j]);
        }
    }
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    before = crew__fault_failed();
    crew_self_fail(self, -EIO, text);
    out->tag = crew__fault_failed() > before;
    return 0;
}

/* Where there is no memory for a text, it is cut. */
static void look_at_text(struct told *told, const crew_result *result)
{
    size_t length = strlen(result->text);

    (void)told;
    check_equal(length, result->out->tag ? CREW__CALL_TEXT - 1 : 299);
    check_equal(result->text[length - 1], 'y');
}

static void fill_once(void)
{
    const crew_callable callable = {"test/fill", fill};
    struct told told = await_end();
    int r;

    told.also = look_at_text;
    r = crew_call(NULL, pool, &callable, NULL, NULL, inbox, note_end, &told);
    if (r < 0) {
        check_equal(r, -ENOMEM);
        return;
    }
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(told.status, -EIO);
}

CREW_TEST(a_result_without_memory_is_what_it_was)
{
    pool = make_pool(1);
    inbox = make_inbox();
    walk(fill_once);
    check_at_least(read_count(&failing), 1);
    end_all(pool, NULL, inbox);
}

CREW_TEST(a_port_that_is_received_from_is_refused)
{
    const crew_callable callable = {"test/call", leave_all};
    struct pair pair = make_channel();
    struct pair whole = make_channel();
    crew_port *ports[] = {whole.b, pair.b};
    crew_message in = {.ports = ports, .port_count = 2};
    struct told told = await_end();

    pool = make_pool(1);
    inbox = make_inbox();
    check(crew__port_try_token(pair.b));
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told),
        -EBUSY);
    crew__port_give_token(pair.b);
    /* The other one is free as well. */
    check_equal(post_tag(whole.a, 1), 0);
    check_equal(receive_tag(whole.b, 0), 1);
    check_equal(
        crew_call(NULL, pool, &callable, &in, NULL, inbox, note_end, &told), 0);
    check_equal(crew_inbox_run(inbox), 1);
    crew_port_close(pair.a);
    crew_port_close(whole.a);
    end_all(pool, NULL, inbox);
}
