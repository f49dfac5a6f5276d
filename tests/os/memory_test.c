/* Memory and address space. */
#include "support.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

CREW_TEST(memory_is_aligned_and_zeroed)
{
    for (size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        for (int i = 0; i < 3; i++) {
            unsigned char *memory = crew__memory_aligned(alignment, 1000);

            assert_non_null(memory);
            check_equal((uintptr_t)memory % alignment, 0);
            check(is_zero(memory, 1000));
            memset(memory, 0xff, 1000);
            crew__memory_free(memory);
        }
    }
    crew__memory_free(NULL);
}

CREW_TEST(no_memory_is_told)
{
    check(crew__memory_aligned(64, SIZE_MAX) == NULL);
    check(crew__memory_aligned(64, SIZE_MAX - 63) == NULL);
    crew__fault_arm(1, false);
    check(crew__memory_zero(100) == NULL);
    crew__fault_arm(1, false);
    check(crew__memory_map(1 << 20, 4096, false) == NULL);
    crew__fault_arm(2, false);
    check(crew__memory_map(1 << 20, 4096, false) == NULL); /* commit fails */
    crew__fault_arm(0, false);
    check(crew__memory_map(SIZE_MAX / 4, 4096, false) == NULL);
}

static int touch(void *byte)
{
    signal(SIGSEGV, SIG_DFL); /* the sanitizers have a handler of their own */
    *(volatile unsigned char *)byte = 1;
    return 0;
}

CREW_TEST(address_space_is_usable_as_far_as_committed)
{
    const size_t page = crew__memory_page();
    const size_t size = 100 * page;

    for (int huge = 0; huge < 2; huge++) {
        unsigned char *memory = crew__memory_map(size, 2 * page, huge);

        assert_non_null(memory);
        check_equal((uintptr_t)memory % page, 0);
        check(is_zero(memory, 2 * page));
        memset(memory, 0xff, 2 * page);
        check_equal(test_in_child(touch, memory + 2 * page), 256 + SIGSEGV);
        check_equal(crew__memory_commit(memory, size), 0);
        check_equal(memory[2 * page - 1], 0xff);
        check(is_zero(memory + 2 * page, 98 * page));
        check_equal(test_in_child(touch, memory + size - 1), 0);
        crew__fault_arm(1, false);
        check_equal(crew__memory_commit(memory, size), -ENOMEM);
        crew__fault_arm(0, false);
        crew__memory_unmap(memory, size);
    }
}
