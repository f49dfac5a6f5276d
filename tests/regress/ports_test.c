/*
 * A listening port was closed by another thread just when its inbox was about
 * to say that the other end was closed: the handle stayed for ever. Here that
 * thread comes whenever the inbox's gives up a lock.
 */
#include "support.h"

#include "os/os.h"

#include <crew/crew.h>

#include <sched.h>

static crew_port *port;
static unsigned unlocks; /* by the inbox's thread, inside its dispatch */
static unsigned close_at;
static unsigned closes;
static pthread_t closer;
static bool has_begun; /* its first unlock: the port is closed */
static _Thread_local bool is_closer;

void __real_crew__unlock(struct crew__lock *lock);
void __wrap_crew__unlock(struct crew__lock *lock);

static void *close_port(void *arg)
{
    is_closer = true;
    crew_port_close(port);
    return arg;
}

/* Until it has begun; it may have to wait for this thread to end. */
static void begin_close(void)
{
    check_equal(pthread_create(&closer, NULL, close_port, NULL), 0);
    while (!__atomic_load_n(&has_begun, __ATOMIC_ACQUIRE))
        sched_yield();
}

/* Linked in the place of the genuine one (tests/CMakeLists.txt). */
void __wrap_crew__unlock(struct crew__lock *lock)
{
    __real_crew__unlock(lock);
    if (is_closer) {
        __atomic_store_n(&has_begun, true, __ATOMIC_RELEASE);
    } else if (close_at > 0 && ++unlocks == close_at) {
        close_at = 0;
        begin_close();
    }
}

static void count_close(crew_port *of, int error, void *arg)
{
    (void)of;
    (void)arg;
    check_equal(error, 0);
    closes++;
}

/* Whether its dispatch unlocked so often. */
static bool close_at_unlock(unsigned nth)
{
    crew_listener listener = {.on_close = count_close};
    crew_inbox *inbox = NULL;
    crew_port *other = NULL;
    bool met;

    closes = 0;
    check_equal(crew_inbox_create(&inbox, NULL), 0);
    check_equal(crew_channel_create(&port, &other, NULL), 0);
    check_equal(crew_listen(port, inbox, &listener), 0);
    crew_port_close(other);
    unlocks = 0;
    has_begun = false;
    close_at = nth;
    crew_inbox_dispatch(inbox, 0);
    met = close_at == 0;
    close_at = 0;
    if (met)
        pthread_join(closer, NULL);
    else
        crew_port_close(port);
    crew_inbox_dispatch(inbox, 0);
    check_equal(closes, 1);
    check_equal(crew_inbox_destroy(inbox), 0);
    return met;
}

/* What is left is found when the case ends. */
CREW_TEST(a_port_is_closed_while_it_hears_that_the_other_end_was)
{
    unsigned nth = 1;

    while (close_at_unlock(nth))
        nth++;
    check(nth > 2);
}
