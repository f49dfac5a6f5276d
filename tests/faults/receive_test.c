/* Receiving while there is no memory: nothing is lost, and what the program
 * gives back is used again. */
#include "support.h"

#include <crew/crew.h>

#include "base/fault.h"

#include <errno.h>

#define COUNT 60u

static crew_port *here, *there;

/* More than a thread posts before it has a way of its own. */
static void begin(void)
{
    assert_int_equal(crew_channel_create(&here, &there, NULL), 0);
    for (unsigned i = 0; i < COUNT; i++)
        check_equal(crew_post(there, &(crew_message){.tag = i}), 0);
}

static void end(void)
{
    crew_port_close(here);
    crew_port_close(there);
}

CREW_TEST(a_receive_without_memory_says_so_and_loses_nothing)
{
    crew_message *kept[COUNT];
    unsigned count = 0;
    int r;

    begin();
    crew__fault_arm(1, true);
    while ((r = crew_receive(here, &kept[count], CREW_FOREVER)) == 0)
        count++;
    check_equal(r, -ENOMEM);
    check_at_least(count, 1);
    check_at_most(count, COUNT - 1);
    for (unsigned i = 0; i < count; i++) {
        check_equal(kept[i]->tag, i);
        crew_message_free(kept[i]);
    }
    /* One at a time there is enough. */
    for (unsigned i = count; i < COUNT; i++) {
        check_equal(crew_receive(here, &kept[0], 0), 0);
        check_equal(kept[0]->tag, i);
        crew_message_free(kept[0]);
    }
    check_equal(crew_receive(here, &kept[0], 0), -ETIMEDOUT);
    crew__fault_arm(0, false);
    end();
}

CREW_TEST(a_receive_of_several_without_memory_says_so)
{
    crew_message *kept[COUNT];
    unsigned count = 0;
    size_t which;
    int r;

    begin();
    crew__fault_arm(1, true);
    while ((r = crew_receive_any(&here, 1, &which, &kept[count], 0)) == 0)
        count++;
    check_equal(r, -ENOMEM);
    crew__fault_arm(0, false);
    check_equal(crew_receive_any(&here, 1, &which, &kept[count], 0), 0);
    check_equal(kept[count]->tag, count);
    for (unsigned i = 0; i <= count; i++)
        crew_message_free(kept[i]);
    end();
}

static crew_message *heard[COUNT];
static unsigned heard_count;

static void keep(crew_port *port, crew_message *message, void *arg)
{
    (void)port;
    (void)arg;
    crew_message_keep(message);
    heard[heard_count++] = message;
}

CREW_TEST(a_listener_without_memory_hears_the_rest_later)
{
    crew_listener listener = {.on_message = keep};
    crew_inbox *inbox;
    unsigned before;

    begin();
    assert_int_equal(crew_inbox_create(&inbox, NULL), 0);
    assert_int_equal(crew_listen(here, inbox, &listener), 0);
    crew__fault_arm(1, true);
    for (unsigned i = 0; i < 10; i++) /* each ends */
        crew_inbox_dispatch(inbox, 0);
    before = heard_count;
    check_at_least(before, 1);
    check_at_most(before, COUNT - 1);
    crew__fault_arm(0, false);
    while (heard_count < COUNT)
        crew_inbox_wait(inbox, CREW_FOREVER);
    for (unsigned i = 0; i < COUNT; i++) {
        check_equal(heard[i]->tag, i);
        crew_message_free(heard[i]);
    }
    end();
    crew_inbox_dispatch(inbox, 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}
