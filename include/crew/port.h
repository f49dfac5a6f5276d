/*
 * crew_port: one end of a way for messages. What is posted on a port arrives
 * at the other end, in order and once, on whichever thread receives or listens
 * there; nobody waits for anybody. A message carries bytes, which are copied,
 * and buffers and ports, which move.
 *
 * A port has one receiver at a time: a thread inside crew_receive, or a
 * listener, whose callbacks run on its inbox's thread. Messages that are
 * posted before anyone receives wait. Any number of threads may post.
 */
#ifndef CREW_PORT_H
#define CREW_PORT_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A received one's bytes are aligned to 16 and followed by a NUL that is not
 * counted, also where there are none. */
struct crew_message {
    const void *bytes; /* copied when posted; NULL where size is 0 */
    size_t size;       /* bytes */
    /* One reference of each moves to the receiver: retain first to share. */
    crew_buffer **buffers;
    size_t buffer_count;
    /* Moved: the sender's handle is gone, and had no other user; what was
     * queued in it is kept, in order. One that listened stops. To the
     * receiver it is as a new one: referenced, and told of the other side's
     * close whatever the sender was told. */
    crew_port **ports;
    size_t port_count;
    uint64_t tag;          /* yours */
    uintptr_t reserved[1]; /* zero; marks what the library made */
};

typedef struct crew_listener {
    /* The message is freed after the callback, unless crew_message_keep was
     * called. NULL: what comes is freed unseen. */
    void (*on_message)(crew_port *port, crew_message *message, void *arg);
    /* Room again, after a post on this port was refused, also before it
     * listened. Once per refusal, or fewer. NULL: not told. */
    void (*on_room)(crew_port *port, void *arg);
    /* No more callback comes: the other side closed (after all that it had
     * posted), or this one. NULL: not told. */
    void (*on_close)(crew_port *port, int error, void *arg);
    void *arg; /* kept until on_close, or until it stops listening */
    uintptr_t reserved[4]; /* zero */
} crew_listener;

typedef struct crew_channel_options {
    size_t max_messages;   /* that may wait in each direction; 0: 1024; more
                              than 4194303 means that many */
    size_t max_bytes;      /* likewise; 0: 16 MiB; more than 2^40 - 1 means
                              that many. Buffers do not count. One message that
                              is larger is taken when nothing waits */
    uintptr_t reserved[6]; /* zero */
} crew_channel_options;

/*
 * Creates two ports, each the other's other side. `options` may be NULL.
 *
 * Threads: any.
 * Owns:    the caller owns both: crew_port_close.
 * Errors:  -ENOMEM     no memory.
 *          -EINVAL     a or b is NULL, or they are the same; a reserved word
 *                      is set.
 * Since:   0.1
 */
CREW_API int crew_channel_create(crew_port **a, crew_port **b,
                                 const crew_channel_options *options);

/*
 * Posts a message to the other side. The bytes are copied; the buffers and
 * ports are the receiver's afterwards. A received message may be posted on as
 * it is: its entries become NULL, and it is still to be freed.
 *
 * Threads: any, several at once.
 * Blocks:  never.
 * Owns:    on success buffers and ports belong to the message; on failure all
 *          is as before.
 * Errors:  -EAGAIN     full: max_messages or max_bytes wait; on_room tells.
 *          -EPIPE      this side or the other is closed.
 *          -EINVAL     NULL; bytes, buffers or ports are NULL where their
 *                      number is not 0; an entry is NULL or comes twice; a
 *                      port would travel through itself or to its own other
 *                      side, is closed, or is a worker's end; a reserved word
 *                      is set.
 *          -EBUSY      a port in it is being received from, or its callback
 *                      runs on another thread.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_post(crew_port *port, const crew_message *message);

/*
 * Posts, and waits for room where there is none.
 *
 * Threads: any, several at once.
 * Blocks:  until there is room, the port is closed, or `timeout` has passed.
 * Owns:    as crew_post.
 * Errors:  -ETIMEDOUT  there was no room in time.
 *          -ECANCELED  the caller is a worker and was terminated.
 *          others      as crew_post, but -EAGAIN.
 * Since:   0.1
 */
CREW_API int crew_post_wait(crew_port *port, const crew_message *message,
                            crew_ns timeout);

/*
 * Receives the oldest message.
 *
 * Threads: any, one at a time.
 * Blocks:  until a message comes, the port is closed, or `timeout` has passed.
 * Owns:    the caller owns *out: crew_message_free.
 * Errors:  -ETIMEDOUT  nothing came; at once with 0.
 *          -ECANCELED  the caller is a worker and was terminated.
 *          -EPIPE      the other side is closed, and all has been received.
 *          -EBUSY      it listens, or another thread receives from it.
 *          -ENOMEM     no memory for the message, which waits on.
 *          -EINVAL     NULL, or a bad timeout.
 * Since:   0.1
 */
CREW_API int crew_receive(crew_port *port, crew_message **out, crew_ns timeout);

/*
 * Receives the oldest message of several ports; *which is its port's index.
 * Entries that are NULL are left out. So is a port whose other side closed,
 * once that has been told: -EPIPE with its index in *which, when all its
 * messages have been received. Where all are left out: -EPIPE with `count`.
 *
 * Threads: as crew_receive, for each of the ports.
 * Blocks:  as crew_receive.
 * Owns:    the caller owns *out: crew_message_free.
 * Errors:  -ETIMEDOUT  nothing came; at once with 0.
 *          -ECANCELED  the caller is a worker and was terminated.
 *          -EPIPE      as above.
 *          -EBUSY      one of them listens, or another thread receives from
 *                      it, or it stands there twice.
 *          -ENOMEM     no memory for the message, which waits on.
 *          -EINVAL     NULL, no ports, or a bad timeout.
 * Since:   0.1
 */
CREW_API int crew_receive_any(crew_port *const *ports, size_t count,
                              size_t *which, crew_message **out,
                              crew_ns timeout);

/*
 * Frees a received message, with every buffer and port that is still in it:
 * to keep one, take it out and set its entry to NULL. NULL, and messages that
 * the library did not make: nothing.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API void crew_message_free(crew_message *message);

/*
 * Inside on_message: the message is not freed after the callback, but by
 * crew_message_free.
 *
 * Threads: the callback's.
 * Owns:    the caller owns the message.
 * Since:   0.1
 */
CREW_API void crew_message_keep(crew_message *message);

/*
 * Starts to listen: from now on what comes, and what waits, is given to the
 * callbacks, on the thread that dispatches `inbox`. `listener` NULL: stops,
 * and messages wait again; `inbox` is then ignored.
 *
 * Threads: any; to stop, the inbox's.
 * Blocks:  never.
 * Calls:   the listener's callbacks, never from inside this call.
 * Errors:  -EBUSY      it listens already, or is being received from; to
 *                      stop: its callback runs on another thread.
 *          -EPIPE      it is closed, or its on_close has come.
 *          -EINVAL     port or inbox is NULL, a reserved word is set.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_listen(crew_port *port, crew_inbox *inbox,
                         const crew_listener *listener);

/*
 * Closes a port. What was posted on it still arrives at the other side, then
 * -EPIPE, or its on_close(0). What waits at this end is released. The handle
 * is gone when this returns; that of a port that listens after its own
 * on_close, and until then each call on it gives -EPIPE and closing it again
 * does nothing. After an on_close that came because the other side closed,
 * the handle is still to be closed. NULL: nothing.
 *
 * Threads: any, while no other is inside crew_post on this port; those that
 *          wait in crew_post_wait or crew_receive are let go, with -EPIPE.
 * Blocks:  never.
 * Calls:   on_close of a port that listens, once, on its inbox's thread.
 * Since:   0.1
 */
CREW_API void crew_port_close(crew_port *port);

/*
 * A port that listens keeps crew_inbox_run going, an unreferenced one does
 * not. Ports begin referenced; calling one twice is calling it once.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API void crew_port_ref(crew_port *port);
CREW_API void crew_port_unref(crew_port *port);

/*
 * Whether the port keeps its inbox's crew_inbox_run going: it listens, and is
 * referenced.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API bool crew_port_has_ref(crew_port *port);

typedef enum crew_full {
    CREW_FULL_REFUSE,     /* posts are refused while this member is full */
    CREW_FULL_DROP_OLDEST /* this member loses its oldest */
} crew_full;

typedef struct crew_hub_options {
    size_t max_messages;   /* that may wait for this member; 0: 1024 */
    size_t max_bytes;      /* likewise; 0: 16 MiB; one message that is larger
                              is taken when nothing waits */
    crew_full when_full;   /* what happens when this member is full */
    uintptr_t reserved[8]; /* zero */
} crew_hub_options;

/*
 * Joins the hub of that name in this process: what is posted on the port goes
 * once to all others that have joined before, not to itself. All members see
 * the posts in one order. The bytes are copied once, and shared. A port, or a
 * buffer to which there is one reference alone, cannot move to several:
 * -EINVAL; of a buffer to which there are more, each member gets one of its
 * own, and the one that was posted is given back.
 *
 * Threads: any.
 * Owns:    the caller owns *out: crew_port_close. The hub goes with its last
 *          member.
 * Errors:  -ENOMEM     no memory.
 *          -EINVAL     out or name is NULL, name is empty, a reserved word is
 *                      set.
 * Since:   0.1
 */
CREW_API int crew_hub_join(crew_port **out, const char *name,
                           const crew_hub_options *options);

/*
 * How many messages this member has lost to CREW_FULL_DROP_OLDEST so far.
 * 0 for every other port.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API uint64_t crew_hub_dropped(crew_port *port);

#ifdef __cplusplus
}
#endif

#endif
