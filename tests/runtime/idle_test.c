/* The wake protocol, step by step and with threads that lose no wake-up. */
#include "support.h"

#include "runtime/idle.h"

#include <string.h>

static struct crew__idle idle;

static void init(unsigned workers)
{
    memset(&idle, 0, sizeof idle);
    assert_int_equal(crew__idle_init(&idle, workers), 0);
}

/* Whether this worker's token has come; takes it. */
static bool is_woken(unsigned worker)
{
    return crew__park(&idle.parkers[worker], 1);
}

CREW_TEST(a_publication_wakes_one_sleeper_and_no_more)
{
    init(130);                        /* three words of sleepers */
    check(crew__idle_publish(&idle)); /* all are awake */
    crew__idle_announce(&idle, 129);
    crew__idle_announce(&idle, 70);
    check(crew__idle_publish(&idle));
    check(is_woken(70));
    check(crew__idle_publish(&idle)); /* somebody looks */
    check(!is_woken(129));
    check(crew__idle_leave(&idle, 70)); /* it has the search */
    crew__idle_search_end(&idle, 70);
    check(crew__idle_publish(&idle));
    check(is_woken(129));
    check(crew__idle_leave(&idle, 129));
    check(!crew__idle_leave(&idle, 70));
    crew__idle_fini(&idle);
}

CREW_TEST(the_search_has_one_holder)
{
    init(3);
    check(crew__idle_search_begin(&idle, 0));
    check(!crew__idle_search_begin(&idle, 1));
    crew__idle_search_end(&idle, 1); /* has none: changes nothing */
    check(!crew__idle_search_begin(&idle, 2));
    crew__idle_announce(&idle, 2);
    check(crew__idle_publish(&idle)); /* the searcher looks */
    check(!is_woken(2));
    crew__idle_announce(&idle, 0); /* gives it back */
    check(crew__idle_search_begin(&idle, 1));
    check(!crew__idle_leave(&idle, 0));
    check(!crew__idle_leave(&idle, 2));
    crew__idle_search_end(&idle, 1);
    crew__idle_fini(&idle);
}

CREW_TEST(a_sleeper_that_was_appointed_and_left_gives_the_search_back)
{
    init(2);
    crew__idle_announce(&idle, 0);
    crew__idle_announce(&idle, 1);
    check(crew__idle_publish(&idle));
    check(crew__idle_leave(&idle, 0)); /* roused by name, but appointed too */
    check(!crew__idle_search_begin(&idle, 1));
    crew__idle_search_end(&idle, 0);
    check(crew__idle_publish(&idle));
    check(is_woken(1));
    check(crew__idle_leave(&idle, 1));
    crew__idle_fini(&idle);
}

CREW_TEST(a_rouse_by_name_wakes_that_worker_alone)
{
    init(3);
    crew__idle_announce(&idle, 0);
    crew__idle_announce(&idle, 1);
    crew__idle_rouse(&idle, 1);
    check(is_woken(1));
    check(!is_woken(0));
    check(!crew__idle_leave(&idle, 1)); /* it was not given the search */
    crew__idle_rouse(&idle, 2); /* awake: the token waits for its sleep */
    crew__idle_park(&idle, 2);
    crew__idle_leave(&idle, 0);
    crew__idle_fini(&idle);
}

CREW_TEST(a_closed_pool_is_told)
{
    init(1);
    check(!crew__idle_is_closed(&idle));
    check(crew__idle_publish(&idle));
    crew__idle_close(&idle);
    check(crew__idle_is_closed(&idle));
    check(!crew__idle_publish(&idle));
    crew__idle_fini(&idle);
}

CREW_TEST(epochs_wrap)
{
    init(1);
    for (int i = 0; i < 1000; i++) { /* in this build they have 8 bits */
        crew__idle_announce(&idle, 0);
        check(crew__idle_publish(&idle));
        check(is_woken(0));
        check(crew__idle_leave(&idle, 0));
        crew__idle_search_end(&idle, 0);
    }
    check_equal(crew__load_relaxed(&idle.wakes), 1000);
    crew__idle_fini(&idle);
}

/* Publishers count items up, workers count them down and sleep at zero: a
 * wake-up that is lost leaves items for ever. */
enum { PUBLISHERS = 2, WORKERS = 2 };

struct items {
    crew__a64 waiting;
    crew__a64 taken;
    uint64_t total;
};

static struct items items;

static bool take_item(void)
{
    uint64_t seen = crew__load_seq_cst(&items.waiting);

    while (seen > 0) {
        if (crew__cas_seq_cst(&items.waiting, &seen, seen - 1)) {
            crew__add_seq_cst(&items.taken, 1);
            return true;
        }
    }
    return false;
}

static bool is_over(void)
{
    return crew__load_seq_cst(&items.taken) == items.total;
}

static void work(unsigned me)
{
    bool searching = false;

    while (!is_over()) {
        if (take_item()) {
            if (searching) {
                searching = false;
                crew__idle_search_end(&idle, me);
                if (crew__load_seq_cst(&items.waiting))
                    crew__idle_publish(&idle);
            }
            continue;
        }
        crew__idle_announce(&idle, me);
        searching = false;
        if (!crew__load_seq_cst(&items.waiting) && !is_over())
            crew__idle_park(&idle, me);
        searching = crew__idle_leave(&idle, me);
    }
    crew__idle_search_end(&idle, me);
    for (unsigned i = 0; i < WORKERS; i++)
        crew__idle_rouse(&idle, i);
}

static bool is_taken(void *limit)
{
    return crew__load_seq_cst(&items.waiting) <= *(uint64_t *)limit;
}

static void publish_or_work(unsigned index, void *arg)
{
    uint64_t none = 0;

    (void)arg;
    if (index < WORKERS) {
        work(index);
        return;
    }
    for (uint64_t i = 0; i < items.total / PUBLISHERS; i++) {
        crew__add_seq_cst(&items.waiting, 1);
        check(crew__idle_publish(&idle));
        if (i % 64 == 0) /* so that the workers fall asleep in between */
            test_poll(is_taken, &none, 30 * CREW_S);
    }
}

CREW_TEST(no_wake_up_is_lost)
{
    init(WORKERS);
    items.total = 20000;
    test_threads(WORKERS + PUBLISHERS, publish_or_work, NULL);
    check_equal(crew__load_relaxed(&items.waiting), 0);
    check_equal(crew__load_relaxed(&items.taken), items.total);
    crew__idle_fini(&idle);
}
