/*
 * Posts by id: threads and workers ask workers that handle, refuse, end and are
 * terminated at any moment, and wait for as long as they like. A message is
 * either handled, once, or still the sender's with all that was in it; who is
 * told of an answer has that answer.
 */
#include "job.h"

#include <crew/worker.h>

#define WORKERS 2u
#define ASKERS  2u
#define EACH    8u
#define MOST    ((ASKERS + WORKERS) * EACH)

static struct {
    unsigned handled, finished;
    unsigned released; /* its buffer */
    bool returned;
    int result; /* of the post */
} posts[MOST];

static unsigned count;
static uint64_t ids[WORKERS];

static void count_release(void *data, void *arg)
{
    (void)data;
    ++*(unsigned *)arg;
}

static crew_buffer *make_counted(uint64_t number)
{
    static char byte[1];
    crew_buffer *buffer = NULL;

    sim_check_equal(crew_buffer_wrap(&buffer, byte, 1, count_release,
                                     &posts[number].released),
                    0);
    return buffer;
}

/* ---- asking ------------------------------------------------------------------ */

static crew_ns some_timeout(void)
{
    return sim_chance(3) ? 0 : sim_random_time(CREW_MS);
}

static bool is_answer(uint64_t number, int r, crew_ns timeout)
{
    if (r < 0)
        return posts[number].handled == 0;
    if (r == 1) /* it has been given to the handler, which is about to run */
        return timeout != 0;
    return timeout == 0 || posts[number].finished == 1;
}

/* What was refused is the sender's: the buffer's last reference, and a port
 * that still works. */
static void take_back(uint64_t number, crew_buffer *buffer, crew_port *a,
                      crew_port *b)
{
    crew_message message = {.tag = 9};
    crew_message *back = NULL;

    sim_check_equal(posts[number].released, 0);
    crew_buffer_release(buffer);
    sim_check_equal(posts[number].released, 1);
    sim_check_equal(crew_post(a, &message), 0);
    sim_check_equal(crew_receive(b, &back, 0), 0);
    sim_check_equal(back->tag, 9);
    crew_message_free(back);
    crew_port_close(b);
}

static crew_inbox *listen_at(crew_port *port)
{
    static const crew_listener deaf;
    crew_inbox *inbox = NULL;

    sim_check_equal(crew_inbox_create(&inbox, NULL), 0);
    sim_check_equal(crew_listen(port, inbox, &deaf), 0);
    return inbox;
}

/* -ECANCELED: the caller was terminated. */
static int ask(uint64_t id)
{
    uint64_t number = count++;
    crew_buffer *buffer = make_counted(number);
    crew_ns timeout = some_timeout();
    crew_inbox *inbox = NULL;
    int answer = -1;
    crew_port *a, *b;
    crew_message message = {.buffers = &buffer,
                            .buffer_count = 1,
                            .ports = &b,
                            .port_count = 1,
                            .tag = number};
    int r;

    sim_check_equal(crew_channel_create(&a, &b, NULL), 0);
    if (sim_chance(2))
        inbox = listen_at(b);
    r = crew_worker_post(id, &message, timeout ? &answer : NULL, timeout);
    sim_check(r == 0 || r == -ESRCH || r == -ENOTCONN ||
              (timeout && (r == 1 || r == -ETIMEDOUT || r == -ECANCELED)));
    sim_check(is_answer(number, r, timeout));
    sim_check_equal(answer, timeout && r == 0 ? (int)number + 7 : -1);
    posts[number].returned = true;
    posts[number].result = r;
    if (r < 0)
        sim_check_equal(crew_listen(b, NULL, NULL), 0);
    sim_check_equal(crew_inbox_destroy(inbox), 0); /* it listens no more */
    if (r < 0)
        take_back(number, buffer, a, b);
    crew_port_close(a);
    return r;
}

static void ask_each(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < EACH; i++) {
        sim_check(ask(ids[sim_random(WORKERS)]) != -ECANCELED);
        if (sim_chance(4))
            sim_work(sim_random_time(CREW_MS));
    }
}

/* ---- handling ---------------------------------------------------------------- */

static struct handler {
    uint64_t other; /* 0: none */
    unsigned asks;
    bool is_over; /* its main has returned */
} handlers[WORKERS];

static int handle(uint64_t from, crew_message *message, void *arg)
{
    struct handler *me = arg;
    uint64_t number = message->tag;

    (void)from;
    sim_check(!me->is_over);
    sim_check(number < count);
    sim_check_equal(posts[number].handled, 0);
    sim_check(!posts[number].returned || posts[number].result >= 0);
    sim_check_equal(message->buffer_count, 1);
    sim_check_equal(message->port_count, 1);
    posts[number].handled++;
    if (sim_chance(2))
        sim_work(sim_random_time(CREW_MS));
    if (me->asks > 0 && me->other && sim_chance(2)) {
        me->asks--;
        ask(me->other);
    }
    posts[number].finished++;
    return (int)number + 7;
}

static int be_handler(crew_self *self, crew_message *start)
{
    struct handler *me = &handlers[start->tag];
    crew_inbox *inbox = crew_self_inbox(self);
    int r = 0;

    for (uint64_t turns = sim_random(20); turns > 0 && r != -ECANCELED;
         turns--) {
        if (sim_chance(3))
            sim_check_equal(
                crew_self_on_post(self, sim_chance(4) ? NULL : handle, me), 0);
        r = crew_inbox_wait(inbox, sim_random_time(CREW_MS));
        sim_check(r > 0 || r == -ETIMEDOUT || r == -ECANCELED);
    }
    me->is_over = true;
    return 0;
}

static void anybody_asks_anybody(void *arg)
{
    crew_worker *workers[WORKERS];
    struct sim_thread *threads[ASKERS];

    (void)arg;
    memset(posts, 0, sizeof posts);
    count = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        crew_message start = {.tag = i};
        crew_worker_options options = {.start = &start};

        handlers[i] = (struct handler){.other = i > 0 ? ids[i - 1] : 0,
                                       .asks = EACH};
        sim_check_equal(crew_worker_start(&workers[i], be_handler, &options),
                        0);
        ids[i] = crew_worker_id(workers[i]);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        threads[i] = sim_spawn("asker", ask_each, NULL);
    for (unsigned i = 0; i < WORKERS; i++) {
        if (sim_chance(2)) {
            sim_work(sim_random_time(CREW_MS));
            crew_worker_terminate(workers[i]);
        }
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        sim_check_equal(crew_worker_wait(workers[i], NULL, CREW_FOREVER), 0);
        sim_check_equal(crew_worker_destroy(workers[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        sim_join(threads[i]);
    for (unsigned i = 0; i < count; i++)
        sim_check(posts[i].handled == posts[i].finished &&
                  posts[i].released == 1 &&
                  (posts[i].result >= 0 || posts[i].handled == 0));
}

const struct scenario post_scenarios[] = {
    {.name = "post.anybody",
     .main_fiber = anybody_asks_anybody,
     .seeds = 10000,
     .reaches = REACHES(POST_REFUSED) | REACHES(POST_TAKEN_BACK) |
                REACHES(POST_LEFT)},
    {.name = NULL},
};
