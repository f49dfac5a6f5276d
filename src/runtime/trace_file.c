/*
 * Writing a trace in Chrome's trace event format ("Trace Event Format", Google,
 * 2016): slices as pairs B and E, nested per thread, both named, as speedscope
 * pairs them by name; arrows as flow events s,
 * t and f with one number per submission; times in microseconds.
 *
 * First the events are sorted by task and time, which gives each submission its
 * number: all that follows a submit of an address belongs to it until the next
 * submit. Then they are sorted by thread and time and written.
 */
#include "runtime/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER 65536u

/* An event and what is found out about it. */
struct entry {
    const struct crew__event *event;
    const char *name;          /* of its task; NULL: unknown */
    uint32_t flow;             /* 0: none */
    bool last;                 /* of its flow */
    const struct entry *below; /* the slice that was open when it began */
};

struct file {
    struct crew__trace *trace;
    int fd;
    int error;
    bool first; /* no comma yet */
    size_t used;
    char *buffer;
};

/* ---- text -------------------------------------------------------------- */

static void flush(struct file *file)
{
    if (!file->error)
        file->error = crew__file_write(file->fd, file->buffer, file->used);
    file->used = 0;
}

__attribute__((format(printf, 2, 3))) static void put(struct file *file,
                                                      const char *format, ...)
{
    va_list arguments;
    int n;

    if (BUFFER - file->used < 1024)
        flush(file);
    va_start(arguments, format);
    n = vsnprintf(file->buffer + file->used, BUFFER - file->used, format,
                  arguments);
    va_end(arguments);
    file->used += n > 0 ? (size_t)n : 0;
}

/* Length of the UTF-8 character at `text`, or 0. */
static unsigned length_utf8(const unsigned char *text)
{
    unsigned length = *text < 0xc2   ? 0
                      : *text < 0xe0 ? 2
                      : *text < 0xf0 ? 3
                      : *text < 0xf5 ? 4
                                     : 0;

    for (unsigned i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

/* The inside of a JSON string; what is no UTF-8 becomes a question mark. */
static void put_escaped(struct file *file, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        unsigned length = *at < 0x80 ? 1 : length_utf8(at);

        if (length == 0)
            put(file, "?");
        else if (*at == '"' || *at == '\\')
            put(file, "\\%c", *at);
        else if (*at < 0x20)
            put(file, "\\u%04x", *at);
        else
            put(file, "%.*s", (int)length, (const char *)at);
        at += length ? length : 1;
    }
}

/* Nanoseconds since the beginning. */
static uint64_t time_of(const struct crew__trace *trace, uint64_t ticks)
{
    double all_ticks = (double)(trace->end_ticks - trace->begin_ticks);
    double all_ns = (double)(trace->end_ns - trace->begin_ns);
    double past = (double)(int64_t)(ticks - trace->begin_ticks);

    if (past <= 0 || all_ticks <= 0)
        return 0;
    return (uint64_t)(past / all_ticks * all_ns);
}

/* Begins an event, up to its phase, thread and time. */
static void begin(struct file *file, const char *phase, uint32_t thread,
                  uint64_t ns)
{
    put(file, "%s\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%u,\"ts\":%llu.%03u",
        file->first ? "" : ",", phase, (int)crew__process_id(), thread,
        (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
    file->first = false;
}

static void put_name(struct file *file, const char *prefix, const char *name)
{
    put(file, ",\"name\":\"%s", prefix);
    put_escaped(file, name);
    put(file, "\"");
}

/* ---- what belongs together --------------------------------------------- */

static int compare_times(const struct crew__event *a,
                         const struct crew__event *b)
{
    if (a->ticks != b->ticks)
        return a->ticks < b->ticks ? -1 : 1;
    return 0;
}

static int by_task(const void *left, const void *right)
{
    const struct crew__event *a = ((const struct entry *)left)->event;
    const struct crew__event *b = ((const struct entry *)right)->event;

    if (a->task != b->task)
        return (uintptr_t)a->task < (uintptr_t)b->task ? -1 : 1;
    if (a->ticks != b->ticks)
        return compare_times(a, b);
    return (int)a->kind - (int)b->kind;
}

/* Events of one ring lie in order, and so in memory. */
static int by_thread(const void *left, const void *right)
{
    const struct crew__event *a = ((const struct entry *)left)->event;
    const struct crew__event *b = ((const struct entry *)right)->event;

    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    if (a->ticks != b->ticks)
        return compare_times(a, b);
    return (uintptr_t)a < (uintptr_t)b ? -1 : a != b;
}

static bool is_in_flow(const struct entry *entry)
{
    return entry->event->kind == CREW__EVENT_SUBMIT ||
           entry->event->kind == CREW__EVENT_START ||
           entry->event->kind == CREW__EVENT_DONE;
}

/* Numbers the flows of entries that are sorted by task. */
static void number_flows(struct entry *entries, size_t count)
{
    struct entry *before = NULL; /* in the same flow */
    const char *name = NULL;
    uint32_t flow = 0;
    uint32_t flows = 0;

    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &entries[i];
        const struct crew__event *event = entry->event;

        if (i == 0 || event->task != entries[i - 1].event->task) {
            before = NULL;
            name = NULL;
            flow = 0;
        }
        if (event->kind == CREW__EVENT_SUBMIT) {
            before = NULL;
            flow = ++flows;
        }
        if (event->name[0])
            name = event->name;
        entry->name = name;
        if (!event->task || !flow || !is_in_flow(entry))
            continue;
        entry->flow = flow;
        entry->last = true;
        if (before)
            before->last = false;
        before = entry;
    }
}

/* ---- events ------------------------------------------------------------ */

static void put_flow(struct file *file, const struct entry *entry, uint64_t ns)
{
    bool first = entry->event->kind == CREW__EVENT_SUBMIT;

    if (!entry->flow || (first && entry->last))
        return; /* an arrow from or to nowhere */
    begin(file,
          first         ? "s"
          : entry->last ? "f"
                        : "t",
          entry->event->thread, ns);
    put(file, ",\"cat\":\"task\",\"name\":\"task\",\"id\":%u%s}", entry->flow,
        entry->last ? ",\"bp\":\"e\"" : "");
}

/* What a slice is called that begins with this event. */
static void put_slice_name(struct file *file, const struct entry *entry)
{
    const char *name = entry->name ? entry->name : "task";

    if (entry->event->kind == CREW__EVENT_PARK)
        put_name(file, "", "asleep");
    else
        put_name(file, entry->event->kind == CREW__EVENT_DONE ? "done " : "",
                 name);
}

/* A slice begins, on top of `below`. */
static const struct entry *put_begin(struct file *file, struct entry *entry,
                                     const struct entry *below)
{
    uint64_t ns = time_of(file->trace, entry->event->ticks);

    begin(file, "B", entry->event->thread, ns);
    put_slice_name(file, entry);
    put(file, "}");
    put_flow(file, entry, ns);
    entry->below = below;
    return entry;
}

/* It ends; what it lay on. */
static const struct entry *put_end(struct file *file, const struct entry *top,
                                   uint64_t ns)
{
    begin(file, "E", top->event->thread, ns);
    put_slice_name(file, top);
    put(file, "}");
    return top->below;
}

/* A submit has no end: it is shown for 100 ns, but ends before what follows, as
 * speedscope may take two ends at one time in the wrong order. */
static void put_submit(struct file *file, const struct entry *entry,
                       const struct entry *next)
{
    uint64_t ns = time_of(file->trace, entry->event->ticks);
    uint64_t length = 100;

    if (next && next->event->thread == entry->event->thread) {
        uint64_t gap = time_of(file->trace, next->event->ticks) - ns;

        length = gap <= length ? gap / 2 : length;
    }
    begin(file, "X", entry->event->thread, ns);
    put(file, ",\"dur\":0.%03u", (unsigned)length);
    put_name(file, "submit ", entry->name ? entry->name : "task");
    put(file, "}");
    put_flow(file, entry, ns);
}

/* Writes one event; the innermost slice of its thread that is open afterwards.
 */
static const struct entry *put_event(struct file *file, struct entry *entry,
                                     const struct entry *next,
                                     const struct entry *top)
{
    const struct crew__event *event = entry->event;
    uint64_t ns = time_of(file->trace, event->ticks);

    switch (event->kind) {
    case CREW__EVENT_SUBMIT:
        put_submit(file, entry, next);
        return top;
    case CREW__EVENT_START:
    case CREW__EVENT_DONE:
    case CREW__EVENT_PARK:
        return put_begin(file, entry, top);
    case CREW__EVENT_STEAL:
        begin(file, "i", event->thread, ns);
        put(file, ",\"s\":\"t\",\"name\":\"steal\"}");
        return top;
    default: /* where none is open, it began before the trace */
        return top ? put_end(file, top, ns) : NULL;
    }
}

/* Workers may have ended by now, so their names are not asked for. */
static bool put_worker_name(struct file *file, uint32_t thread)
{
    const struct crew__trace *trace = file->trace;

    for (unsigned i = 0; i < trace->workers; i++) {
        if (trace->rings[i].thread == thread) {
            put_escaped(file, trace->name);
            put(file, "/%u", i);
            return true;
        }
    }
    return false;
}

static void put_thread_name(struct file *file, uint32_t thread)
{
    char name[16];

    begin(file, "M", thread, 0);
    put(file, ",\"name\":\"thread_name\",\"args\":{\"name\":\"");
    if (!put_worker_name(file, thread)) {
        crew__thread_name((pid_t)thread, name);
        if (name[0])
            put_escaped(file, name);
        else
            put(file, "thread %u", thread);
    }
    put(file, "\"}}");
}

/* Entries that are sorted by thread. */
static void put_events(struct file *file, struct entry *entries, size_t count)
{
    uint64_t end = time_of(file->trace, file->trace->end_ticks);
    const struct entry *top = NULL;

    for (size_t i = 0; i < count; i++) {
        uint32_t thread = entries[i].event->thread;
        bool more = i + 1 < count && entries[i + 1].event->thread == thread;

        if (i == 0 || entries[i - 1].event->thread != thread)
            put_thread_name(file, thread);
        top = put_event(file, &entries[i], more ? &entries[i + 1] : NULL, top);
        while (!more && top)
            top = put_end(file, top, end);
    }
}

/* ---- the whole --------------------------------------------------------- */

static size_t count_all(struct crew__trace *trace, uint64_t *dropped)
{
    unsigned rings = trace->workers + CREW__TRACE_SHARED;
    size_t count = 0;

    *dropped = 0;
    for (unsigned i = 0; i < rings; i++) {
        size_t kept = crew__trace_count(trace, &trace->rings[i]);

        count += kept;
        if (kept == trace->rings[i].capacity)
            /* a figure */
            *dropped += crew__load_relaxed(&trace->rings[i].dropped);
    }
    return count;
}

/* At most `count` of them: more may come meanwhile. */
static size_t gather(struct crew__trace *trace, struct entry *entries,
                     size_t count)
{
    unsigned rings = trace->workers + CREW__TRACE_SHARED;
    size_t n = 0;

    for (unsigned i = 0; i < rings; i++) {
        size_t kept = crew__trace_count(trace, &trace->rings[i]);

        for (size_t k = 0; k < kept && n < count; k++)
            entries[n++].event = &trace->rings[i].events[k];
    }
    return n;
}

static void put_all(struct file *file, struct entry *entries, size_t count,
                    uint64_t dropped)
{
    uint64_t end = time_of(file->trace, file->trace->end_ticks);

    put(file,
        "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"events\":%zu,"
        "\"dropped\":%llu},\"traceEvents\":[",
        count, (unsigned long long)dropped);
    begin(file, "M", 0, 0);
    put(file, ",\"name\":\"process_name\",\"args\":{\"name\":\"pool ");
    put_escaped(file, file->trace->name);
    put(file, "\"}}");
    put_events(file, entries, count);
    if (dropped) {
        begin(file, "i", 0, end);
        put(file,
            ",\"s\":\"g\",\"name\":\"the trace was full: %llu events "
            "dropped\"}",
            (unsigned long long)dropped);
    }
    put(file, "\n]}\n");
    flush(file);
}

int crew__trace_write(struct crew__trace *trace)
{
    struct file file = {.trace = trace, .fd = trace->fd, .first = true};
    uint64_t dropped;
    size_t count = count_all(trace, &dropped);
    struct entry *entries = crew__memory_zero((count + 1) * sizeof *entries);
    int r = -ENOMEM;

    file.buffer = crew__memory_zero(BUFFER);
    if (entries && file.buffer) {
        count = gather(trace, entries, count);
        qsort(entries, count, sizeof *entries, by_task);
        number_flows(entries, count);
        qsort(entries, count, sizeof *entries, by_thread);
        put_all(&file, entries, count, dropped);
        r = file.error;
    }
    crew__memory_free(file.buffer);
    crew__memory_free(entries);
    return r;
}
