/*
 * The port from the inside: what every kind of port has, and below that a
 * transport of a few functions, which carries the messages: the channel in one
 * process (channel.c), the member of a hub (hub.h).
 *
 *   word       who changes it                     what it says
 *   token      compare-and-swap by who receives   one is on the receiving side;
 *                                                 it lies with the transport
 *   state      under the lock                     see enum below
 *   wants      under the lock                     who is to be told when
 *                                                 something comes
 *   the rest   under the lock
 *
 * Telling: who has made news (pushed the first of a burst, closed) looks at
 * `wants`; who begins to want sets it and looks for news. Both are seq_cst, so
 * at least one sees the other. Only who finds a want goes through the lock.
 *
 * The token is held by a thread inside crew_receive, by a listener's turn, by
 * who moves or closes the port. So what waits has one taker at a time, and a
 * second is told -EBUSY.
 *
 * References of the transport's memory: the handle, a listening, each message
 * that the channel has made, and who is inside close. Who waits for room has
 * none: who gives the handle back waits for him to leave.
 *
 * Edges
 *   port-token   leave -> enter   the receiving side's own words.
 *   port-wants   want -> tell     seq_cst: of  push; look at wants  ||  want;
 *                look for news  at least one sees the other.
 *   port-state   close, listen -> enter   seq_cst; a lone word.
 *   port-tellers   told -> dismiss   the sleeper's memory is touched no more.
 */
#ifndef CREW_PORT_PORT_H
#define CREW_PORT_PORT_H

#include "os/os.h"
#include "port/message.h"
#include "runtime/inbox.h"

/* state */
enum {
    CREW__PORT_CLOSED = 1,       /* this end; its own on_close may be to come */
    CREW__PORT_LISTENING = 2,    /* `listening` is set */
    CREW__PORT_OVER = 4,         /* on_close has told that the other closed */
    CREW__PORT_UNREFERENCED = 8, /* it holds no run */
    CREW__PORT_ANY_OVER = 16,    /* crew_receive_any has told that */
    CREW__PORT_BORROWED = 32,    /* the program has it, and must not move it */
    CREW__PORT_SHUT = 64,        /* closed, and nothing more comes in */
    CREW__PORT_REFUSED = 128,    /* a post, and nobody listened for room */
    /* what keeps it from moving */
    CREW__PORT_STAYS = CREW__PORT_CLOSED | CREW__PORT_BORROWED,
    /* what its owner did and was told, which the next one was not */
    CREW__PORT_HANDLES = CREW__PORT_OVER | CREW__PORT_UNREFERENCED |
                         CREW__PORT_ANY_OVER | CREW__PORT_REFUSED,
    /* and above: how many are inside crew_post_wait, and have met no room */
    CREW__PORT_WAITER = 65536
};

/* wants */
enum {
    CREW__PORT_ARMED = 1, /* `listening` waits for a reason to be posted */
    CREW__PORT_SLEEPER = 2
};

/* A thread that sleeps until it is told; on its stack. */
struct crew__port_sleeper {
    struct crew__parker parker;
    crew__a32 tellers; /* that have found it and have not told it yet */
    struct crew__port_sleeper *next; /* of those that wait for room */
};

/* A listener's turn; on the stack of the inbox's thread. */
struct crew__delivery {
    uintptr_t thread;
    bool lost; /* the port listens no more, or elsewhere */
};

struct crew__listening {
    struct crew__item item;
    crew_port *port;
    crew_inbox *inbox;
    void (*on_message)(crew_port *, crew_message *, void *);
    void (*on_room)(crew_port *, void *);
    void (*on_close)(crew_port *, int, void *);
    void *arg;
    uint32_t number; /* of the dispatch that `left` is of */
    uint32_t left;   /* messages that it delivers in that dispatch */
    bool in_flight;  /* the item is posted, or being delivered */
    bool room_wish;  /* a post was refused */
    bool room_due;
};

/* What came to a port so far, and waits there. */
struct crew__port_counts {
    uint64_t received; /* messages */
    uint64_t queued_bytes;
};

struct crew__transport {
    /* The posting side; any thread. */
    int (*post)(crew_port *port, const crew_message *message);
    /* To be told by crew__port_tell_room; true: there is room already. */
    bool (*want_room)(crew_port *port, size_t size);
    /* The receiving side, by who has the token. 0, -EAGAIN: nothing,
     * -ENOMEM: not now. */
    int (*take)(crew_port *port, struct crew__message **out);
    uint64_t (*peek)(crew_port *port); /* stamp of the next; 0: none */
    size_t (*waiting)(crew_port *port);
    bool (*is_over)(crew_port *port);  /* nothing waits, nor will come */
    bool (*has_news)(crew_port *port); /* any thread: something, or over */
    struct crew__node *(*drain)(crew_port *port);
    /* Posts no more; the other sides are told. */
    void (*end)(crew_port *port);
    void (*count)(crew_port *port, struct crew__port_counts *counts);
    /* Closes both sides and tells the others. */
    void (*shut)(crew_port *port);
    /* After that: the handle is gone, so nobody is inside a call on it. */
    void (*bury)(crew_port *port);
    /* Whether `moved` is this port or what it posts to. */
    bool (*is_itself)(const crew_port *port, const crew_port *moved);
    /* The port changes hands. */
    void (*move)(crew_port *port);
    void (*retain)(crew_port *port);
    void (*release)(crew_port *port);
};

struct crew_port {
    const struct crew__transport *transport;
    crew__a32 *token; /* elsewhere, as posters read this line */
    uint32_t generation;
    struct crew__lock lock;
    crew__a32 wants;
    crew__a32 state;
    struct crew__listening *listening;
    struct crew__delivery *delivery;
    struct crew__port_sleeper *sleeper; /* receives */
    struct crew__port_sleeper *room;    /* wait for room */
} CREW__ALIGNED(64);

_Static_assert(sizeof(struct crew_port) == 64, "one line");

void crew__port_init(crew_port *port, const struct crew__transport *transport,
                     crew__a32 *token);
bool crew__port_is_forked(const crew_port *port);

/* ---- the receiving side -------------------------------------------------- */

static inline bool crew__port_try_token(crew_port *port)
{
    uint32_t free = 0;

    /* edge:port-token, acquire */
    return crew__cas_acquire(port->token, &free, 1);
}

static inline void crew__port_give_token(crew_port *port)
{
    /* edge:port-token, release */
    crew__store_release(port->token, 0);
}

static inline uint32_t crew__port_state(crew_port *port)
{
    return crew__load_seq_cst(&port->state); /* edge:port-state, acquire */
}

/* Under the lock. */
void crew__port_set_state(crew_port *port, uint32_t set, uint32_t clear);
void crew__port_set_wants(crew_port *port, uint32_t set, uint32_t clear);
void crew__port_add_waiters(crew_port *port, int count);

/* ---- telling ------------------------------------------------------------- */

/* There is news for who receives from `port`. */
void crew__port_tell(crew_port *port);
/* There is room for who posts on `port`. */
void crew__port_tell_room(crew_port *port);
/* A post was refused: on_room is to come, or as soon as somebody listens. */
void crew__port_wish_room(crew_port *port, size_t size);
/* One got through: who was refused before anybody listened knows it himself. */
void crew__port_take_back_wish(crew_port *port);

static inline void crew__port_got_through(crew_port *port)
{
    /* the poster's own; this line has been read for the fork */
    if (crew__load_relaxed(&port->state) & CREW__PORT_REFUSED)
        crew__port_take_back_wish(port);
}

/* Everybody's sleep: 0, -ETIMEDOUT, or -ECANCELED. */
int crew__port_sleep(struct crew__parker *parker, crew_ns deadline);
void crew__port_sleeper_init(struct crew__port_sleeper *sleeper);
/* Under the lock of where it was found, which then forgets it; and after that
 * for it and those that it is linked to. */
void crew__port_sleeper_found(struct crew__port_sleeper *sleeper);
void crew__port_sleepers_told(struct crew__port_sleeper *first);
/* It is nowhere found any more: waits for those that have found it. */
void crew__port_sleeper_dismiss(struct crew__port_sleeper *sleeper);

/* Sleepers of the receiving side. false: closed. */
bool crew__port_await(crew_port *port, struct crew__port_sleeper *sleeper);
void crew__port_stop_awaiting(crew_port *port,
                              struct crew__port_sleeper *sleeper);

/* ---- listening ----------------------------------------------------------- */

/* Under the lock: the item is to be posted, and then must be, after it. */
bool crew__listening_arouse(struct crew__listening *listening);
/* Under the lock, by who has the token or is inside its own delivery: it
 * listens no more. What is to be given to _forget after the lock, or NULL. */
struct crew__listening *crew__listening_detach(crew_port *port);
void crew__listening_forget(struct crew__listening *listening);
/* Under the lock: the caller is inside the port's own callback. */
bool crew__listening_is_own(const crew_port *port);

/* ---- moving and ending --------------------------------------------------- */

/* No more is posted on it; what it receives still comes. Any thread. */
void crew__port_end(crew_port *port);
/* Whether a listener there still has to be told something by `inbox`. */
bool crew__port_will_tell(crew_port *port, const crew_inbox *inbox);
void crew__port_count(crew_port *port, struct crew__port_counts *counts);

/* The port never moves. Before others know it. */
void crew__port_lend(crew_port *port);
/* Whether the ports of a message can travel through `through`, or NULL. */
int crew__ports_check(crew_port *through, const crew_message *message);
/* After the check: 0 and all are ready to move, or an error and nothing has
 * changed. Then one of the two. */
int crew__ports_prepare(const crew_message *message);
void crew__ports_cancel(const crew_message *message);
void crew__ports_move(const crew_message *message);

/* It is shut and drained, and its handle is gone. It may be gone after that. */
void crew__port_bury(crew_port *port);
/* A post on a channel in two steps, for a message that a layer above has made:
 * through the gate (0 and its ticket, -EAGAIN, -EPIPE, -ENOMEM), after which nothing fails and
 * the push must follow. What happens to its ports is the caller's part. */
int crew__channel_enter(crew_port *port, size_t size, uint64_t *ticket);
void crew__channel_push(crew_port *port, struct crew__message *made,
                        uint64_t ticket);

/* Closes a port that nobody uses; what waited there goes before `chain`. */
struct crew__node *crew__port_drop(crew_port *port, struct crew__node *chain);

#endif
