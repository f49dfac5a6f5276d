/*
 * crew_lock: locks with names, for what several workers use in turn and no
 * memory guards: a file, a device, a rebuild of a cache. Who names the same
 * thing meets, wherever in the process. One has it alone (exclusive), or
 * several together (shared).
 *
 * Names are "library/name" by custom, any bytes in truth. Each copy of the
 * library has names of its own.
 *
 * The line is fair: first come, first served. A shared request that comes after
 * an exclusive one waits behind it, even while others share the lock. When an
 * exclusive holder goes, all shared requests next in line are granted together.
 *
 * A request belongs to the worker whose thread makes it, any other to the
 * program. When a worker ends, its locks are given up and its requests are
 * withdrawn; then the library frees its handles, so nobody else may keep them.
 *
 * For words in memory a mutex is faster. And nobody is told of a deadlock: who
 * asks for what it holds itself waits until it gives that up.
 */
#ifndef CREW_LOCK_H
#define CREW_LOCK_H

#include <crew/base.h>
#include <crew/inbox.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A request, and the hold that comes of it. */
typedef struct crew_lock crew_lock;

typedef enum crew_lock_mode {
    CREW_LOCK_EXCLUSIVE,
    CREW_LOCK_SHARED
} crew_lock_mode;

typedef struct crew_lock_options {
    size_t name_size; /* bytes of the name; 0: it ends with a NUL */
    crew_lock_mode mode;
    bool if_available; /* -EBUSY instead of waiting */
    bool steal; /* from all who hold it, waiting for nobody; exclusive alone,
                   not with if_available */

    /* It waits no longer than this; 0, CREW_FOREVER: no limit. None with
     * if_available and steal, which do not wait. For an answer crew_inbox_wait
     * and crew_inbox_run wake in time, but nothing wakes a loop that sleeps on
     * the descriptor: where crew_inbox_fd has been asked for a limit is
     * -EINVAL, and a timer of that loop calls crew_lock_release. */
    crew_ns timeout;

    crew_inbox *inbox; /* where the callbacks come; set if one of them is */

    /* Set: the call does not wait. Comes once for each request: 0, it is held;
     * -ETIMEDOUT; -ECANCELED, its worker has ended, or it has been released,
     * and then `lock` is NULL. */
    void (*on_granted)(crew_lock *lock, int status, void *arg);

    /* Another has taken it; crew_lock_status says so too. After on_granted, at
     * most once, and not after crew_lock_release on the inbox's thread. The
     * inbox is not destroyed before that release. */
    void (*on_stolen)(crew_lock *lock, void *arg);

    void *arg;             /* of both */
    uintptr_t reserved[4]; /* zero */
} crew_lock_options;

/*
 * Asks for the lock of that name. Without on_granted the call waits, and
 * returns when the lock is held. With it the call returns at once, and the
 * answer comes to the inbox; a failed call is its own answer. `options` may be
 * NULL: exclusive, without a limit.
 *
 * Threads: any.
 * Blocks:  without on_granted, until it is held or `timeout` has passed.
 * Owns:    the caller owns *out, whatever the answer is: crew_lock_release.
 *          The name is copied.
 * Calls:   on_granted once, on the thread that dispatches `inbox`.
 * Errors:  -EBUSY      if_available, and it would wait.
 *          -ETIMEDOUT  it was not granted in time.
 *          -ECANCELED  the caller is a worker, and was terminated while it
 *                      waited or has returned from its main.
 *          -ENOMEM     no memory.
 *          -EINVAL     out or name is NULL, an unknown mode, options that
 *                      exclude each other, a callback without an inbox or an
 *                      inbox without a callback, a bad timeout, a reserved
 *                      word.
 * Since:   0.1
 */
CREW_API int crew_lock_request(crew_lock **out, const char *name,
                               const crew_lock_options *options);

/*
 * What has become of a request: 0, it is held; else one of the errors.
 *
 * Threads: any.
 * Blocks:  never.
 * Errors:  -EINPROGRESS  it waits.
 *          -ETIMEDOUT    it was not granted in time.
 *          -ECANCELED    it was stolen, or its worker has ended.
 *          -EINVAL       NULL.
 * Since:   0.1
 */
CREW_API int crew_lock_status(const crew_lock *lock);

/*
 * Gives the lock up, or withdraws a request that waits, and frees the handle.
 * Who is next in line has it then. One that was stolen, or came too late, holds
 * nothing any more, and is freed. NULL: nothing.
 *
 * Threads: any.
 * Blocks:  never.
 * Calls:   on_granted with -ECANCELED, later, where it has not come yet.
 * Since:   0.1
 */
CREW_API void crew_lock_release(crew_lock *lock);

typedef struct crew_lock_info {
    const char *name; /* name_size bytes, then a NUL */
    size_t name_size;
    crew_lock_mode mode;
    bool held;      /* false: it waits */
    uint64_t owner; /* the worker's number; 0: the program */
    uintptr_t reserved[4];
} crew_lock_info;

/*
 * Tells all that is held or waits in this process at one moment. Of one name,
 * the holders come first, then those that wait, in the order of their turns.
 * Returns how many there were. `fn` may be NULL, and may use locks.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    the information lives during the call of `fn`.
 * Calls:   fn, here, for each.
 * Errors:  -ENOMEM     no memory; nothing was told.
 * Since:   0.1
 */
CREW_API int crew_lock_query(void (*fn)(const crew_lock_info *info, void *arg),
                             void *arg);

#ifdef __cplusplus
}
#endif

#endif
