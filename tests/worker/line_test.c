/* The rules of named locks against a model that knows no lists: for each name
 * who came when, and from that who holds it. Seeded steps, all states compared
 * after each. */
#include "support.h"

#include "worker/line.h"

#include <stdio.h>
#include <string.h>

enum { CLAIMS = 24, NAMES = 5, STEPS = 200000 };

/* Names that are alike, one of them empty, one with a NUL inside. */
static const struct {
    const char *bytes;
    size_t size;
} names[NAMES] = {{"a", 1}, {"ab", 2}, {"a\0b", 3}, {"", 0}, {"a\0c", 3}};

enum fate { OUT, WAITS, HELD, STOLEN };

/* What the model knows of one. */
struct naive {
    enum fate fate;
    unsigned name;
    crew_lock_mode mode;
    uint64_t turn; /* a thief's is before all others' */
};

static struct crew__line line;
static struct crew__claim claims[CLAIMS];
static struct naive naive[CLAIMS];

/* ---- the model ------------------------------------------------------------- */

static bool in_line(const struct naive *n, unsigned name)
{
    return (n->fate == WAITS || n->fate == HELD) && n->name == name;
}

/* Whether one may be held: all before it are held, and all are shared, or there
 * is none. */
static bool may_hold(unsigned which)
{
    for (unsigned i = 0; i < CLAIMS; i++) {
        const struct naive *n = &naive[i];

        if (i == which || !in_line(n, naive[which].name))
            continue;
        if (n->turn > naive[which].turn && n->fate != HELD)
            continue;
        if (n->fate != HELD || n->mode == CREW_LOCK_EXCLUSIVE ||
            naive[which].mode == CREW_LOCK_EXCLUSIVE)
            return false;
    }
    return true;
}

/* The one that waits and came first, or CLAIMS. */
static unsigned first_waiting(unsigned name)
{
    unsigned first = CLAIMS;

    for (unsigned i = 0; i < CLAIMS; i++) {
        if (naive[i].fate == WAITS && naive[i].name == name &&
            (first == CLAIMS || naive[i].turn < naive[first].turn))
            first = i;
    }
    return first;
}

/* Grants whoever may be, in their turns, and finds them in the changes. */
static void settle(unsigned name, struct crew__claim *granted)
{
    unsigned next;

    while ((next = first_waiting(name)) < CLAIMS && may_hold(next)) {
        naive[next].fate = HELD;
        if (!check(granted == &claims[next]))
            return;
        granted = granted->next_granted;
    }
    check(granted == NULL);
}

/* ---- both ------------------------------------------------------------------ */

static void compare(void)
{
    static const enum crew__claim_state states[] = {
        [WAITS] = CREW__CLAIM_WAITS,
        [HELD] = CREW__CLAIM_HELD,
        [STOLEN] = CREW__CLAIM_STOLEN};
    unsigned linked = 0;
    unsigned expected = 0;

    for (unsigned i = 0; i < CLAIMS; i++) {
        if (naive[i].fate != OUT)
            check_equal(claims[i].state, states[naive[i].fate]);
        expected += naive[i].fate == WAITS || naive[i].fate == HELD;
    }
    for (struct crew__claim *c = crew__line_next(&line, NULL); c;
         c = crew__line_next(&line, c))
        linked++;
    check_equal(linked, expected);
}

static void steal(unsigned which, struct crew__claim *stolen)
{
    unsigned left = 0;

    for (unsigned i = 0; i < CLAIMS; i++) {
        if (naive[i].fate == HELD && naive[i].name == naive[which].name) {
            naive[i].fate = STOLEN;
            left++;
        }
    }
    for (; stolen; stolen = stolen->next_stolen) {
        check_equal(naive[stolen - claims].fate, STOLEN);
        left--;
    }
    check_equal(left, 0);
    naive[which].fate = HELD;
    naive[which].turn = 0;
}

static void enter(unsigned which, uint64_t turn, struct test_random *random)
{
    enum crew__line_way way = test_random_below(random, 8)
                                  ? CREW__LINE_WAIT
                                  : 1 + (unsigned)test_random_below(random, 2);
    struct crew__line_changes changes;
    struct naive *n = &naive[which];
    bool entered;

    *n = (struct naive){.fate = OUT,
                        .name = (unsigned)test_random_below(random, NAMES),
                        .mode = (unsigned)test_random_below(random, 2),
                        .turn = turn};
    if (way == CREW__LINE_STEAL)
        n->mode = CREW_LOCK_EXCLUSIVE;
    crew__line_make_claim(&claims[which], names[n->name].bytes,
                          names[n->name].size, n->mode);
    entered = crew__line_enter(&line, &claims[which], way, &changes);
    check(changes.granted == NULL);
    if (way == CREW__LINE_STEAL) {
        steal(which, changes.stolen);
        return;
    }
    check(changes.stolen == NULL);
    if (may_hold(which))
        n->fate = HELD;
    else if (way == CREW__LINE_WAIT)
        n->fate = WAITS;
    check_equal(entered, n->fate != OUT);
}

static void leave(unsigned which)
{
    struct crew__line_changes changes;
    bool was_in_line = naive[which].fate != STOLEN;

    crew__line_leave(&line, &claims[which], &changes);
    naive[which].fate = OUT;
    check(changes.stolen == NULL);
    if (was_in_line)
        settle(naive[which].name, changes.granted);
    else
        check(changes.granted == NULL);
}

CREW_TEST(every_grant_is_that_of_a_naive_model)
{
    struct test_random random;

    test_random_init(&random, 0);
    crew__line_init(&line);
    for (uint64_t step = 1; step <= STEPS && test_failures() == 0; step++) {
        unsigned which = (unsigned)test_random_below(&random, CLAIMS);

        if (naive[which].fate == OUT)
            enter(which, step, &random);
        else
            leave(which);
        compare();
        if (test_failures() > 0)
            printf("step %llu\n", (unsigned long long)step);
    }
}

/* ---- by hand --------------------------------------------------------------- */

static struct crew__claim *enter_as(unsigned which, crew_lock_mode mode)
{
    struct crew__line_changes changes;

    crew__line_make_claim(&claims[which], "name", 4, mode);
    crew__line_enter(&line, &claims[which], CREW__LINE_WAIT, &changes);
    return &claims[which];
}

CREW_TEST(one_that_withdraws_lets_those_behind_it_in)
{
    struct crew__line_changes changes;
    struct crew__claim *middle;

    crew__line_init(&line);
    check_equal(enter_as(0, CREW_LOCK_SHARED)->state, CREW__CLAIM_HELD);
    middle = enter_as(1, CREW_LOCK_EXCLUSIVE);
    check_equal(middle->state, CREW__CLAIM_WAITS);
    check_equal(enter_as(2, CREW_LOCK_SHARED)->state, CREW__CLAIM_WAITS);
    check_equal(enter_as(3, CREW_LOCK_SHARED)->state, CREW__CLAIM_WAITS);
    crew__line_leave(&line, middle, &changes);
    check(changes.granted == &claims[2]);
    check(claims[2].next_granted == &claims[3]);
    check(claims[3].next_granted == NULL);
    crew__line_leave(&line, middle, &changes); /* again: nothing */
    check(changes.granted == NULL);
}
