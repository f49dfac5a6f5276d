#include "os/os.h"
#include "support.h"

#include <crew/environment.h>
#include <crew/worker.h>

#include <errno.h>

static int64_t get_tag(const char *key)
{
    crew_message *message = NULL;
    int r = crew_environment_get(key, &message);
    int64_t tag = r < 0 ? r : (int64_t)message->tag;

    crew_message_free(message);
    return tag;
}

static int uses_all(void *arg)
{
    (void)arg;
    check_equal(get_tag("key"), 3);
    check_equal(crew_environment_set("key", NULL), 0);
    check_equal(get_tag("key"), -ENOENT);
    check_equal(crew_worker_post(1, &(crew_message){.tag = 1}, NULL, 0),
                -ESRCH);
    return 0;
}

/* In a process that has created nothing else. */
CREW_TEST(a_forked_child_finds_the_lock_free)
{
    check_equal(crew_environment_set("key", &(crew_message){.tag = 3}), 0);
    crew__lock(crew__fork_lock()); /* as a thread that is not in the child */
    check_equal(test_in_child(uses_all, NULL), 0);
    crew__unlock(crew__fork_lock());
    check_equal(get_tag("key"), 3);
    check_equal(crew_environment_set("key", NULL), 0);
}

static int posts(void *arg)
{
    (void)arg;
    return crew_worker_post(1, &(crew_message){.tag = 1}, NULL, 0) != -ESRCH;
}

CREW_TEST(a_post_where_nothing_was_created_takes_no_lock)
{
    crew__lock(crew__fork_lock());
    check_equal(posts(NULL), 0);
    check_equal(test_in_child(posts, NULL), 0);
    crew__unlock(crew__fork_lock());
}
