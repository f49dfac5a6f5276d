/* What crew answers to the rows of ports.c that go there and back. */
#include "ports.h"

#include <crew/crew.h>

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

static crew_port *here, *there;
static pthread_t thread;

/* ---- both awake ---------------------------------------------------------- */

#define LARGE ((size_t)1 << 20)

static uint64_t word;
static crew_buffer *buffer;
static crew_message ping; /* what goes there and comes back */

/* Posts back what comes: its buffers move. */
static void *echo(void *unused)
{
    crew_message *message;

    lab_pin(1);
    while (crew_receive(there, &message, CREW_FOREVER) == 0) {
        lab_must(crew_post(there, message), "post");
        crew_message_free(message);
    }
    return unused;
}

static void start(crew_message message)
{
    ping = message;
    lab_must(crew_channel_create(&here, &there, NULL), "channel");
    lab_must(-pthread_create(&thread, NULL, echo, NULL), "thread");
    lab_pin(0);
}

static void start_word(void)
{
    start((crew_message){.bytes = &word, .size = sizeof word});
}

static void start_empty(void)
{
    start((crew_message){.size = 0});
}

static void start_buffer(void)
{
    lab_must(crew_buffer_create(&buffer, LARGE, NULL), "buffer");
    start((crew_message){.buffers = &buffer, .buffer_count = 1});
}

static void run(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crew_message *message;

        lab_must(crew_post(here, &ping), "post");
        lab_must(crew_receive(here, &message, CREW_FOREVER), "receive");
        if (message->buffer_count) {
            buffer = message->buffers[0];
            message->buffers[0] = NULL;
        }
        crew_message_free(message);
    }
}

static void stop(void)
{
    crew_port_close(here);
    pthread_join(thread, NULL);
    crew_port_close(there);
    crew_buffer_release(buffer);
    buffer = NULL;
    lab_unpin();
}

const struct wait_contender ping_crew = {start_word, run, stop};
const struct wait_contender ping_empty = {start_empty, run, stop};
const struct wait_contender ping_buffer = {start_buffer, run, stop};

/* ---- both asleep in their loops ------------------------------------------ */

/* A thread's inbox, and what it sleeps in. */
struct loop {
    crew_inbox *inbox;
    int epoll;
    bool told; /* a message came; over there: the end of them */
};

static struct loop near, far;

static void loop_init(struct loop *loop)
{
    struct epoll_event wish = {.events = EPOLLIN};

    loop->told = false;
    lab_must(crew_inbox_create(&loop->inbox, NULL), "inbox");
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD,
                                     crew_inbox_fd(loop->inbox), &wish))
        lab_must(-errno, "epoll");
}

static void loop_turn_until_told(struct loop *loop)
{
    while (!loop->told) {
        struct epoll_event event;

        epoll_wait(loop->epoll, &event, 1, -1);
        crew_inbox_dispatch(loop->inbox, 0);
    }
}

static void loop_fini(struct loop *loop)
{
    lab_must(crew_inbox_destroy(loop->inbox), "inbox");
    close(loop->epoll);
}

static void note(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)message;
    ((struct loop *)arg)->told = true;
}

static void note_close(crew_port *port, int error, void *arg)
{
    (void)port;
    (void)error;
    ((struct loop *)arg)->told = true;
}

static void answer(crew_port *port, crew_message *message, void *arg)
{
    (void)arg;
    lab_must(crew_post(port, message), "post");
}

static bool pinned;

static void *turn_far(void *unused)
{
    const crew_listener listener = {
        .on_message = answer, .on_close = note_close, .arg = &far};

    if (pinned)
        lab_pin(1);
    loop_init(&far);
    lab_must(crew_listen(there, far.inbox, &listener), "listen");
    loop_turn_until_told(&far);
    crew_port_close(there);
    loop_fini(&far);
    return unused;
}

static void start_loops(const struct trips *trips)
{
    const crew_listener listener = {.on_message = note, .arg = &near};

    (void)trips;
    lab_must(crew_channel_create(&here, &there, NULL), "channel");
    loop_init(&near);
    lab_must(crew_listen(here, near.inbox, &listener), "listen");
    lab_must(-pthread_create(&thread, NULL, turn_far, NULL), "thread");
    if (pinned)
        lab_pin(0);
}

static void start_pinned(const struct trips *trips)
{
    pinned = true;
    start_loops(trips);
}

static void run_loops(const struct trips *trips, struct lab_times *times)
{
    crew_message message = {.bytes = &word, .size = sizeof word};

    for (size_t i = 0; i < trips->count; i++) {
        int64_t begin = trip_begin(trips);

        near.told = false;
        lab_must(crew_post(here, &message), "post");
        loop_turn_until_told(&near);
        lab_times_add(times, lab_now() - begin);
    }
}

static void stop_loops(void)
{
    crew_port_close(here);
    pthread_join(thread, NULL);
    crew_inbox_run(near.inbox); /* until the port has told its end */
    loop_fini(&near);
    lab_unpin();
    pinned = false;
}

const struct trip_contender ping_loops = {start_pinned, run_loops, stop_loops};
const struct trip_contender ping_free = {start_loops, run_loops, stop_loops};
