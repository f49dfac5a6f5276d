/* Rings of events: what is kept, what is dropped, and a new beginning. */
#include "support.h"

#include "base/tunables.h"
#include "runtime/trace.h"

#include <string.h>

static struct crew__trace *trace;

static void begin(void)
{
    int fd = -1;

    assert_int_equal(crew__file_create("/dev/null", &fd), 0);
    crew__trace_begin(trace, fd);
}

static void create(unsigned workers)
{
    assert_int_equal(crew__trace_create(&trace, workers, "test"), 0);
    begin();
}

static void note(unsigned ring, const char *name)
{
    crew__trace_note(trace, ring, CREW__EVENT_START, &trace, name);
}

static size_t kept(unsigned ring)
{
    return crew__trace_count(trace, &trace->rings[ring]);
}

static size_t kept_outside(void)
{
    size_t sum = 0;

    for (unsigned i = 0; i < CREW__TRACE_SHARED; i++)
        sum += kept(2 + i);
    return sum;
}

CREW_TEST(events_lie_in_their_order_under_names_that_are_cut)
{
    const struct crew__event *events;

    create(2);
    note(1, "first");
    note(1, "a name of more than 23 bytes");
    note(1, NULL);
    check_equal(kept(0), 0);
    check_equal(kept(1), 3);
    events = trace->rings[1].events;
    check(strcmp(events[0].name, "first") == 0);
    check(strcmp(events[1].name, "a name of more than 23 ") == 0);
    check(events[2].name[0] == '\0');
    check(events[0].ticks <= events[1].ticks);
    check(events[1].ticks <= events[2].ticks);
    check_equal(crew__trace_finish(trace), 0);
    crew__trace_release(trace);
}

CREW_TEST(a_full_ring_keeps_its_beginning_and_counts_the_rest)
{
    create(2);
    for (unsigned i = 0; i < CREW__TRACE_EVENTS + 5; i++)
        note(0, i == 0 ? "first" : "later");
    check_equal(kept(0), CREW__TRACE_EVENTS);
    check_equal(crew__load_relaxed(&trace->rings[0].dropped), 5);
    check(strcmp(trace->rings[0].events[0].name, "first") == 0);
    check_equal(crew__trace_finish(trace), 0);
    crew__trace_release(trace);
}

CREW_TEST(a_new_recording_begins_anew)
{
    create(2);
    note(0, "old");
    note(CREW__TRACE_OUTSIDE, "old");
    check_equal(kept_outside(), 1);
    check_equal(crew__trace_finish(trace), 0);
    note(0, "between");
    check_equal(kept(0), 1);
    begin();
    check_equal(kept(0), 0);
    check_equal(kept_outside(), 0);
    note(0, "new");
    check_equal(kept(0), 1);
    check(strcmp(trace->rings[0].events[0].name, "new") == 0);
    check_equal(crew__trace_finish(trace), 0);
    crew__trace_release(trace);
}

static void note_outside(unsigned index, void *arg)
{
    (void)index;
    (void)arg;
    for (unsigned i = 0; i < 100; i++)
        note(CREW__TRACE_OUTSIDE, "outside");
}

/* More threads than a shared ring remembers at a time. */
CREW_TEST(threads_from_outside_share_rings_and_lose_nothing)
{
    enum { THREADS = 64 };

    create(2);
    test_threads(THREADS, note_outside, NULL);
    check_equal(kept_outside(), THREADS * 100);
    check_equal(crew__trace_finish(trace), 0);
    crew__trace_release(trace);
}

CREW_TEST(it_goes_with_the_last_reference)
{
    create(2);
    crew__trace_retain(trace);
    check_equal(crew__trace_finish(trace), 0);
    crew__trace_release(trace);
    note(0, "late"); /* it is still there */
    crew__trace_release(trace);
    crew__trace_release(NULL);
}
