/*
 * A second opinion on src/lockfree: relacy (Vyukov 2008) runs the sources as
 * C++, and must agree with our checker on what is right and on what a missing
 * order breaks.
 */
/* Before relacy, which makes a macro of delete. */
#include <cstdio>
#include <fstream>

#include "lockfree/ring.h"
#include "lockfree/stack.h"

struct item {
    struct crew__node node;
    rl::var<int> payload;
};

/* Two pushers, and two that take all. */
struct stack_test : rl::test_suite<stack_test, 4> {
    struct crew__stack stack;
    struct item items[2];

    void before()
    {
        stack.head.raw.store(NULL, rl::mo_relaxed, $);
    }

    static void try_at_once(unsigned)
    {
    }

    void thread(unsigned me)
    {
        if (me < 2) {
            items[me].payload($) = 1;
            (void)crew__stack_push(&stack, &items[me].node, &items[me].node,
                                   try_at_once);
            return;
        }
        struct crew__node *node = crew__stack_turn(
            crew__stack_take_all(&stack));
        while (node) {
            struct item *item = (struct item *)node;

            node = node->next;
            RL_ASSERT(item->payload($) == 1);
            item->payload($) = 2;
        }
    }
};

/* An owner that fills over the wrap and takes, and two thieves. */
struct ring_test : rl::test_suite<ring_test, 3> {
    struct crew__ring ring;
    rl::var<int> items[3];

    void before()
    {
        crew__ring_init(&ring);
    }

    void take()
    {
        unsigned lost = 0;
        rl::var<int> *item = (rl::var<int> *)crew__ring_take_any(&ring, &lost);

        if (item) {
            RL_ASSERT((*item)($) == 1);
            (*item)($) = 2;
        }
    }

    void thread(unsigned me)
    {
        if (me > 0) {
            take();
            return;
        }
        for (unsigned i = 0; i < 3; i++) {
            if (crew__ring_room_owner(&ring) == 0)
                take();
            if (crew__ring_room_owner(&ring) > 0) {
                items[i]($) = 1;
                crew__ring_fill_owner(&ring, &items[i]);
            }
        }
    }
};

static unsigned failures;

template <typename Test>
static void expect(const char *name, enum operation left_out, bool right)
{
    static const char *const names[] = {"as it is", "acquire left out",
                                        "release left out", "exchange relaxed",
                                        "cas relaxed"};
    static std::ofstream quiet("/dev/null");
    rl::test_params params;

    params.output_stream = &quiet;
    params.progress_stream = &quiet;
    params.search_type = rl::fair_context_bound_scheduler_type;
    params.context_bound = 2;
    params.iteration_count = 1000000;
    weaker = left_out;
    bool good = rl::simulate<Test>(params);
    std::printf("%-4s %-6s %-17s %s, %u executions\n",
                good == right ? "ok" : "FAIL", name, names[left_out],
                rl::test_result_str(params.test_result),
                (unsigned)params.stop_iteration);
    failures += good != right;
}

int main()
{
    expect<stack_test>("stack", NONE, true);
    expect<stack_test>("stack", EXCHANGE, false);
    expect<stack_test>("stack", CAS, false);
    expect<ring_test>("ring", NONE, true);
    expect<ring_test>("ring", LOAD_ACQUIRE, false);
    expect<ring_test>("ring", STORE_RELEASE, false);
    expect<ring_test>("ring", CAS, false);
    return failures != 0;
}
