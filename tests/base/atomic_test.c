/* Each operation of the door for atomics: what it returns, what it leaves. */
#include "support.h"

#include "base/atomic.h"

CREW_TEST(operations_return_the_value_before)
{
    crew__a32 narrow = {5};
    crew__a64 wide = {UINT64_C(1) << 40};

    check_equal(crew__add_relaxed(&narrow, 3), 5);
    check_equal(crew__add_release(&narrow, (uint32_t)-1), 8);
    check_equal(crew__add_acq_rel(&narrow, 1), 7);
    check_equal(crew__add_seq_cst(&narrow, 1), 8);
    check_equal(crew__or_seq_cst(&narrow, 0x10), 9);
    check_equal(crew__or_acq_rel(&narrow, 0x20), 0x19);
    check_equal(crew__and_relaxed(&narrow, 0x30), 0x39);
    check_equal(crew__and_seq_cst(&narrow, 0x10), 0x30);
    check_equal(crew__exchange_acquire(&narrow, 1), 0x10);
    check_equal(crew__exchange_release(&narrow, 2), 1);
    check_equal(crew__exchange_acq_rel(&narrow, 3), 2);
    check_equal(crew__exchange_seq_cst(&narrow, 4), 3);
    check_equal(crew__load_acquire(&narrow), 4);
    check_equal(crew__add_relaxed(&wide, 1), INT64_C(1) << 40);
    check_equal(crew__load_seq_cst(&wide), (INT64_C(1) << 40) + 1);
    crew__store_release(&wide, 7);
    check_equal(crew__load_relaxed(&wide), 7);
    crew__store_seq_cst(&wide, 8);
    check_equal(crew__load_relaxed(&wide), 8);
}

CREW_TEST(a_failed_swap_tells_what_it_saw)
{
    crew__a32 word = {5};
    uint32_t seen = 6;

    check(!crew__cas_relaxed(&word, &seen, 7));
    check_equal(seen, 5);
    check(crew__cas_acquire(&word, &seen, 7));
    check_equal(seen, 5);
    check(!crew__cas_release(&word, &seen, 8));
    check_equal(seen, 7);
    check(crew__cas_acq_rel(&word, &seen, 8));
    check(!crew__cas_seq_cst(&word, &seen, 9));
    check_equal(crew__load_relaxed(&word), 8);
}

CREW_TEST(pointers_are_swapped_whole)
{
    int a = 1;
    int b = 2;
    crew__aptr word = {&a};
    void *seen = NULL;

    check(!crew__cas_seq_cst(&word, &seen, (void *)&b));
    check(seen == &a);
    check(crew__cas_seq_cst(&word, &seen, (void *)&b));
    check(crew__exchange_seq_cst(&word, (void *)NULL) == &b);
    check(crew__load_relaxed(&word) == NULL);
}

CREW_TEST(indices_and_epochs_wrap_in_this_build)
{
    check_equal(CREW__MASK(1), 1);
    check_equal(CREW__MASK(64), -1);
    check_equal(CREW__MASK(32), UINT32_MAX);
    check_at_most(CREW__EPOCH_BITS, 8);
    check_at_most(CREW__MASK(CREW__INDEX_BITS) - CREW__INDEX_START, 16);
}

static crew__a64 sum;

static void add_many(unsigned index, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t seen = crew__load_relaxed(&sum);

        if (index % 2)
            crew__add_relaxed(&sum, 1);
        else
            while (!crew__cas_relaxed(&sum, &seen, seen + 1))
                ;
    }
}

CREW_TEST(additions_and_swaps_of_threads_add_up)
{
    test_threads(4, add_many, NULL);
    check_equal(crew__load_relaxed(&sum), 40000);
}
