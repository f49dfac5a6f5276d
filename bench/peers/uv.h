/* libuv's one pool, with as many threads as the others. */
#ifndef CREW_BENCH_PEERS_UV_H
#define CREW_BENCH_PEERS_UV_H

#include "support/lab.h"

#include <uv.h>

/* The default loop, its threads started. They live until the program ends. */
uv_loop_t *uv_pool_loop(void);

#endif
