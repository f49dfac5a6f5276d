/*
 * The program's own main loop: epoll over a timer that ticks every
 * millisecond, signals, and a crew inbox. Everything in it is short, and the
 * ticks prove it.
 */
#ifndef THUMBS_LOOP_H
#define THUMBS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <crew/inbox.h>

#include "lateness.h"

struct loop_handlers {
    void (*on_draw)(void *arg);               /* ten times a second */
    void (*on_signal)(int signal, void *arg); /* SIGINT or SIGTERM, the first;
                                                 the second ends the program */
    void *arg;
};

struct loop {
    int epoll_fd, timer_fd, signal_fd;
    crew_inbox *inbox; /* NULL: none */
    struct loop_handlers handlers;
    int64_t next_tick_ns; /* when the next tick is due */
    int64_t next_draw_ns;
    int signal; /* the one that came, or 0 */
    struct lateness lateness;
};

/* Blocks the signals that the loop receives; before any thread is started. */
void loop_block_signals(void);

/* 0 or a negative errno. `inbox` outlives the loop. */
int loop_init(struct loop *loop, crew_inbox *inbox,
              const struct loop_handlers *handlers);
void loop_fini(struct loop *loop);

/*
 * One turn: waits for something (`wait`) or only looks, then handles all ticks,
 * a signal, and a bounded number of completions. 0 or a negative errno.
 */
int loop_turn(struct loop *loop, bool wait);

#endif
