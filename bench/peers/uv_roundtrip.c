/* roundtrip.c and asleep.c asked of uv_queue_work and its after_work_cb, which
 * submits the next. */
#include "roundtrip.h"
#include "uv.h"

static uv_loop_t *loop;
static uv_work_t request;
static uint64_t steps;

static const struct trips *trips;
static struct lab_times *times;
static size_t left;
static int64_t begin;

static void work(uv_work_t *it)
{
    (void)it;
    lab_work(steps);
}

static void done(uv_work_t *it, int status)
{
    (void)it;
    (void)status;
    lab_times_add(times, lab_now() - begin);
    if (--left) {
        begin = trip_begin(trips);
        uv_queue_work(loop, &request, work, done);
    }
}

static void start(const struct trips *load)
{
    loop = uv_pool_loop();
    steps = load->steps;
}

static void run(const struct trips *load, struct lab_times *into)
{
    trips = load;
    times = into;
    left = load->count;
    if (!left)
        return;
    begin = trip_begin(trips);
    uv_queue_work(loop, &request, work, done);
    uv_run(loop, UV_RUN_DEFAULT);
}

static void stop(void)
{
}

static const struct trip_contender libuv = {start, run, stop};

const crew_bench_case roundtrip_uv[] = {
    TRIP_WARM(libuv, "roundtrip/fd", "libuv"),
    TRIP_TEN(libuv, "roundtrip/ten", "libuv"),
    {.name = NULL}};
const crew_bench_case asleep_uv[] = {TRIP_ASLEEP(libuv, "asleep/free", "libuv"),
                                     {.name = NULL}};
