/*
 * The checker proves itself before it is believed: litmus tests, each by all
 * three ways of searching.
 *
 *   litmus [orders|words]
 */
#include "litmus.h"

#include <stdio.h>
#include <string.h>

crew__a32 litmus_x;
crew__a32 litmus_y;
int litmus_plain;
unsigned litmus_r[4];

static unsigned failures;

static void begin(void)
{
    litmus_x.raw = litmus_y.raw = 0;
    litmus_plain = 0;
    memset(litmus_r, 0, sizeof litmus_r);
    model_name(&litmus_x, "x");
    model_name(&litmus_y, "y");
    model_name(&litmus_plain, "plain");
}

unsigned litmus_bits(void)
{
    const unsigned *r = litmus_r;

    return r[0] | r[1] << 1 | r[2] << 2 | r[3] << 3;
}

/* The same set by all three ways of searching. */
static void check_one(const struct litmus *litmus, const struct model *model,
                      const char *way)
{
    struct model_result r1;
    struct model_result r2;
    bool bad;

    model_check(model, 0, &r1);
    if (litmus->outcomes)
        bad = r1.error[0] || (model->random ? r1.outcomes & ~litmus->outcomes
                                            : r1.outcomes != litmus->outcomes);
    else
        bad = !r1.error[0];
    printf("%-4s %-18s %-8s %8llu executions  outcomes %#llx\n",
           bad ? "FAIL" : "ok", litmus->name, way,
           (unsigned long long)r1.executions, (unsigned long long)r1.outcomes);
    if (bad && r1.error[0])
        printf("     %s\n", r1.error);
    if (bad)
        printf("     expected %#llx\n", (unsigned long long)litmus->outcomes);
    if (r1.error[0]) {
        model_replay(model, r1.schedule, false, &r2);
        if (strcmp(r1.error, r2.error) != 0) {
            printf("FAIL %s: replay of %s: %s\n     instead of: %s\n",
                   litmus->name, r1.schedule, r2.error, r1.error);
            bad = true;
        }
    }
    failures += bad;
}

static void check_litmus(const struct litmus *litmus)
{
    struct model model = {
        .name = litmus->name,
        .threads = litmus->threads,
        .begin = begin,
        .thread = litmus->thread,
        .end = litmus->end,
        .outcome = litmus->outcome ? litmus->outcome : litmus_bits,
        .stops = litmus->stops,
        .bound = MODEL_ALL,
    };

    check_one(litmus, &model, "all");
    model.bound = 8;
    check_one(litmus, &model, "bound 8");
    model.random = 2000;
    check_one(litmus, &model, "random");
}

static void check_table(const struct litmus *table)
{
    for (; table->name; table++)
        check_litmus(table);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;

    if (!only || !strcmp(only, "orders"))
        check_table(litmus_orders);
    if (!only || !strcmp(only, "words"))
        check_table(litmus_words);
    printf("%u failures\n", failures);
    return failures != 0;
}
