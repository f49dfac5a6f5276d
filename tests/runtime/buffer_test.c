/* Buffers where memory fails, and on their way to another process; the rest is
 * in acceptance/buffer_test.c and shared_test.c. */
#include "support.h"

#include "base/fault.h"
#include "os/os.h"
#include "runtime/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fail_if_called(void *data, void *arg)
{
    (void)data;
    (void)arg;
    check(false);
}

/* How many points it meets is asked first, then each fails in turn. */
static void fail_each(size_t size, const crew_buffer_options *options)
{
    crew_buffer *buffer = NULL;
    unsigned points;
    int r;

    crew__fault_arm(0, false);
    assert_int_equal(crew_buffer_create(&buffer, size, options), 0);
    points = crew__fault_met();
    crew_buffer_release(buffer);
    check_at_least(points, 2);
    for (unsigned nth = 1; nth <= points; nth++) {
        buffer = NULL;
        crew__fault_arm(nth, false);
        r = crew_buffer_create(&buffer, size, options);
        check(r == -ENOMEM || (options && options->shared && r == -EMFILE));
        check(buffer == NULL);
        crew__fault_arm(0, false);
    }
    assert_int_equal(crew_buffer_create(&buffer, size, options), 0);
    crew_buffer_release(buffer);
}

CREW_TEST(a_create_that_finds_no_memory_leaves_nothing)
{
    crew_buffer_options grows = {.max_size = 1 << 20};
    crew_buffer_options huge = {.huge_pages = true, .alignment = 1 << 21};

    fail_each(1, NULL);
    fail_each(1 << 20, NULL);
    fail_each(100, &grows);
    fail_each(100, &huge);
}

CREW_TEST(a_shared_create_that_finds_nothing_leaves_nothing)
{
    crew_buffer_options shared = {.shared = true};
    crew_buffer_options aligned = {
        .shared = true, .alignment = 1 << 20, .max_size = 1 << 22};

    fail_each(1, &shared);
    fail_each(100000, &shared);
    fail_each(100, &aligned);
}

CREW_TEST(a_create_on_a_node_that_finds_no_memory_leaves_nothing)
{
    static const int node = 0;
    crew_buffer_options options = {.numa_node = &node};
    crew_buffer *buffer = NULL;

    if (crew_buffer_create(&buffer, 1, &options) < 0)
        skip_test("memory cannot be bound here");
    crew_buffer_release(buffer);
    fail_each(1, &options);
    options.shared = true;
    fail_each(1 << 20, &options);
}

CREW_TEST(a_wrap_that_finds_no_memory_calls_nothing)
{
    crew_buffer *buffer = NULL;
    char bytes[10];

    crew__fault_arm(1, false);
    check_equal(crew_buffer_wrap(&buffer, bytes, 10, fail_if_called, NULL),
                -ENOMEM);
    crew__fault_arm(0, false);
    check(buffer == NULL);
}

static void fail_to_grow(bool shared)
{
    crew_buffer_options options = {.max_size = 1 << 20, .shared = shared};
    crew_buffer *buffer = NULL;
    char *bytes;

    assert_int_equal(crew_buffer_create(&buffer, 100, &options), 0);
    bytes = crew_buffer_data(buffer);
    bytes[99] = 7;
    crew__fault_arm(1, false);
    check_equal(crew_buffer_grow(buffer, 1 << 20), -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(crew_buffer_size(buffer), 100);
    check_equal(bytes[99], 7);
    check_equal(crew_buffer_grow(buffer, 1 << 20), 0);
    check_equal(bytes[99], 7);
    bytes[(1 << 20) - 1] = 1;
    crew_buffer_release(buffer);
}

CREW_TEST(a_growth_that_finds_no_memory_changes_nothing)
{
    fail_to_grow(false);
    fail_to_grow(true);
}

/* ---- on the way to another process ----------------------------------------- */

static crew_buffer *make_shared(size_t size, size_t max_size, size_t alignment)
{
    crew_buffer_options options = {
        .shared = true, .max_size = max_size, .alignment = alignment};
    crew_buffer *buffer = NULL;

    assert_int_equal(crew_buffer_create(&buffer, size, &options), 0);
    return buffer;
}

/* As it comes out of a socket: another number for the same file. */
static struct crew__buffer_share send_and_receive(const crew_buffer *buffer)
{
    struct crew__buffer_share share;

    assert_int_equal(crew__buffer_share(buffer, &share), 0);
    share.fd = fcntl(share.fd, F_DUPFD_CLOEXEC, 3);
    assert_true(share.fd >= 0);
    return share;
}

static void send_one(size_t size, size_t max_size, size_t alignment)
{
    crew_buffer *sent = make_shared(size, max_size, alignment);
    struct crew__buffer_share share = send_and_receive(sent);
    crew_buffer *received = NULL;
    unsigned char *theirs = crew_buffer_data(sent);
    unsigned char *ours;

    theirs[size - 1] = 5;
    check_equal(crew__buffer_receive(&received, &share), 0);
    ours = crew_buffer_data(received);
    check(ours != theirs);
    check_equal((uintptr_t)ours % (alignment > 64 ? alignment : 64), 0);
    check_equal(crew_buffer_size(received), size);
    check_equal(ours[size - 1], 5);
    ours[0] = 6;
    check_equal(theirs[0], 6);
    check_equal(crew_buffer_grow(received, size), max_size ? 0 : -ENOTSUP);
    if (max_size) {
        check_equal(crew_buffer_grow(received, max_size - 1), 0);
        check_equal(crew_buffer_size(sent), max_size - 1);
        check_equal(crew_buffer_grow(sent, max_size), 0);
        check_equal(crew_buffer_size(received), max_size);
        check_equal(crew_buffer_grow(received, max_size - 1), -EINVAL);
        theirs[max_size - 1] = 9;
        check_equal(ours[max_size - 1], 9);
    }
    crew_buffer_release(sent);
    ours[size - 1] = 8; /* it does not need the other */
    crew_buffer_release(received);
}

CREW_TEST(NP10_what_is_sent_is_the_same_memory)
{
    for (size_t size = 1; size < 4; size++)
        send_one(size, 0, 0);
    send_one(4096, 0, 4096);
    send_one(100000, 0, 1 << 20);
    send_one(1, 3, 0);
    send_one(100, 1 << 20, 0);
    send_one(100, 1 << 20, 1 << 16);
}

CREW_TEST(what_is_not_shared_is_not_sent)
{
    struct crew__buffer_share untouched = {.fd = -7};
    struct crew__buffer_share share = untouched;
    crew_buffer *buffer = NULL;
    char bytes[8];

    assert_int_equal(crew_buffer_create(&buffer, 100, NULL), 0);
    check_equal(crew__buffer_share(buffer, &share), -ENOTSUP);
    crew_buffer_release(buffer);
    assert_int_equal(crew_buffer_wrap(&buffer, bytes, 8, NULL, NULL), 0);
    check_equal(crew__buffer_share(buffer, &share), -ENOTSUP);
    crew_buffer_release(buffer);
    check_equal(share.fd, untouched.fd);
}

static void refuse(const struct crew__buffer_share *share, int error)
{
    crew_buffer *buffer = NULL;

    check_equal(crew__buffer_receive(&buffer, share), error);
    check(buffer == NULL);
    check(share->fd < 0 || fcntl(share->fd, F_GETFD) >= 0); /* still theirs */
}

CREW_TEST(lies_about_a_buffer_are_refused)
{
    crew_buffer *fixed = make_shared(5000, 0, 0);
    crew_buffer *grows = make_shared(5000, 10000, 0);
    struct crew__buffer_share true_fixed = send_and_receive(fixed);
    struct crew__buffer_share true_grows = send_and_receive(grows);
    struct crew__buffer_share share;
    static const size_t alignments[] = {0, 1, 8, 65, 4097};

    share = true_fixed, share.size = 0, refuse(&share, -EPROTO);
    share = true_fixed, share.size = 5001, refuse(&share, -EPROTO);
    share = true_fixed, share.size = SIZE_MAX, refuse(&share, -ENOMEM);
    share = true_fixed, share.max_size = 10000, refuse(&share, -EPROTO);
    share = true_fixed, share.max_size = 4999, refuse(&share, -EPROTO);
    share = true_fixed, share.fd = -1, refuse(&share, -EPROTO);
    share = true_grows, share.size = 5001, refuse(&share, -EPROTO);
    share = true_grows, share.max_size = SIZE_MAX, refuse(&share, -ENOMEM);
    share = true_grows, share.alignment = SIZE_MAX / 2 + 1,
    refuse(&share, -ENOMEM);
    for (unsigned i = 0; i < 5; i++) {
        share = true_grows;
        share.alignment = alignments[i];
        refuse(&share, -EPROTO);
    }
    close(true_fixed.fd);
    close(true_grows.fd);
    crew_buffer_release(fixed);
    crew_buffer_release(grows);
}

/* A larger file than was said is no lie: it may have grown since. */
CREW_TEST(a_buffer_that_has_grown_on_the_way_is_as_large_as_it_is)
{
    crew_buffer *sent = make_shared(100, 1000, 0);
    struct crew__buffer_share share = send_and_receive(sent);
    crew_buffer *received = NULL;

    check_equal(crew_buffer_grow(sent, 500), 0);
    check_equal(crew__buffer_receive(&received, &share), 0);
    check_equal(crew_buffer_size(received), 500);
    crew_buffer_release(sent);
    crew_buffer_release(received);
}

/* Who does not keep to max_size gains nothing by it. */
CREW_TEST(a_file_that_grows_beyond_its_limit_does_not_make_a_larger_buffer)
{
    crew_buffer *sent = make_shared(100, 1000, 0);
    struct crew__buffer_share share = send_and_receive(sent);
    crew_buffer *received = NULL;

    check_equal(ftruncate(share.fd, 1 << 20), 0);
    check(ftruncate(share.fd, 10) < 0); /* and nobody shrinks it */
    check_equal(crew__buffer_receive(&received, &share), 0);
    check_equal(crew_buffer_size(received), 1000);
    check_equal(crew_buffer_size(sent), 1000);
    check_equal(crew_buffer_grow(received, 1000), -EINVAL);
    crew_buffer_release(sent);
    crew_buffer_release(received);
}

static int make_file(unsigned flags, int seals)
{
    int fd = memfd_create("foreign", flags | MFD_CLOEXEC);

    if (fd < 0)
        return fd;
    check_equal(ftruncate(fd, 1 << 22), 0);
    if (seals)
        check_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

CREW_TEST(files_that_somebody_could_pull_away_are_refused)
{
    enum { GOOD = F_SEAL_SHRINK | F_SEAL_SEAL };
    FILE *ordinary = tmpfile();
    int ends[2];
    struct {
        int fd, r;
    } files[] = {
        {make_file(0, 0), -EPROTO},
        {make_file(MFD_ALLOW_SEALING, 0), -EPROTO},
        {make_file(MFD_ALLOW_SEALING, F_SEAL_SHRINK), -EPROTO},
        {make_file(MFD_ALLOW_SEALING, F_SEAL_SEAL), -EPROTO},
        {make_file(MFD_ALLOW_SEALING, GOOD | F_SEAL_WRITE), -EPROTO},
        {make_file(MFD_ALLOW_SEALING | MFD_HUGETLB, GOOD), -EPROTO},
        {make_file(MFD_ALLOW_SEALING, GOOD), 0},
        {make_file(MFD_ALLOW_SEALING, GOOD | F_SEAL_GROW), 0},
        {open("/dev/zero", O_RDWR | O_CLOEXEC), -EPROTO},
        {open("/", O_RDONLY | O_CLOEXEC), -EPROTO},
        {ordinary ? dup(fileno(ordinary)) : -1, -EPROTO},
    };

    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct crew__buffer_share share = {
            .fd = files[i].fd, .size = 100, .alignment = 64};
        crew_buffer *buffer = NULL;

        if (share.fd < 0)
            continue; /* no huge pages here */
        check_equal(crew__buffer_receive(&buffer, &share), files[i].r);
        if (!buffer)
            close(share.fd);
        crew_buffer_release(buffer);
    }
    check_equal(pipe(ends), 0);
    refuse(&(struct crew__buffer_share){.fd = ends[1],
                                        .size = 100,
                                        .alignment = 64},
           -EPROTO);
    close(ends[0]);
    close(ends[1]);
    if (ordinary)
        fclose(ordinary);
}

CREW_TEST(a_file_that_can_only_be_read_is_refused)
{
    crew_buffer *sent = make_shared(100, 0, 0);
    struct crew__buffer_share share;
    char path[64];

    check_equal(crew__buffer_share(sent, &share), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", share.fd);
    share.fd = open(path, O_RDONLY | O_CLOEXEC);
    refuse(&share, -EPROTO);
    close(share.fd);
    crew_buffer_release(sent);
}

CREW_TEST(a_receive_that_finds_no_memory_leaves_nothing)
{
    crew_buffer *sent = make_shared(100, 1 << 20, 1 << 16);
    struct crew__buffer_share share = send_and_receive(sent);
    crew_buffer *received = NULL;
    unsigned nth = 0;

    do
        crew__fault_arm(++nth, false);
    while (crew__buffer_receive(&received, &share) == -ENOMEM);
    crew__fault_arm(0, false);
    check_at_least(nth, 3);
    check_equal(crew_buffer_size(received), 100);
    crew_buffer_release(received);
    crew_buffer_release(sent);
}
