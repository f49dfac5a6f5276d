/*
 * The group from the inside: what members do. See crew/group.h for its users.
 *
 * A group holds no list of members: they point at it. Its word counts them:
 *
 *   bits    field      meaning
 *   0..39   pending    members whose end has not been told
 *   40..55  leaving    members whose end is being told at this moment
 *   56      WAITERS    `waiters` is not empty
 *   57      NOTIFY     a notify is set and not on its way
 *
 * Invariants
 *   I1  A member is counted in pending or leaving until its last touch of the
 *       group, which is the read-modify-write that takes it out.
 *   I2  The member that would bring both counts to zero while WAITERS or
 *       NOTIFY is set takes those first, while it is still counted (so the
 *       group is alive), and tells them after it has left. It sees under the
 *       lock that no other member is outstanding: that is the moment which
 *       holds for all who have registered.
 *   I3  A waiter or notify registers by setting its bit under the lock, in an
 *       atomic step that also reads the counts: either it sees none
 *       outstanding, or the last member sees the bit.
 *
 * Edges
 *   group-end   leave -> wait, notify   what members wrote is seen. Each leave
 *               is a read-modify-write of the word, so one acquire covers all.
 *   group-error   note -> crew_group_error   what the failing member wrote is
 *               seen by who sees its error.
 *   group-notify   delivered -> notify, destroy   the callback's own reads of
 *               the group happen before it is used anew or freed.
 *   group-cancel   cancel -> sleeper   seq_cst with SLEEPING of the task's
 *               word: of  set canceled; look at sleepers || announce; look
 *               at canceled  at least one sees the other.
 */
#ifndef CREW_POOL_GROUP_H
#define CREW_POOL_GROUP_H

#include <crew/group.h>

#include "pool/task.h"

bool crew__group_is_forked(const crew_group *group);

/* A member is being submitted. `noted`: it has a `done`. */
void crew__group_join(crew_group *group, bool noted, size_t count);

/* A member ended with `status`: keeps the first error. */
void crew__group_note(crew_group *group, int status);

/* A member with a `done` whose `done` has returned. */
void crew__group_leave_noted(crew_group *group);
/* A member without: before its end is told, and after. */
void crew__group_begin_leave(crew_group *group);
void crew__group_end_leave(crew_group *group);

/* Whether an outstanding member has a `done`. */
bool crew__group_has_noted(const crew_group *group);

bool crew__group_is_canceled(const crew_group *group);

/* Waits, a few instructions of others long, until no member is leaving while
 * none is pending: so that what a wait for the last member has told holds for
 * its group too. */
void crew__group_settle(const crew_group *group);

/* Registers; false: no member is outstanding, so there is nothing to wait
 * for. */
bool crew__group_register(crew_group *group, struct crew__waiter *waiter);
/* Takes it back; false: its token is on the way. */
bool crew__group_unregister(crew_group *group, struct crew__waiter *waiter);

/* A member that sleeps in crew_sleep, to be woken by cancel. */
struct crew__sleeper {
    struct crew__link link;
    crew_task *task;
};
void crew__group_add_sleeper(crew_group *group, struct crew__sleeper *sleeper);
void crew__group_drop_sleeper(crew_group *group, struct crew__sleeper *sleeper);

#endif
