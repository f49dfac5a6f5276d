#include "job.h"

enum { WAIT, LEVEL, EDGE, ANY, WAYS };

void loop_begin(struct loop *loop)
{
    sim_check_equal(crew_inbox_create(&loop->inbox, NULL), 0);
    loop->way = (unsigned)sim_random(WAYS);
    loop->max = (unsigned)sim_random(4);
    loop->edges = 0;
    loop->fd = loop->way == WAIT ? -1 : crew_inbox_fd(loop->inbox);
}

static void dispatch(struct loop *loop)
{
    int r = crew_inbox_dispatch(loop->inbox, loop->max);

    sim_check(r >= 0 && (loop->max == 0 || r <= (int)loop->max));
}

void loop_turn(struct loop *loop)
{
    unsigned way = loop->way == ANY ? (unsigned)sim_random(EDGE) : loop->way;

    if (way == WAIT) {
        sim_check(crew_inbox_wait(loop->inbox, CREW_FOREVER) >= 0);
    } else if (way == LEVEL) {
        sim_check(crew__event_wait(loop->fd, CREW__NEVER));
        dispatch(loop);
    } else {
        sim_check(sim_event_wait_edge(loop->fd, loop->edges, CREW__NEVER));
        loop->edges = sim_event_edges(loop->fd);
        dispatch(loop);
    }
}

void loop_empty(struct loop *loop)
{
    while (crew_inbox_pending(loop->inbox) > 0)
        loop_turn(loop);
}

void loop_end(struct loop *loop)
{
    sim_check_equal(crew_inbox_pending(loop->inbox), 0);
    sim_check_equal(crew_inbox_destroy(loop->inbox), 0);
}
