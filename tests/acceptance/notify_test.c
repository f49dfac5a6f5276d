/* crew_group_notify from the caller's side: C14. */
#include "work.h"

#include <stdlib.h>

struct heard {
    crew_inbox *inbox; /* whose thread is this one */
    pthread_t thread;
    size_t pending; /* members outstanding when it came */
    unsigned done;  /* members' dones that had been called by then */
    unsigned seen;
    unsigned count;
};

static void hear(crew_group *group, void *arg)
{
    struct heard *heard = arg;

    check(pthread_equal(pthread_self(), heard->thread));
    heard->pending = crew_group_pending(group);
    heard->seen = heard->done;
    heard->count++;
}

static struct heard listen_on(crew_inbox *inbox)
{
    return (struct heard){.inbox = inbox, .thread = pthread_self()};
}

static void count_heard(crew_task *task)
{
    ((struct heard *)task->data)->done++;
}

CREW_TEST(C14_notify_on_an_empty_group_comes_once)
{
    crew_inbox *inbox = make_inbox();
    crew_group *group = make_group(false);
    struct heard heard = listen_on(inbox);
    int fd = crew_inbox_fd(inbox);

    check_equal(crew_group_notify(NULL, inbox, hear, NULL), -EINVAL);
    check_equal(crew_group_notify(group, NULL, hear, NULL), -EINVAL);
    check_equal(crew_group_notify(group, inbox, NULL, NULL), -EINVAL);
    check_equal(crew_inbox_pending(inbox), 0);
    for (unsigned i = 1; i <= 3; i++) {
        check_equal(crew_group_notify(group, inbox, hear, &heard), 0);
        check_equal(heard.count, i - 1); /* never from inside the call */
        check_equal(crew_group_notify(group, inbox, hear, &heard), -EBUSY);
        check_equal(crew_inbox_pending(inbox), 1);
        check_equal(crew_group_destroy(group), -EBUSY);
        check_equal(crew_inbox_destroy(inbox), -EBUSY);
        check(is_readable(fd, 0));
        check_equal(crew_inbox_run(inbox), 1);
        check_equal(heard.count, i);
    }
    end_all(NULL, group, inbox);
}

static void notify_around(bool before, bool other_inbox, bool noted)
{
    enum { N = 200 };
    static crew_task tasks[N];
    crew_inbox *members = make_inbox();
    crew_inbox *inbox = other_inbox ? make_inbox() : members;
    crew_group *group = make_group(false);
    crew_pool *pool = make_pool(2);
    struct heard heard = listen_on(inbox);
    struct holder holder;

    holder_init(&holder); /* a member that is outstanding all the time */
    holder.task.group = group;
    check_equal(crew_submit(pool, &holder.task, NULL), 0);
    if (before)
        check_equal(crew_group_notify(group, inbox, hear, &heard), 0);
    for (int i = 0; i < N; i++) {
        tasks[i] = (crew_task){.run = return_zero,
                               .group = group,
                               .done = noted ? count_heard : NULL,
                               .data = &heard};
        check_equal(crew_submit(pool, &tasks[i], noted ? members : NULL), 0);
    }
    if (!before)
        check_equal(crew_group_notify(group, inbox, hear, &heard), 0);
    check_equal(crew_group_notify(group, members, hear, &heard), -EBUSY);
    test_gate_wait(&holder.entered);
    check_equal(heard.count, 0);
    let_go_of_worker(&holder);
    check_equal(crew_pool_drain(pool, LONG_WAIT), 0);
    if (other_inbox && noted) {
        check_equal(crew_inbox_dispatch(inbox, 0), 0); /* no done has come */
        check_equal(crew_inbox_dispatch(members, N - 1), N - 1);
        check_equal(crew_inbox_dispatch(inbox, 0), 0);
        check_equal(crew_inbox_dispatch(members, 0), 1);
    }
    check_at_least(crew_inbox_run(inbox), 1);
    check_equal(heard.count, 1);
    check_equal(heard.pending, 0);
    check_equal(heard.seen, noted ? N : 0); /* after every done */
    end_all(pool, group, members);
    if (other_inbox)
        check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(C14_notify_comes_once_after_every_done)
{
    for (unsigned i = 0; i < 8; i++)
        notify_around(i & 1, i & 2, i & 4);
}

/* ---- fn frees everything ------------------------------------------------- */

struct freed {
    crew_task *tasks;
    unsigned *count;
};

static void free_everything(crew_group *group, void *arg)
{
    struct freed *freed = arg;

    check_equal(crew_group_pending(group), 0);
    check_equal(crew_group_destroy(group), 0);
    free(freed->tasks);
    ++*freed->count;
    free(freed);
}

static int take_no_time(crew_self *self, crew_task *task)
{
    return task->priority == CREW_HIGH ? crew_self_canceled(self) : 0;
}

CREW_TEST(C14_fn_destroys_the_group_and_frees_the_members)
{
    enum { N = 8 };
    const unsigned n = MANY(10000);
    crew_inbox *inbox = make_inbox();
    crew_pool *pool = make_pool(2);
    unsigned count = 0;

    for (unsigned i = 0; i < n; i++) {
        crew_group *group = make_group(i % 2);
        struct freed *freed = malloc(sizeof *freed);

        assert_non_null(freed);
        *freed = (struct freed){calloc(N, sizeof *freed->tasks), &count};
        assert_non_null(freed->tasks);
        for (unsigned j = 0; j < N; j++) {
            freed->tasks[j].run = take_no_time;
            freed->tasks[j].priority = (crew_priority)(j % 3);
            freed->tasks[j].group = group;
            freed->tasks[j].done = i % 3 ? NULL : ignore_done;
            check_equal(
                crew_submit(pool, &freed->tasks[j], i % 3 ? NULL : inbox), 0);
        }
        check_equal(crew_group_notify(group, inbox, free_everything, freed), 0);
        if (i % 8 == 0)
            check_at_least(crew_inbox_dispatch(inbox, i % 3), 0);
    }
    check_at_least(crew_inbox_run(inbox), 0);
    check_equal(count, n);
    end_all(pool, NULL, inbox);
}

/* ---- it is set again by its own fn --------------------------------------- */

struct rounds {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_task task;
    unsigned left;
};

static void next_round(crew_group *group, void *arg)
{
    struct rounds *rounds = arg;

    if (rounds->left-- == 0)
        return;
    check_equal(crew_submit(rounds->pool, &rounds->task, NULL), 0);
    check_equal(crew_group_notify(group, rounds->inbox, next_round, rounds), 0);
}

CREW_TEST(C14_fn_submits_members_and_sets_the_notify_again)
{
    struct rounds rounds = {make_pool(2),
                            make_inbox(),
                            make_group(false),
                            {.run = return_zero},
                            MANY(5000)};

    rounds.task.group = rounds.group;
    check_equal(
        crew_group_notify(rounds.group, rounds.inbox, next_round, &rounds), 0);
    check_equal(crew_inbox_run(rounds.inbox), MANY(5000) + 1);
    end_all(rounds.pool, rounds.group, rounds.inbox);
}

/* ---- threads that wait beside it ----------------------------------------- */

struct beside {
    struct holder holder;
    struct heard heard;
};

static void wait_beside(unsigned index, void *arg)
{
    struct beside *beside = arg;

    if (index == 0) {
        beside->heard.thread = pthread_self();
        check_equal(crew_group_notify(beside->holder.task.group,
                                      beside->heard.inbox, hear,
                                      &beside->heard),
                    0);
        test_gate_open(&beside->holder.leave);
        check_equal(crew_inbox_run(beside->heard.inbox), 1);
    }
    check_equal(crew_group_wait(beside->holder.task.group, LONG_WAIT), 0);
}

CREW_TEST(C14_notify_and_waits_are_told_the_same_end)
{
    crew_pool *pool = make_pool(1);

    for (unsigned i = 0; i < MANY(200); i++) {
        struct beside beside;

        holder_init(&beside.holder);
        beside.holder.task.group = make_group(false);
        beside.heard = listen_on(make_inbox());
        check_equal(crew_submit(pool, &beside.holder.task, NULL), 0);
        test_threads(3, wait_beside, &beside);
        check_equal(beside.heard.count, 1);
        check_equal(crew_group_destroy(beside.holder.task.group), 0);
        check_equal(crew_inbox_destroy(beside.heard.inbox), 0);
        test_gate_fini(&beside.holder.entered);
        test_gate_fini(&beside.holder.leave);
    }
    end_all(pool, NULL, NULL);
}
