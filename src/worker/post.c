/*
 * Posts to a worker by its id. A worker with a handler has a box: a channel
 * whose receiving end listens in its inbox, without holding it. A post is a
 * message of that channel with a letter before its bytes.
 *
 * A post that waits for its answer leaves its message's buffers and ports with
 * the sender until the handler is about to be called: they stand in the
 * message already, and the ports are held, so that nothing can fail then. The
 * sender's frame and the letter point at each other, under the box's lock:
 *
 *   the sender is   who changes that      what is true
 *   QUEUED          -                     linked in `waiting`; the content is
 *                                         the sender's
 *   CALLED          the receiver          it is `called`; the content is the
 *                                         handler's
 *   TOLD            the receiver, after the handler; who closes the box, from
 *                   QUEUED                linked nowhere; its token comes
 *
 * A sender that gives up takes itself out, and of a QUEUED one the message
 * becomes void: without content, to be freed by whoever comes to it. So of the
 * handler's call and the sender's error there is exactly one. TOLD is too late
 * to give up: it waits for its token, which comes in a moment.
 *
 * Who closes the box makes all that are QUEUED void first, so what is drained
 * from the channel is void, or was posted without waiting.
 *
 * Locks: the box's, then a port's. Senders hold a reference of the worker, and
 * of the channel while they use it: its ports may be closed at any time.
 */
#include "worker/worker.h"

#include "base/mark.h"

#include <errno.h>

enum state { QUEUED, CALLED, TOLD };

/* One that waits; in its frame. */
struct crew__sender {
    struct crew__link link;
    struct crew__parker parker;
    struct crew__message *message;
    enum state state;
    int result; /* of TOLD: 0, -ESRCH, -ENOTCONN */
    int answer;
};

/* Before the bytes of a message. */
struct letter {
    uint64_t from;
    struct crew__sender *sender; /* NULL: nobody waits */
    bool is_void;
} CREW__ALIGNED(16);

static struct letter *letter_of(const crew_message *message)
{
    return crew__message_lead(message);
}

/* ---- under the box's lock -------------------------------------------------- */

static struct crew__sender *sender_of(struct crew__link *link)
{
    return (struct crew__sender *)(void *)((char *)link -
                                           offsetof(struct crew__sender, link));
}

/* The content of a queued one is the sender's alone again. */
static void take_back(struct crew__sender *sender)
{
    crew_message *message = &sender->message->public;

    crew__list_unlink(&sender->link);
    letter_of(message)->sender = NULL;
    letter_of(message)->is_void = true;
    message->buffer_count = 0;
    message->port_count = 0;
}

/* Why nothing can be posted. */
static int reason(const struct crew__box *box)
{
    return box->is_over ? -ESRCH : -ENOTCONN;
}

/* ---- the receiver ---------------------------------------------------------- */

struct handler {
    crew_post_fn *fn; /* NULL: there is none, or nothing to handle */
    void *arg;
    bool is_awaited;
};

/* From here on the message is the handler's. */
static struct handler begin(struct crew__box *box, crew_message *message)
{
    struct letter *letter = letter_of(message);
    struct handler handler = {NULL, NULL, false};

    crew__lock(&box->lock);
    if (!letter->is_void) {
        handler = (struct handler){box->fn, box->arg, letter->sender != NULL};
        box->called = letter->sender;
    }
    if (handler.is_awaited) {
        crew__list_unlink(&box->called->link);
        box->called->state = CALLED;
        crew__ports_move(message);
    }
    crew__unlock(&box->lock);
    return handler;
}

static void finish(struct crew__box *box, int answer)
{
    struct crew__sender *sender;

    crew__lock(&box->lock);
    sender = box->called;
    box->called = NULL;
    if (sender) {
        sender->answer = answer;
        sender->result = 0;
        sender->state = TOLD;
    }
    crew__unlock(&box->lock);
    if (sender)
        crew__unpark(&sender->parker); /* the last touch */
}

static void receive(crew_port *port, crew_message *message, void *arg)
{
    struct crew__box *box = arg;
    uint64_t from = letter_of(message)->from;
    struct handler handler = begin(box, message);
    int answer;

    (void)port;
    if (!handler.fn)
        return;
    answer = handler.fn(from, message, handler.arg);
    if (handler.is_awaited)
        finish(box, answer);
}

/* ---- opening and closing --------------------------------------------------- */

void crew__post_init(struct crew__box *box)
{
    crew__list_init(&box->waiting);
}

/* false: there is no box, or no longer. */
static bool change_handler(struct crew__box *box, crew_post_fn *fn, void *arg)
{
    bool is_open;

    crew__lock(&box->lock);
    is_open = box->in != NULL;
    if (is_open) {
        box->fn = fn;
        box->arg = arg;
    }
    crew__unlock(&box->lock);
    return is_open;
}

static int open_box(crew_worker *worker, crew_post_fn *fn, void *arg)
{
    struct crew__box *box = &worker->box;
    crew_listener listener = {.on_message = receive, .arg = box};
    crew_port *in, *out;
    int r = crew_channel_create(&out, &in, NULL);

    if (r < 0)
        return r;
    crew_port_unref(in);
    r = crew_listen(in, worker->home, &listener);
    if (r < 0) {
        crew_port_close(out);
        crew_port_close(in);
        return r;
    }
    crew__lock(&box->lock);
    box->fn = fn;
    box->arg = arg;
    box->in = in;
    box->out = out;
    crew__unlock(&box->lock);
    return 0;
}

/* Those that wait, which are told by who calls this. */
static struct crew__link *refuse_all(struct crew__box *box)
{
    struct crew__link *told = NULL;

    while (!crew__list_is_empty(&box->waiting)) {
        struct crew__sender *sender = sender_of(box->waiting.next);

        crew__mark(CREW__MARK_POST_REFUSED);
        take_back(sender);
        sender->result = reason(box);
        sender->state = TOLD;
        sender->link.next = told;
        told = &sender->link;
    }
    return told;
}

static void tell_all(struct crew__link *told)
{
    while (told) {
        struct crew__sender *sender = sender_of(told);

        told = told->next;
        crew__unpark(&sender->parker); /* the last touch */
    }
}

/* Where its inbox is dispatched by another thread at this moment, the port goes
 * when that has done; else it goes here, with all that waits in it. */
static void close_box(struct crew__box *box, bool is_over)
{
    crew_port *in, *out;
    struct crew__link *told;

    crew__lock(&box->lock);
    box->is_over = is_over;
    in = box->in;
    out = box->out;
    box->in = NULL;
    box->out = NULL;
    box->fn = NULL;
    told = refuse_all(box);
    crew__unlock(&box->lock);
    tell_all(told);
    if (!in)
        return;
    crew_listen(in, NULL, NULL);
    crew_port_close(out);
    crew_port_close(in);
}

void crew__post_end(crew_worker *worker)
{
    crew__id_remove(worker);
    close_box(&worker->box, true);
}

void crew__post_drop_forked(struct crew__box *box)
{
    crew_port_close(box->out);
    crew_port_close(box->in);
}

int crew_self_on_post(crew_self *self, crew_post_fn *fn, void *arg)
{
    crew_worker *worker = crew__worker_of(self);

    if (!worker || worker != crew__worker_here())
        return -EINVAL;
    if (crew__worker_is_forked(worker))
        return -EOWNERDEAD;
    if (worker->box.is_over) /* its own word */
        return -EINVAL;
    if (!fn) {
        close_box(&worker->box, false);
        return 0;
    }
    if (change_handler(&worker->box, fn, arg))
        return 0;
    return open_box(worker, fn, arg);
}

/* ---- the sender ------------------------------------------------------------ */

/* Its end of the channel, with a reference for the caller. */
static int find_port(struct crew__box *box, crew_port **out)
{
    int r = 0;

    crew__lock(&box->lock);
    if (box->out) {
        *out = box->out;
        box->out->transport->retain(box->out);
    } else {
        r = reason(box);
    }
    crew__unlock(&box->lock);
    return r;
}

/* Through the gate, or why not. */
static int enter(struct crew__box *box, crew_port *port, size_t size,
                 uint64_t *ticket)
{
    int r = crew__channel_enter(port, size, ticket);

    if (r != -EPIPE)
        return r;
    crew__lock(&box->lock);
    r = reason(box);
    crew__unlock(&box->lock);
    return r;
}

static int queue(struct crew__box *box, crew_port *port,
                 struct crew__message *made)
{
    uint64_t ticket;
    int r = enter(box, port, made->public.size, &ticket);

    if (r < 0)
        return r;
    crew__ports_move(&made->public);
    crew__channel_push(port, made, ticket);
    return 0;
}

static int enlist(struct crew__box *box, crew_port *port,
                  struct crew__sender *sender)
{
    int r = 0;

    crew__park_init(&sender->parker);
    sender->state = QUEUED;
    crew__lock(&box->lock);
    if (box->out == port) {
        letter_of(&sender->message->public)->sender = sender;
        crew__list_push_last(&box->waiting, &sender->link);
    } else {
        r = reason(box);
    }
    crew__unlock(&box->lock);
    return r;
}

/* `r` is why it gives up; what became of the message, if it is too late. */
static int give_up(struct crew__box *box, struct crew__sender *sender, int r)
{
    enum state state;

    crew__lock(&box->lock);
    state = sender->state;
    if (state == QUEUED)
        take_back(sender);
    else if (state == CALLED)
        box->called = NULL;
    crew__unlock(&box->lock);
    switch (state) {
    case QUEUED:
        crew__mark(CREW__MARK_POST_TAKEN_BACK);
        return r;
    case CALLED:
        crew__mark(CREW__MARK_POST_LEFT);
        return 1;
    case TOLD:
        break;
    }
    crew__park(&sender->parker, CREW__NEVER);
    return sender->result;
}

/* *pushed: the message is in the channel, whatever the result. */
static int ask(struct crew__box *box, crew_port *port,
               struct crew__sender *sender, crew_ns deadline, bool *pushed)
{
    uint64_t ticket;
    int r = enlist(box, port, sender);

    if (r < 0)
        return r;
    r = enter(box, port, sender->message->public.size, &ticket);
    if (r == 0) {
        crew__channel_push(port, sender->message, ticket);
        *pushed = true;
        r = crew__cancel_park(&sender->parker, deadline);
    }
    return r < 0 ? give_up(box, sender, r) : sender->result;
}

struct post {
    uint64_t from;
    const crew_message *message;
    int *answer;
    crew_ns timeout;
};

/* Its ports are held, and `made` goes somewhere. */
static int send(struct crew__box *box, crew_port *port, const struct post *post,
                struct crew__message *made)
{
    struct crew__sender sender = {.message = made};
    bool pushed = false;
    int r;

    if (post->timeout == 0) {
        r = queue(box, port, made);
        pushed = r == 0;
    } else {
        r = ask(box, port, &sender,
                crew__clock_deadline(crew__clock_now(), post->timeout),
                &pushed);
        if (r == 0 && post->answer)
            *post->answer = sender.answer;
    }
    if (!pushed)
        crew__message_unmake(made);
    return r;
}

static int post_to(struct crew__box *box, crew_port *port,
                   const struct post *post)
{
    struct crew__message *made;
    int r = crew__ports_check(port, post->message);

    if (r == 0)
        r = crew__ports_prepare(post->message);
    if (r < 0)
        return r;
    made = crew__message_make_led(sizeof(struct letter), post->message);
    if (made)
        letter_of(&made->public)->from = post->from;
    r = made ? send(box, port, post, made) : -ENOMEM;
    if (r < 0)
        crew__ports_cancel(post->message);
    else
        crew__message_moved(post->message);
    return r;
}

static int post_to_id(uint64_t id, const struct post *post)
{
    crew_worker *worker = crew__id_find(id);
    crew_port *port;
    int r;

    if (!worker)
        return -ESRCH;
    r = find_port(&worker->box, &port);
    if (r == 0) {
        r = post_to(&worker->box, port, post);
        port->transport->release(port);
    }
    crew__worker_release(worker);
    return r;
}

int crew_worker_post(uint64_t id, const crew_message *message, int *answer,
                     crew_ns timeout)
{
    const crew_worker *here = crew__worker_here();
    struct post post = {here ? here->id : 0, message, answer, timeout};

    if (!message || timeout < CREW_FOREVER || (answer && timeout == 0))
        return -EINVAL;
    if ((here && here->id == id) || crew__message_check(message) < 0)
        return -EINVAL;
    if (timeout != 0 && crew__cancel_is_due())
        return -ECANCELED;
    return post_to_id(id, &post);
}
