/* An inbox in a loop of one's own around an io_uring. */
#include <crew/adapters/uring.h>

#include "work.h"

int main(void)
{
    struct io_uring_cqe *completion;
    crew_uring adapter = {.max = 64};
    struct io_uring ring;
    struct work work;
    int r = io_uring_queue_init(8, &ring, 0);

    if (r == -ENOSYS || r == -EPERM) {
        puts("skipped: io_uring is refused here");
        return 77;
    }
    if (r < 0 || work_begin(&work) < 0 ||
        crew_uring_attach(&adapter, &ring, work.inbox) < 0)
        return 1;
    while (crew_inbox_is_alive(work.inbox)) {
        io_uring_submit_and_wait(&ring, 1);
        while (io_uring_peek_cqe(&ring, &completion) == 0) {
            crew_uring_dispatch(&adapter, completion); /* -ENOENT: not its */
            io_uring_cqe_seen(&ring, completion);
        }
    }
    crew_uring_detach(&adapter);
    io_uring_queue_exit(&ring); /* with what is in flight */
    return work_end(&work) < 0;
}
