/* Hubs: H1 to H3, NB1 to NB10. */
#include "mail.h"

static crew_port *join_with(const char *name, size_t max_messages,
                            crew_full when_full)
{
    crew_hub_options options = {.max_messages = max_messages,
                                .when_full = when_full};
    crew_port *port = NULL;

    assert_int_equal(crew_hub_join(&port, name, &options), 0);
    assert_non_null(port);
    return port;
}

static crew_port *join(const char *name)
{
    return join_with(name, 0, CREW_FULL_REFUSE);
}

CREW_TEST(H1_NB1_NB2_all_others_get_it_once)
{
    crew_port *members[3];
    crew_port *stranger = join("tests/other");
    crew_port *late;

    for (unsigned i = 0; i < 3; i++)
        members[i] = join("tests/hub");
    check_equal(post_tag(members[0], 1), 0);
    late = join("tests/hub");
    check_equal(receive_tag(members[0], 0), -ETIMEDOUT);
    for (unsigned i = 1; i < 3; i++) {
        check_equal(receive_tag(members[i], CREW_FOREVER), 1);
        check_equal(receive_tag(members[i], 0), -ETIMEDOUT);
    }
    check_equal(receive_tag(stranger, 0), -ETIMEDOUT);
    check_equal(receive_tag(late, 0), -ETIMEDOUT);
    check_equal(post_text(late, "bytes"), 0);
    for (unsigned i = 0; i < 3; i++) {
        crew_message *message = NULL;

        check_equal(crew_receive(members[i], &message, 0), 0);
        assert_string_equal(message->bytes, "bytes");
        check_equal(message->size, 5);
        check_equal((uintptr_t)message->bytes % 16, 0);
        crew_message_free(message);
    }
    check_equal(post_tag(stranger, 1), 0); /* to nobody */
    for (unsigned i = 0; i < 3; i++)
        crew_port_close(members[i]);
    crew_port_close(late);
    crew_port_close(stranger);
    check_equal(crew_hub_join(NULL, "tests/hub", NULL), -EINVAL);
    check_equal(crew_hub_join(&late, NULL, NULL), -EINVAL);
    check_equal(crew_hub_join(&late, "", NULL), -EINVAL);
    check_equal(
        crew_hub_join(&late, "tests/hub", &(crew_hub_options){.when_full = 2}),
        -EINVAL);
}

CREW_TEST(H2_a_full_member_refuses_for_all)
{
    crew_port *fast = join("tests/hub");
    crew_port *slow = join_with("tests/hub", 2, CREW_FULL_REFUSE);
    crew_port *poster = join("tests/hub");

    check_equal(post_tag(poster, 0), 0);
    check_equal(post_tag(poster, 1), 0);
    check_equal(receive_tag(fast, 0), 0);
    check_equal(receive_tag(fast, 0), 1);
    check_equal(post_tag(poster, 2), -EAGAIN);
    check_equal(crew_post_wait(poster, &(crew_message){.tag = 2}, CREW_MS),
                -ETIMEDOUT);
    check_equal(receive_tag(fast, 0), -ETIMEDOUT); /* nobody got it */
    check_equal(post_tag(slow, 7), 0); /* its own queue is not asked */
    check_equal(receive_tag(fast, 0), 7);
    check_equal(receive_tag(slow, 0), 0);
    check_equal(post_tag(poster, 2), 0);
    check_equal(receive_tag(fast, 0), 2);
    check_equal(crew_hub_dropped(slow), 0);
    crew_port_close(slow); /* what waits there goes, and so does its veto */
    check_equal(post_tag(poster, 3), 0);
    crew_port_close(fast);
    crew_port_close(poster);
}

CREW_TEST(H2_a_member_that_drops_loses_its_own_oldest)
{
    crew_port *fast = join("tests/hub");
    crew_port *slow = join_with("tests/hub", 3, CREW_FULL_DROP_OLDEST);
    crew_port *poster = join("tests/hub");

    for (unsigned i = 0; i < 10; i++)
        check_equal(post_tag(poster, i), 0);
    check_equal(crew_hub_dropped(slow), 7);
    check_equal(crew_hub_dropped(fast), 0);
    check_equal(crew_hub_dropped(NULL), 0);
    for (unsigned i = 0; i < 10; i++)
        check_equal(receive_tag(fast, 0), i);
    for (unsigned i = 7; i < 10; i++)
        check_equal(receive_tag(slow, 0), i);
    check_equal(receive_tag(slow, 0), -ETIMEDOUT);
    crew_port_close(fast);
    crew_port_close(slow);
    crew_port_close(poster);
}

CREW_TEST(H2_a_poster_is_told_of_room)
{
    crew_port *slow = join_with("tests/hub", 1, CREW_FULL_REFUSE);
    crew_port *poster = join("tests/hub");
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(poster, inbox, &heard), 0);
    check_equal(post_tag(poster, 0), 0);
    check_equal(post_tag(poster, 1), -EAGAIN);
    check_equal(dispatch_all(inbox), 0);
    check_equal(receive_tag(slow, 0), 0);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.rooms, 1);
    check_equal(post_tag(poster, 1), 0);
    check_equal(post_tag(poster, 2), -EAGAIN);
    crew_port_close(slow);
    check_equal(dispatch_all(inbox), 1);
    check_equal(heard.rooms, 2);
    crew_port_close(poster);
    dispatch_all(inbox);
    check_equal(heard.closes, 1);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NB4_NB8_a_member_that_has_closed_gets_nothing_and_posts_nothing)
{
    crew_port *a = join("tests/hub");
    crew_port *b = join("tests/hub");
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(0);

    check_equal(listen_with(b, inbox, &heard), 0);
    check_equal(post_tag(a, 0), 0);
    crew_port_close(b); /* after the post, before its delivery */
    check_equal(post_tag(b, 0), -EPIPE);
    check_equal(crew_post(b, &(crew_message){.size = 1}), -EPIPE);
    check_equal(post_tag(a, 1), 0);
    dispatch_all(inbox);
    check_equal(heard.messages, 0);
    check_equal(heard.closes, 1);
    crew_port_close(a);
    end_all(NULL, NULL, inbox);
}

CREW_TEST(NB7_buffers_are_shared_or_refused)
{
    crew_port *a = join("tests/hub");
    crew_port *b = join("tests/hub");
    crew_port *c = join("tests/hub");
    struct pair pair = make_channel();
    unsigned releases = 0;
    crew_buffer *buffer = make_counted(&releases);
    crew_message *message = NULL;

    check_equal(post_buffer(a, buffer), -EINVAL); /* it would move to two */
    check_equal(post_port(a, pair.a, 0), -EINVAL);
    check_equal(receive_tag(b, 0), -ETIMEDOUT);
    crew_buffer_retain(buffer);
    check_equal(post_buffer(a, buffer), 0);
    check_equal(crew_receive(b, &message, 0), 0);
    check(message->buffers[0] == buffer);
    crew_message_free(message);
    crew_buffer_release(buffer); /* the one that was kept */
    check_equal(releases, 0);
    crew_port_close(c); /* with the last, unread */
    check_equal(releases, 1);
    crew_port_close(a);
    crew_port_close(b);
    close_pair(pair);
}

/* ---- NB6, NB10: callbacks and threads -------------------------------------- */

static void join_and_leave(struct heard *heard, crew_port *port,
                           crew_message *message)
{
    crew_port *another = join("tests/hub");

    (void)port;
    check_equal(post_tag(another, message->tag + 1), 0);
    crew_port_close(another);
    if (message->tag == 20)
        crew_port_close(port);
    (void)heard;
}

CREW_TEST(NB6_members_come_and_go_during_delivery)
{
    crew_port *a = join("tests/hub");
    crew_port *b = join("tests/hub");
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(1);

    heard.also = join_and_leave;
    check_equal(listen_with(b, inbox, &heard), 0);
    check_equal(post_tag(a, 1), 0);
    check_equal(crew_inbox_run(inbox), 21);
    check_equal(heard.messages, 20);
    crew_port_close(a);
    end_all(NULL, NULL, inbox);
}

enum { TALKERS = 4 };

struct talk {
    crew_port *members[TALKERS];
    unsigned each;
    uint64_t order[TALKERS][TALKERS * 1000]; /* as each member saw them */
    unsigned came[TALKERS];
};

static void talk(unsigned index, void *arg)
{
    struct talk *all = arg;
    crew_port *me = all->members[index];
    const unsigned wanted = (TALKERS - 1) * all->each;

    for (unsigned i = 0; i < all->each || all->came[index] < wanted;) {
        int64_t tag;

        if (i < all->each) {
            int r = post_tag(me, (uint64_t)index << 32 | i);

            if (r == 0)
                i++;
            else if (!check_equal(r, -EAGAIN))
                return;
        }
        if (all->came[index] == wanted)
            continue; /* nothing more comes, and some is to be posted */
        tag = receive_tag(me, i < all->each ? 0 : LONG_WAIT);
        if (tag >= 0)
            all->order[index][all->came[index]++] = (uint64_t)tag;
        else if (!check_equal(tag, -ETIMEDOUT) || i == all->each)
            return;
    }
}

/* What two members both got, they got in one order: of what `a` saw and `b`
 * did not post, and the reverse. */
static void check_common_order(const struct talk *all, unsigned a, unsigned b)
{
    unsigned j = 0;

    for (unsigned i = 0; i < all->came[a]; i++) {
        if (all->order[a][i] >> 32 == b)
            continue;
        while (j < all->came[b] && all->order[b][j] >> 32 == a)
            j++;
        if (!check(j < all->came[b]) ||
            !check_equal(all->order[b][j], all->order[a][i]))
            return;
        j++;
    }
}

CREW_TEST(NB3_NB10_H3_all_members_see_one_order)
{
    static struct talk all;

    all.each = 1000;
    for (unsigned i = 0; i < TALKERS; i++)
        all.members[i] = join_with("tests/hub", 50, CREW_FULL_REFUSE);
    test_threads(TALKERS, talk, &all);
    for (unsigned i = 0; i < TALKERS; i++) {
        check_equal(all.came[i], (TALKERS - 1) * all.each);
        for (unsigned j = 0; j < i; j++)
            check_common_order(&all, i, j);
        crew_port_close(all.members[i]);
    }
}

/* ---- NB10: a worker's member --------------------------------------------- */

static void answer_once(crew_port *port, crew_message *message, void *arg)
{
    (void)arg;
    check_equal(post_tag(port, message->tag + 1), 0);
    crew_port_close(port);
}

static int talks_in_a_loop(crew_self *self, crew_message *start)
{
    crew_listener listener = {.on_message = answer_once};
    crew_port *me = join("tests/talk");

    (void)start;
    check_equal(crew_listen(me, crew_self_inbox(self), &listener), 0);
    check_equal(post_tag(crew_self_port(self), 0), 0); /* it is a member */
    return crew_inbox_run(crew_self_inbox(self)) >= 1 ? 0 : -1;
}

static void close_it(struct heard *heard, crew_port *port,
                     crew_message *message)
{
    (void)heard;
    (void)message;
    crew_port_close(port);
}

CREW_TEST(NB10_members_of_two_loops_talk_and_both_loops_end)
{
    crew_port *me = join("tests/talk");
    crew_inbox *inbox = make_inbox();
    struct heard heard = hear_from(8);
    crew_worker *worker = NULL;
    crew_exit how;

    heard.also = close_it;
    assert_int_equal(crew_worker_start(&worker, talks_in_a_loop, NULL), 0);
    check_equal(receive_tag(crew_worker_port(worker), LONG_WAIT), 0);
    check_equal(listen_with(me, inbox, &heard), 0);
    check_equal(post_tag(me, 7), 0);
    check_equal(crew_inbox_run(inbox), 2);
    check_equal(heard.messages, 1);
    check_equal(heard.closes, 1);
    check_equal(crew_worker_wait(worker, &how, LONG_WAIT), 0);
    check_equal(how.code, 0);
    check_equal(crew_worker_destroy(worker), 0);
    check_equal(crew_inbox_destroy(inbox), 0);
}

struct crowd {
    crew_port *steady, *poster;
    unsigned n;
};

static void come_and_go(unsigned index, void *arg)
{
    struct crowd *crowd = arg;

    if (index == 0) {
        for (unsigned i = 0; i < crowd->n; i++) {
            crew_message message = {.tag = i, .bytes = "x", .size = 1};

            check_equal(crew_post_wait(crowd->poster, &message, LONG_WAIT), 0);
        }
        return;
    }
    if (index == 1) {
        for (unsigned i = 0; i < crowd->n; i++) {
            if (!check_equal(receive_tag(crowd->steady, LONG_WAIT), i))
                return;
        }
        return;
    }
    for (unsigned i = 0; i < crowd->n / 20; i++) {
        crew_port *member = join_with(
            "tests/hub", 4, i % 2 ? CREW_FULL_REFUSE : CREW_FULL_DROP_OLDEST);

        receive_tag(member, i % 3 ? 0 : 10 * CREW_US);
        crew_port_close(member);
    }
}

CREW_TEST(H3_members_leave_while_others_post)
{
    struct crowd crowd = {join("tests/hub"), join("tests/hub"), MANY(20000)};

    test_threads(4, come_and_go, &crowd);
    crew_port_close(crowd.steady);
    crew_port_close(crowd.poster);
}
