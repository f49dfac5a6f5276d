/*
 * Shared buffers: A6, NS5, NS7, NP10, and words across processes. The other
 * process is a forked child, in which a shared buffer is the same memory.
 */
#include "sleeper.h"

#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static crew_buffer *make_shared(size_t size, size_t max_size)
{
    crew_buffer_options options = {.shared = true, .max_size = max_size};
    crew_buffer *buffer = NULL;

    assert_int_equal(crew_buffer_create(&buffer, size, &options), 0);
    return buffer;
}

/* A child that runs fn(arg) beside the test. */
static pid_t start_child(int (*fn)(void *), void *arg)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int result = fn(arg);

        fflush(NULL);
        _exit(test_failures() > 0 ? 1 : result);
    }
    return child;
}

static void end_child(pid_t child, int expected)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    check_equal(WIFSIGNALED(status) ? 256 + WTERMSIG(status)
                                    : WEXITSTATUS(status),
                expected);
}

/* ---- creation ------------------------------------------------------------- */

CREW_TEST(NP10_shared_buffers_of_all_sizes_and_alignments)
{
    static const size_t sizes[] = {1,    2,    3,     63,    4095,
                                   4096, 4097, 65536, 100000};

    for (size_t alignment = 1; alignment <= 4 << 20; alignment *= 8) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            crew_buffer_options options = {
                .shared = true, .alignment = alignment, .huge_pages = i % 2};
            crew_buffer *buffer = NULL;
            unsigned char *bytes;

            check_equal(crew_buffer_create(&buffer, sizes[i], &options), 0);
            bytes = crew_buffer_data(buffer);
            check_equal((uintptr_t)bytes % (alignment < 64 ? 64 : alignment),
                        0);
            check_equal(crew_buffer_size(buffer), sizes[i]);
            for (size_t at = 0; at < sizes[i]; at++)
                check_equal(bytes[at], 0);
            memset(bytes, 0xff, sizes[i]);
            check_equal(crew_buffer_grow(buffer, sizes[i]), -ENOTSUP);
            crew_buffer_release(buffer);
        }
    }
}

struct three {
    crew_buffer *buffers[3];
};

static int check_three(void *arg)
{
    struct three *three = arg;

    for (unsigned i = 0; i < 3; i++) {
        unsigned char *bytes = crew_buffer_data(three->buffers[i]);

        check_equal(crew_buffer_size(three->buffers[i]), i + 1);
        check_equal(bytes[0], i + 10);
        bytes[i] = (unsigned char)(i + 20);
        crew_buffer_release(three->buffers[i]); /* the child's */
    }
    return 0;
}

CREW_TEST(NP10_a_child_sees_the_same_memory)
{
    struct three three;

    for (unsigned i = 0; i < 3; i++) {
        three.buffers[i] = make_shared(i + 1, 0);
        *(unsigned char *)crew_buffer_data(
            three.buffers[i]) = (unsigned char)(i + 10);
    }
    check_equal(test_in_child(check_three, &three), 0);
    for (unsigned i = 0; i < 3; i++) {
        unsigned char *bytes = crew_buffer_data(three.buffers[i]);

        check_equal(bytes[i], i + 20);
        check_equal(crew_buffer_size(three.buffers[i]), i + 1);
        crew_buffer_release(three.buffers[i]);
    }
}

static void check_refused(size_t size, size_t max_size, int error)
{
    crew_buffer_options options = {.shared = true, .max_size = max_size};
    crew_buffer *untouched = (crew_buffer *)&untouched;
    crew_buffer *buffer = untouched;

    check_equal(crew_buffer_create(&buffer, size, &options), error);
    check(buffer == untouched);
}

static int be_below_a_limit(void *arg)
{
    struct rlimit limit = {1 << 20, 1 << 20};
    crew_buffer *buffer;

    (void)arg;
    check_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_refused((1 << 20) + 1, 0, -ENOMEM); /* and no SIGXFSZ */
    buffer = make_shared(1 << 20, 2 << 20);
    check_equal(crew_buffer_grow(buffer, (1 << 20) + 1), -ENOMEM);
    check_equal(crew_buffer_size(buffer), 1 << 20);
    crew_buffer_release(buffer);
    return 0;
}

static int be_without_descriptors(void *arg)
{
    struct rlimit limit = {3, 3};

    (void)arg;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_refused(100, 0, -EMFILE);
    return 0;
}

CREW_TEST(NP10_what_cannot_be_shared_is_refused)
{
    check_refused(0, 0, -EINVAL);
    check_refused(100, 99, -EINVAL);
    check_refused(SIZE_MAX / 2, 0, -ENOMEM);
    check_refused(SIZE_MAX / 8, 0, -ENOMEM);
    check_refused(100, SIZE_MAX / 8, -ENOMEM);
    check_refused(100, SIZE_MAX, -ENOMEM);
    check_equal(test_in_child(be_below_a_limit, NULL), 0);
    check_equal(test_in_child(be_without_descriptors, NULL), 0);
}

static int refuse_calls(const int calls[2], int error)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[0], 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[1], 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof lines / sizeof lines[0], lines};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
               ? 77
               : 0;
}

static int be_refused_by_a_filter(void *arg)
{
    static const int calls[2] = {SYS_memfd_create, SYS_mbind};
    const int node = 0;
    crew_buffer_options options = {.numa_node = &node};
    crew_buffer *buffer = NULL;

    if (refuse_calls(calls, *(int *)arg))
        return 77;
    check_refused(100, 0, -EINVAL);
    check_equal(crew_buffer_create(&buffer, 100, &options), -EINVAL);
    check_equal(crew_buffer_create(&buffer, 100, NULL), 0);
    crew_buffer_release(buffer);
    return 0;
}

CREW_TEST(NP10_a_kernel_that_forbids_it_is_told_as_EINVAL)
{
    int errors[] = {ENOSYS, EPERM};

    for (unsigned i = 0; i < 2; i++) {
        int r = test_in_child(be_refused_by_a_filter, &errors[i]);

        if (r == 77)
            skip_test("no filter can be set here");
        check_equal(r, 0);
    }
}

/* ---- NS5 ------------------------------------------------------------------- */

CREW_TEST(NS5_a_shared_buffer_grows_in_place)
{
    crew_buffer *buffer = make_shared(8, 64);
    crew_buffer *fixed = make_shared(8, 0);
    unsigned char *bytes = crew_buffer_data(buffer);

    memset(bytes, 7, 8);
    check_equal(crew_buffer_grow(buffer, 32), 0);
    check_equal(crew_buffer_size(buffer), 32);
    check(crew_buffer_data(buffer) == bytes);
    for (unsigned i = 0; i < 32; i++)
        check_equal(bytes[i], i < 8 ? 7 : 0);
    check_equal(crew_buffer_grow(buffer, 31), -EINVAL);
    check_equal(crew_buffer_grow(buffer, 32), 0);
    check_equal(crew_buffer_grow(buffer, 65), -ENOMEM);
    check_equal(crew_buffer_grow(fixed, 16), -ENOTSUP);
    check_equal(crew_buffer_size(buffer), 32);
    check_equal(crew_buffer_size(fixed), 8);
    crew_buffer_release(fixed);
    crew_buffer_release(buffer);
}

enum { PAGE = 4096, MOST = 64 * PAGE };

/* Grows it page by page and writes to each page's end. */
static int grow_in_child(void *arg)
{
    crew_buffer *buffer = arg;
    unsigned char *bytes = crew_buffer_data(buffer);

    for (size_t size = PAGE; size <= MOST; size += PAGE) {
        check_equal(crew_buffer_grow(buffer, size), 0);
        bytes[size - 1] = (unsigned char)(size / PAGE);
    }
    return 0;
}

CREW_TEST(NS5_growth_is_seen_in_other_processes_at_once)
{
    crew_buffer *buffer = make_shared(1, MOST);
    volatile unsigned char *bytes = crew_buffer_data(buffer);
    size_t size = 1;
    pid_t child = start_child(grow_in_child, buffer);

    while (size < MOST) {
        size_t before = size;

        size = crew_buffer_size(buffer);
        check_at_least(size, before);
        check_at_most(bytes[size - 1], MOST / PAGE); /* it can be touched */
        bytes[size - 1 - (size > 1)] = 1;
    }
    end_child(child, 0);
    for (size_t page = 1; page <= MOST / PAGE; page++)
        check_equal(bytes[page * PAGE - 1], page);
    check_equal(crew_buffer_grow(buffer, MOST / 2), -EINVAL);
    crew_buffer_release(buffer);
}

/* Two that grow at once: the larger stays, the other is told. */
static int grow_against(void *arg)
{
    crew_buffer *buffer = arg;

    for (size_t size = 100; size < MOST; size += 7) {
        int r = crew_buffer_grow(buffer, size);

        check(r == 0 || r == -EINVAL);
        check_at_least(crew_buffer_size(buffer), size);
    }
    return 0;
}

CREW_TEST(NS5_who_grows_against_another_never_makes_it_smaller)
{
    crew_buffer *buffer = make_shared(1, MOST);
    pid_t child = start_child(grow_against, buffer);

    grow_against(buffer);
    end_child(child, 0);
    crew_buffer_release(buffer);
}

/* ---- words across processes ------------------------------------------------ */

struct words {
    volatile uint32_t turn, other;
};

/* Waits in a child, where the library's own objects do not work. */
static int wait_in_child(void *arg)
{
    struct words *words = crew_buffer_data(arg);

    while (__atomic_load_n(&words->turn, __ATOMIC_ACQUIRE) == 0)
        crew_atomic_wait(&words->turn, 0, CREW_FOREVER);
    check_equal(words->other, 5); /* written before */
    __atomic_store_n(&words->other, 6, __ATOMIC_RELEASE);
    check_at_most(crew_atomic_notify(&words->other, UINT_MAX), 1);
    return 0;
}

struct asleep {
    pid_t child;
    volatile uint32_t *word;
};

static bool child_sleeps(void *arg)
{
    struct asleep *asleep = arg;

    return is_asleep(asleep->child, asleep->child, asleep->word);
}

CREW_TEST(A1_a_word_in_a_shared_buffer_is_waited_for_across_processes)
{
    crew_pool *pool = make_pool(2); /* the child inherits it, and it is dead */
    crew_buffer *buffer = make_shared(sizeof(struct words), 0);
    struct words *words = crew_buffer_data(buffer);
    struct asleep asleep = {0, &words->turn};

    need_syscalls_of_threads();
    asleep.child = start_child(wait_in_child, buffer);
    test_poll(child_sleeps, &asleep, LONG_WAIT);
    words->other = 5;
    check_equal(crew_atomic_notify(&words->other, UINT_MAX), 0);
    __atomic_store_n(&words->turn, 1, __ATOMIC_RELEASE);
    check_equal(crew_atomic_notify(&words->turn, UINT_MAX), 1);
    while (__atomic_load_n(&words->other, __ATOMIC_ACQUIRE) == 5)
        check(crew_atomic_wait(&words->other, 5, LONG_WAIT) != -ETIMEDOUT);
    end_child(asleep.child, 0);
    crew_buffer_release(buffer);
    check_equal(crew_pool_destroy(pool), 0);
}

/* A child's copy of memory that is not shared is another word. */
static int notify_own_copy(void *arg)
{
    volatile uint32_t *word = arg;

    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    check_equal(crew_atomic_notify(word, UINT_MAX), 0);
    check_equal(crew_atomic_wait(word, 1, CREW_MS), -ETIMEDOUT);
    return 0;
}

CREW_TEST(A1_a_word_that_is_not_shared_stays_in_its_process)
{
    static volatile uint32_t word;
    struct sleeper sleeper;

    need_syscalls_of_threads();
    sleeper_start(&sleeper, &word, LONG_WAIT);
    check_equal(test_in_child(notify_own_copy, (void *)&word), 0);
    check(sleeper_sleeps(&sleeper));
    check_equal(word, 0);
    check_equal(crew_atomic_notify(&word, 1), 1);
    check_equal(sleeper_join(&sleeper), 0);
}

/* ---- NS7 ------------------------------------------------------------------- */

static void *make_and_end(void *arg)
{
    crew_buffer **out = arg;

    *out = make_shared(sizeof(struct words), 0);
    crew_buffer_retain(*out);
    crew_buffer_release(*out); /* the maker's own */
    return NULL;
}

static int wait_until_killed(void *arg)
{
    struct words *words = crew_buffer_data(arg);

    crew_atomic_wait(&words->turn, 0, CREW_FOREVER);
    return 9; /* was woken */
}

CREW_TEST(NS7_others_wait_on_when_one_ends)
{
    crew_buffer *buffer = NULL;
    struct sleeper sleeper;
    struct words *words;
    struct asleep asleep;
    pthread_t maker;

    need_syscalls_of_threads();
    assert_int_equal(pthread_create(&maker, NULL, make_and_end, &buffer), 0);
    pthread_join(maker, NULL);
    words = crew_buffer_data(buffer);
    asleep.word = &words->turn;
    asleep.child = start_child(wait_until_killed, buffer);
    test_poll(child_sleeps, &asleep, LONG_WAIT);
    sleeper_start(&sleeper, &words->turn, LONG_WAIT);
    check_equal(kill(asleep.child, SIGKILL), 0);
    end_child(asleep.child, 256 + SIGKILL);
    check(sleeper_sleeps(&sleeper));
    words->other = 1; /* the memory is there */
    check_equal(crew_atomic_notify(&words->turn, UINT_MAX), 1);
    check_equal(sleeper_join(&sleeper), 0);
    crew_buffer_release(buffer);
}

CREW_TEST(NS7_a_notify_for_memory_that_is_gone_wakes_nobody)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(page != MAP_FAILED);
    munmap(page, PAGE);
    check_equal(crew_atomic_notify(page, UINT_MAX), 0);
}

/* ---- A6 -------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define A6_BYTES (UINT64_C(1) << 26)
#else
#define A6_BYTES (UINT64_C(1) << 30)
#endif

enum { BLOCKS = 16, BLOCK = 65536 / 8 }; /* of 8 bytes */

struct ring {
    volatile uint32_t filled; /* blocks, counted on */
    volatile uint32_t emptied;
    uint64_t checksum; /* the producer's */
    uint64_t words[BLOCKS][BLOCK];
};

static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void await_change(volatile uint32_t *word, uint32_t seen)
{
    int r = crew_atomic_wait(word, seen, LONG_WAIT);

    check(r == 0 || r == -EAGAIN);
}

static int produce(void *arg)
{
    struct ring *ring = crew_buffer_data(arg);
    uint64_t state = 88172645463325252u;
    uint64_t sum = 0;

    for (uint32_t n = 0; n < A6_BYTES / (BLOCK * 8); n++) {
        uint64_t *block = ring->words[n % BLOCKS];
        uint32_t seen;

        while (n - (seen = __atomic_load_n(&ring->emptied, __ATOMIC_ACQUIRE)) ==
               BLOCKS)
            await_change(&ring->emptied, seen);
        for (unsigned i = 0; i < BLOCK; i++) {
            block[i] = next_number(&state);
            sum = sum * 31 + block[i];
        }
        __atomic_store_n(&ring->filled, n + 1, __ATOMIC_RELEASE);
        crew_atomic_notify(&ring->filled, 1);
    }
    ring->checksum = sum; /* read when this process has ended */
    return 0;
}

CREW_TEST(A6_a_gibibyte_goes_through_a_ring_of_a_shared_buffer)
{
    crew_buffer *buffer = make_shared(sizeof(struct ring), 0);
    struct ring *ring = crew_buffer_data(buffer);
    pid_t child = start_child(produce, buffer);
    uint64_t sum = 0;

    for (uint32_t n = 0; n < A6_BYTES / (BLOCK * 8); n++) {
        while (__atomic_load_n(&ring->filled, __ATOMIC_ACQUIRE) == n)
            await_change(&ring->filled, n);
        for (unsigned i = 0; i < BLOCK; i++)
            sum = sum * 31 + ring->words[n % BLOCKS][i];
        __atomic_store_n(&ring->emptied, n + 1, __ATOMIC_RELEASE);
        crew_atomic_notify(&ring->emptied, 1);
    }
    end_child(child, 0);
    check(ring->checksum == sum);
    printf("%llu MiB\n", (unsigned long long)(A6_BYTES >> 20));
    crew_buffer_release(buffer);
}

/* ---- a node ---------------------------------------------------------------- */

#define MPOL_F_NODE_ADDR 3 /* the node of a page, by its address */

CREW_TEST(B1_a_buffer_lies_on_the_node_that_is_asked_for)
{
    int node = 0;

    for (unsigned i = 0; i < 4; i++) {
        crew_buffer_options options = {.numa_node = &node,
                                       .shared = i % 2,
                                       .max_size = i / 2 ? 1 << 20 : 0};
        crew_buffer *buffer = NULL;
        unsigned char *bytes;
        int is = -1;
        int r = crew_buffer_create(&buffer, 100, &options);

        if (r == -EINVAL)
            skip_test("memory cannot be bound here");
        assert_int_equal(r, 0);
        bytes = crew_buffer_data(buffer);
        if (options.max_size)
            check_equal(crew_buffer_grow(buffer, 1 << 20), 0);
        memset(bytes, 1, crew_buffer_size(buffer));
        check_equal(
            syscall(SYS_get_mempolicy, &is, NULL, 0, bytes, MPOL_F_NODE_ADDR),
            0);
        check_equal(is, 0);
        crew_buffer_release(buffer);
    }
}

CREW_TEST(B1_a_node_that_is_not_there_is_refused)
{
    static const int nodes[] = {-1,   INT_MIN, 63,   64,     1022,
                                1023, 1024,    4096, INT_MAX};

    for (unsigned i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        crew_buffer_options options = {.numa_node = &nodes[i]};
        crew_buffer *buffer = NULL;

        check_equal(crew_buffer_create(&buffer, 100, &options), -EINVAL);
        check(buffer == NULL);
        options.shared = true;
        check_equal(crew_buffer_create(&buffer, 100, &options), -EINVAL);
        check(buffer == NULL);
    }
}
