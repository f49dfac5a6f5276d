/*
 * crew_group: tasks that are waited for, canceled and counted together. A task
 * joins by its `group` field when it is submitted, on whatever pool. Joining,
 * ending and cancelling cost the same however many members there are, and
 * allocate nothing.
 *
 * A member with a `done` counts until that `done` has returned; one without,
 * until its end is told.
 */
#ifndef CREW_GROUP_H
#define CREW_GROUP_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_group_options {
    bool stop_on_error;    /* the first member with a negative status cancels
                              the group */
    uintptr_t reserved[7]; /* zero */
} crew_group_options;

/*
 * Creates a group without members. `options` may be NULL.
 *
 * Owns:    the caller owns *out: crew_group_destroy.
 * Errors:  -ENOMEM     no memory.
 *          -EINVAL     out is NULL, or a reserved word is set.
 * Since:   0.1
 */
CREW_API int crew_group_create(crew_group **out,
                               const crew_group_options *options);

/*
 * Waits until no member is outstanding; a member that joins later is waited
 * for too. When it returns 0, no member is touched any more. A worker that
 * waits runs members meanwhile, never strangers.
 *
 * Threads: any, also several at once.
 * Blocks:  until then, or for `timeout`.
 * Errors:  -ETIMEDOUT  members are outstanding.
 *          -EINVAL     an outstanding member has a `done`: use notify; or a
 *                      bad timeout.
 *          -EDEADLK    called from a member.
 * Since:   0.1
 */
CREW_API int crew_group_wait(crew_group *group, crew_ns timeout);

/*
 * Calls fn(group, arg) once, inside a dispatch of `inbox`, when no member is
 * outstanding; also when none is now. So it comes after every member's
 * `done`, on whatever inbox that is. fn may destroy the group.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `arg` stays the caller's. It holds the inbox.
 * Calls:   fn once.
 * Errors:  -EBUSY      one is set and has not been called.
 *          -EINVAL     group, inbox or fn is NULL.
 * Since:   0.1
 */
CREW_API int crew_group_notify(crew_group *group, crew_inbox *inbox,
                               void (*fn)(crew_group *group, void *arg),
                               void *arg);

/*
 * The first negative status of a member, or 0.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API int crew_group_error(const crew_group *group);

/*
 * Cancels the group for good: members that wait and members that come later
 * end with -ECANCELED and are not run, those that run see it in
 * crew_self_canceled.
 *
 * Threads: any, a member's too.
 * Blocks:  never.
 * Since:   0.1
 */
CREW_API int crew_group_cancel(crew_group *group);

/*
 * How many members are outstanding.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API size_t crew_group_pending(const crew_group *group);

/*
 * Frees the group. NULL: 0.
 *
 * Threads: any; nobody may be inside a call on it.
 * Errors:  -EBUSY      members or a notify are outstanding; nothing has
 *                      changed.
 * Since:   0.1
 */
CREW_API int crew_group_destroy(crew_group *group);

#ifdef __cplusplus
}
#endif

#endif
