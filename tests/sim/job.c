#include "job.h"

struct load load;

/* ---- the pool ------------------------------------------------------------ */

unsigned load_some_workers(unsigned most)
{
    static const unsigned few[] = {1, 1, 1, 2, 2, 2, 3, 4, 8};
    unsigned workers = few[sim_random(9)];

    if (sim_chance(40))
        workers = 1 + (unsigned)sim_random(64);
    return workers < most ? workers : most;
}

void load_begin(unsigned workers, unsigned most, size_t queue_limit)
{
    static const crew_idle idle[] = {CREW_IDLE_POWER, CREW_IDLE_POWER,
                                     CREW_IDLE_BALANCED, CREW_IDLE_LATENCY};
    crew_pool_options options = {
        .workers = workers ? workers : load_some_workers(most),
        .queue_limit = queue_limit,
        .idle = idle[sim_random(4)],
    };

    watch_begin();
    sim_check_equal(crew_pool_create(&load.pool, &options), 0);
    load.workers = crew_pool_workers(load.pool);
    sim_check_equal(load.workers, options.workers);
}

void load_check_counts(void)
{
    crew_pool_stats stats;

    sim_check_equal(crew_pool_get_stats(load.pool, &stats, sizeof stats), 0);
    sim_check_equal(stats.submitted,
                    stats.done + stats.canceled + stats.timed_out);
    sim_check_equal(stats.waiting, 0);
    sim_check_equal(stats.running, 0);
}

int load_stop(crew_ns timeout)
{
    load.closing = true;
    return crew_pool_stop(load.pool, timeout);
}

void load_end(void)
{
    load.closing = true;
    sim_check_equal(crew_pool_destroy(load.pool), 0);
    load.pool = NULL;
}

/* ---- jobs ---------------------------------------------------------------- */

static int run_job(crew_self *self, crew_task *task)
{
    struct job *job = (struct job *)task;
    int result = job->result;

    sim_check_equal(job->runs++, 0);
    sim_check_equal(job->dones, 0);
    job->started = sim_time();
    job->start_number = load.started++;
    job->worker = crew_self_index(self);
    watch_start(job, self);
    sim_work(job->work);
    if (job->body)
        result = job->body(self, job);
    watch_end(self);
    job->ended = sim_time();
    return result;
}

static void job_done(crew_task *task)
{
    struct job *job = (struct job *)task;

    sim_check_equal(job->dones++, 0);
    watch_forget(job);
    job->done_number = load.ended++;
    job_check_ended(job);
    if (job->then)
        job->then(job);
}

void job_init(struct job *job, bool noted)
{
    memset(job, 0, sizeof *job);
    job->task.run = run_job;
    job->task.done = noted ? job_done : NULL;
}

/* How many there are lies before them. */
struct head {
    unsigned count;
} CREW__ALIGNED(64);

struct job *jobs_make(unsigned count, bool noted)
{
    struct head *head = aligned_alloc(
        64, (sizeof *head + count * sizeof(struct job) + 63) / 64 * 64);
    struct job *jobs = (struct job *)(void *)(head + 1);

    sim_check(head != NULL);
    head->count = count;
    for (unsigned i = 0; i < count; i++) {
        job_init(&jobs[i], noted);
        jobs[i].number = i;
    }
    return jobs;
}

void jobs_free(struct job *jobs)
{
    struct head *head = (struct head *)(void *)jobs - 1;

    if (!jobs)
        return;
    for (unsigned i = 0; i < head->count; i++)
        watch_forget(&jobs[i]);
    free(head);
}

/* Before the submit: after it the job may be gone. */
static void begin_life(struct job *job, unsigned to)
{
    watch_forget(job);
    job->runs = 0;
    job->dones = 0;
    job->submitted = sim_time();
    job->started = 0;
    watch_submit(job, to);
}

int job_submit(struct job *job, crew_inbox *inbox)
{
    int r;

    begin_life(job, ANYONE);
    r = crew_submit(load.pool, &job->task, inbox);
    if (r < 0)
        watch_forget(job);
    return r;
}

int job_submit_to(struct job *job, unsigned worker, crew_inbox *inbox)
{
    int r;

    begin_life(job, worker);
    r = crew_submit_to(load.pool, worker, &job->task, inbox);
    if (r < 0)
        watch_forget(job);
    return r;
}

int jobs_submit_many(struct job **jobs, unsigned count, crew_inbox *inbox)
{
    int r;

    for (unsigned i = 0; i < count; i++)
        begin_life(jobs[i], ANYONE);
    /* A job is its task: the task comes first in it. */
    r = crew_submit_many(load.pool, (crew_task **)(void *)jobs, count, inbox);
    for (unsigned i = 0; r < 0 && i < count; i++)
        watch_forget(jobs[i]);
    return r;
}

int jobs_submit_each(struct job **jobs, unsigned count, crew_inbox *inbox)
{
    int r;

    for (unsigned i = 0; i < count; i++)
        begin_life(jobs[i], i);
    r = crew_submit_each(load.pool, (crew_task **)(void *)jobs, count, inbox);
    for (unsigned i = 0; r < 0 && i < count; i++)
        watch_forget(jobs[i]);
    return r;
}

int job_cancel(struct job *job)
{
    int r = crew_task_cancel(&job->task);

    sim_check(r == 0 || r == 1 || r == -EALREADY);
    return r;
}

void job_check_ended(struct job *job)
{
    int status = job->task.status;

    watch_forget(job);
    sim_check(job->runs <= 1);
    sim_check_equal(crew_task_ran(&job->task), job->runs == 1);
    if (job->runs == 0)
        sim_check(status == -ECANCELED || status == -ETIMEDOUT);
    if (status == -ETIMEDOUT && job->runs == 0)
        sim_check(job->task.queue_timeout > 0 &&
                  sim_time() >= job->submitted + job->task.queue_timeout);
}
