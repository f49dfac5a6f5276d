/* Buffers from the caller's side: B1 to B5; shared ones are in shared_test.c. */
#include "work.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static bool is_aligned(const void *data, size_t alignment)
{
    return ((uintptr_t)data & (alignment - 1)) == 0;
}

/* The ends and a byte of each `step`: a GiB is not touched as a whole. */
static bool is_zero(const unsigned char *bytes, size_t size, size_t step)
{
    for (size_t i = 0; i < size; i += step) {
        if (bytes[i])
            return false;
    }
    return bytes[size - 1] == 0;
}

static crew_buffer *make_buffer(size_t size, const crew_buffer_options *options)
{
    crew_buffer *buffer = NULL;

    assert_int_equal(crew_buffer_create(&buffer, size, options), 0);
    assert_non_null(buffer);
    assert_non_null(crew_buffer_data(buffer));
    return buffer;
}

/* ---- B1 ------------------------------------------------------------------ */

CREW_TEST(B1_buffers_of_all_sizes_are_aligned_and_zeroed)
{
    static const size_t sizes[] = {1,     15,    16,    17,      63,
                                   64,    65,    4095,  4096,    4097,
                                   65535, 65536, 65537, 1 << 20, 1 << 30};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        crew_buffer *buffer = make_buffer(size, NULL);
        unsigned char *bytes = crew_buffer_data(buffer);

        check_equal(crew_buffer_size(buffer), size);
        check(is_aligned(bytes, 64));
        check(is_zero(bytes, size, size > 1 << 20 ? 1 << 20 : 1));
        bytes[0] = 1; /* all of it is there to write */
        bytes[size - 1] = 2;
        check_equal(crew_buffer_grow(buffer, size + 1), -ENOTSUP);
        crew_buffer_release(buffer);
    }
}

CREW_TEST(B1_memory_that_is_used_again_is_zeroed)
{
    for (int i = 0; i < 100; i++) {
        size_t size = i % 2 ? 1000 : 100000;
        crew_buffer *buffer = make_buffer(size, NULL);

        check(is_zero(crew_buffer_data(buffer), size, 1));
        memset(crew_buffer_data(buffer), 0xff, size);
        crew_buffer_release(buffer);
    }
}

CREW_TEST(B1_alignment_is_as_asked)
{
    for (size_t alignment = 1; alignment <= 4 << 20; alignment *= 2) {
        static const size_t sizes[] = {1, 100, 65536, 300000};

        for (size_t i = 0; i < 4; i++) {
            crew_buffer_options options = {.alignment = alignment};
            crew_buffer *buffer = make_buffer(sizes[i], &options);
            unsigned char *bytes = crew_buffer_data(buffer);

            check(is_aligned(bytes, alignment));
            check(is_zero(bytes, sizes[i], 1));
            memset(bytes, 0xff, sizes[i]);
            crew_buffer_release(buffer);
        }
    }
}

static void check_refused(size_t size, const crew_buffer_options *options,
                          int error)
{
    crew_buffer *untouched = (crew_buffer *)&untouched;
    crew_buffer *buffer = untouched;

    check_equal(crew_buffer_create(&buffer, size, options), error);
    check(buffer == untouched);
}

CREW_TEST(B1_what_cannot_be_is_refused)
{
    crew_buffer_options options = {0};

    check_equal(crew_buffer_create(NULL, 1, NULL), -EINVAL);
    check_refused(0, NULL, -EINVAL);
    check_refused(SIZE_MAX / 2, NULL, -ENOMEM);
    check_refused(SIZE_MAX, NULL, -ENOMEM);
    check_refused(SIZE_MAX - 4095, NULL, -ENOMEM);
    for (size_t alignment = 3; alignment < 200; alignment++) {
        options.alignment = alignment;
        if (alignment & (alignment - 1))
            check_refused(1, &options, -EINVAL);
    }
    options.alignment = (SIZE_MAX >> 1) + 1; /* the largest power of two */
    check_refused(1 << 20, &options, -ENOMEM);
    options = (crew_buffer_options){.max_size = 99};
    check_refused(100, &options, -EINVAL);
    options = (crew_buffer_options){.max_size = SIZE_MAX};
    check_refused(100, &options, -ENOMEM);
    for (int i = 0; i < 8; i++) {
        options = (crew_buffer_options){.alignment = 0};
        options.reserved[i] = 1;
        check_refused(1, &options, -EINVAL);
    }
    check(crew_buffer_data(NULL) == NULL);
    check_equal(crew_buffer_size(NULL), 0);
    check_equal(crew_buffer_grow(NULL, 1), -EINVAL);
    check(crew_buffer_retain(NULL) == NULL);
    crew_buffer_release(NULL);
}

/* ---- B2, B3 -------------------------------------------------------------- */

struct wrapped {
    crew_buffer *buffer;
    unsigned char bytes[64];
    unsigned released;
    pthread_t releaser;
    unsigned held; /* threads that have not given theirs back */
};

static void release_wrapped(void *data, void *arg)
{
    struct wrapped *wrapped = arg;

    check(data == wrapped->bytes);
    check_equal(__atomic_load_n(&wrapped->held, __ATOMIC_RELAXED), 0);
    wrapped->releaser = pthread_self();
    wrapped->released++; /* plain: all others have happened before */
}

static void retain_and_release(unsigned index, void *arg)
{
    struct wrapped *wrapped = arg;
    crew_buffer *buffer = wrapped->buffer;

    for (unsigned i = 0; i < MANY(100000); i++) {
        check(crew_buffer_retain(buffer) == buffer);
        crew_buffer_release(buffer);
    }
    check(crew_buffer_data(buffer) == wrapped->bytes);
    check_equal(crew_buffer_size(buffer), sizeof wrapped->bytes);
    wrapped->bytes[index] = 1; /* seen by the one who frees it */
    __atomic_fetch_sub(&wrapped->held, 1, __ATOMIC_RELAXED);
    crew_buffer_release(buffer);
}

CREW_TEST(B2_eight_threads_retain_and_release_and_the_last_frees)
{
    struct wrapped wrapped = {.held = 8};

    check_equal(crew_buffer_wrap(&wrapped.buffer, wrapped.bytes,
                                 sizeof wrapped.bytes, release_wrapped,
                                 &wrapped),
                0);
    for (int i = 1; i < 8; i++)
        crew_buffer_retain(wrapped.buffer);
    test_threads(8, retain_and_release, &wrapped);
    check_equal(wrapped.released, 1);
    for (int i = 0; i < 8; i++)
        check_equal(wrapped.bytes[i], 1);
}

CREW_TEST(B2_the_creators_reference_keeps_it)
{
    crew_buffer *buffer = make_buffer(100, NULL);
    unsigned char *bytes = crew_buffer_data(buffer);

    bytes[99] = 7;
    crew_buffer_retain(buffer);
    crew_buffer_retain(buffer);
    crew_buffer_release(buffer);
    crew_buffer_release(buffer);
    check_equal(bytes[99], 7);
    check(crew_buffer_data(buffer) == bytes);
    crew_buffer_release(buffer);
}

static int release_on_worker(crew_self *self, crew_task *task)
{
    struct wrapped *wrapped = task->data;

    (void)self;
    crew_buffer_release(wrapped->buffer);
    check_equal(wrapped->released, 1);
    check(pthread_equal(wrapped->releaser, pthread_self()));
    return 0;
}

CREW_TEST(B3_release_is_called_once_by_the_last_on_its_thread)
{
    crew_pool *pool = make_pool(1);
    struct wrapped wrapped = {.held = 0};
    crew_task task = {.run = release_on_worker, .data = &wrapped};

    check_equal(crew_buffer_wrap(&wrapped.buffer, wrapped.bytes, 64,
                                 release_wrapped, &wrapped),
                0);
    crew_buffer_retain(wrapped.buffer);
    crew_buffer_release(wrapped.buffer);
    check_equal(wrapped.released, 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(wrapped.released, 1);
    check(!pthread_equal(wrapped.releaser, pthread_self()));
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(B3_wrapping_what_cannot_be_changes_nothing)
{
    struct wrapped wrapped = {.held = 0};

    check_equal(
        crew_buffer_wrap(NULL, wrapped.bytes, 64, release_wrapped, &wrapped),
        -EINVAL);
    check_equal(
        crew_buffer_wrap(&wrapped.buffer, NULL, 64, release_wrapped, &wrapped),
        -EINVAL);
    check_equal(crew_buffer_wrap(&wrapped.buffer, wrapped.bytes, 0,
                                 release_wrapped, &wrapped),
                -EINVAL);
    check_equal(wrapped.released, 0);
    check(wrapped.buffer == NULL);
    check_equal(
        crew_buffer_wrap(&wrapped.buffer, wrapped.bytes, 64, NULL, NULL), 0);
    check_equal(crew_buffer_grow(wrapped.buffer, 64), -ENOTSUP);
    crew_buffer_release(wrapped.buffer);
}

/* ---- B4 ------------------------------------------------------------------ */

static void grow_through(size_t alignment, size_t first, bool huge_pages)
{
    enum { MOST = 5000000 };
    crew_buffer_options options = {
        .alignment = alignment, .max_size = MOST, .huge_pages = huge_pages};
    crew_buffer *buffer = make_buffer(first, &options);
    unsigned char *bytes = crew_buffer_data(buffer);
    size_t size = first;

    check(is_aligned(bytes, alignment ? alignment : 64));
    memset(bytes, 0xa5, size);
    while (size < MOST) {
        size_t next = size * 3 < MOST ? size * 3 : MOST;

        check_equal(crew_buffer_grow(buffer, next), 0);
        check_equal(crew_buffer_size(buffer), next);
        check(crew_buffer_data(buffer) == bytes);
        check(bytes[0] == 0xa5 && bytes[size - 1] == 0xa5);
        check(is_zero(bytes + size, next - size, 1));
        memset(bytes + size, 0xa5, next - size);
        check_equal(crew_buffer_grow(buffer, size - 1), -EINVAL);
        check_equal(crew_buffer_grow(buffer, next), 0); /* as it is */
        size = next;
    }
    check_equal(crew_buffer_grow(buffer, MOST + 1), -ENOMEM);
    check_equal(crew_buffer_grow(buffer, SIZE_MAX), -ENOMEM);
    check_equal(crew_buffer_size(buffer), MOST);
    crew_buffer_release(buffer);
}

CREW_TEST(B4_a_buffer_grows_in_place_up_to_its_limit)
{
    grow_through(0, 1, false);
    grow_through(64, 4096, false);
    grow_through(4096, 4095, false);
    grow_through(1 << 21, 100, false);
    grow_through(0, 5000000, false);
    grow_through(0, 10, true);
}

/* ---- B5 ------------------------------------------------------------------ */

static int use_huge_pages(void *arg)
{
    crew_buffer_options options = {.huge_pages = true};

    (void)arg;
    for (size_t size = 1; size <= 8 << 20; size *= 64) {
        crew_buffer *buffer = make_buffer(size, &options);
        unsigned char *bytes = crew_buffer_data(buffer);

        check(is_aligned(bytes, 64));
        check(is_zero(bytes, size, 1));
        memset(bytes, 0xff, size);
        crew_buffer_release(buffer);
    }
    grow_through(0, 100, true);
    return 0;
}

static int disable_huge_pages(void *arg)
{
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
        return 77;
    return use_huge_pages(arg);
}

/* As on a kernel that was built without: madvise refuses the advice. */
static int refuse_the_advice(void *arg)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_HUGEPAGE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof lines / sizeof lines[0], lines};
    int r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return 77;
    r = use_huge_pages(arg);
    check(madvise(&program, 1, MADV_HUGEPAGE) < 0); /* the filter works */
    return r;
}

CREW_TEST(B5_without_huge_pages_ordinary_pages_come)
{
    int disabled = test_in_child(disable_huge_pages, NULL);
    int refused = test_in_child(refuse_the_advice, NULL);

    use_huge_pages(NULL);
    if (disabled == 77 && refused == 77)
        skip_test("huge pages cannot be taken away here");
    check(disabled == 0 || disabled == 77);
    check(refused == 0 || refused == 77);
}
