/* What crew answers to the rows of ports.c that are about one thread. */
#include "ports.h"

#include <crew/crew.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- ports that hear nothing --------------------------------------------- */

#define IDLE 10000

/* Bytes of anonymous memory that are resident. */
static int64_t resident(void)
{
    FILE *maps = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kib = 0;

    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "Anonymous: %ld kB", &kib) == 1)
            break;
    }
    if (maps)
        fclose(maps);
    return (int64_t)kib * 1024;
}

static void open_and_listen(crew_port **pair, crew_inbox *inbox)
{
    const crew_listener listener = {.on_message = NULL};

    lab_must(crew_channel_create(&pair[0], &pair[1], NULL), "channel");
    lab_must(crew_listen(pair[0], inbox, &listener), "listen");
    lab_must(crew_listen(pair[1], inbox, &listener), "listen");
}

/* Both ends of each channel listen on one inbox. */
void ports_measure_idle(crew_bench *b)
{
    size_t count = lab_scaled(IDLE, 1000);
    crew_port **ports = lab_memory(count * sizeof *ports);
    crew_inbox *inbox;
    int64_t bytes = 0;

    lab_must(crew_inbox_create(&inbox, NULL), "inbox");
    resident(); /* stdio has its buffer now */
    for (int64_t n = bench_count(b); n; n--) {
        bytes = resident();
        for (size_t i = 0; i < count; i += 2)
            open_and_listen(&ports[i], inbox);
        bytes = resident() - bytes;
        for (size_t i = 0; i < count; i++)
            crew_port_close(ports[i]);
        crew_inbox_run(inbox);
    }
    bench_end(b);
    lab_must(crew_inbox_destroy(inbox), "inbox");
    free(ports);
    bench_set(b, "bytes", (double)bytes / (double)count);
    bench_time(b, 1);
}

/* ---- one post to many ---------------------------------------------------- */

#define MEMBERS 64
#define ROUNDS  2000

static crew_port *from[MEMBERS], *to[MEMBERS];

static void empty(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crew_message *message;

        while (crew_receive(to[i], &message, 0) == 0)
            crew_message_free(message);
    }
}

static void measure(crew_bench *b, void (*post)(void), size_t receivers)
{
    size_t rounds = lab_scaled(ROUNDS, 5);
    struct lab_times times;

    lab_times_init(&times, rounds);
    for (size_t i = 0; i < rounds / 10; i++) {
        post();
        empty(receivers);
    }
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < rounds; i++) {
            int64_t begin = lab_now();

            post();
            lab_times_add(&times, lab_now() - begin);
            empty(receivers);
        }
    }
    bench_end(b);
    lab_times_report(&times, b, 1, 1);
    lab_times_fini(&times);
}

static void post_once(void)
{
    uint64_t word = 1;
    crew_message message = {.bytes = &word, .size = sizeof word};

    lab_must(crew_post(from[0], &message), "post");
}

static void post_to_each(void)
{
    crew_message message = {.size = 0};

    for (size_t i = 0; i < MEMBERS; i++)
        lab_must(crew_post(from[i], &message), "post");
}

static void post_to_same(void)
{
    crew_message message = {.size = 0};

    for (size_t i = 0; i < MEMBERS; i++)
        lab_must(crew_post(from[0], &message), "post");
}

void ports_measure_hub(crew_bench *b)
{
    lab_must(crew_hub_join(&from[0], "bench", NULL), "hub");
    for (size_t i = 0; i < MEMBERS; i++)
        lab_must(crew_hub_join(&to[i], "bench", NULL), "hub");
    measure(b, post_once, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++)
        crew_port_close(to[i]);
    crew_port_close(from[0]);
}

static void measure_channels(crew_bench *b, size_t count, void (*post)(void))
{
    for (size_t i = 0; i < count; i++)
        lab_must(crew_channel_create(&from[i], &to[i], NULL), "channel");
    measure(b, post, count);
    for (size_t i = 0; i < count; i++) {
        crew_port_close(from[i]);
        crew_port_close(to[i]);
    }
}

void ports_measure_posts(crew_bench *b)
{
    measure_channels(b, MEMBERS, post_to_each);
}

void ports_measure_same(crew_bench *b)
{
    measure_channels(b, 1, post_to_same);
}
