#include "peers/tbb.h"

#include <memory>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

static std::unique_ptr<tbb::global_control> limit;
static std::unique_ptr<tbb::task_arena> arena;

void tbb_start(unsigned workers)
{
    limit = std::make_unique<tbb::global_control>(
        tbb::global_control::max_allowed_parallelism, workers + 1);
    arena = std::make_unique<tbb::task_arena>(static_cast<int>(workers), 0);
}

void tbb_put(struct job job)
{
    arena->enqueue([job] { job.run(job.arg); });
}

void tbb_stop(void)
{
    arena.reset();
    limit.reset();
}
