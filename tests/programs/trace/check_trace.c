/*
 * Checks a trace file: JSON; slices that nest on each thread and end, under the
 * names that they began with, submits in them strictly inside; arrows that go
 * from a submit through its run to its end and touch slices; the names that are
 * asked for.
 *
 *   check-trace FILE [NAME...]
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64
#define MAX_DEPTH   256

struct thread {
    json_int_t id;
    double last; /* time of its last event */
    double end;  /* of its last complete slice */
    int depth;
    const char *open[MAX_DEPTH]; /* names of the slices that are open */
    bool named;
};

struct flow {
    double at;
    bool begun;
    bool ended;
};

static struct thread threads[MAX_THREADS];
static int thread_count;
static struct flow *flows;
static size_t flow_count;
static size_t slices;
static size_t arrows;

__attribute__((format(printf, 1, 2), noreturn)) static void
fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("FAILED: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(1);
}

static struct thread *find_thread(json_int_t id)
{
    for (int i = 0; i < thread_count; i++) {
        if (threads[i].id == id)
            return &threads[i];
    }
    if (thread_count == MAX_THREADS)
        fail("more than %d threads", MAX_THREADS);
    threads[thread_count] = (struct thread){.id = id};
    return &threads[thread_count++];
}

static const char *text_of(json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    if (!text)
        fail("an event without %s", key);
    return text;
}

static double number_of(json_t *event, const char *key)
{
    json_t *value = json_object_get(event, key);

    if (!json_is_number(value))
        fail("an event without %s", key);
    return json_number_value(value);
}

/* ---- slices ------------------------------------------------------------ */

static void check_slice(struct thread *thread, json_t *event, char phase)
{
    double at = number_of(event, "ts");

    if (at < thread->last)
        fail("thread %lld goes back in time at %f", (long long)thread->id, at);
    thread->last = at;
    if (phase == 'B') {
        slices++;
        if (thread->depth == MAX_DEPTH)
            fail("slices are %d deep", MAX_DEPTH);
        thread->open[thread->depth++] = text_of(event, "name");
    } else if (phase == 'E') {
        if (--thread->depth < 0)
            fail("a slice ends at %f that did not begin", at);
        if (strcmp(thread->open[thread->depth], text_of(event, "name")) != 0)
            fail("a slice ends at %f under another name", at);
        if (at < thread->end + 5e-4) /* less than 1 ns */
            fail("a submit does not end before its slice at %f", at);
    } else if (phase == 'X') {
        text_of(event, "name");
        slices++;
        if (at + 1e-6 < thread->end)
            fail("submits overlap at %f", at);
        if (number_of(event, "dur") > 0)
            thread->end = at + number_of(event, "dur");
    }
}

/* ---- arrows ------------------------------------------------------------ */

static struct flow *find_flow(size_t id)
{
    if (id >= flow_count) {
        size_t count = 2 * id + 64;

        flows = realloc(flows, count * sizeof *flows);
        if (!flows)
            fail("no memory");
        memset(flows + flow_count, 0, (count - flow_count) * sizeof *flows);
        flow_count = count;
    }
    return &flows[id];
}

/* First all that begin, then, in a second pass, what follows them: threads are
 * written one after the other. */
static void check_arrow(json_t *event, char phase, bool beginnings)
{
    struct flow *flow = find_flow((size_t)number_of(event, "id"));
    double at = number_of(event, "ts");

    if (beginnings) {
        if (phase == 's' && flow->begun)
            fail("arrow %.0f begins twice", number_of(event, "id"));
        if (phase == 's')
            *flow = (struct flow){.at = at, .begun = true};
        return;
    }
    if (phase == 's')
        return;
    if (!flow->begun)
        fail("arrow %.0f has no beginning", number_of(event, "id"));
    if (at < flow->at)
        fail("arrow %.0f goes back in time", number_of(event, "id"));
    if (phase == 'f' && flow->ended)
        fail("arrow %.0f ends twice", number_of(event, "id"));
    flow->ended = flow->ended || phase == 'f';
    arrows += phase == 'f';
}

static void check_ends(void)
{
    for (size_t i = 0; i < flow_count; i++) {
        if (flows[i].begun && !flows[i].ended)
            fail("arrow %zu has no end", i);
    }
    for (int i = 0; i < thread_count; i++) {
        if (threads[i].depth)
            fail("%d slices of thread %lld do not end", threads[i].depth,
                 (long long)threads[i].id);
        if (!threads[i].named && threads[i].id)
            fail("thread %lld has no name", (long long)threads[i].id);
    }
}

/* ---- the file ---------------------------------------------------------- */

/* An arrow touches the slice that was written just before it. */
static void check_bound(json_t *before, json_t *event)
{
    if (!before || number_of(before, "ts") != number_of(event, "ts") ||
        number_of(before, "tid") != number_of(event, "tid") ||
        !strchr("BX", *text_of(before, "ph")))
        fail("an arrow at %f touches no slice", number_of(event, "ts"));
}

static void check_event(json_t *before, json_t *event, bool first_pass)
{
    char phase = *text_of(event, "ph");
    struct thread *thread = find_thread((json_int_t)number_of(event, "tid"));

    number_of(event, "pid");
    if (number_of(event, "ts") < 0)
        fail("an event before the beginning");
    if (phase == 's' || phase == 't' || phase == 'f') {
        check_bound(before, event);
        check_arrow(event, phase, first_pass);
    } else if (!first_pass) {
        return;
    } else if (phase == 'M') {
        thread->named = true;
    } else if (strchr("BEXi", phase)) {
        check_slice(thread, event, phase);
    } else {
        fail("an event of an unknown phase: %c", phase);
    }
}

static void check_events(json_t *events)
{
    json_t *event;
    size_t i;

    for (int pass = 0; pass < 2; pass++) {
        json_array_foreach(events, i, event) check_event(
            i ? json_array_get(events, i - 1) : NULL, event, pass == 0);
    }
    check_ends();
}

static void check_name(json_t *events, const char *name)
{
    json_t *event;
    size_t i;

    json_array_foreach(events, i, event)
    {
        const char *is = json_string_value(json_object_get(event, "name"));

        if (is && strcmp(is, name) == 0)
            return;
    }
    fail("no slice is called %s", name);
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root;
    json_t *events;

    if (argc < 2)
        return 2;
    root = json_load_file(argv[1], 0, &error);
    if (!root)
        fail("%s, line %d: %s", argv[1], error.line, error.text);
    events = json_object_get(root, "traceEvents");
    if (!json_is_array(events))
        fail("no array traceEvents");
    check_events(events);
    for (int i = 2; i < argc; i++)
        check_name(events, argv[i]);
    printf("%zu events, %zu slices, %zu arrows, %d threads\n",
           json_array_size(events), slices, arrows, thread_count);
    json_decref(root);
    free(flows);
    return 0;
}
