/*
 * The loop of a worker, run by the test's own thread to its end: what waits is
 * laid out before, so where the worker looks, and in which order, is exact.
 * The last task closes the pool, and the loop returns when it finds no more.
 */
#include "pool/pool.h"

#include "base/mark.h"

#include "../acceptance/work.h"

enum { WORKERS = 4, TASKS = 300 };

static crew_pool pool;
static struct crew__worker workers[WORKERS];
static unsigned victims[] = {3, 1, 2}; /* of worker 0 */
static crew_task tasks[TASKS];
static unsigned made;
static unsigned short started[TASKS];
static unsigned starts;

static void begin(unsigned count)
{
    memset(&pool, 0, sizeof pool);
    memset(workers, 0, sizeof workers);
    memset(tasks, 0, sizeof tasks);
    made = 0;
    starts = 0;
    crew__queue_init(&pool.queue);
    assert_int_equal(crew__idle_init(&pool.idle, count), 0);
    pool.generation = crew__fork_generation(&pool.fork_word);
    pool.worker = workers;
    pool.workers = count;
    crew__store_seq_cst(&pool.go, CREW__GO_WORK);
    for (unsigned i = 0; i < count; i++) {
        crew__queue_init(&workers[i].mailbox);
        crew__ring_init(&workers[i].ring);
        workers[i].pool = &pool;
        workers[i].index = i;
        workers[i].cpu = -1;
    }
    workers[0].victims = victims;
}

static int note_start(crew_self *self, crew_task *task)
{
    (void)self;
    started[starts++] = (unsigned short)(task - tasks);
    if (starts == made)
        crew__store_seq_cst(&pool.closing, 1);
    return 0;
}

static crew_task *make_task(crew_priority priority)
{
    crew_task *task = &tasks[made++];
    struct crew__task_private *p = crew__task_private(task);

    task->run = note_start;
    task->priority = priority;
    p->times = CREW__NEVER;
    p->inbox = crew__task_waited(crew__fork_current());
    crew__store_relaxed(&p->state, CREW__QUEUED);
    return task;
}

/* Their numbers go on where the last ones ended. */
static void queue_tasks(struct crew__queue *queue, unsigned count,
                        crew_priority priority)
{
    while (count--) {
        crew_task *task = make_task(priority);

        crew__queue_push(queue, crew__level_of(priority), task, task);
    }
}

static void fill_ring(unsigned worker, unsigned count)
{
    while (count--)
        crew__ring_fill_owner(&workers[worker].ring, make_task(CREW_NORMAL));
}

/* To its end, by worker 0. */
static void run_all(void)
{
    crew__worker_main(&workers[0]);
    check_equal(starts, made);
    check_equal(crew__load_relaxed(&workers[0].holds) % 2, 0);
    check_equal(crew__load_acquire(&pool.exited), 1);
    crew__idle_fini(&pool.idle);
}

/* When the task of that number started: 0 is the first. */
static unsigned turn_of(unsigned number)
{
    unsigned turn = 0;

    while (turn < starts && started[turn] != number)
        turn++;
    return turn;
}

/* ---- the order of looking ------------------------------------------------- */

CREW_TEST(mailbox_then_ring_then_queue_then_the_others)
{
    static const unsigned order[] = {6, 7, 5, 4, 3, 0, 2, 1};

    begin(4);
    fill_ring(2, 1);                                  /* 0: the farthest */
    queue_tasks(&pool.queue, 1, CREW_LOW);            /* 1 */
    queue_tasks(&workers[0].mailbox, 1, CREW_LOW);    /* 2 */
    fill_ring(3, 1);                                  /* 3: the nearest */
    queue_tasks(&pool.queue, 1, CREW_NORMAL);         /* 4 */
    fill_ring(0, 1);                                  /* 5 */
    queue_tasks(&pool.queue, 1, CREW_HIGH);           /* 6 */
    queue_tasks(&workers[0].mailbox, 1, CREW_NORMAL); /* 7 */
    run_all();
    for (unsigned i = 0; i < made; i++)
        check_equal(started[i], order[i]);
    check_equal(crew__load_relaxed(&workers[0].counts.steals), 2);
    check_equal(crew__load_relaxed(&workers[0].counts.done), made);
}

/* ---- the share of a worker ------------------------------------------------ */

static unsigned in_ring;

static int look_at_ring(crew_self *self, crew_task *task)
{
    in_ring = crew__ring_count(&workers[0].ring);
    return note_start(self, task);
}

CREW_TEST(a_worker_takes_its_share_and_half_of_it_is_left)
{
    static const struct {
        unsigned workers, waiting;
        crew_priority priority;
        unsigned in_ring; /* beside the one that runs */
    } shares[] = {
        {1, 1, CREW_NORMAL, 0},    {1, 3, CREW_NORMAL, 0},
        {1, 4, CREW_NORMAL, 1},    {1, 10, CREW_NORMAL, 4},
        {1, 32, CREW_NORMAL, 15},  {1, 200, CREW_NORMAL, 15},
        {2, 7, CREW_NORMAL, 0},    {2, 8, CREW_NORMAL, 1},
        {2, 63, CREW_NORMAL, 14},  {4, 16, CREW_NORMAL, 1},
        {4, 100, CREW_NORMAL, 11}, {4, 300, CREW_NORMAL, 15},
        {1, 20, CREW_HIGH, 0},     {1, 20, CREW_LOW, 0},
    };

    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        begin(shares[i].workers);
        queue_tasks(&pool.queue, shares[i].waiting, shares[i].priority);
        tasks[0].run = look_at_ring;
        run_all();
        check_equal(in_ring, shares[i].in_ring);
        for (unsigned k = 0; k < made; k++)
            check_equal(started[k], k);
    }
}

/* ---- bounds --------------------------------------------------------------- */

CREW_TEST(the_65th_start_is_a_lower_one)
{
    static const struct {
        crew_priority many, one;
    } pairs[] = {{CREW_HIGH, CREW_NORMAL},
                 {CREW_HIGH, CREW_LOW},
                 {CREW_NORMAL, CREW_LOW}};

    for (unsigned i = 0; i < 6; i++) {
        begin(1);
        queue_tasks(i & 1 ? &workers[0].mailbox : &pool.queue, 2,
                    pairs[i / 2].one);
        queue_tasks(&pool.queue, 3 * CREW__BOUND, pairs[i / 2].many);
        run_all();
        check_equal(turn_of(0), CREW__BOUND);
        check_equal(turn_of(1), 2 * CREW__BOUND + 1);
    }
    check_marked(CREW__MARK_BOUND_LOWER);
}

CREW_TEST(after_64_of_its_mailbox_a_worker_looks_elsewhere)
{
    for (unsigned i = 0; i < 3; i++) {
        begin(4);
        if (i == 0)
            fill_ring(0, 1);
        else if (i == 1)
            queue_tasks(&pool.queue, 1, CREW_NORMAL);
        else
            fill_ring(2, 1);
        queue_tasks(&workers[0].mailbox, 100, CREW_NORMAL);
        run_all();
        check_equal(turn_of(0), CREW__BOUND);
    }
    check_marked(CREW__MARK_BOUND_QUEUES);
}

/* ---- the life of a worker ------------------------------------------------- */

static crew__a32 start_hooks;
static crew__a32 stop_hooks;

static int start_hook(crew_self *self, void *arg)
{
    crew__add_relaxed(&start_hooks, 1);
    check(crew_self_scratch(self, 100) != NULL);
    if (*(int *)arg == -EIO)
        crew_self_fail(self, -EIO, NULL);
    return *(int *)arg == -EIO ? -EPERM : *(int *)arg;
}

static void stop_hook(crew_self *self, void *arg)
{
    (void)arg;
    crew__add_relaxed(&stop_hooks, 1);
    check_equal(crew_self_canceled(self), -ECANCELED);
    check_equal(starts, made);
}

CREW_TEST(a_stop_hook_follows_a_start_hook_that_succeeded)
{
    static const struct {
        int result, earlier, kept;
    } hooks[] = {
        {0, 0, 0},
        {1, 0, 0},
        {-ENOENT, 0, -ENOENT},
        {-EIO, 0, -EIO},
        {-ENOENT, -EACCES, -EACCES},
        {0, -EACCES, -EACCES},
    };

    for (unsigned i = 0; i < 6; i++) {
        int result = hooks[i].result;
        struct crew__waiter attendant;

        begin(1);
        pool.on_worker_start = start_hook;
        pool.on_worker_stop = stop_hook;
        pool.hook_arg = &result;
        pool.start_error = hooks[i].earlier; /* another worker's */
        crew__waiter_init(&attendant);
        pool.attendant = &attendant;
        pool.awaited = 1;
        crew__store_relaxed(&stop_hooks, 0);
        queue_tasks(&pool.queue, 1, CREW_NORMAL);
        run_all();
        check_equal(crew__load_relaxed(&start_hooks), i + 1);
        check_equal(crew__load_relaxed(&stop_hooks), result >= 0);
        check_equal(pool.start_error, hooks[i].kept);
        check_equal(pool.started, 1);
        check(crew__waiter_park(&attendant, 1)); /* told of the start */
        check(pool.attendant == NULL);
        check(workers[0].scratch == NULL);
    }
}

static void attend(crew_self *self, void *waiter)
{
    (void)self;
    pool.attendant = waiter;
}

CREW_TEST(who_leaves_tells_drainers_and_the_last_one_the_attendant)
{
    struct crew__waiter drainer;
    struct crew__waiter attendant;

    begin(2);
    workers[1].victims = victims;
    pool.on_worker_stop = attend;
    pool.hook_arg = &attendant;
    crew__store_seq_cst(&pool.closing, 1);
    crew__waiter_init(&drainer);
    crew__waiter_init(&attendant);
    pool.drainers = &drainer;
    crew__worker_main(&workers[0]);
    check(crew__waiter_park(&drainer, 1));
    check(pool.attendant == &attendant); /* one is still there */
    pool.attendant = NULL;
    crew__worker_main(&workers[1]);
    check(crew__waiter_park(&attendant, 1));
    check(pool.attendant == NULL);
    check_equal(crew__load_acquire(&pool.exited), 2);
    crew__idle_fini(&pool.idle);
}

/* ---- idle ----------------------------------------------------------------- */

CREW_TEST(all_is_idle_when_nobody_is_out_and_nothing_waits)
{
    struct crew__waiter drainer;

    begin(2);
    crew__waiter_init(&drainer);
    check(crew__worker_all_idle(&pool));
    check(crew__worker_take_drainers(&pool) == NULL); /* none is there */
    pool.drainers = &drainer;
    crew__store_relaxed(&workers[0].holds, 1);
    check(!crew__worker_all_idle(&pool));
    check(crew__worker_take_drainers(&pool) == NULL);
    crew__store_relaxed(&workers[0].holds, 0);
    queue_tasks(&workers[1].mailbox, 1, CREW_LOW);
    check(crew__worker_take_drainers(&pool) == NULL);
    crew__queue_collect(&workers[1].mailbox);
    check(!crew__worker_all_idle(&pool));
    check(crew__queue_take(&workers[1].mailbox, CREW__LOW) == &tasks[0]);
    check(crew__worker_take_drainers(&pool) == &drainer);
    check(pool.drainers == NULL);
    crew__worker_tell(&drainer);
    check(crew__waiter_park(&drainer, 1));
    crew__worker_tell(NULL);
    crew__idle_fini(&pool.idle);
}
