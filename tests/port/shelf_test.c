/* A shelf: who takes from where, what is kept, and what comes back late. */
#include "support.h"

#include "base/fault.h"
#include "base/mark.h"
#include "base/tunables.h"
#include "os/os.h"
#include "port/shelf.h"

static struct crew__shelf shelf;
static struct crew__shelf_rear rear;
static unsigned references; /* that messages hold; atomic */

static void retain(struct crew__shelf *of)
{
    check(of == &shelf);
    __atomic_add_fetch(&references, 1, __ATOMIC_RELAXED);
}

static void release(struct crew__shelf *of)
{
    check(of == &shelf);
    check_at_least(__atomic_fetch_sub(&references, 1, __ATOMIC_RELAXED), 1);
}

static const struct crew__shelf_ops ops = {retain, release};

static void begin(void)
{
    crew__shelf_init(&shelf, &rear, &ops);
}

/* I4, where nobody else is at it. */
static void check_made(unsigned count)
{
    check_equal(crew__load_relaxed(&rear.made), count);
    check_equal(references, count);
}

static void end(void)
{
    crew__shelf_close(&shelf);
    check_made(0);
}

static struct crew__message *get(void)
{
    struct crew__message *got = crew__shelf_get(&shelf);

    assert_non_null(got);
    check(got->home == &shelf);
    return got;
}

static void put(struct crew__message *message)
{
    crew__shelf_put(&shelf, &message->at.node, &message->at.node);
}

/* Runs fn(arg) on another thread and awaits it. */
static void elsewhere(void (*fn)(unsigned index, void *arg), void *arg)
{
    test_threads(1, fn, arg);
}

static void ask_whose(unsigned index, void *arg)
{
    (void)index;
    *(bool *)arg = crew__shelf_is_mine(&shelf);
}

CREW_TEST(the_first_who_asks_owns_the_front_until_it_is_disowned)
{
    bool is_theirs = true;

    begin();
    check(crew__shelf_is_mine(&shelf));
    elsewhere(ask_whose, &is_theirs);
    check(!is_theirs);
    check(crew__shelf_is_mine(&shelf));
    crew__shelf_disown(&shelf);
    elsewhere(ask_whose, &is_theirs);
    check(is_theirs);
    check(!crew__shelf_is_mine(&shelf));
    end();
}

CREW_TEST(what_is_put_back_is_used_again)
{
    struct crew__message *made[3];

    begin();
    for (unsigned i = 0; i < 3; i++)
        made[i] = get();
    check_made(3);
    /* A chain of two, then one: the rear is a stack. */
    made[0]->at.node.next = &made[1]->at.node;
    crew__shelf_put(&shelf, &made[0]->at.node, &made[1]->at.node);
    put(made[2]);
    check(get() == made[2]);
    check(get() == made[0]);
    check(get() == made[1]);
    check_made(3);
    for (unsigned i = 0; i < 3; i++)
        put(made[i]);
    end();
}

static void get_elsewhere(unsigned index, void *arg)
{
    struct crew__message **got = arg;

    (void)index;
    *got = crew__shelf_get(&shelf);
}

CREW_TEST(the_others_share_a_front_of_their_own)
{
    struct crew__message *mine[2];
    struct crew__message *theirs[3];

    begin();
    mine[0] = get();
    mine[1] = get();
    put(mine[0]);
    put(mine[1]);
    /* Whoever finds his front empty takes the rear whole. */
    elsewhere(get_elsewhere, &theirs[0]);
    check(theirs[0] == mine[1]);
    check(shelf.shared == &mine[0]->at.node);
    check(shelf.front == NULL);
    check_equal(crew__load_relaxed(&shelf.busy), 0);
    mine[1] = get();
    check(mine[1] != mine[0]);
    check_made(3);
    elsewhere(get_elsewhere, &theirs[1]);
    check(theirs[1] == mine[0]);
    elsewhere(get_elsewhere, &theirs[2]);
    check_made(4);
    check_equal(crew__mark_count(CREW__MARK_SHELF_SHARED), 3);
    put(mine[1]);
    for (unsigned i = 0; i < 3; i++)
        put(theirs[i]);
    end();
}

/* Its holder may be stopped: nobody waits for it. */
CREW_TEST(a_shared_front_that_is_in_use_is_done_without)
{
    struct crew__message *mine;
    struct crew__message *theirs = NULL;

    begin();
    mine = get();
    put(mine);
    crew__store_relaxed(&shelf.busy, 1);
    elsewhere(get_elsewhere, &theirs);
    assert_non_null(theirs);
    check(theirs != mine);
    check_equal(crew__mark_count(CREW__MARK_SHELF_SHARED), 0);
    check_equal(crew__load_relaxed(&shelf.busy), 1); /* the holder's */
    crew__store_relaxed(&shelf.busy, 0);
    check_made(2);
    put(theirs);
    end();
}

CREW_TEST(more_than_are_kept_are_destroyed)
{
    enum { MADE = CREW__MESSAGES_KEPT + 2 };
    struct crew__message *made[MADE];

    begin();
    for (unsigned i = 0; i < MADE; i++)
        made[i] = get();
    check_made(MADE);
    put(made[0]);
    put(made[1]);
    check_made(CREW__MESSAGES_KEPT);
    for (unsigned i = 2; i < MADE; i++)
        put(made[i]);
    check_made(CREW__MESSAGES_KEPT);
    check_equal(crew__mark_count(CREW__MARK_SHELF_LATE), 0);
    end();
}

CREW_TEST(a_close_empties_both_fronts_and_the_rear)
{
    struct crew__message *made[5];
    struct crew__message *theirs = NULL;

    begin();
    for (unsigned i = 0; i < 5; i++)
        made[i] = get();
    put(made[0]);
    put(made[1]);
    elsewhere(get_elsewhere, &theirs); /* leaves one on the shared front */
    put(made[2]);
    put(made[3]);
    made[3] = get(); /* leaves one on the owner's */
    put(theirs);
    check(shelf.shared && shelf.front);
    check(!crew__stack_is_empty(&rear.stack));
    crew__shelf_close(&shelf);
    check_made(2); /* which receivers have */
    /* They come late, and are destroyed: also as a chain. */
    made[3]->at.node.next = &made[4]->at.node;
    made[4]->at.node.next = &made[3]->at.node; /* what a queue left there */
    crew__shelf_put(&shelf, &made[3]->at.node, &made[4]->at.node);
    check_made(0);
    check_equal(crew__mark_count(CREW__MARK_SHELF_LATE), 1);
}

CREW_TEST(one_that_is_stocked_needs_no_memory)
{
    struct crew__message *first;

    begin();
    check(crew__shelf_stock(&shelf));
    check_made(1);
    crew__fault_arm(1, true);
    first = get();
    check(crew__shelf_get(&shelf) == NULL);
    check(crew__shelf_get_owned(&shelf) == NULL);
    crew__fault_arm(0, false);
    check_made(1);
    put(first);
    end();
}

CREW_TEST(a_few_are_made_before_the_rear_is_asked)
{
    struct crew__message *got[3];

    begin();
    shelf.least = 3;
    for (unsigned i = 0; i < 3; i++) {
        got[i] = crew__shelf_get_owned(&shelf);
        assert_non_null(got[i]);
        put(got[i]);
        check_made(i + 1);
    }
    check(got[0] != got[1] && got[1] != got[2] && got[0] != got[2]);
    for (unsigned i = 3; i-- > 0;) /* the rear, newest first */
        check(crew__shelf_get_owned(&shelf) == got[i]);
    check_made(3);
    for (unsigned i = 0; i < 3; i++)
        put(got[i]);
    end();
    shelf.least = 0;
}

/* The rear is asked although there are few. */
CREW_TEST(few_are_enough_without_memory)
{
    struct crew__message *got;

    begin();
    shelf.least = 3;
    got = crew__shelf_get_owned(&shelf);
    assert_non_null(got);
    put(got);
    crew__fault_arm(1, true);
    check(crew__shelf_get_owned(&shelf) == got);
    check(crew__shelf_get_owned(&shelf) == NULL);
    crew__fault_arm(0, false);
    check_made(1);
    put(got);
    end();
    shelf.least = 0;
}

CREW_TEST(without_memory_nothing_is_made)
{
    struct crew__message *theirs = (struct crew__message *)(void *)&rear;

    begin();
    crew__fault_arm(1, true);
    check(!crew__shelf_stock(&shelf));
    check(crew__shelf_get(&shelf) == NULL); /* the owner's from here on */
    elsewhere(get_elsewhere, &theirs);
    crew__fault_arm(0, false);
    check(theirs == NULL);
    check_equal(crew__load_relaxed(&shelf.busy), 0);
    check_made(0);
    end();
}

/* ---- all at once ----------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 2000, AT_ONCE = 3 };

/* Each message is with one thread at a time, as its stamp shows. */
static void get_and_put(unsigned index, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct crew__message *got[AT_ONCE];

        for (unsigned j = 0; j < AT_ONCE; j++) {
            got[j] = crew__shelf_get(&shelf);
            if (!check(got[j] != NULL))
                return;
            got[j]->stamp = index;
        }
        for (unsigned j = 0; j < AT_ONCE; j++) {
            check_equal(got[j]->stamp, index);
            put(got[j]);
        }
    }
}

CREW_TEST(many_get_and_put_at_once)
{
    begin();
    test_threads(THREADS, get_and_put, NULL);
    check_at_least(references, AT_ONCE);
    check_made(crew__load_relaxed(&rear.made));
    end();
}
