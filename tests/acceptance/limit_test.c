/* Priorities, the queue limit and room, work for one worker, sets. */
#include "work.h"

#include <stdlib.h>

/* ---- C7 ------------------------------------------------------------------ */

enum { ROW = 64 }; /* the stated bound */
enum { STARTS = 30000 };

struct ordered {
    crew_pool *pool;
    unsigned char starts[STARTS]; /* priorities, in order */
    unsigned count;
    unsigned lower; /* submitted and not started */
};

static struct ordered ordered;

static int note_start(crew_self *self, crew_task *task)
{
    (void)self;
    if (ordered.count < STARTS)
        ordered.starts[ordered.count++] = (unsigned char)task->priority;
    return 0;
}

CREW_TEST(C7_high_goes_before_normal_before_low)
{
    enum { N = 60 };
    crew_task tasks[N];
    struct holder holder;

    ordered.pool = make_pool(1);
    hold_worker(&holder, ordered.pool, 0);
    for (int i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = note_start,
                               .priority = (crew_priority)(i % 3)};
        if (i % 2)
            check_equal(crew_submit(ordered.pool, &tasks[i], NULL), 0);
        else
            check_equal(crew_submit_to(ordered.pool, 0, &tasks[i], NULL), 0);
    }
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(ordered.pool, LONG_WAIT), 0);
    check_equal(ordered.count, N);
    for (int i = 0; i < N; i++)
        check_equal(ordered.starts[i], i < N / 3       ? CREW_HIGH
                                       : i < N / 3 * 2 ? CREW_NORMAL
                                                       : CREW_LOW);
    end_all(ordered.pool, NULL, NULL);
}

static int note_lower(crew_self *self, crew_task *task)
{
    ordered.lower--;
    return note_start(self, task);
}

/* Two of these take turns: one of them always waits while lower ones do. */
static int supply_another(crew_self *self, crew_task *task)
{
    crew_task *other = task->data;

    note_start(self, task);
    if (ordered.lower == 0 || ordered.count == STARTS)
        return 0;
    check_equal(crew_task_wait(other, 0), 0); /* it has ended */
    return crew_submit(ordered.pool, other, NULL);
}

/* Runs a task to its end, so that the other of a pair may submit it. */
static void end_once(crew_task *task)
{
    check_equal(crew_submit(ordered.pool, task, NULL), 0);
    check_equal(crew_task_wait(task, LONG_WAIT), 0);
}

/* The longest row of starts above `priority` while one of it was waiting. */
static unsigned longest_row(crew_priority priority)
{
    static const unsigned char rank[] = {1, 2, 0};
    unsigned last = 0;
    unsigned longest = 0;
    unsigned row = 0;

    for (unsigned i = 0; i < ordered.count; i++)
        if (ordered.starts[i] == priority)
            last = i;
    for (unsigned i = 0; i <= last; i++) {
        if (ordered.starts[i] == priority)
            row = 0;
        else if (rank[ordered.starts[i]] > rank[priority])
            row++;
        longest = row > longest ? row : longest;
    }
    return longest;
}

static void supply_without_end(unsigned normals, unsigned lows, bool mailed)
{
    static crew_task lower[200];
    crew_task supply[2] = {{.run = supply_another, .priority = CREW_HIGH},
                           {.run = return_zero, .priority = CREW_HIGH}};
    struct holder holder;

    memset(&ordered, 0, sizeof ordered);
    ordered.pool = make_pool(1);
    end_once(&supply[1]);
    supply[1].run = supply_another;
    hold_worker(&holder, ordered.pool, 0);
    ordered.lower = normals + lows;
    for (unsigned i = 0; i < normals + lows; i++) {
        lower[i] = (crew_task){.run = note_lower,
                               .priority = i < normals ? CREW_NORMAL
                                                       : CREW_LOW};
        if (mailed)
            check_equal(crew_submit_to(ordered.pool, 0, &lower[i], NULL), 0);
        else
            check_equal(crew_submit(ordered.pool, &lower[i], NULL), 0);
    }
    supply[0].data = &supply[1];
    supply[1].data = &supply[0];
    check_equal(crew_submit(ordered.pool, &supply[0], NULL), 0);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(ordered.pool, LONG_WAIT), 0);
    check_equal(ordered.lower, 0);
    printf("%u normal, %u low, %s: rows of %u above normal, %u above low\n",
           normals, lows, mailed ? "mailed" : "queued",
           longest_row(CREW_NORMAL), longest_row(CREW_LOW));
    check_at_most(longest_row(CREW_NORMAL), ROW);
    check_at_most(longest_row(CREW_LOW), ROW);
    end_all(ordered.pool, NULL, NULL);
}

CREW_TEST(C7_lower_tasks_run_in_spite_of_an_endless_supply_of_high)
{
    supply_without_end(100, 0, false);
    supply_without_end(0, 100, false);
    supply_without_end(0, 100, true);
    supply_without_end(100, 0, true);
}

CREW_TEST(C7_normal_ones_do_not_starve_between_high_and_low)
{
    supply_without_end(100, 100, false);
    supply_without_end(100, 100, true);
}

/* Normal tasks in the mailbox without end do not starve the pool's queue. */
static int supply_mail(crew_self *self, crew_task *task)
{
    crew_task *other = task->data;

    note_start(self, task);
    ordered.starts[ordered.count - 1] = CREW_HIGH; /* for longest_row */
    if (ordered.lower == 0 || ordered.count == STARTS)
        return 0;
    check_equal(crew_task_wait(other, 0), 0);
    return crew_submit_to(ordered.pool, 0, other, NULL);
}

CREW_TEST(C7_the_queue_is_looked_at_in_spite_of_an_endless_mailbox)
{
    static crew_task queued[50];
    crew_task supply[2] = {{.run = supply_mail}, {.run = return_zero}};

    memset(&ordered, 0, sizeof ordered);
    ordered.pool = make_pool(1);
    ordered.lower = 50;
    supply[0].data = &supply[1];
    supply[1].data = &supply[0];
    end_once(&supply[1]);
    supply[1].run = supply_mail;
    for (int i = 0; i < 50; i++) {
        queued[i] = (crew_task){.run = note_lower};
        check_equal(crew_submit(ordered.pool, &queued[i], NULL), 0);
    }
    check_equal(crew_submit_to(ordered.pool, 0, &supply[0], NULL), 0);
    check_equal(crew_pool_drain(ordered.pool, LONG_WAIT), 0);
    check_equal(ordered.lower, 0);
    check_at_most(longest_row(CREW_NORMAL), ROW);
    end_all(ordered.pool, NULL, NULL);
}

/* ---- C8 ------------------------------------------------------------------ */

static crew_pool *make_limited(unsigned workers, size_t limit)
{
    crew_pool_options options = {.workers = workers, .queue_limit = limit};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    return pool;
}

struct room {
    crew_pool *pool;
    crew_inbox *inbox;
    unsigned count;
    bool again;
};

static void room_came(crew_pool *pool, void *arg)
{
    struct room *room = arg;

    check(pool == room->pool);
    room->count++;
    if (room->again && room->count < 100)
        check_equal(crew_pool_on_room(pool, room->inbox, room_came, room), 0);
}

static void fail_if_called(crew_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
    check(false);
}

static void do_nothing(crew_self *self, void *arg)
{
    (void)self;
    (void)arg;
}

CREW_TEST(C8_a_full_queue_refuses_all_or_none)
{
    enum { LIMIT = 4 };
    crew_task tasks[LIMIT + 1];
    crew_task *many[LIMIT + 1];
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    crew_pool *pool = make_limited(1, LIMIT);
    struct holder holder;

    hold_worker(&holder, pool, 0); /* it runs: it takes no room */
    for (int i = 0; i <= LIMIT; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = ignore_done, .group = group};
        many[i] = &tasks[i];
    }
    check_equal(crew_submit_many(pool, many, LIMIT + 1, inbox), -E2BIG);
    check_equal(crew_inbox_pending(inbox), 0);
    for (int i = 0; i < LIMIT - 1; i++)
        check_equal(crew_submit(pool, &tasks[i], inbox), 0);
    check_equal(crew_submit_many(pool, &many[LIMIT - 1], 2, inbox), -EAGAIN);
    check_equal(crew_inbox_pending(inbox), LIMIT - 1);
    check_equal(crew_group_pending(group), LIMIT - 1);
    check_equal(crew_submit_to(pool, 0, &tasks[LIMIT - 1], inbox), 0);
    check_equal(crew_submit(pool, &tasks[LIMIT], inbox), -EAGAIN);
    check_equal(crew_submit_to(pool, 0, &tasks[LIMIT], inbox), -EAGAIN);
    check_equal(crew_submit_each(pool, &many[LIMIT], 1, inbox), -EAGAIN);
    check_equal(crew_pool_call(pool, do_nothing, NULL), -EAGAIN);
    check_equal(crew_submit_many(pool, NULL, 0, inbox), 0);
    check_equal(crew_task_cancel(&tasks[0]), 0);
    check_equal(crew_submit(pool, &tasks[LIMIT], inbox), -EAGAIN); /* it waits
                                                        until it is met */
    check_equal(crew_inbox_pending(inbox), LIMIT);
    check_equal(crew_group_pending(group), LIMIT);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), LIMIT);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    check_equal(crew_submit_many(pool, many + 1, LIMIT, inbox), 0);
    check_equal(crew_inbox_run(inbox), LIMIT);
    check_equal(crew_pool_call(pool, do_nothing, NULL), 0);
    end_all(pool, group, inbox);
}

CREW_TEST(C8_room_is_told_once_when_it_comes)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_limited(1, 1);
    struct room room = {pool, inbox, 0, false};
    struct room old = {pool, inbox, 0, false};
    crew_task task = {.run = return_zero};
    struct holder holder;
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_pool_on_room(NULL, inbox, room_came, &room), -EINVAL);
    check_equal(crew_pool_on_room(pool, NULL, room_came, &room), -EINVAL);
    hold_worker(&holder, pool, 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_pool_on_room(pool, inbox, room_came, &old), 0);
    check_equal(crew_pool_on_room(pool, inbox, room_came, &room), 0);
    check_equal(crew_inbox_pending(inbox), 0); /* it is no part of that */
    check(!is_readable(fd, 0));
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    let_go_of_worker(&holder);
    check_equal(crew_inbox_run(inbox), 1); /* which it keeps going */
    check_equal(room.count, 1);
    check_equal(old.count, 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(crew_inbox_run(inbox), 0);
    end_all(pool, NULL, inbox);
}

CREW_TEST(C8_room_that_is_there_is_told_by_the_next_dispatch)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *limited = make_limited(1, 1);
    crew_pool *unlimited = make_pool(1);
    struct room room = {limited, inbox, 0, false};
    struct room other = {unlimited, inbox, 0, false};
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_pool_on_room(limited, inbox, room_came, &room), 0);
    check_equal(room.count, 0); /* never from inside the call */
    check(is_readable(fd, 0));
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(room.count, 1);
    check_equal(crew_pool_on_room(unlimited, inbox, room_came, &other), 0);
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(other.count, 1);
    end_all(limited, NULL, inbox);
    end_all(unlimited, NULL, NULL);
}

CREW_TEST(C8_a_room_callback_that_asks_again_comes_by_the_next_dispatch)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_limited(1, 1);
    struct room room = {pool, inbox, 0, true};

    check_equal(crew_pool_on_room(pool, inbox, room_came, &room), 0);
    check_equal(crew_inbox_dispatch(inbox, 0), 1);
    check_equal(room.count, 1);
    check(is_readable(crew_inbox_fd(inbox), 0));
    check_equal(crew_inbox_wait(inbox, LONG_WAIT), 1);
    check_equal(room.count, 2);
    end_all(pool, NULL, inbox);
}

CREW_TEST(C8_due_rooms_beyond_max_keep_the_fd_readable)
{
    crew_inbox *inbox = make_inbox();
    crew_pool *one = make_limited(1, 1);
    crew_pool *two = make_limited(1, 1);
    struct room rooms[] = {{one, inbox, 0, false}, {two, inbox, 0, false}};
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_pool_on_room(one, inbox, room_came, &rooms[0]), 0);
    check_equal(crew_pool_on_room(two, inbox, room_came, &rooms[1]), 0);
    check(is_readable(fd, 0));
    check_equal(crew_inbox_dispatch(inbox, 1), 1);
    check(is_readable(fd, 0));
    check_equal(crew_inbox_dispatch(inbox, 1), 1);
    check_equal(rooms[0].count + rooms[1].count, 2);
    end_all(one, NULL, inbox);
    end_all(two, NULL, NULL);
}

CREW_TEST(C8_a_room_callback_is_withdrawn)
{
    crew_inbox *inbox = make_inbox();
    crew_inbox *gone = make_inbox();
    crew_pool *pool = make_limited(1, 1);
    crew_pool *stays = make_limited(1, 1);
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_pool_on_room(pool, inbox, NULL, NULL), 0);
    check_equal(crew_pool_on_room(pool, inbox, fail_if_called, NULL), 0);
    check_equal(crew_pool_on_room(pool, inbox, NULL, NULL), 0); /* posted */
    check_equal(crew_inbox_dispatch(inbox, 0), 0);
    check(!is_readable(fd, 0));
    check_equal(crew_pool_on_room(pool, inbox, fail_if_called, NULL), 0);
    check_equal(crew_pool_on_room(stays, gone, fail_if_called, NULL), 0);
    check_equal(crew_pool_on_room(stays, inbox, fail_if_called, NULL), 0);
    check_equal(crew_inbox_destroy(gone), 0); /* by the inbox */
    check_equal(crew_pool_destroy(pool), 0);  /* by the pool */
    check_equal(crew_pool_stop(stays, LONG_WAIT), 0);
    check_equal(crew_pool_on_room(stays, inbox, fail_if_called, NULL),
                -ESHUTDOWN);
    check_equal(crew_pool_destroy(stays), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* A producer that is driven by room alone. */
struct producer {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_task *tasks;
    unsigned n;
    unsigned next;
    unsigned rooms;
    unsigned done;
};

static void done_produced(crew_task *task)
{
    check_equal(task->status, 0);
    ((struct producer *)task->data)->done++;
}

static void produce(crew_pool *pool, void *arg)
{
    struct producer *p = arg;
    int r = 0;

    p->rooms++;
    while (p->next < p->n) {
        crew_task *task = &p->tasks[p->next];

        *task = (crew_task){
            .run = return_zero, .done = done_produced, .data = p};
        r = crew_submit(pool, task, p->inbox);
        if (r < 0)
            break;
        p->next++;
    }
    check(r == 0 || r == -EAGAIN);
    if (r < 0)
        check_equal(crew_pool_on_room(pool, p->inbox, produce, p), 0);
}

static void produce_through(bool with_loop)
{
    struct producer p = {
        make_limited(2, 8), make_inbox(), NULL, MANY(20000), 0, 0, 0};

    p.tasks = calloc(p.n, sizeof *p.tasks);
    assert_non_null(p.tasks);
    produce(p.pool, &p);
    while (with_loop && p.done < p.n) {
        if (!check(is_readable(crew_inbox_fd(p.inbox), 30000)))
            break;
        check_at_least(crew_inbox_dispatch(p.inbox, 3), 0);
    }
    check_at_least(crew_inbox_run(p.inbox), 0);
    check_equal(p.next, p.n);
    check_equal(p.done, p.n);
    printf("%u tasks, room was told %u times\n", p.n, p.rooms);
    check_at_most(p.rooms, p.n + 1);
    end_all(p.pool, NULL, p.inbox);
    free(p.tasks);
}

CREW_TEST(C8_a_producer_that_waits_for_room_loses_no_task)
{
    produce_through(false);
    produce_through(true);
}

/* ---- C9 ------------------------------------------------------------------ */

static int check_index(crew_self *self, crew_task *task)
{
    check_equal(crew_self_index(self), (uintptr_t)task->data);
    return (int)crew_self_index(self);
}

static int check_turn(crew_self *self, crew_task *task)
{
    static unsigned next[4];
    unsigned index = crew_self_index(self);

    check_equal((uintptr_t)task->data, next[index] * 4 + index);
    next[index]++;
    return 0;
}

CREW_TEST(C9_a_task_for_one_worker_is_run_by_no_other)
{
    enum { N = 4000 };
    static crew_task tasks[N];
    crew_pool *pool = make_pool(4);
    struct holder holder;
    crew_task others[3];
    unsigned ran = 0;
    crew_task mine = {.run = count_run, .data = &ran};

    check_equal(crew_submit_to(pool, 4, &mine, NULL), -EINVAL);
    check_equal(crew_submit_to(pool, UINT32_MAX, &mine, NULL), -EINVAL);
    check_equal(crew_task_cancel(&mine), -EINVAL); /* nothing was submitted */
    for (uintptr_t i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = check_turn, .data = (void *)i};
        check_equal(crew_submit_to(pool, i % 4, &tasks[i], NULL), 0);
    }
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    hold_worker(&holder, pool, 2);
    check_equal(crew_submit_to(pool, 2, &mine, NULL), 0);
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 3; i++) { /* the others come and go */
            unsigned index = i == 2 ? 3 : i;

            others[i] = (crew_task){.run = check_index,
                                    .data = (void *)(uintptr_t)index};
            check_equal(crew_submit_to(pool, index, &others[i], NULL), 0);
        }
        for (unsigned i = 0; i < 3; i++)
            check_equal(crew_task_wait(&others[i], LONG_WAIT), 0);
    }
    check_equal(crew_task_wait(&mine, 0), -ETIMEDOUT);
    check_equal(read_count(&ran), 0);
    let_go_of_worker(&holder);
    check_equal(crew_task_wait(&mine, LONG_WAIT), 0);
    check_equal(ran, 1);
    end_all(pool, NULL, NULL);
}

/* ---- C12 ----------------------------------------------------------------- */

CREW_TEST(C12_each_worker_runs_its_own_once)
{
    crew_task tasks[5];
    crew_task *set[5];
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(4);
    struct holder holder;

    for (uintptr_t i = 0; i < 5; i++) {
        tasks[i] = (crew_task){.run = check_index, .data = (void *)i};
        set[i] = &tasks[i];
    }
    check_equal(crew_submit_each(pool, set, 5, NULL), -EINVAL);
    tasks[1].priority = CREW_HIGH;
    check_equal(crew_submit_each(pool, set, 2, NULL), -EINVAL);
    tasks[1].priority = CREW_NORMAL;
    for (int i = 0; i < 5; i++)
        check_equal(crew_task_cancel(&tasks[i]), -EINVAL);
    hold_worker(&holder, pool, 0);
    check_equal(crew_submit_each(pool, set, 4, NULL), 0);
    for (int i = 1; i < 4; i++) { /* these do not wait for worker 0 */
        check_equal(crew_task_wait(&tasks[i], LONG_WAIT), 0);
        check_equal(tasks[i].status, i);
    }
    check_equal(crew_task_wait(&tasks[0], 0), -ETIMEDOUT);
    let_go_of_worker(&holder);
    check_equal(crew_task_wait(&tasks[0], LONG_WAIT), 0);
    for (int i = 0; i < 3; i++)
        tasks[i].done = ignore_done;
    check_equal(crew_submit_each(pool, set, 3, inbox), 0); /* fewer */
    check_equal(crew_inbox_run(inbox), 3);
    end_all(pool, NULL, inbox);
}

struct meeting {
    crew_task tasks[4];
    pthread_barrier_t barrier;
};

static int meet(crew_self *self, crew_task *task)
{
    (void)self;
    pthread_barrier_wait(&((struct meeting *)task->data)->barrier);
    return 0;
}

static void submit_meetings(unsigned index, void *arg)
{
    enum { SETS = 100 };
    struct meeting *meetings = calloc(SETS, sizeof *meetings);
    crew_task *set[4];

    (void)index;
    if (!check(meetings != NULL))
        return;
    for (int i = 0; i < SETS; i++) {
        pthread_barrier_init(&meetings[i].barrier, NULL, 4);
        for (int j = 0; j < 4; j++) {
            meetings[i].tasks[j] = (crew_task){.run = meet,
                                               .data = &meetings[i]};
            set[j] = &meetings[i].tasks[j];
        }
        check_equal(crew_submit_each(arg, set, 4, NULL), 0);
    }
    for (int i = 0; i < SETS; i++) {
        for (int j = 0; j < 4; j++)
            check_equal(crew_task_wait(&meetings[i].tasks[j], LONG_WAIT), 0);
        pthread_barrier_destroy(&meetings[i].barrier);
    }
    free(meetings);
}

CREW_TEST(C12_tasks_of_a_set_may_wait_for_each_other)
{
    crew_pool *pool = make_pool(4);

    test_threads(4, submit_meetings, pool);
    end_all(pool, NULL, NULL);
}
