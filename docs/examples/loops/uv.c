/* An inbox in a libuv loop: uv_run returns when nothing is outstanding. */
#include <crew/adapters/uv.h>

#include "work.h"

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    crew_uv adapter = {.max = 64};
    struct work work;

    if (work_begin(&work) < 0 || crew_uv_attach(&adapter, loop, work.inbox) < 0)
        return 1;
    uv_run(loop, UV_RUN_DEFAULT);
    crew_uv_detach(&adapter);
    uv_run(loop, UV_RUN_DEFAULT); /* libuv closes what the adapter had */
    if (uv_loop_close(loop) < 0)
        return 1;
    return work_end(&work) < 0;
}
