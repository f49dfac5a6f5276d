/*
 * Marks count rare paths in the testing build, so that a stress test that
 * never reached the paths that it is there for fails. Nothing elsewhere.
 *
 *   crew__mark(CREW__MARK_STEAL_LOST);
 */
#ifndef CREW_BASE_MARK_H
#define CREW_BASE_MARK_H

#include <stdint.h>

/* One line a path: name, what happened in words. */
#define CREW__MARKS(X) \
    X(RING_LOST, "a take from a ring lost the race for an index") \
    X(STEAL, "a task was taken from another worker's ring") \
    X(LOCK_CONTENDED, "a small lock was held") \
    X(LOCK_SLEPT, "a small lock was waited for in the kernel") \
    X(BATON_HELPED, "a stopped submitter's wake was rung by another") \
    X(BATON_REFUSED, "a sleeper had left when it was appointed") \
    X(BATON_PASSED, "a searcher passed the search on") \
    X(LOOK_FOUND, "the second look before sleeping found work") \
    X(LATE_SWEEP, "a submit ended its task in a pool without workers") \
    X(CANCEL_QUEUED, "a queued task was canceled") \
    X(CANCEL_RUNNING, "a running task was canceled") \
    X(CANCEL_LATE, "a cancel came after the end") \
    X(CANCEL_RACE, "a cancel and a start met") \
    X(EXPIRED, "a task expired in the queue") \
    X(STOP_SWEPT, "a stop ended a queued task") \
    X(WAITER_TOKEN, "a waiter got its token") \
    X(WAITER_TOOK_BACK, "a waiter timed out and took its registration back") \
    X(WAITER_TOO_LATE, "a waiter timed out while its token was on its way") \
    X(CANCEL_WHILE_PARKED, "a parked thread was woken to be canceled") \
    X(CANCEL_BEFORE_PARK, "a thread was canceled before it parked") \
    X(CANCEL_WORD, "a wait on a word was canceled") \
    X(GROUP_LAST_CLAIMED, "the last leaver claimed the waiters") \
    X(GROUP_MEMBER_RUN, "a waiting worker ran a member") \
    X(GROUP_POKED, "a member's submit woke a waiting worker") \
    X(TASK_RUN_BY_WAITER, "a waiting worker ran the task that it waited for") \
    X(RING_GIVEN_BACK, "a waiter moved a ring back to the lists") \
    X(BOUND_LOWER, "a lower priority went by the bound") \
    X(BOUND_QUEUES, "mailbox and injector went first by the bound") \
    X(BOUND_RINGS, "another's ring went first by the bound") \
    X(ROOM_TOLD, "room was told") \
    X(ROOM_RACE, "room came while it was asked for") \
    X(INBOX_SKIPPED_WRITE, "a post found the owner looking") \
    X(INBOX_UNPARKED, "a post unparked the owner") \
    X(INBOX_REFILLED, "a dispatch left items and rang again") \
    X(INBOX_OVERSLEPT, "a nap brought all that was outstanding") \
    X(INBOX_ROUSE_WAITED, "a destroy waited for the last rouse") \
    X(DRAIN_SEEN, "a drain saw the idle moment") \
    X(PIPE_LEFT, "a post met the close of the receiving end") \
    X(PIPE_STALE, "a post found room by a second look") \
    X(LANE_EXTENDED, "a full lane got another ring") \
    X(LANE_AFTER_STACK, "of two ways the stack had the older message") \
    X(SHELF_LATE, "a message came back to a channel that is gone") \
    X(SHELF_SHARED, "a second poster took a spare message") \
    X(PORT_ORPHAN, "a turn of a port that listens no longer") \
    X(PORT_ROOM, "room was told to a port") \
    X(PORT_CLOSED_BUSY, "a port was closed while its callback ran") \
    X(PORT_MOVED_OWN, "a port was moved by its own callback") \
    X(PORT_TURN, "a port had more for a second turn") \
    X(POST_TAKEN_BACK, "a post by id was given up before it was handled") \
    X(POST_LEFT, "a post by id was given up while it was handled") \
    X(POST_REFUSED, "a post by id waited when its worker ended") \
    X(CLAIM_TOO_LATE, "a named lock was granted while its call gave up") \
    X(CLAIM_ALARM_LATE, "the alarm of a named lock came after its answer") \
    X(CLAIM_STOLEN_EARLY, "a named lock was stolen before its answer") \
    X(FORKED, "a call in a forked child was refused")

enum crew__mark_id {
#define CREW__MARK_ENUM(name, text) CREW__MARK_##name,
    CREW__MARKS(CREW__MARK_ENUM)
#undef CREW__MARK_ENUM
        CREW__MARK_COUNT
};

#if defined(CREW_TESTING)

void crew__mark(enum crew__mark_id id);
uint64_t crew__mark_count(enum crew__mark_id id);
const char *crew__mark_text(enum crew__mark_id id);

#else

#define crew__mark(id) ((void)0)

#endif

#endif
