/*
 * From the call that starts a worker until its first message, 8 bytes, has been
 * taken by who started it, in us. Its end is waited for in between and not
 * measured. The floor starts a thread and waits for a semaphore.
 */
#include "worker.h"

#include <crew/crew.h>

#include <errno.h>

/* ---- what is measured ---------------------------------------------------- */

void worker_measure(crew_bench *b)
{
    const struct worker_contender *who = bench_data(b);
    size_t count = lab_scaled(1000, 3);
    struct lab_times times;

    lab_times_init(&times, count);
    lab_pin(0);
    for (unsigned i = 0; i < 3; i++) { /* what is made once */
        who->first();
        who->end();
    }
    for (int64_t n = bench_count(b); n; n--) {
        for (size_t i = 0; i < count; i++) {
            int64_t begin = lab_now();
            uint64_t word = who->first();

            lab_times_add(&times, lab_now() - begin);
            lab_must(word == WORKER_WORD ? 0 : -EBADMSG, "word");
            who->end();
        }
    }
    bench_end(b);
    lab_unpin();
    lab_times_report(&times, b, 1000, 1);
    lab_times_fini(&times);
}

/* ---- crew ---------------------------------------------------------------- */

static crew_worker *worker;

static int say_word(crew_self *self, crew_message *start)
{
    uint64_t word = WORKER_WORD;
    crew_message message = {.bytes = &word, .size = sizeof word};

    (void)start;
    return crew_post(crew_self_port(self), &message);
}

static uint64_t first(void)
{
    crew_message *message;
    uint64_t word;

    lab_must(crew_worker_start(&worker, say_word, NULL), "worker");
    lab_must(crew_receive(crew_worker_port(worker), &message, CREW_FOREVER),
             "message");
    word = *(const uint64_t *)message->bytes;
    crew_message_free(message);
    return word;
}

static void end(void)
{
    lab_must(crew_worker_wait(worker, NULL, CREW_FOREVER), "wait");
    lab_must(crew_worker_destroy(worker), "destroy");
}

static const struct worker_contender crew = {first, end};

const crew_bench_case worker_crew[] = {WORKER_CASE(crew, "crew"),
                                       {.name = NULL}};
