/* Workers by their ids: found while they are in the table, and nowhere else. */
#include "by_hand.h"

/* Several in each chain of the table. */
enum { COUNT = 200 };

static crew_worker workers[COUNT];

static void add(crew_worker *worker)
{
    const crew__a64 *word;

    worker->generation = crew__fork_generation(&word);
    crew__store_relaxed(&worker->references, 1);
    crew__id_add(worker);
}

static uint32_t references(crew_worker *worker)
{
    return crew__load_relaxed(&worker->references);
}

/* Looks for it, and gives the reference back. */
static bool is_found(crew_worker *worker, uint64_t id)
{
    uint32_t before = references(worker);
    crew_worker *found = crew__id_find(id);

    if (!found)
        return false;
    check(found == worker);
    check_equal(references(worker), before + 1);
    crew__worker_release(found);
    return true;
}

CREW_TEST(each_is_found_until_it_is_removed)
{
    struct test_random random;
    uint64_t before = 0;
    unsigned order[COUNT];

    test_random_init(&random, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        add(&workers[i]);
        check(workers[i].id > before);
        before = workers[i].id;
        order[i] = i;
    }
    check(crew__id_find(0) == NULL);
    check(crew__id_find(before + 1) == NULL);
    check(crew__id_find(UINT64_MAX) == NULL);
    for (unsigned gone = 0; gone <= COUNT; gone++) {
        unsigned which = gone + (unsigned)test_random_below(
                                    &random, gone < COUNT ? COUNT - gone : 1);

        for (unsigned i = 0; i < COUNT; i++)
            check_equal(is_found(&workers[order[i]], workers[order[i]].id),
                        i >= gone);
        if (gone < COUNT) {
            unsigned other = order[which];

            order[which] = order[gone];
            order[gone] = other;
            crew__id_remove(&workers[other]);
        }
    }
}

CREW_TEST(no_id_comes_twice)
{
    uint64_t first;

    add(&workers[0]);
    first = workers[0].id;
    crew__id_remove(&workers[0]);
    add(&workers[0]);
    check_equal(workers[0].id, first + 1);
    check(!is_found(&workers[0], first));
    check(is_found(&workers[0], first + 1));
    crew__id_remove(&workers[0]);
}

/* The child's table is empty; its ids go on, so none means two workers. */
static int look_forked(void *arg)
{
    uint64_t last = workers[1].id;
    const crew__a64 *word;

    (void)arg;
    check(crew__id_find(workers[0].id) == NULL);
    crew__fork_generation(&word); /* something else has been created */
    check(crew__id_find(workers[0].id) == NULL);
    check(crew__id_find(last) == NULL);
    add(&workers[2]);
    check_equal(workers[2].id, last + 1);
    check(crew__id_find(last) == NULL); /* also behind one of its own */
    check(is_found(&workers[2], last + 1));
    crew__id_remove(&workers[2]);
    check(crew__id_find(last + 1) == NULL);
    return 0;
}

CREW_TEST(a_forked_child_finds_nobody_and_goes_on_counting)
{
    add(&workers[0]);
    add(&workers[1]);
    check_equal(test_in_child(look_forked, NULL), 0);
    check(is_found(&workers[0], workers[0].id));
    check(is_found(&workers[1], workers[1].id));
    crew__id_remove(&workers[0]);
    crew__id_remove(&workers[1]);
}

/* ---- all at once ----------------------------------------------------------- */

enum { THREADS = 3, EACH = 20, ROUNDS = 50 };

static void come_and_go(unsigned index, void *arg)
{
    crew_worker *mine = &workers[index * EACH];

    (void)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++)
            add(&mine[i]);
        for (unsigned i = 0; i < EACH; i++) {
            crew_worker *found = crew__id_find(mine[i].id);

            check(found == &mine[i]);
            if (found)
                crew__worker_release(found);
        }
        for (unsigned i = 0; i < EACH; i++) {
            crew__id_remove(&mine[i]);
            check(crew__id_find(mine[i].id) == NULL);
            check_equal(references(&mine[i]), 1);
        }
    }
}

CREW_TEST(many_come_and_go_at_once)
{
    add(&workers[COUNT - 1]);
    test_threads(THREADS, come_and_go, NULL);
    check(is_found(&workers[COUNT - 1], workers[COUNT - 1].id));
    crew__id_remove(&workers[COUNT - 1]);
}
