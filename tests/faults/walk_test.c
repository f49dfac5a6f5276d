/*
 * The walk through all fault points: one scenario over everything that can be
 * created, in which the n-th call to the world fails, for n from 1 to the end;
 * each n once, and from there on for ever; then pairs that lie near each other
 * (a failure while recovering from one). Each time: a clean error or a result
 * that makes do without, nothing left behind, and the same calls succeed
 * afterwards.
 */
#include "base/census.h"
#include "base/fault.h"
#include "runtime/cancel.h"

#include "../stress/scale.h"
#include "support.h"

#include <crew/crew.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct scene {
    crew_pool *pool;
    crew_inbox *inbox;
    crew_group *group;
    crew_buffer *buffer;
    crew_buffer *shared;
    crew_buffer *wrapped;
    crew_port *a, *b;          /* a channel */
    crew_port *member, *other; /* of a hub */
    unsigned posted, came, closes;
    crew_port *c, *d; /* d goes along with a worker's start message */
    unsigned onlines, exits;
    unsigned sent, handled; /* posts by id */
    bool began;
    bool listened;
    crew_lock *lock;
    unsigned asked_locks, answers;
    char bytes[16];
    unsigned calls, rooms, dones, pool_calls, results, releases, notifies;
    unsigned hooks;
    bool called, asked, submitted, pool_called, message_called, notified;
    crew_task task;
    crew_task waited;
};

static void on_call(void *arg)
{
    ((struct scene *)arg)->calls++;
}

static void on_room(crew_pool *pool, void *arg)
{
    (void)pool;
    ((struct scene *)arg)->rooms++;
}

static void on_pool_call(crew_self *self, void *arg)
{
    struct scene *scene = arg;

    (void)self;
    __atomic_add_fetch(&scene->pool_calls, 1, __ATOMIC_RELAXED);
}

static void on_release(void *data, void *arg)
{
    struct scene *scene = arg;

    check(data == scene->bytes);
    scene->releases++;
}

static void on_notify(crew_group *group, void *arg)
{
    (void)group;
    ((struct scene *)arg)->notifies++;
}

static int on_start(crew_self *self, void *arg)
{
    struct scene *scene = arg;

    if (!crew_self_scratch(self, 100))
        return -ENOMEM;
    __atomic_add_fetch(&scene->hooks, 1, __ATOMIC_RELAXED);
    return 0;
}

static void on_stop(crew_self *self, void *arg)
{
    struct scene *scene = arg;

    (void)self;
    __atomic_sub_fetch(&scene->hooks, 1, __ATOMIC_RELAXED);
}

static int run_with_scratch(crew_self *self, crew_task *task)
{
    void *large = crew_self_scratch(self, 100000);

    (void)task;
    if (large)
        memset(large, 1, 100000);
    /* Refused or not, the worker is pinned again afterwards. */
    crew_self_unpin(self);
    return large ? 0 : -ENOMEM;
}

static void on_done(crew_task *task)
{
    struct scene *scene = task->data;

    check(task->status == 0 || task->status == -ENOMEM);
    scene->dones++;
}

/* A result too large for the call itself, and a text likewise. */
static int run_call(crew_self *self, crew_message *in, crew_message *out)
{
    static char text[1000];
    crew_port *ports[] = {NULL, NULL};
    int r;

    memset(text, 'x', sizeof text - 1);
    r = crew_message_set(out, text, sizeof text);
    if (r == 0)
        r = crew_channel_create(&ports[0], &ports[1], NULL);
    if (r < 0)
        return crew_self_fail(self, r, text);
    for (unsigned i = 0; i < 2; i++) {
        if (crew_message_add_port(out, ports[i]) < 0)
            crew_port_close(ports[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        r = crew_message_add_buffer(out, in->buffers[i]);
        if (r < 0)
            break;
        in->buffers[i] = NULL;
    }
    return r;
}

static void on_result(const crew_result *result, void *arg)
{
    struct scene *scene = arg;

    check(result->status == 0 || result->status == -ENOMEM);
    check(result->status == -ENOMEM || !result->text);
    scene->results++;
}

/* ---- the scenario --------------------------------------------------------- */

/* Whether the kernel binds memory: asked before anything fails. */
static bool can_bind(void)
{
    static int answer; /* 0: not asked yet */
    static const int node = 0;
    crew_buffer_options options = {.numa_node = &node};
    crew_buffer *buffer = NULL;

    if (answer == 0)
        answer = crew_buffer_create(&buffer, 1, &options) == 0 ? 1 : -1;
    crew_buffer_release(buffer);
    return answer > 0;
}

static int create_all(struct scene *scene)
{
    static const int node = 0;
    crew_buffer_options growing = {.max_size = 1 << 20};
    crew_buffer_options shared = {.max_size = 1 << 20,
                                  .shared = true,
                                  .numa_node = can_bind() ? &node : NULL,
                                  .alignment = 1 << 16};
    crew_pool_options options = {.workers = 2,
                                 .queue_limit = 10,
                                 .on_worker_start = on_start,
                                 .on_worker_stop = on_stop,
                                 .arg = scene};
    int r = crew_inbox_create(&scene->inbox, NULL);

    if (r == 0)
        r = crew_pool_create(&scene->pool, &options);
    if (r == 0)
        r = crew_group_create(&scene->group, NULL);
    if (r == 0)
        r = crew_buffer_create(&scene->buffer, 100, &growing);
    if (r == 0)
        r = crew_buffer_grow(scene->buffer, 1 << 19);
    if (r == 0)
        r = crew_buffer_create(&scene->shared, 100, &shared);
    if (r == 0)
        r = crew_buffer_grow(scene->shared, 1 << 19);
    if (r == 0)
        r = crew_buffer_wrap(&scene->wrapped, scene->bytes, sizeof scene->bytes,
                             on_release, scene);
    return r;
}

/* Submitting itself cannot fail for want of anything. */
static void submit_all(struct scene *scene)
{
    scene->task = (crew_task){.run = run_with_scratch,
                              .done = on_done,
                              .data = scene,
                              .group = scene->group};
    scene->waited = (crew_task){.run = run_with_scratch};
    check_equal(crew_submit(scene->pool, &scene->task, scene->inbox), 0);
    scene->submitted = true;
    check_equal(crew_group_notify(scene->group, scene->inbox, on_notify, scene),
                0);
    scene->notified = true;
    check_equal(crew_submit(scene->pool, &scene->waited, NULL), 0);
    check_equal(crew_task_wait(&scene->waited, CREW_FOREVER), 0);
}

static int call_all(struct scene *scene)
{
    int first = crew_inbox_call(scene->inbox, on_call, scene);
    int second = crew_pool_call(scene->pool, on_pool_call, scene);
    int third = crew_pool_on_room(scene->pool, scene->inbox, on_room, scene);

    scene->called = first == 0;
    scene->pool_called = second == 0;
    scene->asked = third == 0;
    return first ? first : second ? second : third;
}

/* ---- ports ------------------------------------------------------------------ */

static void on_message(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)message;
    ((struct scene *)arg)->came++;
}

static void on_close(crew_port *port, int error, void *arg)
{
    (void)port;
    check_equal(error, 0);
    ((struct scene *)arg)->closes++;
}

static int create_ports(struct scene *scene)
{
    int r = crew_channel_create(&scene->a, &scene->b, NULL);

    if (r == 0)
        r = crew_hub_join(&scene->member, "tests/walk", NULL);
    if (r == 0)
        r = crew_hub_join(&scene->other, "tests/walk", NULL);
    return r;
}

/* What is not posted is still here. */
static int post_on(struct scene *scene, crew_port *port, size_t size)
{
    static const char bytes[1000];
    crew_message message = {.bytes = bytes,
                            .size = size,
                            .buffers = &scene->buffer,
                            .buffer_count = 1};
    int r;

    crew_buffer_retain(scene->buffer);
    r = crew_post(port, &message);
    if (r < 0)
        crew_buffer_release(scene->buffer);
    else
        scene->posted += port == scene->a;
    return r;
}

static int post_all(struct scene *scene)
{
    crew_listener listener = {
        .on_message = on_message, .on_close = on_close, .arg = scene};
    crew_message *message = NULL;
    int first = post_on(scene, scene->a, 10);
    int second = post_on(scene, scene->a, 1000);
    int third = post_on(scene, scene->member, 100);
    int fourth = crew_listen(scene->b, scene->inbox, &listener);

    scene->listened = fourth == 0;
    check_equal(crew_receive(scene->other, &message, 0),
                third == 0 ? 0 : -ETIMEDOUT);
    crew_message_free(message);
    return first ? first : second ? second : third ? third : fourth;
}

static void close_ports(struct scene *scene)
{
    crew_port_close(scene->a);
    if (scene->listened)
        check(crew_inbox_run(scene->inbox) >= 0);
    crew_port_close(scene->b);
    crew_port_close(scene->member);
    crew_port_close(scene->other);
    check_equal(scene->came, scene->listened ? scene->posted : 0);
    check_equal(scene->closes, scene->listened);
}

static int call_with_message(struct scene *scene)
{
    static const crew_callable callable = {"test/walk", run_call};
    crew_buffer *buffers[] = {scene->buffer, scene->shared, scene->wrapped};
    crew_message in = {.buffers = buffers, .buffer_count = 3};
    crew_call_handle *handle = NULL;
    int r;

    for (unsigned i = 0; i < 3; i++)
        crew_buffer_retain(buffers[i]);
    r = crew_call(&handle, scene->pool, &callable, &in, NULL, scene->inbox,
                  on_result, scene);
    scene->message_called = r == 0;
    /* Nothing has moved. */
    for (unsigned i = 0; r < 0 && i < 3; i++)
        crew_buffer_release(buffers[i]);
    crew_call_destroy(handle);
    return r;
}

/* ---- a worker --------------------------------------------------------------- */

/* What the program has set, and a change that goes with the worker. */
static void use_environment(void)
{
    crew_message *found = NULL;
    int r = crew_environment_get("walk", &found);

    check(r == 0 || r == -ENOMEM);
    if (r == 0)
        check_equal(found->buffer_count, 1);
    crew_message_free(found);
    r = crew_environment_set("own", &(crew_message){.tag = 1});
    check(r == 0 || r == -ENOMEM);
    r = crew_environment_set("walk", NULL);
    check(r == 0 || r == -ENOMEM);
}

/* The lock goes with the worker. */
static int work(crew_self *self, crew_message *start)
{
    crew_lock *lock = NULL;
    int r = crew_lock_request(&lock, "tests/walker", NULL);

    (void)self;
    check(r == 0 || r == -ENOMEM);
    check((lock != NULL) == (r == 0));
    check_equal(start->buffer_count, 1);
    check_equal(start->port_count, 1);
    use_environment();
    return 0;
}

static void on_online(crew_worker *worker, void *arg)
{
    (void)worker;
    ((struct scene *)arg)->onlines++;
}

static void on_exit_(crew_worker *worker, const crew_exit *how, void *arg)
{
    check_equal(how->code, 0);
    check_equal(crew_worker_destroy(worker), 0);
    ((struct scene *)arg)->exits++;
}

/* Replaces what is there, if it can. */
static int set_environment(struct scene *scene)
{
    crew_message value = {.bytes = "value",
                          .size = 5,
                          .buffers = &scene->buffer,
                          .buffer_count = 1};
    int first = crew_environment_set("walk", &value);
    int second = crew_environment_set("walk", &value);

    return first ? first : second;
}

/* What did not move is still here, and can be used. */
static int start_worker(struct scene *scene)
{
    crew_listener listener = {.on_message = NULL};
    crew_message start = {.buffers = &scene->buffer,
                          .buffer_count = 1,
                          .ports = &scene->d,
                          .port_count = 1};
    crew_worker_options options = {.placement_list = "0",
                                   .start = &start,
                                   .inbox = scene->inbox,
                                   .listener = &listener,
                                   .on_online = on_online,
                                   .on_exit = on_exit_,
                                   .arg = scene};
    crew_message *none = NULL;
    crew_worker *worker = NULL;
    int r = crew_channel_create(&scene->c, &scene->d, NULL);

    if (r < 0)
        return r;
    crew_buffer_retain(scene->buffer);
    r = crew_worker_start(&worker, work, &options);
    scene->began = r == 0;
    check((worker != NULL) == scene->began);
    if (r < 0) {
        crew_buffer_release(scene->buffer);
        check_equal(crew_receive(scene->d, &none, 0), -ETIMEDOUT);
    } else {
        scene->d = NULL;
    }
    return r;
}

/* ---- posts by id ------------------------------------------------------------ */

static int on_post(uint64_t from, crew_message *message, void *arg)
{
    check_equal(from, 0);
    check_equal(message->buffer_count, 1);
    check_equal(message->port_count, message->tag);
    ++*(unsigned *)arg;
    return 1;
}

/* Until it is terminated. */
static int serve(crew_self *self, crew_message *start)
{
    struct scene *scene = (struct scene *)(uintptr_t)start->tag;
    int r = crew_self_on_post(self, on_post, &scene->handled);

    while (r >= 0)
        r = crew_inbox_wait(crew_self_inbox(self), CREW_FOREVER);
    return r == -ECANCELED ? 0 : r;
}

/* `with_port`: it waits for the answer, and a port goes along. What was not
 * handled is still here. */
static int post_by_id(struct scene *scene, uint64_t id, bool with_port)
{
    crew_message message = {
        .buffers = &scene->buffer, .buffer_count = 1, .tag = with_port};
    crew_port *port = NULL;
    crew_port *other = NULL;
    int answer = 1;
    int r = with_port ? crew_channel_create(&port, &other, NULL) : 0;

    if (r < 0)
        return r;
    message.ports = &port;
    message.port_count = with_port;
    crew_buffer_retain(scene->buffer);
    do /* its handler may be still to come */
        r = crew_worker_post(id, &message, with_port ? &answer : NULL,
                             with_port ? CREW_FOREVER : 0);
    while (r == -ENOTCONN);
    check_equal(answer, 1);
    scene->sent += r == 0;
    if (r < 0) {
        crew_buffer_release(scene->buffer);
        crew_port_close(port);
    }
    crew_port_close(other);
    return r;
}

static int post_by_ids(struct scene *scene)
{
    crew_message start = {.tag = (uintptr_t)scene};
    crew_worker_options options = {.start = &start};
    crew_worker *worker = NULL;
    crew_exit how;
    int r = crew_worker_start(&worker, serve, &options);
    int first, second;

    if (r < 0)
        return r;
    first = post_by_id(scene, crew_worker_id(worker), false);
    second = post_by_id(scene, crew_worker_id(worker), true);
    crew_worker_terminate(worker);
    check_equal(crew_worker_wait(worker, &how, CREW_FOREVER), 0);
    check_equal(crew_worker_destroy(worker), 0);
    /* The one that was not waited for comes before the other. */
    if (second == 0)
        check_equal(scene->handled, scene->sent);
    check(first != -ESRCH || how.code < 0);
    if (how.code < 0) /* it could not open its handler */
        return how.code;
    return first ? first : second;
}

/* ---- named locks ------------------------------------------------------------ */

static void on_granted(crew_lock *lock, int status, void *arg)
{
    check_equal(status, 0);
    crew_lock_release(lock);
    ((struct scene *)arg)->answers++;
}

/* The second waits for the first, whichever that is. */
static int lock_all(struct scene *scene)
{
    crew_lock_options options = {.timeout = 3600 * CREW_S,
                                 .inbox = scene->inbox,
                                 .on_granted = on_granted,
                                 .arg = scene};
    crew_lock *lock = NULL;
    int first = crew_lock_request(&scene->lock, "tests/walk", NULL);
    int second = crew_lock_request(&lock, "tests/walk", &options);
    int third = crew_lock_query(NULL, NULL);

    check((scene->lock != NULL) == (first == 0));
    check((lock != NULL) == (second == 0));
    scene->asked_locks = second == 0;
    if (third >= 0)
        check_equal(third, (first == 0) + (second == 0));
    return first ? first : second ? second : third < 0 ? third : 0;
}

static void ask_all(struct scene *scene)
{
    static char text[4096];
    crew_pool_stats stats;

    check(crew_pool_describe(scene->pool, text, sizeof text) > 0);
    check_equal(crew_pool_get_stats(scene->pool, &stats, sizeof stats), 0);
    crew_pool_worker_cpu(scene->pool, 0);
}

/* Where the wait for two words is refused, a slice will do. */
static void wait_for_word(struct scene *scene)
{
    struct crew__cancel cancel;
    volatile uint32_t *word = crew_buffer_data(scene->shared);

    crew__cancel_init(&cancel);
    crew__cancel_set_current(&cancel);
    check_equal(crew_atomic_wait(word, 0, CREW_MS), -ETIMEDOUT);
    check_equal(crew_atomic_notify(word, 1), 0);
    crew__cancel_set_current(NULL);
}

static void destroy_all(struct scene *scene)
{
    /* To remove the last needs nothing. */
    check_equal(crew_environment_set("walk", NULL), 0);
    crew_lock_release(scene->lock);
    close_ports(scene);
    /* A call that still waits when the pool stops is dropped. */
    if (scene->pool)
        check_equal(crew_pool_drain(scene->pool, CREW_FOREVER), 0);
    if (scene->inbox)
        check(crew_inbox_run(scene->inbox) >= 0);
    crew_port_close(scene->c);
    crew_port_close(scene->d);
    check_equal(scene->onlines, scene->began);
    check_equal(scene->exits, scene->began);
    check_equal(scene->answers, scene->asked_locks);
    crew_buffer_release(scene->buffer);
    crew_buffer_release(scene->shared);
    crew_buffer_release(scene->wrapped);
    check_equal(crew_group_destroy(scene->group), 0);
    check_equal(crew_pool_destroy(scene->pool), 0);
    check_equal(crew_inbox_destroy(scene->inbox), 0);
    /* What began, came; what failed, did not. */
    check_equal(scene->calls, scene->called);
    check_equal(scene->rooms, scene->asked);
    check_equal(scene->pool_calls, scene->pool_called);
    check_equal(scene->results, scene->message_called);
    check_equal(scene->dones, scene->submitted);
    check_equal(scene->notifies, scene->notified);
    check_equal(scene->releases, scene->wrapped != NULL);
    check_equal(scene->hooks, 0);
}

static int play(void)
{
    struct scene scene;
    int r;

    memset(&scene, 0, sizeof scene);
    r = create_all(&scene);
    if (r == 0)
        r = create_ports(&scene);
    if (r == 0)
        r = crew_trace_start(scene.pool, "/dev/null");
    if (r == 0) {
        wait_for_word(&scene);
        submit_all(&scene);
        ask_all(&scene);
        r = call_all(&scene);
    }
    if (r == 0)
        r = post_all(&scene);
    if (r == 0)
        r = call_with_message(&scene);
    if (r == 0)
        r = set_environment(&scene);
    if (r == 0)
        r = post_by_ids(&scene);
    if (r == 0)
        r = lock_all(&scene);
    if (r == 0)
        r = start_worker(&scene);
    if (r == 0)
        r = crew_trace_stop(scene.pool);
    destroy_all(&scene);
    return r;
}

/* ---- the walk ------------------------------------------------------------- */

static bool is_clean(int r)
{
    return r == 0 || r == -ENOMEM || r == -EAGAIN || r == -EMFILE ||
           r == -ENOSPC; /* of the trace */
}

static bool same_threads(void *arg)
{
    return test_thread_count() == *(unsigned *)arg;
}

struct walk {
    unsigned threads, descriptors, errors;
};

static void begin(struct walk *walk)
{
    check_equal(play(), 0);
    *walk = (struct walk){test_thread_count(), test_descriptor_count(), 0};
}

/* Plays once with what is armed; how many points failed. */
static unsigned step(struct walk *walk, unsigned n, const char *how)
{
    unsigned before = test_failures();
    unsigned failed;
    int r = play();

    failed = crew__fault_failed();
    crew__fault_arm(0, false);
    walk->errors += r < 0;
    check(is_clean(r));
    check_equal(crew__census_live(1), 0);
    check_equal(test_descriptor_count(), walk->descriptors);
    test_poll(same_threads, &walk->threads, 5 * CREW_S);
    check_equal(play(), 0);
    if (test_failures() > before)
        printf("point %u, %s: result %d\n", n, how, r);
    return failed;
}

static void tell(const struct walk *walk, unsigned last)
{
    printf("%u points, %u errors\n", last, walk->errors);
    check_at_least(last, 10);
    check_at_least(walk->errors, 10);
}

CREW_TEST(each_point_fails_once)
{
    struct walk walk;
    unsigned n = 0;

    begin(&walk);
    do
        crew__fault_arm(++n, false);
    while (step(&walk, n, "once") > 0);
    tell(&walk, n - 1);
}

CREW_TEST(each_point_fails_and_all_after_it)
{
    struct walk walk;
    unsigned n = 0;

    begin(&walk);
    do
        crew__fault_arm(++n, true);
    while (step(&walk, n, "for ever") > 0);
    tell(&walk, n - 1);
}

CREW_TEST(near_pairs_fail)
{
#if defined(UNDER_TSAN) || defined(UNDER_ASAN)
    enum { GAPS = 1 };
#else
    enum { GAPS = 4 };
#endif
    struct walk walk;
    unsigned n = 0;
    unsigned failed;

    begin(&walk);
    do {
        n++;
        for (unsigned gap = 1; gap <= GAPS; gap++) {
            crew__fault_arm_pair(n, gap);
            failed = step(&walk, n, "pair");
        }
    } while (failed > 0);
    tell(&walk, n - 1);
}
