/*
 * The inbox from the inside: what posters do. See crew/inbox.h for its users.
 *
 *   posters (any thread)                     owner (one thread at a time)
 *   -----------------------------------      --------------------------------
 *   push on `arrived`                        clear the fd, take `arrived`
 *   where it was empty: rouse                whole, append to `ready`, deliver
 *
 * How the owner is roused is in `waiter`:
 *   NULL      it is elsewhere: the fd is written, if anyone asked for the fd;
 *   LOOKING   it is inside wait or run and looks before it sleeps: nothing;
 *   a parker  it sleeps there: whoever replaces it by LOOKING unparks it.
 *
 * Invariants
 *   I1  The fd is cleared before `arrived` is taken, never after: so an item
 *       that is pushed after the take finds an empty stack and rings again.
 *   I2  A poster's last touch of the inbox is its push, or, where it expected
 *       the stack to be empty, the release that takes it out of `rousing`;
 *       destroy waits for that count (one write long).
 *   I3  pending = expected by the owner + expected by others - delivered.
 *   I4  An attached one's last touch is its detaching; destroy waits for it.
 *
 * Edges
 *   (stack-node    of lockfree/stack.h, for the items of `arrived`.)
 *   inbox-dispatch   leave -> enter, destroy   what the last dispatch left is
 *                  seen by the next, also on another thread.
 *   inbox-rouse    post -> destroy   the poster's last touch happens before
 *                  the memory goes.
 *   inbox-attached   detach -> destroy   the same for what was attached.
 */
#ifndef CREW_RUNTIME_INBOX_H
#define CREW_RUNTIME_INBOX_H

#include <crew/inbox.h>

#include "lockfree/stack.h"
#include "os/os.h"

/* What travels to an inbox. `deliver` runs on the inbox's thread; the item may
 * be gone when it returns. */
struct crew__item {
    struct crew__node node;
    void (*deliver)(struct crew__item *item);
};

/* So many more will be posted. Called before the post, so that the count is
 * never too small. */
void crew__inbox_expect(crew_inbox *inbox, size_t count);

/* Posts an item that was expected. Any thread. The item and, but for its
 * count, the inbox may be gone when it returns. */
void crew__inbox_post(crew_inbox *inbox, struct crew__item *item);

/* Inside `deliver`: the item is not done with, and will be posted again. */
void crew__inbox_take_back(crew_inbox *inbox);

/*
 * An item may stand for several callbacks. Inside its `deliver`:
 *   _budget   how many it may make now, at least one;
 *   _ran      how many it has made, where that is not one;
 *   _stay     it has more: it is delivered again in this dispatch, after what
 *             waits by now, so that others have their turns. It must have made
 *             at least one, and can say so only a bounded number of times in
 *             one dispatch: what came after a dispatch began is for the next;
 *   _again    it has more, for the next dispatch;
 *   _number   tells one dispatch from the next.
 */
unsigned crew__inbox_budget(const crew_inbox *inbox);
void crew__inbox_ran(crew_inbox *inbox, unsigned count);
void crew__inbox_stay(crew_inbox *inbox, struct crew__item *item);
void crew__inbox_again(crew_inbox *inbox, struct crew__item *item);
uint32_t crew__inbox_number(const crew_inbox *inbox);

/*
 * What may post here at any time without being outstanding now (a port that
 * listens): while it is attached the inbox is not destroyed, and while it is
 * held crew_inbox_run goes on. Any thread. Whoever lets go must know that the
 * inbox is there: still attached, or inside its dispatch.
 */
void crew__inbox_attach(crew_inbox *inbox);
void crew__inbox_detach(crew_inbox *inbox);
/* One that was expected is attached instead, and the reverse. */
void crew__inbox_unexpect(crew_inbox *inbox);
void crew__inbox_expect_again(crew_inbox *inbox);
void crew__inbox_hold(crew_inbox *inbox);
void crew__inbox_let_go(crew_inbox *inbox);

/*
 * A notice is a wish to be called once when something becomes true (room in a
 * queue), or late. It keeps run going, but is no part of pending, and may be
 * withdrawn at any time. All notices of all inboxes are guarded by one lock.
 *
 * A deadline is kept by the owner: wait and run wake for it, a dispatch looks
 * whether it has passed. Nobody makes the fd readable then, so none is given to
 * an inbox that is polled.
 */
struct crew__notice {
    struct crew__notice *next;
    crew_inbox *inbox; /* NULL: not linked */
    bool due;
    crew_ns deadline; /* it is due then; 0: it has none */
    uint32_t round;   /* of its inbox, when it was told */
    /* On the inbox's thread, without the lock; the notice is unlinked. */
    void (*deliver)(struct crew__notice *notice);
    /* Its inbox is being destroyed; under the lock; the notice is unlinked. */
    void (*withdraw)(struct crew__notice *notice);
};

void crew__notices_lock(void);
void crew__notices_unlock(void);
/* These under the lock. */
void crew__notice_link(crew_inbox *inbox, struct crew__notice *notice);
/* It may come late: the owner learns of the deadline. */
void crew__notice_link_until(crew_inbox *inbox, struct crew__notice *notice,
                             crew_ns deadline);
void crew__notice_unlink(struct crew__notice *notice);
/* Unlinks one that its inbox may be waiting for. */
void crew__notice_withdraw(struct crew__notice *notice);
void crew__notice_tell(struct crew__notice *notice);

/* Inside a notice's `deliver`: this was the callback that an item was expected
 * for, which will not be posted. */
void crew__inbox_forgo(crew_inbox *inbox);

/* Whether somebody has its fd, to sleep on it. */
bool crew__inbox_is_polled(crew_inbox *inbox);

/* Dispatches until nothing is outstanding, whatever listens here. Inside it,
 * _is_settling: what can come without end is to end. */
void crew__inbox_settle(crew_inbox *inbox);
bool crew__inbox_is_settling(const crew_inbox *inbox);

bool crew__inbox_is_forked(const crew_inbox *inbox);

#endif
