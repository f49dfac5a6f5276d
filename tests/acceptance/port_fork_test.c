/* Ports in a forked child: every call says so, closing works, new ones work. */
#include "mail.h"

struct family {
    struct pair pair;
    crew_port *member;
    crew_inbox *inbox;
    struct heard heard;
};

static int be_child(void *arg)
{
    struct family *family = arg;
    struct pair own;
    crew_port *member = NULL;
    crew_message *message = NULL;
    size_t which = 0;
    crew_message entry = {.ports = &family->pair.a, .port_count = 1};

    check_equal(post_tag(family->pair.a, 0), -EOWNERDEAD);
    check_equal(crew_post_wait(family->pair.a, &(crew_message){.tag = 0}, 0),
                -EOWNERDEAD);
    check_equal(crew_receive(family->pair.b, &message, CREW_FOREVER),
                -EOWNERDEAD);
    check_equal(crew_receive_any(&family->pair.b, 1, &which, &message, 0),
                -EOWNERDEAD);
    check_equal(crew_listen(family->pair.a, NULL, NULL), -EOWNERDEAD);
    check_equal(post_tag(family->member, 0), -EOWNERDEAD);
    check(!crew_port_has_ref(family->pair.b));
    own = make_channel();
    check_equal(post_tag(own.a, 3), 0);
    check_equal(receive_tag(own.b, 0), 3);
    check_equal(crew_post(own.a, &entry), -EOWNERDEAD);
    close_pair(own);
    check_equal(crew_hub_join(&member, "tests/fork", NULL), 0);
    check_equal(post_tag(member, 1), 0); /* to nobody: a hub of its own */
    crew_port_close(member);
    crew_port_close(family->member);
    close_pair(family->pair);
    check_equal(crew_inbox_destroy(family->inbox), 0);
    return 0;
}

CREW_TEST(ports_in_a_forked_child)
{
    struct family family = {make_channel(), NULL, make_inbox(), hear_from(0)};
    unsigned releases = 0;

    check_equal(crew_hub_join(&family.member, "tests/fork", NULL), 0);
    check_equal(listen_with(family.pair.b, family.inbox, &family.heard), 0);
    check_equal(test_in_child(be_child, &family), 0);
    check_equal(post_tag(family.pair.a, 0), 0);
    check_equal(test_in_child(be_child, &family), 0);
    check_equal(post_buffer(family.pair.b, make_counted(&releases)), 0);
    check_equal(test_in_child(be_child, &family), 0);
    check_equal(releases, 0);
    check_equal(dispatch_all(family.inbox), 1);
    close_pair(family.pair);
    crew_port_close(family.member);
    dispatch_all(family.inbox);
    check_equal(releases, 1);
    end_all(NULL, NULL, family.inbox);
}
