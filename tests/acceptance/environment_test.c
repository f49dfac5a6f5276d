/* What a worker finds without being sent it: W11, NE1 to NE3, NE5. */
#include "mail.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- helpers --------------------------------------------------------------- */

static int set_tag(const char *key, uint64_t tag)
{
    return crew_environment_set(key, &(crew_message){.tag = tag});
}

/* The tag that stands there, or the error. */
static int64_t get_tag(const char *key)
{
    crew_message *message = NULL;
    int r = crew_environment_get(key, &message);
    int64_t tag;

    if (r < 0)
        return r;
    tag = (int64_t)message->tag;
    crew_message_free(message);
    return tag;
}

static crew_worker *start(crew_main_fn *main, crew_port *port)
{
    crew_message message = {.ports = &port, .port_count = 1};
    crew_worker_options options = {.start = port ? &message : NULL};
    crew_worker *worker = NULL;

    assert_int_equal(crew_worker_start(&worker, main, &options), 0);
    return worker;
}

static int end_worker(crew_worker *worker)
{
    crew_exit how = {.code = -1};

    check_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(crew_worker_destroy(worker), 0);
    return how.code;
}

/* ---- W11, NE1 -------------------------------------------------------------- */

static int grandchild(crew_self *self, crew_message *message)
{
    (void)self;
    (void)message;
    check_equal(get_tag("inherited"), 1);
    check_equal(get_tag("of the child"), 3);
    check_equal(get_tag("late"), -ENOENT);
    check_equal(get_tag("removed late"), 2);
    return 0;
}

static int child(crew_self *self, crew_message *message)
{
    crew_worker *worker;

    (void)message;
    check_equal(post_tag(crew_self_port(self), 0), 0); /* it runs */
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    check_equal(get_tag("inherited"), 1);
    check_equal(get_tag("late"), -ENOENT);
    check_equal(get_tag("removed late"), 2);
    check_equal(set_tag("of the child", 3), 0);
    worker = start(grandchild, NULL);
    check_equal(set_tag("of the child", 4), 0);
    check_equal(crew_environment_set("inherited", NULL), 0);
    check_equal(get_tag("of the child"), 4);
    check_equal(get_tag("inherited"), -ENOENT);
    return end_worker(worker);
}

CREW_TEST(W11_NE1_a_worker_sees_what_was_set_before_its_start)
{
    crew_worker *worker;

    check_equal(set_tag("inherited", 1), 0);
    check_equal(set_tag("removed late", 2), 0);
    worker = start(child, NULL);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 0);
    check_equal(set_tag("late", 5), 0);
    check_equal(set_tag("inherited", 6), 0);
    check_equal(crew_environment_set("removed late", NULL), 0);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(end_worker(worker), 0);
    check_equal(get_tag("of the child"), -ENOENT);
    check_equal(get_tag("inherited"), 6);
    check_equal(crew_environment_set("inherited", NULL), 0);
    check_equal(crew_environment_set("late", NULL), 0);
}

static int reads_buffer(crew_self *self, crew_message *message)
{
    crew_message *found = NULL;
    char *bytes;

    (void)message;
    if (!check_equal(crew_environment_get("shared", &found), 0))
        return -1;
    check_equal(found->size, 5);
    check_equal(strcmp(found->bytes, "hello"), 0);
    check_equal((uintptr_t)found->bytes % 16, 0);
    check_equal(found->tag, 7);
    check_equal(found->buffer_count, 1);
    bytes = crew_buffer_data(found->buffers[0]);
    check_equal(bytes[0], 'm');
    bytes[1] = 'w';
    crew_message_free(found);
    check_equal(crew_environment_get("shared", &found), 0); /* again */
    check_equal(((char *)crew_buffer_data(found->buffers[0]))[1], 'w');
    /* And on to whoever started it. */
    check_equal(crew_post(crew_self_port(self), found), 0);
    crew_message_free(found);
    return 0;
}

CREW_TEST(W11_buffers_in_it_are_shared_not_copied)
{
    unsigned releases = 0;
    char text[] = "hello";
    crew_buffer *buffer = make_counted(&releases);
    crew_message value = {.bytes = text,
                          .size = 5,
                          .tag = 7,
                          .buffers = &buffer,
                          .buffer_count = 1};
    char *bytes = crew_buffer_data(buffer);
    crew_message *back = NULL;
    crew_worker *worker;

    bytes[0] = 'm';
    bytes[1] = 0;
    check_equal(crew_environment_set("shared", &value), 0);
    check(buffer != NULL); /* the message is as it was */
    memset(text, 'x', 5);  /* the bytes are a copy */
    worker = start(reads_buffer, NULL);
    check_equal(crew_environment_set("shared", NULL), 0);
    check_equal(crew_receive(crew_worker_port(worker), &back, LONG_WAIT), 0);
    check(back->buffers[0] == buffer);
    check_equal(end_worker(worker), 0);
    check_equal(bytes[1], 'w');
    crew_buffer_release(buffer);
    check_equal(releases, 0);
    crew_message_free(back);
    check_equal(releases, 1);
}

static int does_nothing(crew_self *self, crew_message *message)
{
    (void)self;
    (void)message;
    return 0;
}

CREW_TEST(W11_a_worker_that_has_ended_holds_nothing)
{
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message value = {.buffers = &buffer, .buffer_count = 1};
    crew_worker *worker;

    check_equal(crew_environment_set("held", &value), 0);
    crew_buffer_release(buffer);
    worker = start(does_nothing, NULL);
    check_equal(crew_environment_set("held", NULL), 0);
    check_equal(crew_worker_wait(worker, NULL, LONG_WAIT), 0);
    check_equal(releases, 1); /* though its handle is there */
    check_equal(crew_worker_destroy(worker), 0);
}

/* ---- keys and values ------------------------------------------------------- */

CREW_TEST(environment_data_of_many_keys)
{
    char key[16];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%u", i * 37 % 100);
        check_equal(set_tag(key, i), 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%u", i * 37 % 100);
        check_equal(get_tag(key), i);
        check_equal(set_tag(key, i + 1000), 0);
        check_equal(get_tag(key), i + 1000);
    }
    check_equal(get_tag("100"), -ENOENT);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%u", i * 41 % 100);
        check_equal(crew_environment_set(key, NULL), 0);
        check_equal(get_tag(key), -ENOENT);
        check_equal(crew_environment_set(key, NULL), 0);
    }
}

CREW_TEST(environment_data_refuses_what_makes_no_sense)
{
    struct pair pair = make_channel();
    crew_message with_port = {.ports = &pair.a, .port_count = 1};
    crew_message without_bytes = {.size = 3};
    crew_message reserved = {.reserved = {1}};
    crew_message *message = NULL;

    check_equal(crew_environment_set(NULL, &(crew_message){.tag = 1}), -EINVAL);
    check_equal(crew_environment_set("", NULL), -EINVAL);
    check_equal(crew_environment_set("key", &with_port), -EINVAL);
    check_equal(crew_environment_set("key", &without_bytes), -EINVAL);
    check_equal(crew_environment_set("key", &reserved), -EINVAL);
    check_equal(crew_environment_get(NULL, &message), -EINVAL);
    check_equal(crew_environment_get("", &message), -EINVAL);
    check_equal(crew_environment_get("key", NULL), -EINVAL);
    check_equal(crew_environment_get("key", &message), -ENOENT);
    check(message == NULL);
    check_equal(post_tag(pair.a, 1), 0); /* the port is where it was */
    check_equal(receive_tag(pair.b, 0), 1);
    close_pair(pair);
}

/* A received message, of which nothing moves. */
CREW_TEST(environment_data_from_a_received_message)
{
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_message *message = NULL;

    check_equal(post_buffer(pair.a, make_counted(&releases)), 0);
    assert_int_equal(crew_receive(pair.b, &message, 0), 0);
    check_equal(crew_environment_set("key", message), 0);
    check(message->buffers[0] != NULL);
    crew_message_free(message);
    check_equal(releases, 0);
    check_equal(crew_environment_get("key", &message), 0);
    check_equal(crew_environment_set("key", NULL), 0);
    check_equal(releases, 0);
    crew_message_free(message);
    check_equal(releases, 1);
    close_pair(pair);
}

static void asks_again(void *data, void *arg)
{
    (void)data;
    *(int64_t *)arg = get_tag("key");
}

CREW_TEST(a_release_may_ask_for_environment_data)
{
    static char bytes[1];
    int64_t seen = 0;
    crew_buffer *buffer = NULL;
    crew_message value = {.buffers = &buffer, .buffer_count = 1};

    assert_int_equal(crew_buffer_wrap(&buffer, bytes, 1, asks_again, &seen), 0);
    check_equal(crew_environment_set("key", &value), 0);
    crew_buffer_release(buffer);
    check_equal(set_tag("key", 5), 0);
    check_equal(seen, 5);
    check_equal(crew_environment_set("key", NULL), 0);
}

/* ---- whose ----------------------------------------------------------------- */

static int task_gets(crew_self *self, crew_task *task)
{
    (void)self;
    *(int64_t *)task->data = get_tag("key");
    return 0;
}

static crew_pool *pool;

static int sets_own(crew_self *self, crew_message *message)
{
    int64_t seen = 0;
    crew_task task = {.run = task_gets, .data = &seen};

    (void)self;
    (void)message;
    check_equal(set_tag("key", 2), 0);
    check_equal(crew_submit(pool, &task, NULL), 0);
    check_equal(crew_task_wait(&task, LONG_WAIT), 0);
    check_equal(seen, 1);
    return 0;
}

CREW_TEST(tasks_see_the_programs_environment_data)
{
    check_equal(set_tag("key", 1), 0);
    pool = make_pool(1);
    check_equal(end_worker(start(sets_own, NULL)), 0);
    check_equal(crew_pool_destroy(pool), 0);
    check_equal(get_tag("key"), 1);
    check_equal(crew_environment_set("key", NULL), 0);
}

static void set_and_remove(unsigned index, void *arg)
{
    char key[16];

    (void)arg;
    snprintf(key, sizeof key, "thread %u", index);
    for (unsigned i = 0; i < MANY(20000); i++) {
        check_equal(set_tag(key, i), 0);
        check_equal(get_tag(key), i);
        check_equal(get_tag("common"), 9);
        check_equal(crew_environment_set(key, NULL), 0);
    }
}

CREW_TEST(threads_of_the_program_lose_nothing_of_each_other)
{
    check_equal(set_tag("common", 9), 0);
    test_threads(4, set_and_remove, NULL);
    check_equal(get_tag("common"), 9);
    check_equal(crew_environment_set("common", NULL), 0);
}

/* ---- fork ------------------------------------------------------------------ */

static int in_forked_child(void *arg)
{
    check_equal(get_tag("key"), *(int64_t *)arg);
    check_equal(set_tag("other", 2), 0);
    check_equal(get_tag("other"), 2);
    check_equal(crew_environment_set("other", NULL), 0);
    check_equal(crew_environment_set("key", NULL), 0);
    check_equal(get_tag("key"), -ENOENT);
    return 0;
}

static int forks(crew_self *self, crew_message *message)
{
    int64_t expected = 4;

    (void)message;
    check_equal(set_tag("key", 4), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    check_equal(test_in_child(in_forked_child, &expected), 0);
    check_equal(get_tag("key"), 4);
    return 0;
}

CREW_TEST(a_forked_child_has_the_environment_data_that_was_there)
{
    int64_t expected = 3;
    crew_worker *worker;

    check_equal(set_tag("key", 3), 0);
    check_equal(test_in_child(in_forked_child, &expected), 0);
    check_equal(get_tag("key"), 3);
    worker = start(forks, NULL);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(end_worker(worker), 0);
    check_equal(crew_environment_set("key", NULL), 0);
}

/* ---- NE2 ------------------------------------------------------------------- */

static int looks_at_process(crew_self *self, crew_message *message)
{
    const char *value = getenv("CREW_TEST_NE2");

    (void)self;
    (void)message;
    check(value && strcmp(value, "of the process") == 0);
    check_equal(get_tag("CREW_TEST_NE2"), 1);
    check_equal(set_tag("CREW_TEST_NE2", 2), 0);
    return 0;
}

CREW_TEST(NE2_the_environment_of_the_process_is_left_alone)
{
    check_equal(setenv("CREW_TEST_NE2", "of the process", 1), 0);
    check_equal(get_tag("CREW_TEST_NE2"), -ENOENT);
    check_equal(set_tag("CREW_TEST_NE2", 1), 0);
    check_equal(end_worker(start(looks_at_process, NULL)), 0);
    check_equal(strcmp(getenv("CREW_TEST_NE2"), "of the process"), 0);
    check_equal(crew_environment_set("CREW_TEST_NE2", NULL), 0);
    check_equal(strcmp(getenv("CREW_TEST_NE2"), "of the process"), 0);
}

/* ---- NE3 ------------------------------------------------------------------- */

static mode_t current_umask(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return mask;
}

static int changes_the_process(crew_self *self, crew_message *message)
{
    (void)self;
    (void)message;
    check_equal(chdir("/"), 0);
    umask(0123);
    return 0;
}

/* Documented, as nothing can forbid it: a worker is a thread. */
CREW_TEST(NE3_what_belongs_to_the_process_a_worker_changes_for_all)
{
    char path[4096] = "";
    mode_t before = umask(0456);

    check_equal(end_worker(start(changes_the_process, NULL)), 0);
    check_equal(current_umask(), 0123);
    check(getcwd(path, sizeof path) && strcmp(path, "/") == 0);
    umask(before);
}

/* ---- NE5 ------------------------------------------------------------------- */

static pthread_t handled_by;
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled_by = pthread_self();
    handled++;
}

static int looks_at_its_mask(crew_self *self, crew_message *message)
{
    sigset_t mask;

    (void)message;
    check_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    check_equal(sigismember(&mask, SIGINT), 1);
    check_equal(sigismember(&mask, SIGTERM), 1);
    check_equal(sigismember(&mask, SIGUSR1), 1);
    check_equal(sigismember(&mask, SIGALRM), 1);
    check_equal(post_tag(crew_self_port(self), 0), 0);
    check_equal(receive_tag(crew_self_port(self), LONG_WAIT), 0);
    return 0;
}

CREW_TEST(NE5_signals_are_handled_by_the_programs_threads)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    crew_worker *worker = start(looks_at_its_mask, NULL);

    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 0);
    check_equal(sigaction(SIGUSR1, &action, &before), 0);
    for (int i = 0; i < 100; i++)
        kill(getpid(), SIGUSR1); /* has come when it returns */
    check_equal(handled, 100);
    check(pthread_equal(handled_by, pthread_self()));
    check_equal(sigaction(SIGUSR1, &before, NULL), 0);
    check_equal(post_tag(crew_worker_port(worker), 0), 0);
    check_equal(end_worker(worker), 0);
}
