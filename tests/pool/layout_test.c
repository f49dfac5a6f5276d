/*
 * Sizes that are promises, and hot words of different writers: at least
 * CREW__APART bytes between any two, listed with their offsets.
 */
#include "pool/pool.h"

#include "support.h"

#include <stdio.h>
#include <string.h>

struct word {
    const char *name;
    size_t offset;
    const char *writer;
};

#define WORD(type, member, writer) \
    { \
#type "." #member, offsetof(struct type, member), writer \
    }

/* Words whose writers differ do not share a pair of lines; nor do those of one
 * structure and the next in an array. */
static void expect_apart(const struct word *words, size_t count, size_t size)
{
    assert_int_equal(size % CREW__APART, 0);
    for (size_t i = 0; i < count; i++) {
        printf("%6zu  %-36s written by %s\n", words[i].offset, words[i].name,
               words[i].writer);
        for (size_t k = 0; k < i; k++) {
            size_t pair = words[i].offset / CREW__APART;

            if (strcmp(words[i].writer, words[k].writer) != 0 &&
                words[k].offset / CREW__APART == pair) {
                printf("too near: %s and %s\n", words[i].name, words[k].name);
                check(false);
            }
        }
    }
}

#define EXPECT_APART(type, words) \
    expect_apart(words, sizeof words / sizeof words[0], sizeof(struct type))

CREW_TEST(a_task_is_128_bytes_and_its_second_line_is_the_library_s)
{
    assert_int_equal(sizeof(crew_task), 128);
    assert_int_equal(offsetof(crew_task, reserved), 64);
    assert_int_equal(sizeof(struct crew__task_private), 64);
    assert_int_equal(CREW__APART, 128);
}

CREW_TEST(words_of_a_ring)
{
    static const struct word words[] = {
        WORD(crew__ring, taken, "takers"),
        WORD(crew__ring, filled, "its owner"),
    };

    EXPECT_APART(crew__ring, words);
}

CREW_TEST(words_of_a_queue)
{
    static const struct word words[] = {
        WORD(crew__queue, arrivals[CREW__HIGH], "submitters of HIGH"),
        WORD(crew__queue, arrivals[CREW__NORMAL], "submitters of NORMAL"),
        WORD(crew__queue, arrivals[CREW__LOW], "submitters of LOW"),
        WORD(crew__queue, counts, "who has the lock, for who looks"),
        WORD(crew__queue, lock, "workers"),
        WORD(crew__queue, lists, "workers"),
    };

    EXPECT_APART(crew__queue, words);
}

CREW_TEST(words_of_the_wake_protocol)
{
    static const struct word words[] = {
        WORD(crew__idle, word, "searchers and submitters"),
        WORD(crew__idle, sleeping, "sleepers"),
    };

    EXPECT_APART(crew__idle, words);
}

CREW_TEST(words_of_a_worker)
{
    static const struct word words[] = {
        WORD(crew__worker, ring.taken, "takers"),
        WORD(crew__worker, ring.filled, "its owner, for thieves"),
        WORD(crew__worker, mailbox.arrivals[CREW__NORMAL], "submitters"),
        WORD(crew__worker, mailbox.lock, "itself and who asks"),
        WORD(crew__worker, pool, "itself"),
        WORD(crew__worker, above_low, "itself"),
        WORD(crew__worker, counts, "itself, for who asks"),
        WORD(crew__worker, waits_for, "itself, for who asks"),
        WORD(crew__worker, tellers, "who tells ends"),
    };

    EXPECT_APART(crew__worker, words);
    assert_int_equal(_Alignof(struct crew__worker), CREW__APART);
}

CREW_TEST(words_of_a_pool)
{
    static const struct word words[] = {
        WORD(crew_pool, queue.arrivals[CREW__NORMAL], "submitters"),
        WORD(crew_pool, queue.counts, "who has the lock, for who looks"),
        WORD(crew_pool, queue.lock, "workers"),
        WORD(crew_pool, idle.word, "searchers and submitters"),
        WORD(crew_pool, idle.sleeping, "sleepers"),
        WORD(crew_pool, workers, "create"),
        WORD(crew_pool, fork_word, "create"),
        WORD(crew_pool, limit, "create"),
        WORD(crew_pool, waiting, "submitters and starts, with a limit"),
        WORD(crew_pool, drainers, "workers that go in"),
        WORD(crew_pool, each_lock, "submit_each"),
        WORD(crew_pool, calls_lock, "crew_pool_call and its workers"),
    };

    EXPECT_APART(crew_pool, words);
    assert_int_equal(_Alignof(struct crew_pool), CREW__APART);
}

CREW_TEST(parkers_of_two_workers_share_no_line)
{
    assert_int_equal(sizeof(struct crew__parker), 64);
}
