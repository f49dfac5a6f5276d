/* How workers start: W1, W2, W7, W9, NW1, NW2, NW9, NW11, NW12,
 * NW19, NX6, NZ3, NZ6. */
#include "workers.h"

#include "../stress/scale.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

CREW_TEST(W1_NW1_online_then_exit_with_the_result)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_worker *worker = start_heard(returns_seven, inbox, &heard, NULL);

    check(crew_inbox_run(inbox) > 0);
    check_text(heard.order, "ocx");
    check(heard.worker == worker);
    check_equal(heard.how.code, 7);
    check(!heard.how.canceled);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- what arrives with it ------------------------------------------------ */

static int takes_start(crew_self *self, crew_message *start)
{
    crew_port *port = start->ports[0];
    crew_message *message;

    check_equal(start->size, 5);
    check_equal(memcmp(start->bytes, "hello", 5), 0);
    check_equal(start->tag, 42);
    check_equal(*(char *)crew_buffer_data(start->buffers[0]), 'b');
    check_equal(post_text(port, "from the worker"), 0);
    check_equal(crew_receive(crew_self_port(self), &message, LONG_WAIT), 0);
    check_equal(message->tag, 77);
    crew_message_free(message);
    return 0;
}

CREW_TEST(W2_NW2_NW11_a_start_message_and_early_posts_arrive)
{
    struct pair pair = make_channel();
    crew_buffer *buffer = NULL;
    crew_message start = {.bytes = "hello",
                          .size = 5,
                          .tag = 42,
                          .buffers = &buffer,
                          .buffer_count = 1,
                          .ports = &pair.b,
                          .port_count = 1};
    crew_message *message;
    crew_worker *worker;
    crew_exit how;

    assert_int_equal(crew_buffer_create(&buffer, 100, NULL), 0);
    *(char *)crew_buffer_data(buffer) = 'b';
    worker = start_plain(takes_start, &start);
    check_equal(post_tag(crew_worker_port(worker), 77), 0);
    assert_int_equal(crew_receive(pair.a, &message, LONG_WAIT), 0);
    check_text(message->bytes, "from the worker");
    crew_message_free(message);
    end_worker(worker, &how);
    check_equal(how.code, 0);
    check_equal(how.usage.messages_in, 2);
    check_equal(crew_receive(pair.a, &message, LONG_WAIT), -EPIPE);
    crew_port_close(pair.a);
}

/* ---- shared buffers ------------------------------------------------------ */

static int fills_second_half(crew_self *self, crew_message *start)
{
    (void)self;
    memset((char *)crew_buffer_data(start->buffers[0]) + 500, 'w', 500);
    return 0;
}

CREW_TEST(NW12_both_write_halves_of_one_buffer)
{
    crew_buffer *buffer = NULL;
    crew_message start = {.buffers = &buffer, .buffer_count = 1};
    crew_worker *worker;

    assert_int_equal(crew_buffer_create(&buffer, 1000, NULL), 0);
    crew_buffer_retain(buffer);
    worker = start_plain(fills_second_half, &start);
    memset(crew_buffer_data(buffer), 's', 500);
    end_worker(worker, NULL);
    for (size_t i = 0; i < 1000; i++)
        check(((char *)crew_buffer_data(buffer))[i] == (i < 500 ? 's' : 'w'));
    crew_buffer_release(buffer);
}

/* ---- one that fails ------------------------------------------------------ */

CREW_TEST(W7_NW9_a_start_that_fails_says_so_and_keeps_nothing)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_buffer *buffer = NULL;
    crew_buffer *twice[2];
    crew_message start = {.buffers = twice, .buffer_count = 2};
    crew_listener listener = {.on_message = NULL};
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .on_online = on_online,
                                   .on_exit = on_exit_,
                                   .arg = &heard};
    crew_worker *worker = NULL;

    assert_int_equal(crew_buffer_create(&buffer, 8, NULL), 0);
    twice[0] = twice[1] = buffer;
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check_equal(crew_worker_start(NULL, returns_seven, NULL), -EINVAL);
    check_equal(crew_worker_start(&worker, NULL, NULL), -EINVAL);
    options = (crew_worker_options){.listener = &listener};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.isolation = CREW_PROCESS};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -ENOTSUP);
    options = (crew_worker_options){.stack_size = 1};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.placement_list = "x"};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.placement_list = "0",
                                    .placement = CREW_PLACE_NONE};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    options = (crew_worker_options){.reserved = {1}};
    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check(worker == NULL);
    check_equal(heard.count, 0);
    check_equal(crew_buffer_size(buffer), 8);
    crew_buffer_release(buffer);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(W7_a_refused_start_message_calls_nobody)
{
    crew_inbox *inbox = make_inbox();
    struct told heard = {.count = 0};
    crew_listener listener = {on_message, NULL, on_close, &heard, {0}};
    crew_message start = {.size = 3}; /* without bytes */
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .listener = &listener,
                                   .on_exit = on_exit_,
                                   .arg = &heard};
    crew_worker *worker = NULL;

    check_equal(crew_worker_start(&worker, returns_seven, &options), -EINVAL);
    check(worker == NULL);
    check_equal(crew_inbox_pending(inbox), 0);
    check_equal(crew_inbox_run(inbox), 0);
    check_equal(heard.count, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- name, place, stack -------------------------------------------------- */

static int tells_where(crew_self *self, crew_message *start)
{
    char name[32] = "";
    cpu_set_t set;
    crew_message message = {.bytes = name};

    (void)start;
    pthread_getname_np(pthread_self(), name, sizeof name);
    message.size = strlen(name);
    sched_getaffinity(0, sizeof set, &set);
    check_equal(CPU_COUNT(&set), 1);
    check(CPU_ISSET(0, &set));
    message.tag = (uint64_t)gettid();
    check_equal(crew_post(crew_self_port(self), &message), 0);
    return (int)receive_tag(crew_self_port(self), LONG_WAIT);
}

/* The name of a thread as others see it. */
static void check_comm(unsigned tid, const char *expected)
{
    char path[64];
    char is[32] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%u/comm", tid);
    file = fopen(path, "r");
    assert_non_null(file);
    if (fgets(is, sizeof is, file))
        is[strcspn(is, "\n")] = '\0';
    fclose(file);
    check_text(is, expected);
}

static void check_described(crew_worker *worker, const char *expected)
{
    char text[400] = "";
    char cut[8] = "";
    int length = crew_worker_describe(worker, text, sizeof text);

    check_text(text, expected);
    check_equal(length, strlen(expected));
    check_equal(crew_worker_describe(worker, cut, sizeof cut), length);
    check_equal(memcmp(cut, expected, sizeof cut - 1), 0);
    check_equal(crew_worker_describe(worker, NULL, 0), length);
}

/* `comm` is what the kernel keeps of it. */
static void check_name(const char *name, const char *comm)
{
    crew_worker_options options = {.name = name, .placement_list = "0"};
    crew_worker *worker = NULL;
    crew_message *message;
    char text[400];
    unsigned tid;

    assert_int_equal(crew_worker_start(&worker, tells_where, &options), 0);
    assert_int_equal(
        crew_receive(crew_worker_port(worker), &message, LONG_WAIT), 0);
    check_text(message->bytes, comm);
    tid = (unsigned)message->tag;
    crew_message_free(message);
    check_comm(tid, comm);
    snprintf(text, sizeof text, "%s: tid %u, online, on CPUs 0", name, tid);
    check_described(worker, text);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    snprintf(text, sizeof text, "%s: tid %u, ended, on CPUs 0", name, tid);
    check_described(worker, text);
    check_equal(crew_worker_destroy(worker), 0);
}

CREW_TEST(W9_NW19_NZ6_name_and_mask_are_obeyed_and_described)
{
    char longest[201];

    memset(longest, 'n', 200);
    longest[200] = '\0';
    check_name("a name that is far too long", "a name that is ");
    check_name("short", "short");
    check_name("", "");
    check_name(longest, "nnnnnnnnnnnnnnn");
    check_equal(crew_worker_describe(NULL, longest, 10), -EINVAL);
}

static int tells_stack(crew_self *self, crew_message *start)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size = 0;

    (void)start;
    check_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_destroy(&attributes);
    return post_tag(crew_self_port(self), size);
}

static void check_stack(size_t size)
{
    crew_worker_options options = {.stack_size = size};
    crew_worker *worker = NULL;
    int64_t is;

    assert_int_equal(crew_worker_start(&worker, tells_stack, &options), 0);
    is = receive_tag(crew_worker_port(worker), LONG_WAIT);
    check_at_least(is, size);
#if !defined(UNDER_TSAN) /* which adds what its run-time library needs */
    check_at_most(is, size + size / 10);
#endif
    end_worker(worker, NULL);
}

CREW_TEST(W9_NZ3_stacks_are_as_large_as_was_asked)
{
    pthread_attr_t before;
    pthread_attr_t other;

    check_stack(256 * 1024);
    check_stack(1024 * 1024);
    /* What the process asks for in general changes nothing. */
    check_equal(pthread_getattr_default_np(&before), 0);
    check_equal(pthread_attr_init(&other), 0);
    check_equal(pthread_attr_setstacksize(&other, 2048 * 1024), 0);
    check_equal(pthread_setattr_default_np(&other), 0);
    check_stack(256 * 1024);
    check_stack(8192 * 1024);
    check_equal(pthread_setattr_default_np(&before), 0);
    pthread_attr_destroy(&other);
    pthread_attr_destroy(&before);
}

#if !defined(UNDER_ASAN) && !defined(UNDER_TSAN)
/* Touches each page downwards, as deep calls do. */
static int goes_deep(crew_self *self, crew_message *start)
{
    volatile char *here = (volatile char *)__builtin_frame_address(0);

    (void)self;
    (void)start;
    for (size_t depth = 0; depth < 1024 * 1024; depth += 4096)
        here[-(ptrdiff_t)depth] = 1;
    return 0;
}

static int overflows(void *arg)
{
    crew_worker_options options = {.stack_size = 128 * 1024};
    crew_worker *worker = NULL;
    struct rlimit no_core = {0, 0};

    (void)arg;
    setrlimit(RLIMIT_CORE, &no_core);
    check_equal(crew_worker_start(&worker, goes_deep, &options), 0);
    crew_worker_wait(worker, NULL, LONG_WAIT);
    return 0;
}
#endif

CREW_TEST(NZ3_a_stack_that_overflows_meets_a_guard_page)
{
#if defined(UNDER_ASAN) || defined(UNDER_TSAN)
    skip_test("sanitizers handle the signal");
#else
    check_equal(test_in_child(overflows, NULL), 256 + SIGSEGV);
#endif
}

/* ---- limits -------------------------------------------------------------- */

static int wants_too_much(crew_self *self, crew_message *start)
{
    crew_buffer *buffer = NULL;
    int r;

    (void)start;
    check(crew_self_scratch(self, SIZE_MAX) == NULL);
    check(crew_self_scratch(self, 100) != NULL);
    r = crew_buffer_create(&buffer, SIZE_MAX, NULL);
    check(buffer == NULL);
    return r;
}

/* A thread has no heap of its own: what is not there is told where it is asked
 * for, and nothing else happens. */
CREW_TEST(NZ1_without_memory_a_call_in_the_worker_says_so)
{
    crew_exit how;

    end_worker(start_plain(wants_too_much, NULL), &how);
    check_equal(how.code, -ENOMEM);
    check_equal(how.signal, 0);
}

/* ---- a hook on each thread ----------------------------------------------- */

static int notes_index(crew_self *self, void *arg)
{
    __atomic_fetch_or((unsigned *)arg, 1U << crew_self_index(self),
                      __ATOMIC_RELAXED);
    return 0;
}

CREW_TEST(NW20_a_hook_on_each_worker_of_a_pool_sees_which_it_is)
{
    unsigned seen = 0;
    crew_pool_options options = {
        .workers = 5, .on_worker_start = notes_index, .arg = &seen};
    crew_pool *pool = NULL;

    assert_int_equal(crew_pool_create(&pool, &options), 0);
    check_equal(seen, 31);
    check_equal(crew_pool_destroy(pool), 0);
}

/* ---- ends that are borrowed ---------------------------------------------- */

static void check_stays(crew_port *port)
{
    struct pair way = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message message = {
        .buffers = &buffer, .buffer_count = 1, .ports = &port, .port_count = 1};

    check_equal(crew_post(way.a, &message), -EINVAL);
    check_equal(crew_post_wait(way.a, &message, CREW_FOREVER), -EINVAL);
    check_equal(receive_tag(way.b, 0), -ETIMEDOUT);
    message.port_count = 0;
    crew_buffer_retain(buffer);
    check_equal(crew_post(way.a, &message), 0); /* a reference may go */
    check_equal(releases, 0);
    close_pair(way);
    crew_buffer_release(buffer);
    check_equal(releases, 1);
}

static int holds_on_to_its_port(crew_self *self, crew_message *start)
{
    (void)start;
    check_stays(crew_self_port(self));
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 7);
    check_equal(post_tag(crew_self_port(self), 8), 0);
    return 0;
}

CREW_TEST(NX6_the_ends_of_a_worker_do_not_move)
{
    crew_worker *worker = start_plain(holds_on_to_its_port, NULL);
    crew_port *port = crew_worker_port(worker);
    crew_message start = {.ports = &port, .port_count = 1};
    crew_worker_options options = {.start = &start};
    crew_worker *other = NULL;

    check_stays(port);
    check_equal(crew_worker_start(&other, returns_seven, &options), -EINVAL);
    check(other == NULL);
    check_equal(post_tag(port, 7), 0);
    check_equal(receive_tag(port, LONG_WAIT), 8);
    end_worker(worker, NULL);
}
