/*
 * Plans on recorded and drawn machines (tests/machines/README).
 */
#include "../machines/machine.h"

#include "base/fault.h"
#include "runtime/placement.h"

#include <errno.h>

/* A plan and what it was made from, so that a case is a few lines. */
struct plan {
    struct crew__topology *machine;
    struct crew__cpuset usable;
    struct crew__placement_request request;
    struct crew__placement_plan plan;
};

/* A wish for the default number of workers on all CPUs in `mask`. */
static struct plan *begin(const char *machine, const char *mask)
{
    static struct plan plan;

    memset(&plan, 0, sizeof plan);
    plan.machine = machine ? machine_load(machine) : crew__topology_create(0);
    assert_non_null(plan.machine);
    plan.usable = cpus(mask);
    plan.request.usable = &plan.usable;
    plan.request.caller_cpu = -1;
    return &plan;
}

static void end(struct plan *plan)
{
    crew__placement_fini(&plan->plan);
    crew__topology_destroy(plan->machine);
}

static int make(struct plan *plan)
{
    return crew__placement_make(&plan->plan, plan->machine, &plan->request);
}

/* The CPU of each worker: "0,8,1"; "-" for one that is not pinned. */
static const char *seats(const struct plan *plan)
{
    static char text[8192];
    size_t n = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < plan->plan.workers; i++) {
        const struct crew__seat *seat = &plan->plan.seats[i];
        const char *comma = i ? "," : "";

        if (seat->pinned)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", comma,
                                  seat->cpu.os);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "%s-", comma);
    }
    return text;
}

static void expect(const char *machine, const char *mask,
                   crew_placement placement, unsigned workers,
                   const char *expected)
{
    struct plan *plan = begin(machine, mask);

    plan->request.placement = placement;
    plan->request.workers = workers;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), expected);
    end(plan);
}

static void expect_text(struct plan *plan, const char *expected)
{
    char text[256];
    int length;

    assert_int_equal(make(plan), 0);
    length = crew__placement_limit_text(&plan->plan, text, sizeof text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    end(plan);
}

/* ---- how many ---------------------------------------------------------- */

CREW_TEST(p1_a_mask_of_one_cpu_is_one_worker_there)
{
    expect("xeon-2x8", "1", CREW_PLACE_SPREAD, 0, "1");
    expect("xeon-2x8", "1", CREW_PLACE_COMPACT, 0, "1");
    expect("one-core", "0", CREW_PLACE_SPREAD, 0, "0");
}

CREW_TEST(the_default_is_one_per_usable_core)
{
    struct plan *plan = begin("xeon-2x8", "0-31");

    expect_text(plan, "16 workers: one per usable core (16 of 16 cores, "
                      "affinity mask 0-31, no CPU quota)");
    plan = begin("xeon-2x8", "0-1,16-18");
    expect_text(plan, "3 workers: one per usable core (3 of 16 cores, "
                      "affinity mask 0-1,16-18, no CPU quota)");
    plan = begin("hybrid-6p8e", "0-19");
    expect_text(plan, "14 workers: one per usable core (14 of 14 cores, "
                      "affinity mask 0-19, no CPU quota)");
}

CREW_TEST(p2_a_quota_counts_cpus_and_only_lowers)
{
    struct plan *plan = begin("xeon-2x8", "0-31");

    plan->request.quota_cpus = 2;
    expect_text(plan, "2 workers: the CPU quota (16 of 16 cores, affinity "
                      "mask 0-31, CPU quota 2)");
    plan = begin("xeon-2x8", "0-1");
    plan->request.quota_cpus = 24;
    expect_text(plan, "2 workers: one per usable core (2 of 16 cores, "
                      "affinity mask 0-1, CPU quota 24)");
}

CREW_TEST(nh20_a_quota_that_cannot_be_told_is_one_worker)
{
    struct plan *plan = begin("xeon-2x8", "0-31");
    char expected[256];

    plan->request.quota_cpus = -EPROTO;
    snprintf(expected, sizeof expected,
             "1 worker: the CPU quota cannot be told (16 of 16 cores, "
             "affinity mask 0-31, CPU quota unknown: %s)",
             crew_strerror(-EPROTO));
    expect_text(plan, expected);
}

CREW_TEST(ng26_a_number_that_is_asked_for_is_given)
{
    static const unsigned asked[] = {1, 2, 31, 32, 33, 100, 1024};

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct plan *plan = begin("xeon-2x8", "0-31");

        plan->request.workers = asked[i];
        plan->request.quota_cpus = 1;
        assert_int_equal(make(plan), 0);
        assert_int_equal(plan->plan.workers, asked[i]);
        assert_int_equal(plan->plan.limit, CREW__LIMIT_OPTION);
        end(plan);
    }
}

CREW_TEST(ng26_more_than_1024_are_refused)
{
    struct plan *plan = begin("one-core", "0");

    plan->request.workers = 1025;
    assert_int_equal(make(plan), -EINVAL);
    plan->request.workers = UINT32_MAX;
    assert_int_equal(make(plan), -EINVAL);
    end(plan);
}

CREW_TEST(the_default_is_1024_at_most)
{
    struct plan *plan = begin(NULL, "0-2047");

    assert_int_equal(make(plan), 0);
    assert_int_equal(plan->plan.workers, 1024);
    assert_int_equal(plan->plan.limit, CREW__LIMIT_MOST);
    end(plan);
}

CREW_TEST(an_unknown_placement_is_refused)
{
    struct plan *plan = begin("one-core", "0");

    plan->request.placement = (crew_placement)(CREW_PLACE_NONE + 1);
    assert_int_equal(make(plan), -EINVAL);
    end(plan);
}

/* ---- where (P3) -------------------------------------------------------- */

CREW_TEST(p3_spread_alternates_packages_and_takes_cores_before_threads)
{
    expect("xeon-2x8", "0-31", CREW_PLACE_SPREAD, 0,
           "0,8,1,9,2,10,3,11,4,12,5,13,6,14,7,15");
    expect("xeon-2x8", "0-31", CREW_PLACE_SPREAD, 20,
           "0,8,1,9,2,10,3,11,4,12,5,13,6,14,7,15,16,24,17,25");
    expect("xeon-2x8", "4,6,20,22,23", CREW_PLACE_SPREAD, 5, "4,6,23,20,22");
}

CREW_TEST(p3_spread_takes_different_l3_before_the_same)
{
    expect("epyc-2x24", "0-95", CREW_PLACE_SPREAD, 18,
           "0,24,6,30,12,36,18,42,3,27,9,33,15,39,21,45,1,25");
    expect("epyc-2x24", "0-8", CREW_PLACE_SPREAD, 5, "0,6,3,7,1");
}

CREW_TEST(p3_compact_fills_a_core_then_its_l3_then_its_node)
{
    expect("xeon-2x8", "0-31", CREW_PLACE_COMPACT, 5, "0,16,1,17,2");
    expect("xeon-2x8", "0-31", CREW_PLACE_COMPACT, 18,
           "0,16,1,17,2,18,3,19,4,20,5,21,6,22,7,23,8,24");
    expect("epyc-2x24", "0-95", CREW_PLACE_COMPACT, 13,
           "0,48,1,49,2,50,3,51,4,52,5,53,6");
    /* The rest of the node comes before the lower number elsewhere. */
    expect("epyc-2x24", "2,6,50,54", CREW_PLACE_COMPACT, 4, "2,50,6,54");
}

CREW_TEST(p3_performance_cores_come_first)
{
    expect("lakefield-1p4e", "0-4", CREW_PLACE_SPREAD, 0, "4,0,1,2,3");
    expect("lakefield-1p4e", "0-4", CREW_PLACE_COMPACT, 2, "4,0");
    expect("hybrid-6p8e", "0-19", CREW_PLACE_SPREAD, 16,
           "0,2,4,6,8,10,12,13,14,15,16,17,18,19,1,3");
    expect("hybrid-6p8e", "0-19", CREW_PLACE_COMPACT, 14,
           "0,1,2,3,4,5,6,7,8,9,10,11,12,13");
    expect("hybrid-6p8e", "10-14", CREW_PLACE_SPREAD, 0, "10,12,13,14");
}

CREW_TEST(a_laptop_with_hyper_threads)
{
    expect("laptop-4x2", "0-7", CREW_PLACE_SPREAD, 0, "0,1,2,3");
    expect("laptop-4x2", "0-7", CREW_PLACE_SPREAD, 8, "0,1,2,3,4,5,6,7");
    expect("laptop-4x2", "0-7", CREW_PLACE_COMPACT, 4, "0,4,1,5");
}

CREW_TEST(beyond_all_threads_they_share_in_turn)
{
    expect("laptop-4x2", "0-1,4", CREW_PLACE_SPREAD, 7, "0,1,4,0,1,4,0");
    expect("laptop-4x2", "0-1,4", CREW_PLACE_COMPACT, 4, "0,4,1,0");
    expect("one-core", "0", CREW_PLACE_SPREAD, 3, "0,0,0");
}

CREW_TEST(nh19_only_what_is_online_is_used)
{
    expect("sparse", "0,3-5", CREW_PLACE_SPREAD, 0, "0,3,4,5");
    expect("xeon-offline", "0-1,3-4,6,12,15", CREW_PLACE_SPREAD, 7,
           "0,1,3,6,4,15,12");
}

CREW_TEST(placement_none_pins_nobody)
{
    expect("laptop-4x2", "0-7", CREW_PLACE_NONE, 0, "-,-,-,-");
    expect("laptop-4x2", "0-7", CREW_PLACE_NONE, 2, "-,-");
}

/* Whatever the machine and the wish: the seats are in the mask, and none has
 * two workers more than another. */
static void check_sane(const char *machine, const char *mask, unsigned workers,
                       crew_placement placement)
{
    struct plan *plan = begin(machine, mask);
    unsigned used[CREW__CPUS] = {0};
    unsigned most = 0;
    unsigned least = UINT32_MAX;

    plan->request.workers = workers;
    plan->request.placement = placement;
    assert_int_equal(make(plan), 0);
    for (unsigned i = 0; i < workers; i++) {
        check(plan->plan.seats[i].pinned);
        check(crew__cpuset_has(&plan->usable, plan->plan.seats[i].cpu.os));
        used[plan->plan.seats[i].cpu.os]++;
    }
    for (unsigned os = 0; os < CREW__CPUS; os++) {
        if (!crew__cpuset_has(&plan->usable, os))
            continue;
        most = used[os] > most ? used[os] : most;
        least = used[os] < least ? used[os] : least;
    }
    check_at_most(most, least + 1);
    end(plan);
}

CREW_TEST(every_plan_stays_in_the_mask_and_is_fair)
{
    static const char *const machines[] = {
        "xeon-2x8",    "epyc-2x24",  "xeon-offline", "lakefield-1p4e",
        "hybrid-6p8e", "laptop-4x2", "sparse",       "one-core"};
    static const char *const masks[] = {"0",    "0-3",    "3,5,7-90",
                                        "0-95", "80-200", "4095"};
    static const unsigned workers[] = {1, 2, 3, 7, 48, 96, 97, 300};

    for (size_t m = 0; m < 8; m++) {
        for (size_t k = 0; k < 6; k++) {
            for (size_t w = 0; w < 8; w++) {
                check_sane(machines[m], masks[k], workers[w],
                           CREW_PLACE_SPREAD);
                check_sane(machines[m], masks[k], workers[w],
                           CREW_PLACE_COMPACT);
            }
        }
    }
}

/* ---- lists (P4) -------------------------------------------------------- */

static int make_list(const char *list, unsigned workers, const char *expected)
{
    struct plan *plan = begin("laptop-4x2", "0-6");
    int r;

    plan->request.list = list;
    plan->request.workers = workers;
    r = make(plan);
    if (r == 0)
        assert_string_equal(seats(plan), expected);
    end(plan);
    return r;
}

CREW_TEST(p4_a_list_is_one_worker_per_entry_in_its_order)
{
    assert_int_equal(make_list("0,2-3", 0, "0,2,3"), 0);
    assert_int_equal(make_list("5", 0, "5"), 0);
    assert_int_equal(make_list("3-3", 0, "3"), 0);
    assert_int_equal(make_list("4,2,0-1", 0, "4,2,0,1"), 0);
    assert_int_equal(make_list("0006", 0, "6"), 0);
    assert_int_equal(make_list("0,2-5", 2, "0,2"), 0);
    assert_int_equal(make_list("0-6", 0, "0,1,2,3,4,5,6"), 0);
}

CREW_TEST(p4_a_list_that_makes_no_sense_is_refused)
{
    static const char *const bad[] = {
        "7",   "0,7",  "0-7",   "4096",  "99999999999999999999",
        "x",   "",     "3-1",   ",",     "0,",
        ",0",  "0,,1", "-1",    "1-",    "1--2",
        "0 ",  " 0",   "0, 1",  "0;1",   "0x1",
        "+1",  "0,0",  "0-2,1", "2,0-3", "1-2-3",
        "0\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (make_list(bad[i], 0, "") != -EINVAL)
            fail_msg("the list \"%s\" is taken", bad[i]);
    }
}

CREW_TEST(more_workers_than_entries_are_refused)
{
    assert_int_equal(make_list("0,2-3", 3, "0,2,3"), 0);
    assert_int_equal(make_list("0,2-3", 4, ""), -EINVAL);
}

CREW_TEST(a_list_with_another_placement_is_refused)
{
    struct plan *plan = begin("laptop-4x2", "0-7");

    plan->request.list = "0";
    plan->request.placement = CREW_PLACE_COMPACT;
    assert_int_equal(make(plan), -EINVAL);
    plan->request.placement = CREW_PLACE_NONE;
    assert_int_equal(make(plan), -EINVAL);
    plan->request.placement = CREW_PLACE_SPREAD;
    plan->request.reserve_caller_core = true;
    assert_int_equal(make(plan), -EINVAL);
    end(plan);
}

CREW_TEST(a_list_of_more_than_1024_needs_a_number_of_workers)
{
    struct plan *plan = begin(NULL, "0-2047");

    plan->request.list = "0-2047";
    assert_int_equal(make(plan), -EINVAL);
    plan->request.workers = 3;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "0,1,2");
    end(plan);
}

CREW_TEST(a_list_tells_what_is_known_of_its_cpus)
{
    struct plan *plan = begin("xeon-2x8", "0-40");

    plan->request.list = "9,40";
    assert_int_equal(make(plan), 0);
    assert_true(plan->plan.seats[0].known);
    assert_int_equal(plan->plan.seats[0].cpu.node_os, 1);
    assert_false(plan->plan.seats[1].known);
    crew__placement_fini(&plan->plan);
    expect_text(plan, "2 workers: one per entry of the list (25 of 25 cores, "
                      "affinity mask 0-40, no CPU quota)");
}

/* ---- the creating thread's core (P6) ----------------------------------- */

static void expect_reserved(const char *machine, const char *mask, int caller,
                            unsigned workers, const char *expected)
{
    struct plan *plan = begin(machine, mask);

    plan->request.reserve_caller_core = true;
    plan->request.caller_cpu = caller;
    plan->request.workers = workers;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), expected);
    end(plan);
}

CREW_TEST(p6_on_two_cores_one_worker_on_the_other)
{
    expect_reserved("sparse", "0,3", 0, 0, "3");
    expect_reserved("sparse", "0,3", 3, 0, "0");
}

CREW_TEST(p6_on_one_core_one_worker)
{
    expect_reserved("one-core", "0", 0, 0, "0");
    expect_reserved("laptop-4x2", "1,5", 5, 0, "1"); /* two threads of one */
    expect_reserved("laptop-4x2", "1,5", 5, 2, "1,5");
}

CREW_TEST(p6_all_threads_of_the_core_are_kept_free)
{
    expect_reserved("laptop-4x2", "0-7", 5, 0, "0,2,3");
    expect_reserved("laptop-4x2", "0-7", 5, 8, "0,2,3,4,6,7,0,2");
    expect_reserved("laptop-4x2", "0-7", -1, 0, "1,2,3"); /* unknown: any */
    expect_reserved("laptop-4x2", "0-3", 7, 0, "1,2,3");  /* not in the mask */
}

CREW_TEST(a_reserved_core_counts_against_the_quota_too)
{
    struct plan *plan = begin("laptop-4x2", "0-7");

    plan->request.reserve_caller_core = true;
    plan->request.caller_cpu = 2;
    plan->request.quota_cpus = 3;
    expect_text(plan,
                "2 workers: the CPU quota, less the creating thread's core (4 "
                "of 4 cores, affinity mask 0-7, CPU quota 3)");
    plan = begin("laptop-4x2", "0-7");
    plan->request.reserve_caller_core = true;
    expect_text(plan,
                "3 workers: one per usable core, less the creating thread's "
                "(4 of 4 cores, affinity mask 0-7, no CPU quota)");
    plan = begin("laptop-4x2", "0-7");
    plan->request.reserve_caller_core = true;
    plan->request.quota_cpus = 1;
    assert_int_equal(make(plan), 0);
    assert_int_equal(plan->plan.workers, 1);
    end(plan);
}

CREW_TEST(a_reserved_core_counts_where_nobody_is_pinned)
{
    struct plan *plan = begin("laptop-4x2", "0-7");

    plan->request.reserve_caller_core = true;
    plan->request.placement = CREW_PLACE_NONE;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "-,-,-");
    end(plan);
}

/* ---- when little is known (P7, NG19) ----------------------------------- */

CREW_TEST(p7_without_a_machine_the_mask_decides)
{
    struct plan *plan = begin(NULL, "2,4-5");

    expect_text(plan, "3 workers: one per usable core (3 CPUs of an unknown "
                      "machine, affinity mask 2,4-5, no CPU quota)");
    expect(NULL, "2,4-5", CREW_PLACE_SPREAD, 0, "2,4,5");
    expect(NULL, "2,4-5", CREW_PLACE_COMPACT, 4, "2,4,5,2");
    expect_reserved(NULL, "2,4-5", 4, 0, "2,5");
}

CREW_TEST(a_cpu_that_the_machine_does_not_know_is_a_core)
{
    expect("laptop-4x2", "3,7-9", CREW_PLACE_SPREAD, 0, "3,8,9");
    expect("laptop-4x2", "3,7-9", CREW_PLACE_SPREAD, 4, "3,8,9,7");
}

CREW_TEST(another_machine_s_description_places_nobody_outside_the_mask)
{
    expect("one-core", "5-6", CREW_PLACE_SPREAD, 0, "5,6");
}

CREW_TEST(ng19_without_a_mask_nobody_is_pinned)
{
    struct plan *plan = begin("laptop-4x2", "");

    plan->request.usable = NULL;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "-,-,-,-");
    plan->request.reserve_caller_core = true;
    crew__placement_fini(&plan->plan);
    expect_text(plan, "3 workers: one per usable core, less the creating "
                      "thread's (4 of 4 cores, affinity mask unknown, no CPU "
                      "quota)");
}

CREW_TEST(ng19_a_list_is_tried_without_a_mask)
{
    struct plan *plan = begin("laptop-4x2", "");

    plan->request.usable = NULL;
    plan->request.list = "1,9";
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "1,9");
    end(plan);
}

CREW_TEST(knowing_nothing_at_all_is_one_worker)
{
    struct plan *plan = begin(NULL, "");

    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "-");
    crew__placement_fini(&plan->plan);
    plan->request.usable = NULL;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "-");
    crew__placement_fini(&plan->plan);
    plan->request.workers = 3;
    plan->request.reserve_caller_core = true;
    assert_int_equal(make(plan), 0);
    assert_string_equal(seats(plan), "-,-,-");
    end(plan);
}

CREW_TEST(each_fault_leaves_nothing)
{
    static const char *const lists[] = {NULL, "1,3"};

    for (int i = 0; i < 2; i++) {
        struct plan *plan = begin("laptop-4x2", "0-7");
        unsigned n = 0;
        int r;

        plan->request.list = lists[i];
        do {
            crew__fault_arm(++n, false);
            r = make(plan);
            assert_int_equal(r, crew__fault_failed() ? -ENOMEM : 0);
        } while (crew__fault_failed());
        assert_int_equal(n, 3 + (unsigned)i);
        crew__fault_arm(0, false);
        end(plan);
    }
}

/* ---- whom to steal from ------------------------------------------------ */

static const char *order_of(const struct plan *plan, unsigned worker)
{
    static char text[512];
    unsigned order[64];
    size_t n = 0;

    crew__placement_steal_order(&plan->plan, worker, order);
    text[0] = '\0';
    for (unsigned i = 0; i + 1 < plan->plan.workers; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", i ? "," : "",
                              order[i]);
    return text;
}

CREW_TEST(thieves_go_to_the_nearest_first)
{
    struct plan *plan = begin("epyc-2x24", "0-95");

    /* Same CPU, core, L3, node, package, another package. */
    plan->request.list = "24,12,3,1,48,0";
    assert_int_equal(make(plan), 0);
    assert_string_equal(order_of(plan, 5), "4,3,2,1,0");
    assert_string_equal(order_of(plan, 0), "1,2,3,4,5");
    assert_string_equal(order_of(plan, 3), "4,5,2,1,0");
    end(plan);

    plan = begin("one-core", "0");
    plan->request.workers = 3;
    assert_int_equal(make(plan), 0);
    assert_string_equal(order_of(plan, 1), "2,0");
    end(plan);
}

CREW_TEST(thieves_of_equal_distance_begin_with_the_next)
{
    struct plan *plan = begin("laptop-4x2", "0-3");

    assert_int_equal(make(plan), 0);
    assert_string_equal(order_of(plan, 0), "1,2,3");
    assert_string_equal(order_of(plan, 2), "3,0,1");
    end(plan);
    plan = begin("laptop-4x2", "0-3");
    plan->request.placement = CREW_PLACE_NONE;
    assert_int_equal(make(plan), 0);
    assert_string_equal(order_of(plan, 3), "0,1,2");
    end(plan);
    plan = begin("one-core", "0");
    assert_int_equal(make(plan), 0);
    assert_string_equal(order_of(plan, 0), "");
    end(plan);
}

/* ---- words ------------------------------------------------------------- */

CREW_TEST(a_mask_is_written_like_the_kernel_does)
{
    struct crew__cpuset set = cpus("0,2-3,4095");
    char text[32];

    assert_int_equal(crew__placement_mask_text(&set, text, sizeof text), 10);
    assert_string_equal(text, "0,2-3,4095");
    assert_int_equal(crew__placement_mask_text(&set, text, 4), 10);
    assert_string_equal(text, "0,2");
    assert_int_equal(crew__placement_mask_text(&set, NULL, 0), 10);
    set = cpus("");
    text[0] = 'x';
    assert_int_equal(crew__placement_mask_text(&set, text, sizeof text), 0);
    assert_string_equal(text, "");
}

CREW_TEST(a_text_that_is_cut_tells_its_length)
{
    struct plan *plan = begin("one-core", "0");
    char text[12];

    assert_int_equal(make(plan), 0);
    assert_int_equal(crew__placement_limit_text(&plan->plan, text, sizeof text),
                     crew__placement_limit_text(&plan->plan, NULL, 0));
    assert_string_equal(text, "1 worker: o");
    end(plan);
}
