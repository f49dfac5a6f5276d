/* Words of the program's: one, and one beside a word of ours. */
#include "asleep.h"
#include "support.h"

#include "base/fault.h"
#include "base/tunables.h"
#include "os/os.h"

#include <errno.h>
#include <sys/mman.h>

CREW_TEST(a_word_that_differs_is_told_at_once)
{
    crew__a32 word = {7};
    crew__a32 also = {0};
    crew__a32 set = {1};

    check_equal(crew__futex_wait_shared(&word, 8, CREW__NEVER, NULL), -EAGAIN);
    check_equal(crew__futex_wait_shared(&word, 8, CREW__NEVER, &also), -EAGAIN);
    check_equal(crew__futex_wait_shared(&word, 7, CREW__NEVER, &set), -EAGAIN);
}

/* Through both, and through slices. */
static void each_way(void (*fn)(crew__a32 *also))
{
    crew__a32 also = {0};

    fn(NULL);
    fn(&also);
    crew__fault_arm(1, true);
    fn(&also);
    check_at_least(crew__fault_failed(), 1);
    crew__fault_arm(0, false);
}

static void wait_for_deadlines(crew__a32 *also)
{
    static const crew_ns waits[] = {1, CREW_MS, CREW__WORD_SLICE_NS / 2};
    crew__a32 word = {7};

    for (unsigned i = 0; i < 3; i++) {
        int64_t end = test_now() + waits[i];

        check_equal(crew__futex_wait_shared(&word, 7, end, also), -ETIMEDOUT);
        check_at_least(test_now(), end);
    }
    check_equal(crew__futex_wait_shared(&word, 7, 1, also), -ETIMEDOUT);
}

CREW_TEST(a_deadline_is_never_early)
{
    each_way(wait_for_deadlines);
}

CREW_TEST(a_slice_ends_without_a_word)
{
    crew__a32 word = {7};
    crew__a32 also = {0};
    int64_t before = test_now();

    crew__fault_arm(1, true);
    check_equal(crew__futex_wait_shared(&word, 7, CREW__NEVER, &also), -EINTR);
    check_at_least(test_now() - before, CREW__WORD_SLICE_NS);
    crew__fault_arm(0, false);
}

struct waiting {
    crew__a32 word, also;
    bool has_also;
    pid_t id;
    int result;
};

static void *wait_until_woken(void *arg)
{
    struct waiting *waiting = arg;

    __atomic_store_n(&waiting->id, (pid_t)syscall(SYS_gettid),
                     __ATOMIC_RELEASE);
    waiting->result = crew__futex_wait_shared(&waiting->word, 0, CREW__NEVER,
                                              waiting->has_also ? &waiting->also
                                                                : NULL);
    return NULL;
}

static bool waiting_sleeps(void *arg)
{
    struct waiting *waiting = arg;

    return is_asleep(getpid(), __atomic_load_n(&waiting->id, __ATOMIC_ACQUIRE),
                     &waiting->word);
}

CREW_TEST(who_is_woken_knows_by_which_word)
{
    need_syscalls_of_threads();
    for (unsigned i = 0; i < 3; i++) {
        struct waiting waiting = {.has_also = i > 0};
        pthread_t thread;

        assert_int_equal(
            pthread_create(&thread, NULL, wait_until_woken, &waiting), 0);
        test_poll(waiting_sleeps, &waiting, 30 * CREW_S);
        if (i == 2) {
            check_equal(crew__futex_wake_shared(&waiting.word, 0), 0);
            crew__futex_wake(&waiting.also, 1);
        } else {
            check_equal(crew__futex_wake_shared(&waiting.word, UINT32_MAX), 1);
        }
        pthread_join(thread, NULL);
        check_equal(waiting.result, i == 2 ? -EINTR : 0);
    }
}

/* Memory of one's own that can only be read never changes. */
static void wait_where_nobody_writes(crew__a32 *also)
{
    crew__a32 *page = mmap(NULL, crew__memory_page(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true((void *)page != MAP_FAILED);
    page->raw = 3;
    assert_int_equal(mprotect(page, crew__memory_page(), PROT_READ), 0);
    check_equal(crew__futex_wait_shared(page, 3, test_now() + CREW_S, also),
                -EFAULT);
    munmap(page, crew__memory_page());
}

CREW_TEST(a_word_where_nobody_writes_is_refused)
{
    each_way(wait_where_nobody_writes);
}
