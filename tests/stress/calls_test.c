/*
 * Calls that are made, canceled and whose handles go at every moment: each
 * ends once, with what it carried released, and nobody touches one that is
 * gone.
 */
#include "base/mark.h"

#include "../acceptance/calls.h"
#include "scale.h"

#include <sched.h>
#include <stdlib.h>

#define MOST_NS (SCALED(4 * CREW_S) + CREW_S)

enum { THREADS = 8, DISPATCHERS = 2, HANDLES = 16 };

struct field {
    crew_pool *pool;
    crew_inbox *inboxes[DISPATCHERS];
    int64_t end;
    /* By several threads. */
    unsigned made, refused, ran, ended, canceled, expired, told;
    unsigned left, releases;
};

static void add(unsigned *count, unsigned n)
{
    __atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

/* A plain word in a buffer: what run writes is seen at the end. */
static int play_call(crew_self *self, crew_message *in, crew_message *out)
{
    struct field *field = (struct field *)(uintptr_t)in->tag;
    unsigned kind = *(const unsigned char *)in->bytes;
    int r;

    add(&field->ran, 1);
    check_equal(in->buffer_count, 1);
    *(unsigned *)crew_buffer_data(in->buffers[0]) += 1;
    if (kind & 1) {
        check_equal(crew_message_add_buffer(out, in->buffers[0]), 0);
        in->buffers[0] = NULL;
    }
    if (kind & 2)
        check_equal(crew_message_set(out, in->bytes, kind), 0);
    if (kind & 4) {
        r = crew_sleep(self, kind * CREW_US);
        return r ? r : crew_self_canceled(self);
    }
    return kind & 8 ? crew_self_fail(self, -EIO, "as was asked for") : 0;
}

static void end_call(const crew_result *result, void *arg)
{
    struct field *field = arg;

    add(&field->ended, 1);
    add(&field->canceled, result->status == -ECANCELED);
    add(&field->expired, result->status == -ETIMEDOUT);
    add(&field->told, result->text != NULL);
    check_equal(result->status == -EIO, result->text != NULL);
    if (result->out->buffer_count > 0)
        check_equal(*(unsigned *)crew_buffer_data(result->out->buffers[0]), 1);
}

static void free_word(void *data, void *arg)
{
    add(arg, 1);
    free(data);
}

static void make_call(struct field *field, struct test_random *random,
                      crew_call_handle **handle)
{
    static const crew_callable callable = {"stress/call", play_call};
    unsigned char bytes[64] = {(unsigned char)test_random_below(random, 64)};
    unsigned *word = calloc(1, sizeof *word);
    crew_buffer *buffer = NULL;
    crew_message in = {bytes, sizeof bytes,     &buffer, 1, NULL,
                       0,     (uintptr_t)field, {0}};
    crew_call_options options = {
        .priority = (crew_priority)test_random_below(random, 3),
        .queue_timeout = test_random_below(random, 8) ? 0 : 100 * CREW_US,
        .run_timeout = test_random_below(random, 8) ? 0 : 10 * CREW_US};
    crew_inbox *inbox = field->inboxes[test_random_below(random, DISPATCHERS)];

    check_equal(crew_buffer_wrap(&buffer, word, sizeof *word, free_word,
                                 &field->releases),
                0);
    add(&field->made, 1);
    if (crew_call(handle, field->pool, &callable, &in, &options, inbox,
                  end_call, field) == 0)
        return;
    crew_buffer_release(buffer); /* no room */
    add(&field->refused, 1);
    sched_yield();
}

static void call_around(unsigned me, struct field *field)
{
    crew_call_handle *handles[HANDLES] = {NULL};
    struct test_random random;

    test_random_init(&random, me);
    while (test_now() < field->end && test_failures() == 0) {
        crew_call_handle **handle =
            &handles[test_random_below(&random, HANDLES)];

        if (!*handle) {
            make_call(field, &random,
                      test_random_below(&random, 4) ? handle : NULL);
        } else if (test_random_below(&random, 3)) {
            int r = crew_call_cancel(*handle);

            check(r == 0 || r == 1 || r == -EALREADY);
        } else {
            crew_call_destroy(*handle);
            *handle = NULL;
        }
    }
    for (unsigned i = 0; i < HANDLES; i++)
        crew_call_destroy(handles[i]);
    add(&field->left, 1);
}

static void work_or_dispatch(unsigned me, void *arg)
{
    struct field *field = arg;

    if (me >= DISPATCHERS) {
        call_around(me, field);
        return;
    }
    while (read_count(&field->left) < THREADS - DISPATCHERS ||
           crew_inbox_pending(field->inboxes[me]) > 0) {
        int r = crew_inbox_wait(field->inboxes[me], CREW_MS);

        check(r >= 0 || r == -ETIMEDOUT);
    }
}

CREW_TEST(calls_cancels_and_handles_meet)
{
    static struct field field;
    crew_pool_options options = {.workers = 2, .queue_limit = 100};

    assert_int_equal(crew_pool_create(&field.pool, &options), 0);
    for (unsigned i = 0; i < DISPATCHERS; i++)
        field.inboxes[i] = make_inbox();
    field.end = test_now() + MOST_NS;
    test_threads(THREADS, work_or_dispatch, &field);
    printf(
        "measured: %u calls, %u refused, %u ran, %u canceled, %u expired, %u texts\n",
        field.made, field.refused, field.ran, field.canceled, field.expired,
        field.told);
    check_equal(field.ended, field.made - field.refused);
    check_equal(field.releases, field.made);
    check_at_least(field.ran, 1);
    check_at_least(field.canceled, 1);
    check_at_least(field.told, 1);
    end_all(field.pool, NULL, NULL);
    for (unsigned i = 0; i < DISPATCHERS; i++)
        end_all(NULL, NULL, field.inboxes[i]);
    check_marked(CREW__MARK_CANCEL_QUEUED);
    check_marked(CREW__MARK_CANCEL_RUNNING);
    check_marked(CREW__MARK_CANCEL_LATE);
}

/* ---- one handle, everybody's --------------------------------------------- */

struct shared {
    pthread_barrier_t together;
    crew_pool *pool;
    crew_inbox *inbox;
    crew_call_handle *handle;
    bool over;
    int64_t end;
    unsigned rounds, ended, zeros;
    int status;
};

static int run_shortly(crew_self *self, crew_message *in, crew_message *out)
{
    (void)in;
    (void)out;
    return crew_self_canceled(self);
}

static void note_shared(const crew_result *result, void *arg)
{
    struct shared *shared = arg;

    shared->ended++;
    shared->status = result->status;
    if (shared->rounds & 1) /* while others cancel it */
        check_equal(crew_call_cancel(shared->handle), -EALREADY);
}

static void begin_shared(struct shared *shared)
{
    static const crew_callable callable = {"stress/shared", run_shortly};

    shared->over = test_now() > shared->end || test_failures() > 0;
    if (shared->over)
        return;
    shared->rounds++;
    shared->zeros = 0;
    check_equal(crew_call(&shared->handle, shared->pool, &callable, NULL, NULL,
                          shared->inbox, note_shared, shared),
                0);
}

static void cancel_together(unsigned me, void *arg)
{
    struct shared *shared = arg;

    for (;;) {
        if (me == 0)
            begin_shared(shared);
        pthread_barrier_wait(&shared->together);
        if (shared->over)
            return;
        if (me == 0) {
            check_equal(crew_inbox_run(shared->inbox), 1);
        } else {
            int r = crew_call_cancel(shared->handle);

            check(r == 0 || r == 1 || r == -EALREADY);
            add(&shared->zeros, r == 0);
        }
        pthread_barrier_wait(&shared->together);
        if (me == 0) {
            check_at_most(shared->zeros, 1);
            if (shared->zeros)
                check_equal(shared->status, -ECANCELED);
            crew_call_destroy(shared->handle);
        }
    }
}

CREW_TEST(one_of_many_cancels_wins)
{
    static struct shared shared;

    shared.pool = make_pool(1);
    shared.inbox = make_inbox();
    shared.end = test_now() + MOST_NS / 2;
    pthread_barrier_init(&shared.together, NULL, THREADS);
    test_threads(THREADS, cancel_together, &shared);
    pthread_barrier_destroy(&shared.together);
    printf("measured: %u rounds\n", shared.rounds);
    check_equal(shared.ended, shared.rounds);
    end_all(shared.pool, NULL, shared.inbox);
}
