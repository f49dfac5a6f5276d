/*
 * How tasks get in, on a pool without threads: what has been submitted stays
 * where it was put, and can be looked at.
 */
#include "pool/pool.h"

#include "base/mark.h"
#include "base/tally.h"

#include "../acceptance/work.h"

enum { WORKERS = 3 };

static crew_pool pool;
static struct crew__worker workers[WORKERS];

static void begin(size_t limit)
{
    memset(&pool, 0, sizeof pool);
    memset(workers, 0, sizeof workers);
    crew__queue_init(&pool.queue);
    assert_int_equal(crew__idle_init(&pool.idle, WORKERS), 0);
    pool.generation = crew__fork_generation(&pool.fork_word);
    pool.worker = workers;
    pool.workers = WORKERS;
    pool.limit = limit;
    for (unsigned i = 0; i < WORKERS; i++) {
        crew__queue_init(&workers[i].mailbox);
        crew__ring_init(&workers[i].ring);
        workers[i].pool = &pool;
        workers[i].index = i;
    }
}

/* Ends what has been submitted. */
static void end(void)
{
    crew__store_seq_cst(&pool.closing, 1);
    crew__stop_sweep(&pool);
    check_equal(crew__load_relaxed(&pool.waiting), 0);
    crew__idle_fini(&pool.idle);
}

static crew__a64 *word_of(crew_task *task)
{
    return &crew__task_private(task)->state;
}

static bool is_roused(unsigned worker)
{
    return crew__park(&pool.idle.parkers[worker], 1);
}

/* One task by each of the four ways. */
static int submit(unsigned way, crew_task *task, crew_inbox *inbox)
{
    switch (way) {
    case 0:
        return crew_submit(&pool, task, inbox);
    case 1:
        return crew_submit_to(&pool, 1, task, inbox);
    case 2:
        return crew_submit_many(&pool, &task, 1, inbox);
    default:
        return crew_submit_each(&pool, &task, 1, inbox);
    }
}

/* ---- what is refused ------------------------------------------------------ */

CREW_TEST(a_task_is_taken_when_it_is_new_or_has_ended)
{
    static const struct {
        uint64_t word;
        int result;
    } states[] = {
        {CREW__IDLE, 0},
        {CREW__RESERVED, -EBUSY},
        {CREW__QUEUED, -EBUSY},
        {CREW__CLAIMED, -EBUSY},
        {CREW__RUNNING, -EBUSY},
        {CREW__RUNNING | CREW__CANCEL, -EBUSY},
        {CREW__FINISHED | CREW__RAN, -EBUSY},
        {CREW__ENDED, 0},
        {CREW__ENDED | CREW__RAN, 0},
        {7, -EINVAL},
    };
    crew_task task = {.run = return_zero};

    for (unsigned way = 0; way < 4; way++) {
        for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
            int r = states[i].result;

            begin(0);
            crew__store_relaxed(word_of(&task), states[i].word);
            check_equal(submit(way, &task, NULL), r);
            check_equal(crew__load_relaxed(word_of(&task)),
                        r == 0 ? CREW__QUEUED : states[i].word);
            end();
        }
    }
}

/* ---- all or none ---------------------------------------------------------- */

enum { MANY_TASKS = 5 };

/* New ones and ones that have ended, in turn. */
static void make_members(crew_task *tasks, crew_task **many, crew_group *group)
{
    for (unsigned i = 0; i < MANY_TASKS; i++) {
        tasks[i] = (crew_task){
            .run = return_zero, .done = ignore_done, .group = group};
        crew__store_relaxed(word_of(&tasks[i]),
                            i & 1 ? CREW__ENDED | CREW__RAN : CREW__IDLE);
        many[i] = &tasks[i];
    }
}

static void expect_untouched(crew_task *tasks, crew_group *group,
                             crew_inbox *inbox)
{
    for (unsigned i = 0; i < MANY_TASKS; i++)
        check_equal(crew__load_relaxed(word_of(&tasks[i])),
                    i & 1 ? CREW__ENDED | CREW__RAN : CREW__IDLE);
    check_equal(crew_group_pending(group), 0);
    check(!crew__group_has_noted(group));
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew__load_relaxed(&pool.waiting), 0);
    check(crew__worker_all_idle(&pool));
}

CREW_TEST(when_the_nth_is_bad_all_before_it_are_as_before)
{
    crew_group *group = make_group(false);
    crew_inbox *inbox = make_inbox();
    crew_task tasks[MANY_TASKS];
    crew_task *many[MANY_TASKS];
    crew_task busy = {.run = return_zero, .done = ignore_done};

    begin(MANY_TASKS);
    crew__store_relaxed(word_of(&busy), CREW__RUNNING);
    make_members(tasks, many, group);
    for (unsigned n = 0; n < MANY_TASKS; n++) {
        crew_task *bad[] = {NULL, &busy, many[n ? 0 : 1]};

        for (unsigned k = 0; k < 3; k++) {
            many[n] = bad[k]; /* the last one is there twice */
            check_equal(crew_submit_many(&pool, many, MANY_TASKS, inbox),
                        k == 0 ? -EINVAL : -EBUSY);
            expect_untouched(tasks, group, inbox);
        }
        many[n] = &tasks[n];
    }
    end();
    end_all(NULL, group, inbox);
}

CREW_TEST(when_there_is_no_room_all_are_as_before)
{
    crew_group *group = make_group(false);
    crew_inbox *inbox = make_inbox();
    crew_task tasks[MANY_TASKS];
    crew_task *many[MANY_TASKS];

    begin(MANY_TASKS - 1);
    make_members(tasks, many, group);
    check_equal(crew_submit_many(&pool, many, MANY_TASKS, inbox), -E2BIG);
    expect_untouched(tasks, group, inbox);
    check_equal(crew__counts_take_room(&pool, MANY_TASKS - 2), 0);
    check_equal(crew_submit_many(&pool, many, 2, inbox), -EAGAIN);
    check_equal(crew_submit_each(&pool, many, 2, inbox), -EAGAIN);
    crew__counts_give_room(&pool, MANY_TASKS - 2);
    expect_untouched(tasks, group, inbox);
    end();
    end_all(NULL, group, inbox);
}

/* ---- where it lies -------------------------------------------------------- */

CREW_TEST(each_level_of_many_keeps_the_order_of_the_array)
{
    enum { N = 30 };
    static crew_task tasks[N];
    crew_task *many[N];

    begin(0);
    for (unsigned i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = return_zero,
                               .priority = (crew_priority)(i * 7 % 5 % 3)};
        many[i] = &tasks[i];
    }
    check_equal(crew_submit_many(&pool, many, N / 2, NULL), 0);
    check_equal(crew_submit_many(&pool, &many[N / 2], N / 2, NULL), 0);
    crew__queue_collect(&pool.queue);
    check_equal(pool.queue.accepted, N);
    for (unsigned level = 0; level < CREW__LEVELS; level++) {
        for (unsigned i = 0; i < N; i++) {
            if (crew__level_of(tasks[i].priority) != level)
                continue;
            check(crew__queue_take(&pool.queue, level) == &tasks[i]);
            crew_task_cancel(&tasks[i]);
            crew__run_refuse(&pool, &tasks[i]);
        }
        check(crew__queue_take(&pool.queue, level) == NULL);
    }
    end();
}

CREW_TEST(what_is_sent_to_a_worker_lies_in_its_mailbox_and_wakes_it)
{
    crew_task tasks[2] = {{.run = return_zero}, {.run = return_zero}};
    crew_task *set[] = {&tasks[0], &tasks[1]};
    crew_task low = {.run = return_zero, .priority = CREW_LOW};

    begin(0);
    check_equal(crew_submit_each(&pool, set, 2, NULL), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        check_equal(!crew__queue_is_empty(&workers[i].mailbox), i < 2);
        check_equal(is_roused(i), i < 2);
    }
    check_equal(crew_submit_to(&pool, 2, &low, NULL), 0);
    check(!crew__queue_seems_empty(&workers[2].mailbox, CREW__LOW));
    check(!is_roused(0) && !is_roused(1) && is_roused(2));
    check(crew__queue_is_empty(&pool.queue));
    end();
}

CREW_TEST(private_words_are_filled_in_anew)
{
    crew_inbox *inbox = make_inbox();
    crew_task task = {.run = return_zero, .done = ignore_done};
    struct crew__task_private *p = crew__task_private(&task);
    crew_ns now = crew__clock_now();

    while (!crew__thread_sample()) /* so that these are not measured */
        ;
    for (crew_ns timeout = CREW_FOREVER; timeout <= 1; timeout++) {
        begin(0);
        memset(p, 0xee, sizeof *p);
        crew__store_relaxed(&p->state, CREW__ENDED | CREW__RAN);
        task.queue_timeout = timeout;
        check_equal(crew_submit(&pool, &task, inbox), 0);
        check_equal(crew__load_relaxed(&p->state), CREW__QUEUED);
        check_equal(crew__load_relaxed(&p->where), 0);
        check(p->inbox == inbox && !crew__list_is_linked(&p->wished));
        if (timeout > 0)
            check(p->times > now && p->times < CREW__NEVER);
        else
            check_equal(p->times, CREW__NEVER);
        end();
        check_equal(crew_inbox_run(inbox), 1);
    }
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- who is woken, who comes too late ------------------------------------- */

CREW_TEST(a_member_wakes_the_workers_that_wait_for_its_group)
{
    crew_group *group = make_group(false);
    crew_group *other = make_group(false);
    crew_task stranger = {.run = return_zero};
    crew_task members[2] = {{.run = return_zero, .group = group},
                            {.run = return_zero, .group = other}};
    crew_task *many[] = {&members[1]};

    begin(0);
    crew__store_seq_cst(&workers[1].waits_for, (void *)group);
    check_equal(crew_submit(&pool, &members[0], NULL), 0);
    check(!is_roused(1)); /* nobody is said to wait */
    check_equal(crew_task_cancel(&members[0]), 0);
    crew__stop_sweep(&pool);
    crew__store_seq_cst(&pool.helping, 1);
    check_equal(crew_submit(&pool, &stranger, NULL), 0);
    check(!is_roused(0) && !is_roused(1) && !is_roused(2));
    check_equal(crew_submit(&pool, &members[0], NULL), 0);
    check(!is_roused(0) && is_roused(1) && !is_roused(2));
    check_equal(crew_submit_many(&pool, many, 1, NULL), 0);
    check(is_roused(1)); /* of many, all that wait for a group */
    end();
    end_all(NULL, group, NULL);
    end_all(NULL, other, NULL);
}

/* The pool has stopped since the check, so no worker comes; a canceled group
 * stands for the closing that the check did not see. */
CREW_TEST(a_submit_that_comes_too_late_ends_its_task_itself)
{
    crew_group *group = make_group(false);
    crew_task task = {.run = return_zero, .group = group};

    check_equal(crew_group_cancel(group), 0);
    for (unsigned way = 0; way < 4; way++) {
        begin(1);
        crew__idle_close(&pool.idle);
        check_equal(submit(way, &task, NULL), 0);
        check_equal(crew__load_relaxed(word_of(&task)), CREW__ENDED);
        check_equal(task.status, -ECANCELED);
        check_equal(crew__load_relaxed(&pool.swept.canceled), 1);
        end();
    }
    check_marked(CREW__MARK_LATE_SWEEP);
    check_equal(crew_group_destroy(group), 0);
}

/* ---- what a submit does not do -------------------------------------------- */

enum idleness { ALL_AWAKE, ONE_LOOKS, IDLENESSES };

/* Who looks has taken the search on, and the others sleep. */
static void set_idleness(enum idleness idleness)
{
    if (idleness != ONE_LOOKS)
        return;
    check(crew__idle_search_begin(&pool.idle, 1));
    crew__idle_announce(&pool.idle, 0);
    crew__idle_announce(&pool.idle, 2);
}

struct counted {
    unsigned way;
    crew_task task;
    crew_inbox *inbox;
    int result;
    uint64_t locks, memory; /* that the submit took */
};

static void submit_counted(void *arg)
{
    struct counted *c = arg;
    uint64_t locks = crew__tally_own(CREW__TALLY_LOCK);
    uint64_t memory = crew__tally_own(CREW__TALLY_MEMORY);

    c->result = submit(c->way, &c->task, c->inbox);
    c->locks = crew__tally_own(CREW__TALLY_LOCK) - locks;
    c->memory = crew__tally_own(CREW__TALLY_MEMORY) - memory;
}

/* By each way, in a pool in which nobody has to be woken for it. */
static void submit_each_way(void (*one)(struct counted *c), crew_group *group,
                            crew_inbox *inbox)
{
    for (unsigned i = 0; i < 4 * IDLENESSES; i++) {
        struct counted c = {.way = i % 4, .inbox = inbox};

        c.task.run = return_zero;
        c.task.done = inbox ? ignore_done : NULL;
        c.task.group = group;
        begin(inbox ? 10 : 0);
        set_idleness((enum idleness)(i / 4));
        one(&c);
        check_equal(c.result, 0);
        end();
        check_equal(crew_inbox_dispatch(inbox, 0), inbox ? 1 : -EINVAL);
    }
}

static void expect_no_lock(struct counted *c)
{
    submit_counted(c);
    check_equal(c->locks, c->way == 3); /* of submit_each */
    check_equal(c->memory, 0);
}

CREW_TEST(a_submit_takes_no_lock_and_no_memory)
{
    uint64_t memory = crew__tally_own(CREW__TALLY_MEMORY);
    crew_group *group = make_group(false);
    crew_inbox *inbox = make_inbox();

    check_equal(crew__tally_own(CREW__TALLY_MEMORY) - memory, 2);
    submit_each_way(expect_no_lock, NULL, NULL);
    submit_each_way(expect_no_lock, group, inbox);
    end_all(NULL, group, inbox);
}

static void expect_no_call(struct counted *c)
{
    assert_int_equal(test_without_calls(submit_counted, c), -1);
}

CREW_TEST(a_submit_makes_no_system_call_while_somebody_looks)
{
    crew_group *group = make_group(false);
    crew_inbox *inbox = make_inbox();

    submit_each_way(expect_no_call, NULL, NULL);
    submit_each_way(expect_no_call, group, inbox);
    end_all(NULL, group, inbox);
}
