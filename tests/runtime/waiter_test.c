/* A waiter is told once; a worker's may be roused for other reasons. */
#include "support.h"

#include "runtime/waiter.h"

struct pair {
    struct crew__waiter waiter;
    struct crew__parker parker; /* a worker's */
    crew__a32 tellers;
    unsigned written; /* before the end is told */
};

static void init(struct pair *pair, bool worker)
{
    crew__park_init(&pair->parker);
    crew__store_relaxed(&pair->tellers, 0);
    if (worker)
        crew__waiter_init_worker(&pair->waiter, &pair->parker, &pair->tellers);
    else
        crew__waiter_init(&pair->waiter);
}

CREW_TEST(a_waiter_that_is_not_told_waits_for_its_deadline)
{
    struct pair pair;

    for (int worker = 0; worker < 2; worker++) {
        int64_t end = test_now() + 2 * CREW_MS;

        init(&pair, worker);
        check(!crew__waiter_told(&pair.waiter));
        check(!crew__waiter_park(&pair.waiter, end));
        check_at_least(test_now(), end);
        check(!crew__waiter_told(&pair.waiter));
    }
}

CREW_TEST(a_worker_that_is_roused_for_another_reason_is_not_told)
{
    struct pair pair;

    init(&pair, true);
    crew__unpark(&pair.parker);
    check(!crew__waiter_park(&pair.waiter, CREW__NEVER));
    crew__waiter_tell(&pair.waiter);
    check(crew__waiter_told(&pair.waiter));
    check(crew__waiter_park(&pair.waiter, CREW__NEVER));
    check_equal(crew__load_relaxed(&pair.tellers), 0);
}

static void wait_or_tell(unsigned index, void *arg)
{
    struct pair *pair = arg;

    if (index == 1) {
        pair->written = 1;
        crew__waiter_tell(&pair->waiter);
        return;
    }
    while (!crew__waiter_park(&pair->waiter, CREW__NEVER))
        ;
    check_equal(pair->written, 1);
    check(crew__waiter_told(&pair->waiter));
}

CREW_TEST(what_came_before_the_end_is_seen)
{
    for (int i = 0; i < 500; i++) {
        struct pair pair = {.written = 0};

        init(&pair, i % 2);
        test_threads(2, wait_or_tell, &pair);
        check_equal(crew__load_relaxed(&pair.tellers), 0);
    }
}
