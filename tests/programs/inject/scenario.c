/*
 * Uses the library once around, again and again until it works: whatever the
 * kernel refuses in between must come back as a clean error and leave nothing
 * behind. inject.sh runs it while strace makes system calls fail.
 */
#include <crew/crew.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int run(crew_self *self, crew_task *task)
{
    (void)self;
    (void)task;
    return 7;
}

static void done(crew_task *task)
{
    task->data = task;
}

static int use(crew_inbox *inbox, crew_pool *pool, crew_buffer *buffer)
{
    crew_task notified = {.run = run, .done = done};
    crew_task waited = {.run = run};
    int r;

    memset(crew_buffer_data(buffer), 1, crew_buffer_size(buffer));
    r = crew_submit(pool, &notified, inbox);
    if (r < 0)
        return r;
    r = crew_submit(pool, &waited, NULL);
    if (r == 0)
        r = crew_task_wait(&waited, CREW_FOREVER);
    while (r == 0 && !notified.data)
        r = crew_inbox_wait(inbox, CREW_FOREVER) < 0 ? -EIO : 0;
    return r == 0 && waited.status != 7 ? -EPROTO : r;
}

/* On a node where memory can be bound, else anywhere. */
static int create_shared(crew_buffer **out)
{
    static const int node = 0;
    crew_buffer_options options = {.shared = true,
                                   .max_size = 1 << 20,
                                   .alignment = 1 << 16,
                                   .numa_node = &node};
    int r = crew_buffer_create(out, 100, &options);

    if (r == -EINVAL) {
        options.numa_node = NULL;
        r = crew_buffer_create(out, 100, &options);
    }
    return r == 0 ? crew_buffer_grow(*out, 1 << 20) : r;
}

/* 0, or the first error. */
static int once_around(void)
{
    const crew_pool_options options = {.workers = 2};
    crew_inbox *inbox = NULL;
    crew_pool *pool = NULL;
    crew_buffer *buffer = NULL;
    crew_buffer *shared = NULL;
    int r;

    r = crew_inbox_create(&inbox, NULL);
    if (r == 0)
        r = crew_pool_create(&pool, &options);
    if (r == 0)
        r = crew_buffer_create(&buffer, 1 << 20, NULL);
    if (r == 0)
        r = create_shared(&shared);
    if (r == 0)
        r = use(inbox, pool, buffer);
    crew_buffer_release(buffer);
    crew_buffer_release(shared);
    if (crew_pool_destroy(pool) < 0 || crew_inbox_destroy(inbox) < 0)
        return -EPROTO;
    return r;
}

static unsigned count_entries(const char *folder)
{
    DIR *open = opendir(folder);
    unsigned count = 0;

    while (open && readdir(open))
        count++;
    if (open)
        closedir(open);
    return count;
}

static bool is_clean(int error)
{
    return error == -ENOMEM || error == -EAGAIN || error == -EMFILE ||
           error == -ENFILE || error == -EPERM;
}

int main(int argc, char **argv)
{
    unsigned descriptors = count_entries("/proc/self/fd");
    int r = -EAGAIN;

    if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    for (unsigned attempt = 0; attempt < 3 && r < 0; attempt++) {
        r = once_around();
        if (r < 0) {
            printf("refused: %s\n", crew_strerror(r));
            if (!is_clean(r))
                return 2;
        }
    }
    if (count_entries("/proc/self/fd") != descriptors ||
        count_entries("/proc/self/task") != 3)
        return 3; /* ".", ".." and this thread */
    return r < 0;
}
