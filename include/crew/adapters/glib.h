/*
 * An inbox in a GLib main context, for GTK and others: its callbacks run on the
 * context's thread, some in each iteration.
 *
 *   crew_glib adapter = {0};
 *   r = crew_glib_attach(&adapter, NULL, inbox);
 *
 * A main loop goes on until it is told to quit. `on_idle` says when nothing is
 * outstanding: a program that lives for its results quits there, another leaves
 * it out. Called on the context's thread, or while no thread runs it. For what
 * to compile and link with: pkg-config glib-2.0.
 */
#ifndef CREW_ADAPTERS_GLIB_H
#define CREW_ADAPTERS_GLIB_H

#include <crew/inbox.h>

#include <errno.h>
#include <glib-unix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it, set what should be otherwise. */
typedef struct crew_glib {
    unsigned max;               /* callbacks in an iteration; 0: 64 */
    void (*on_idle)(void *arg); /* nothing is outstanding: in the first
                              iteration, and after each that left it so; it
                              may detach and free all; or NULL */
    void *arg;                  /* for on_idle */
    crew_inbox *inbox; /* private, as all that follows; NULL: not attached */
    GSource *source;
    bool *detached; /* of the dispatch that runs */
} crew_glib;

static inline gboolean crew__glib_readable(gint fd, GIOCondition events,
                                           gpointer data)
{
    crew_glib *adapter = (crew_glib *)data;
    bool detached = false; /* then the adapter may be gone */

    (void)fd;
    (void)events;
    adapter->detached = &detached;
    crew_inbox_dispatch(adapter->inbox, adapter->max ? adapter->max : 64);
    if (detached)
        return G_SOURCE_CONTINUE; /* of a source that has been destroyed */
    adapter->detached = NULL;
    if (adapter->on_idle && !crew_inbox_is_alive(adapter->inbox))
        adapter->on_idle(adapter->arg);
    return G_SOURCE_CONTINUE;
}

/*
 * Attaches `inbox` to `context`; NULL: the default one. g_source_set_priority
 * and the like may be called on adapter->source afterwards.
 *
 * Threads: the context's.
 * Blocks:  never.
 * Owns:    the adapter and the inbox stay where they are until the detach.
 * Calls:   what waits in the inbox, then on_idle, inside the context's
 *          iterations.
 * Errors:  -EBUSY      the inbox is attached to a loop, or the adapter is in
 *                      use.
 *          -EINVAL     adapter or inbox is NULL.
 * Since:   0.1
 */
static inline int crew_glib_attach(crew_glib *adapter, GMainContext *context,
                                   crew_inbox *inbox)
{
    int fd;

    if (!adapter || !inbox)
        return -EINVAL;
    if (adapter->inbox)
        return -EBUSY;
    fd = crew_inbox_bind(inbox, adapter);
    if (fd < 0)
        return fd;
    adapter->inbox = inbox;
    adapter->source = g_unix_fd_source_new(fd, G_IO_IN);
    g_source_set_callback(adapter->source,
                          (GSourceFunc)(void (*)(void))crew__glib_readable,
                          adapter, NULL);
    g_source_attach(adapter->source, context);
    return 0;
}

/*
 * Detaches the inbox; what is outstanding waits there for the next loop. The
 * adapter and the inbox are free at once.
 *
 * Threads: the context's; also inside a callback of the inbox, or on_idle.
 * Blocks:  never.
 * Errors:  -EINVAL     it is not attached.
 * Since:   0.1
 */
static inline int crew_glib_detach(crew_glib *adapter)
{
    if (!adapter || !adapter->inbox)
        return -EINVAL;
    if (adapter->detached)
        *adapter->detached = true;
    adapter->detached = NULL;
    crew_inbox_unbind(adapter->inbox, adapter);
    g_source_destroy(adapter->source);
    g_source_unref(adapter->source);
    adapter->source = NULL;
    adapter->inbox = NULL;
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
