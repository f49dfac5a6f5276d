#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS CREW_MS
#define DRAW_NS (100 * CREW_MS)

enum { COMPLETIONS_PER_TURN = 16 };

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CREW_S + now.tv_nsec;
}

static void signals_of_loop(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
}

void loop_block_signals(void)
{
    sigset_t signals;

    signals_of_loop(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int watch(struct loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    return 0;
}

/* Ticks are due at fixed moments, however late the loop comes to them. */
static int start_ticks(struct loop *loop)
{
    const int64_t first = now_ns() + TICK_NS;
    struct itimerspec ticks = {0};

    loop->next_tick_ns = first;
    loop->next_draw_ns = first;
    ticks.it_value.tv_sec = first / CREW_S;
    ticks.it_value.tv_nsec = first % CREW_S;
    ticks.it_interval.tv_nsec = TICK_NS;
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &ticks, NULL) < 0)
        return -errno;
    return 0;
}

int loop_init(struct loop *loop, crew_inbox *inbox,
              const struct loop_handlers *handlers)
{
    sigset_t signals;
    int r;

    memset(loop, 0, sizeof *loop);
    loop->inbox = inbox;
    loop->handlers = *handlers;
    signals_of_loop(&signals);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC,
                                    TFD_CLOEXEC | TFD_NONBLOCK);
    loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->signal_fd < 0) {
        r = -errno;
        goto fail;
    }
    r = watch(loop, loop->timer_fd);
    if (r == 0)
        r = watch(loop, loop->signal_fd);
    if (r == 0 && inbox)
        r = watch(loop, crew_inbox_fd(inbox));
    if (r == 0)
        r = start_ticks(loop);
    if (r < 0)
        goto fail;
    return 0;

fail:
    loop_fini(loop);
    return r;
}

void loop_fini(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
}

static void take_ticks(struct loop *loop)
{
    const int64_t now = now_ns();
    uint64_t due;

    if (read(loop->timer_fd, &due, sizeof due) != sizeof due)
        return;
    for (; due > 0; due--) {
        lateness_add(&loop->lateness, now - loop->next_tick_ns);
        loop->next_tick_ns += TICK_NS;
    }
    if (now >= loop->next_draw_ns) {
        loop->next_draw_ns = now + DRAW_NS;
        loop->handlers.on_draw(loop->handlers.arg);
    }
}

static void take_signal(struct loop *loop)
{
    struct signalfd_siginfo info;
    int signal;

    if (read(loop->signal_fd, &info, sizeof info) != sizeof info)
        return;
    signal = (int)info.ssi_signo;
    if (loop->signal != 0)
        _exit(128 + signal);
    loop->signal = signal;
    loop->handlers.on_signal(signal, loop->handlers.arg);
}

int loop_turn(struct loop *loop, bool wait)
{
    struct epoll_event events[3];
    int i, n, r;

    n = epoll_wait(loop->epoll_fd, events, 3, wait ? -1 : 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (i = 0; i < n; i++) {
        if (events[i].data.fd == loop->timer_fd) {
            take_ticks(loop);
        } else if (events[i].data.fd == loop->signal_fd) {
            take_signal(loop);
        } else {
            r = crew_inbox_dispatch(loop->inbox, COMPLETIONS_PER_TURN);
            if (r < 0)
                return r;
        }
    }
    return 0;
}
