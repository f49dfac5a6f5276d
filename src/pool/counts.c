/*
 * Room in a queue with a limit, and who wants to be told of it.
 *
 * Edges
 *   room   give_room -> on_room   seq_cst on both sides: of  less waiting; look
 *          at room_wanted || set room_wanted; look at waiting  at least one
 *          sees the other, so no wish for room is missed.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include <errno.h>

struct crew__room {
    struct crew__notice notice;
    struct crew__room *next; /* of the pool; guarded by the notices' lock */
    crew_pool *pool;         /* NULL: withdrawn while it is being delivered */
    void (*fn)(crew_pool *pool, void *arg);
    void *arg;
};

int crew__counts_take_room(crew_pool *pool, size_t n)
{
    uint64_t waiting = crew__load_relaxed(&pool->waiting); /* the CAS decides */

    if (n > pool->limit)
        return -E2BIG;
    do {
        if (waiting + n > pool->limit)
            return -EAGAIN;
    } while (!crew__cas_seq_cst(&pool->waiting, &waiting, waiting + n));
    return 0;
}

/* Under the notices' lock. */
static void tell_rooms(crew_pool *pool)
{
    crew__store_seq_cst(&pool->room_wanted, 0);
    for (struct crew__room *room = pool->rooms; room; room = room->next) {
        if (room->notice.inbox) {
            crew__mark(CREW__MARK_ROOM_TOLD);
            crew__notice_tell(&room->notice);
        }
    }
}

void crew__counts_give_room(crew_pool *pool, size_t n)
{
    /* edge:room, release */
    crew__add_seq_cst(&pool->waiting, (uint64_t)0 - n);
    /* edge:room, acquire */
    if (!crew__load_seq_cst(&pool->room_wanted))
        return;
    crew__notices_lock();
    tell_rooms(pool);
    crew__notices_unlock();
}

static void unlink_room(struct crew__room *room)
{
    struct crew__room **at = &room->pool->rooms;

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
}

static void deliver_room(struct crew__notice *notice)
{
    struct crew__room *room = (struct crew__room *)(void *)notice;
    crew_pool *pool;
    void (*fn)(crew_pool *, void *) = room->fn;
    void *arg = room->arg;

    crew__notices_lock();
    pool = room->pool;
    if (pool)
        unlink_room(room);
    crew__notices_unlock();
    crew__memory_free(room);
    if (pool)
        fn(pool, arg);
}

/* Its inbox goes. */
static void withdraw_room(struct crew__notice *notice)
{
    struct crew__room *room = (struct crew__room *)(void *)notice;

    unlink_room(room);
    crew__memory_free(room);
}

/* Its pool goes. A notice that is being delivered finds out and frees it. */
void crew__counts_withdraw_rooms(crew_pool *pool)
{
    crew__notices_lock();
    while (pool->rooms) {
        struct crew__room *room = pool->rooms;

        pool->rooms = room->next;
        if (room->notice.inbox) {
            crew__notice_withdraw(&room->notice);
            crew__memory_free(room);
        } else {
            room->pool = NULL;
        }
    }
    crew__notices_unlock();
}

static struct crew__room *find_room(crew_pool *pool, const crew_inbox *inbox)
{
    struct crew__room *room = pool->rooms;

    while (room && room->notice.inbox != inbox)
        room = room->next;
    return room;
}

static void drop_room(struct crew__room *room)
{
    crew__notice_withdraw(&room->notice);
    unlink_room(room);
    crew__memory_free(room);
}

static bool has_room(crew_pool *pool)
{
    /* edge:room, acquire */
    return !pool->limit || crew__load_seq_cst(&pool->waiting) < pool->limit;
}

static void link_room(crew_pool *pool, crew_inbox *inbox,
                      struct crew__room *room)
{
    struct crew__room *old;

    crew__notices_lock();
    old = find_room(pool, inbox);
    if (old)
        drop_room(old);
    if (room) {
        room->next = pool->rooms;
        pool->rooms = room;
        crew__notice_link(inbox, &room->notice);
        crew__store_seq_cst(&pool->room_wanted, 1); /* edge:room, release */
        if (has_room(pool)) {
            crew__mark(CREW__MARK_ROOM_RACE);
            crew__notice_tell(&room->notice);
        }
    }
    crew__notices_unlock();
}

int crew_pool_on_room(crew_pool *pool, crew_inbox *inbox,
                      void (*fn)(crew_pool *pool, void *arg), void *arg)
{
    struct crew__room *room = NULL;

    if (!pool || !inbox)
        return -EINVAL;
    if (crew__pool_is_forked(pool) || crew__inbox_is_forked(inbox))
        return -EOWNERDEAD;
    if (fn) {
        if (crew__load_seq_cst(&pool->closing))
            return -ESHUTDOWN;
        room = crew__memory_zero(sizeof *room);
        if (!room)
            return -ENOMEM;
        room->notice.deliver = deliver_room;
        room->notice.withdraw = withdraw_room;
        room->pool = pool;
        room->fn = fn;
        room->arg = arg;
    }
    link_room(pool, inbox, room);
    return 0;
}
