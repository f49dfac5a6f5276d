/* Posts by id: the three states of a sender, and each moment at which either
 * side may end it. */
#include "by_hand.h"
#include "unlock.h"

#include "base/census.h"
#include "base/fault.h"
#include "base/mark.h"

/* ---- a worker that handles, and what is posted ------------------------------ */

static crew_worker *worker;
static unsigned handled;
static void (*inside)(void); /* called by the handler */

static int handle(uint64_t from, crew_message *message, void *arg)
{
    for (size_t i = 0; i < message->port_count; i++) /* they have moved */
        check_equal(crew__load_relaxed(message->ports[i]->token), 0);
    check(arg == &handled);
    check_equal(from, 0);
    handled++;
    if (inside)
        inside();
    return 42;
}

static void open_box(crew_self *self, void *arg)
{
    (void)arg;
    check_equal(crew_self_on_post(self, handle, &handled), 0);
}

static void shut_box(crew_self *self, void *arg)
{
    (void)arg;
    check_equal(crew_self_on_post(self, NULL, NULL), 0);
}

static void refuse(void *arg)
{
    (void)arg;
    act_as(worker, shut_box, NULL);
}

static void end_main(void *arg)
{
    (void)arg;
    crew__post_end(worker);
}

static void begin(void)
{
    worker = make_by_hand(NULL);
    crew__id_add(worker);
    act_as(worker, open_box, NULL);
}

/* What it has been sent is looked at. */
static void end(void)
{
    if (!worker->box.is_over)
        end_main(NULL);
    dispatch_all(worker->home);
    end_by_hand(worker, 0);
    crew__worker_dispose(worker);
}

/* What a post carries; on failure it is the sender's as before. */
struct parcel {
    struct pair pair; /* a is posted */
    crew_buffer *buffer;
    unsigned releases;
    crew_message message;
};

static void pack(struct parcel *p)
{
    *p = (struct parcel){.pair = make_channel()};
    p->buffer = make_counted(&p->releases);
    p->message = (crew_message){.buffers = &p->buffer,
                                .buffer_count = 1,
                                .ports = &p->pair.a,
                                .port_count = 1};
}

static void check_kept(struct parcel *p)
{
    check_equal(p->releases, 0);
    check_equal(crew__load_relaxed(p->pair.a->token), 0);
    check_equal(post_tag(p->pair.a, 1), 0);
    check_equal(receive_tag(p->pair.b, 0), 1);
    crew_buffer_release(p->buffer);
    check_equal(p->releases, 1);
    close_pair(p->pair);
}

/* The handler had it, and has not kept it. */
static void check_gone(struct parcel *p)
{
    check_equal(p->releases, 1);
    check_equal(post_tag(p->pair.b, 1), -EPIPE);
    crew_port_close(p->pair.b);
}

static int post(struct parcel *p, int *answer, crew_ns timeout)
{
    return crew_worker_post(worker->id, &p->message, answer, timeout);
}

static bool is_anybody_queued(void)
{
    bool any;

    crew__lock(&worker->box.lock);
    any = !crew__list_is_empty(&worker->box.waiting);
    crew__unlock(&worker->box.lock);
    return any;
}

/* ---- queued ----------------------------------------------------------------- */

CREW_TEST(what_was_given_up_is_void)
{
    struct parcel parcel;
    int answer = 5;

    begin();
    pack(&parcel);
    check_equal(post(&parcel, &answer, 1), -ETIMEDOUT);
    check_equal(answer, 5);
    check(!is_anybody_queued());
    check_equal(crew__mark_count(CREW__MARK_POST_TAKEN_BACK), 1);
    check_equal(crew_inbox_pending(worker->home), 1); /* it is there, */
    dispatch_all(worker->home);
    check_equal(handled, 0); /* and nothing comes of it */
    check_kept(&parcel);
    end();
}

CREW_TEST(what_nobody_waits_for_is_the_receivers_at_once)
{
    struct parcel parcel;

    begin();
    pack(&parcel);
    check_equal(post(&parcel, NULL, 0), 0);
    check(!is_anybody_queued());
    check_equal(parcel.releases, 0);
    check_equal(dispatch_all(worker->home), 1);
    check_equal(handled, 1);
    check_gone(&parcel);
    end();
    check_equal(handled, 1);
}

CREW_TEST(what_waits_when_the_box_is_closed_is_released)
{
    struct parcel parcel;

    begin();
    pack(&parcel);
    check_equal(post(&parcel, NULL, 0), 0);
    refuse(NULL);
    check_gone(&parcel);
    check_equal(handled, 0);
    pack(&parcel);
    check_equal(post(&parcel, NULL, 0), -ENOTCONN);
    act_as(worker, open_box, NULL); /* another box */
    check_equal(post(&parcel, NULL, 0), 0);
    dispatch_all(worker->home);
    check_equal(handled, 1);
    check_gone(&parcel);
    end();
}

/* ---- the other side ends it ------------------------------------------------ */

struct asking {
    struct parcel parcel;
    struct crew__cancel cancel; /* of who asks */
    struct test_gate gave_up;
    void (*meanwhile)(void *);
    int answer;
    int result;
};

static bool is_queued(void *arg)
{
    (void)arg;
    return is_anybody_queued();
}

static bool is_parked(void *arg)
{
    struct asking *asking = arg;
    bool parked;

    crew__lock(&asking->cancel.lock);
    parked = asking->cancel.parker != NULL;
    crew__unlock(&asking->cancel.lock);
    return parked;
}

static void ask(struct asking *asking)
{
    crew__cancel_set_current(&asking->cancel);
    asking->result = post(&asking->parcel, &asking->answer, CREW_FOREVER);
    crew__cancel_set_current(NULL);
}

static void ask_or_meanwhile(unsigned index, void *arg)
{
    struct asking *asking = arg;

    if (index == 0) {
        ask(asking);
        return;
    }
    test_poll(is_queued, NULL, LONG_WAIT);
    test_poll(is_parked, asking, LONG_WAIT);
    asking->meanwhile(asking);
}

static void ask_while(struct asking *asking, void (*meanwhile)(void *))
{
    *asking = (struct asking){
        .meanwhile = meanwhile, .answer = 5, .result = 99};
    pack(&asking->parcel);
    crew__cancel_init(&asking->cancel);
    test_threads(2, ask_or_meanwhile, asking);
}

CREW_TEST(a_queued_one_is_told_why_the_box_closed)
{
    struct asking asking;

    begin();
    ask_while(&asking, refuse);
    check_equal(asking.result, -ENOTCONN);
    check_equal(asking.answer, 5);
    check_kept(&asking.parcel);
    act_as(worker, open_box, NULL);
    ask_while(&asking, end_main);
    check_equal(asking.result, -ESRCH);
    check_kept(&asking.parcel);
    check_equal(crew__mark_count(CREW__MARK_POST_REFUSED), 2);
    check_equal(handled, 0);
    end();
}

static void dispatch_it(void *arg)
{
    (void)arg;
    dispatch_all(worker->home);
}

CREW_TEST(one_that_is_handled_has_its_answer)
{
    struct asking asking;

    begin();
    ask_while(&asking, dispatch_it);
    check_equal(asking.result, 0);
    check_equal(asking.answer, 42);
    check_gone(&asking.parcel);
    check(worker->box.called == NULL);
    end();
}

/* ---- the sender ends it ----------------------------------------------------- */

static struct asking *asker;

static bool has_left(void *arg)
{
    bool left;

    (void)arg;
    crew__lock(&worker->box.lock);
    left = worker->box.called == NULL;
    crew__unlock(&worker->box.lock);
    return left;
}

static void make_it_leave(void)
{
    crew__cancel_fire(&asker->cancel);
    test_poll(has_left, NULL, LONG_WAIT);
}

CREW_TEST(one_that_leaves_while_it_is_handled_has_posted)
{
    struct asking asking;

    begin();
    asker = &asking;
    inside = make_it_leave;
    ask_while(&asking, dispatch_it);
    check_equal(asking.result, 1);
    check_equal(asking.answer, 5);
    check_equal(crew__mark_count(CREW__MARK_POST_LEFT), 1);
    check_equal(handled, 1);
    check_gone(&asking.parcel);
    end();
}

static void say_so(void *arg)
{
    test_gate_open(arg);
}

/* Its token has still to come. */
static void cancel_now(void *arg)
{
    (void)arg;
    crew__cancel_fire(&asker->cancel);
    test_gate_wait(&asker->gave_up);
}

static void cancel_when_it_is_told(void)
{
    step_in_after(1, &worker->box.lock, cancel_now, NULL);
}

static void ask_or_tell(unsigned index, void *arg)
{
    if (index == 0) /* it finds the port, is enlisted, and would give up */
        step_in_after(3, &worker->box.lock, say_so, &asker->gave_up);
    ask_or_meanwhile(index, arg);
    check(stepped_in());
}

CREW_TEST(one_that_gives_up_too_late_has_its_answer)
{
    struct asking asking = {
        .meanwhile = dispatch_it, .answer = 5, .result = 99};

    begin();
    asker = &asking;
    inside = cancel_when_it_is_told;
    pack(&asking.parcel);
    crew__cancel_init(&asking.cancel);
    test_gate_init(&asking.gave_up);
    /* The handler's thread is the second: it arms itself inside. */
    test_threads(2, ask_or_tell, &asking);
    check_equal(asking.result, 0);
    check_equal(asking.answer, 42);
    check_gone(&asking.parcel);
    test_gate_fini(&asking.gave_up);
    end();
}

/* ---- it closes on the way --------------------------------------------------- */

/* After the sender has given up the box's lock so often. */
static void close_after(unsigned n, void (*close)(void *), crew_ns timeout,
                        int error)
{
    struct parcel parcel;

    begin();
    pack(&parcel);
    step_in_after(n, &worker->box.lock, close, NULL);
    check_equal(post(&parcel, NULL, timeout), error);
    check(stepped_in());
    check(!is_anybody_queued());
    check_kept(&parcel);
    check_equal(handled, 0);
    end();
}

CREW_TEST(a_box_that_closes_on_the_way_refuses)
{
    /* It has been found, */
    close_after(1, refuse, 0, -ENOTCONN);
    close_after(1, end_main, 0, -ESRCH);
    close_after(1, refuse, CREW_FOREVER, -ENOTCONN);
    close_after(1, end_main, CREW_FOREVER, -ESRCH);
    /* and who waits has been enlisted. */
    close_after(2, refuse, CREW_FOREVER, -ENOTCONN);
    close_after(2, end_main, CREW_FOREVER, -ESRCH);
    check_equal(crew__mark_count(CREW__MARK_POST_REFUSED), 2);
}

/* ---- what fails -------------------------------------------------------------- */

CREW_TEST(a_post_without_memory_keeps_everything)
{
    struct parcel parcel;

    begin();
    pack(&parcel);
    for (crew_ns timeout = 0; timeout < 2; timeout++) {
        crew__fault_arm(1, true);
        check_equal(post(&parcel, NULL, timeout), -ENOMEM);
        crew__fault_arm(0, false);
        check_equal(crew__load_relaxed(parcel.pair.a->token), 0);
        check(!is_anybody_queued());
    }
    check_equal(crew__load_relaxed(&worker->references), 2);
    check_kept(&parcel);
    end();
}

CREW_TEST(a_full_box_refuses_also_who_would_wait)
{
    crew_message message = {.tag = 0};
    unsigned count = 0;
    struct parcel parcel;
    size_t live;

    begin();
    while (crew_worker_post(worker->id, &message, NULL, 0) == 0)
        count++;
    check_equal(count, 1024);
    pack(&parcel);
    live = crew__census_live(0);
    check_equal(post(&parcel, NULL, CREW_FOREVER), -EAGAIN);
    check_equal(post(&parcel, NULL, 0), -EAGAIN);
    check(!is_anybody_queued());
    check_equal(crew__census_live(0), live);
    check_kept(&parcel);
    check_equal(dispatch_all(worker->home), 1024);
    check_equal(handled, 1024);
    end();
}

static void open_without_memory(crew_self *self, void *arg)
{
    unsigned nth = 0;
    size_t live = crew__census_live(0);
    int r;

    (void)arg;
    do {
        crew__fault_arm(++nth, false);
        r = crew_self_on_post(self, handle, &handled);
        check(r == 0 || r == -ENOMEM);
        if (r < 0) {
            check_equal(crew__census_live(0), live);
            check_equal(crew_worker_post(worker->id, &(crew_message){.tag = 0},
                                         NULL, 0),
                        -EINVAL); /* its own id */
        }
    } while (crew__fault_failed() > 0);
    crew__fault_arm(0, false);
    check_equal(nth, 3); /* the channel and the listening */
}

static void open_late(crew_self *self, void *arg)
{
    (void)arg;
    check_equal(crew_self_on_post(self, handle, &handled), -EINVAL);
    check_equal(crew_self_on_post(self, NULL, NULL), -EINVAL);
}

CREW_TEST(a_box_opens_whole_or_not_and_not_after_the_end)
{
    struct parcel parcel;

    begin();
    refuse(NULL);
    act_as(worker, open_without_memory, NULL);
    pack(&parcel);
    check_equal(post(&parcel, NULL, 0), 0);
    dispatch_all(worker->home);
    check_equal(handled, 1);
    check_gone(&parcel);
    end_main(NULL);
    act_as(worker, open_late, NULL);
    end();
}
