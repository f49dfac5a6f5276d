/* The two clocks agree, and never go back. */
#include "support.h"

#include "os/os.h"

#include <stdio.h>

CREW_TEST(the_clock_is_monotonic_and_never_0)
{
    crew_ns before = crew__clock_now();

    check_at_least(before, 1);
    for (int i = 0; i < 10000; i++) {
        crew_ns now = crew__clock_now();

        check_at_least(now, before);
        before = now;
    }
    check_at_least(test_now(), before);
}

static bool has_come(void *ns)
{
    return crew__clock_coarse() >= *(crew_ns *)ns;
}

CREW_TEST(the_coarse_clock_follows_and_is_never_ahead)
{
    crew_ns start = crew__clock_now();
    crew_ns last = crew__clock_coarse();
    crew_ns worst = 0;

    check_at_least(crew__clock_step(), 1);
    check_at_most(crew__clock_step(), 10 * CREW_MS);
    for (int i = 0; i < 100000; i++) {
        crew_ns before = crew__clock_now();
        crew_ns coarse = crew__clock_coarse();

        check_at_most(coarse, crew__clock_now());
        check_at_least(coarse, last);
        last = coarse;
        worst = before - coarse > worst ? before - coarse : worst;
    }
    /* A tick may come late on a busy virtual machine. */
    printf("step %lld ns, at most %lld ns behind\n",
           (long long)crew__clock_step(), (long long)worst);
    test_poll(has_come, &start, 10 * CREW_S);
}
